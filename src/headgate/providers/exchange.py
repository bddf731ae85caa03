"""The innermost step of every call: one request to one target, its answer brought back in the client's dialect."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from math import inf
from time import monotonic

import jiter
import msgspec
from msgspec.structs import replace

from headgate import dialects
from headgate.clock import Clock
from headgate.dialects.allowance import allowance
from headgate.dialects.base import Context, Fit
from headgate.dialects.hub import TokenCount
from headgate.errors import HeadgateError, Timeout, Unsupported
from headgate.events import FieldDropped
from headgate.providers.provider import Provider
from headgate.providers.stream import VendorStream
from headgate.providers.transport import HttpRequest, HttpResponse
from headgate.providers.usage import estimate, measure
from headgate.providers.wire import Passed, Same, Translated, Wire
from headgate.timers import Watchdog
from headgate.trace import passed_on
from headgate.types import OPAQUE, Attempt, Call, Payload, Reply, Usage, number_of

MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""Longest whole answer taken, decompressed."""
MAX_ERROR_BYTES = 1024 * 1024
"""Longest error document taken."""
DEFAULT_CONNECT_S = 5.0
"""What a provider's transport takes where a model says nothing else."""


class Patience(msgspec.Struct, frozen=True):
    """How long a target may take. Seconds."""

    connect_s: float
    first_token_s: float
    stall_s: float
    attempt_s: float = inf
    """For a whole answer."""


class Facts(msgspec.Struct, frozen=True):
    """What is known of a provider's models."""

    base_model: Callable[[str], str]
    """The model a deployment stands for; the name itself where it is one."""
    output_limit: Callable[[str], int | None]
    """The most tokens a model puts out; None where that is not known."""


