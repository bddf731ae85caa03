"""Answers with LiteLLM's response headers beside our own, for clients that read those (`server.litellm_headers`)."""

from __future__ import annotations

from time import monotonic

from headgate import __version__
from headgate.money import format_usd
from headgate.server.answer import Answer, Headers, header_value
from headgate.types import Reply

_VERSION = (b"x-litellm-version", f"headgate-{__version__}".encode())


class LitellmAnswer(Answer):
    """One HTTP answer under way, that tells of itself as LiteLLM's proxy does
    (https://docs.litellm.ai/docs/proxy/response_headers), as far as it means something here.
    """

    __slots__ = ()

    def _headers(self, content_type: bytes, reply: Reply | None = None) -> Headers:
        headers = super()._headers(content_type, reply)
        attempts = self.account.attempts
        headers += (
            (b"x-litellm-call-id", self.id.encode()),
            _VERSION,
            (b"x-litellm-attempted-retries", b"%d" % sum(each.cause == "retry" for each in attempts)),
            (b"x-litellm-attempted-fallbacks", b"%d" % sum(each.cause == "fallback" for each in attempts)),
            (b"x-litellm-overhead-duration-ms", b"%.3f" % self._overhead_ms()),
        )
        if reply is not None:
            if reply.target:
                headers.append((b"x-litellm-model-id", header_value(reply.target)))
            if reply.payload is not None:
                self._whole(headers)
        return headers

    def _whole(self, headers: Headers) -> None:
        """What is known of an answer that is all there."""
        headers.append((b"x-litellm-response-duration-ms", b"%.3f" % ((monotonic() - self.body_read) * 1000)))
        cost = self.account.cost_picodollars
        if cost is not None:
            headers.append((b"x-litellm-response-cost", format_usd(cost).encode()))