class Exchange:
    """Calls one target. The end of the attempt fold."""

    def __init__(
        self,
        provider: Provider,
        model: str,
        limits: Patience,
        drop: bool,
        facts: Facts,
        clock: Clock,
    ) -> None:
        self._provider = provider
        self._model = model
        self._limits = limits
        self._drop = drop
        self._facts = facts
        self._clock = clock

    async def __call__(self, call: Call) -> Reply:
        attempt = call.attempt
        assert attempt is not None, "the attempt fold begins with a settling stage"
        model = self._model if call.matched is None else self._model.replace("*", call.matched)
        if call.operation == "count_tokens" and not self._provider.dialects("count_tokens"):
            return await self._counted(call, attempt, model)
        wire = self._wire(call, model)
        attempt.vendor_dialect = wire.vendor.name
        watchdog = Watchdog()
        try:
            limit_s = self._limits.first_token_s if call.stream else self._limits.attempt_s
            watchdog.arm(min(call.deadline, monotonic() + limit_s))
            try:
                return await self._exchange(call, attempt, model, wire, watchdog)
            except BaseException as error:
                cancelled = isinstance(error, asyncio.CancelledError)
                billed = cancelled or 200 <= attempt.status < 300  # the vendor was at work
                if isinstance(error, HeadgateError):
                    self._keep_secrets(error)
                    billed = billed or error.may_be_billed
                if attempt.usage is None and billed:
                    estimate(call, attempt, len(wire.body), None, always=self._provider.config.body)
                if cancelled and watchdog.absorb():
                    raise Timeout(f"'{attempt.target}' did not answer in time") from None
                raise
        except BaseException:
            watchdog.close()
            raise

    def _wire(self, call: Call, model: str) -> Wire:
        """Choose the vendor's dialect: the client's own where the vendor speaks it, else its preferred one."""
        provider = self._provider
        mine = call.request.dialect
        if mine == OPAQUE:
            return Passed(call, model)
        spoken = provider.dialects(call.operation)
        if not spoken:
            raise Unsupported(f"The provider '{provider.name}' does not do '{call.operation}'.", param="model")
        if mine in spoken:
            return Same(dialects.get(mine), call, model, provider.quirks.stream_usage)
        fit = Fit(
            model=model,
            base_model=self._facts.base_model(model),
            max_output_tokens=self._facts.output_limit(model),
            drop=self._drop,
            quirks=provider.quirks,
            dropped=[],
        )
        created = self._clock.now_us() // 1_000_000
        wire = Translated(dialects.get(mine), dialects.get(spoken[0]), call, fit, created)
        for field in fit.dropped:
            call.account.events.append(FieldDropped(provider.name, field))
        return wire

    async def _counted(self, call: Call, attempt: Attempt, model: str) -> Reply:
        """A count the vendor cannot make, estimated here."""
        from headgate.catalog.tokens import estimate as estimate_tokens  # a quarter of a second to load

        tokens = await asyncio.to_thread(estimate_tokens, call.request.tree, self._facts.base_model(model))
        count = TokenCount(input_tokens=tokens)
        context = Context(asked=call.request.tree, id=call.id, created=self._clock.now_us() // 1_000_000)
        tree = dialects.get(call.request.dialect).encode_answer(count, context)
        return Reply(payload=Payload(call.request.dialect, tree=tree), target=attempt.target)

    async def _exchange(self, call: Call, attempt: Attempt, model: str, wire: Wire, watchdog: Watchdog) -> Reply:
        provider = self._provider
        if isinstance(wire, Passed):
            request = await provider.opaque(
                call.operation, call.method, call.path, wire.content_type, wire.body, call.headers
            )
        else:
            request = await provider.request(wire.vendor.name, model, call.stream, wire.body, call.headers)
        if self._limits.connect_s != DEFAULT_CONNECT_S:
            request = replace(request, connect_s=self._limits.connect_s)
        if provider.config.trace_context:
            request = replace(request, headers=(*request.headers, *_trace_context(call, attempt)))
        attempt.sent = True
        response = await provider.transport.send(request)
        attempt.status = response.status
        try:
            attempt.vendor_request_id = provider.request_id(response.headers)
            if not provider.has_many_keys:
                attempt.allowance = allowance(response.headers)
            if response.status >= 300:
                raise await self._error(wire, request, response)
            headers = provider.passed_headers(response.headers)
            if not call.stream:
                raw = await response.read(MAX_ANSWER_BYTES)
                payload, peek = wire.whole(raw, response.headers)
                attempt.usage = peek.usage or header_usage(response.headers)
                attempt.tier = peek.tier
                attempt.stop = peek.stop
                attempt.answer_id, attempt.answer_model = peek.id, peek.model
                if attempt.usage is None and wire.tells_usage:
                    measure(call, attempt, len(wire.body), len(raw), always=self._provider.config.body)
                watchdog.close()
                await response.close()
                return Reply(payload=payload, target=attempt.target, headers=headers)
            stream = VendorStream(
                call,
                attempt,
                response,
                wire,
                self._limits.stall_s,
                watchdog,
                self._keep_secrets,
                self._provider.config.body,
            )
            first = await stream.first()
            return Reply(chunks=stream.chunks(first), target=attempt.target, headers=headers)
        except BaseException:
            await response.close()
            raise

    async def _error(self, wire: Wire, request: HttpRequest, response: HttpResponse) -> HeadgateError:
        raw = await response.read(MAX_ERROR_BYTES)
        error = wire.vendor.decode_error(response.status, response.headers, raw)
        error.upstream_status = response.status
        error.fresh_key = self._provider.has_fresh_key(request, error)
        return error

    def _keep_secrets(self, error: HeadgateError) -> None:
        """Take a vendor's words out of an error if they hold one of the provider's secrets, in whatever spelling."""
        said = f"{error.message} {error.param}"
        if error.upstream_body is not None:
            with contextlib.suppress(ValueError):
                said += repr(jiter.from_json(error.upstream_body.raw))
        if self._provider.tells_secret(said):
            error.message = "The model's provider refused the request. Its words are left out, they held a secret."
            error.param = error.upstream_body = None


def _trace_context(call: Call, attempt: Attempt) -> tuple[tuple[str, str], ...]:
    """What tells a vendor which trace an attempt belongs to: our own span where there is one, else the client's."""
    trace = call.account.trace
    return passed_on(call.headers) if trace is None else trace.headers(number_of(attempt))


def header_usage(headers: Mapping[str, str]) -> Usage | None:
    """The usage of an answer whose vendor tells it in a header: Bedrock's embeddings (InvokeModel)."""
    tokens = headers.get("x-amzn-bedrock-input-token-count", "")
    return Usage(input_tokens=int(tokens)) if tokens.isdecimal() and len(tokens) < 16 else None
