"""Recorded calls: JSON Lines, each `{"url": "/v1/chat/completions", "body": {…}}`, as OpenAI's batch files have them.

`url` is the path of a POST that makes an answer: `/v1/chat/completions` (where it is left out), `/v1/responses`,
`/v1/messages`, `/v1/completions`, `/v1/embeddings` or `/v1/rerank`. `body` is the request as a client sends it.
`custom_id`, `method` and whatever else a line has is passed over. Empty lines are none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import inf

import msgspec

from headgate import dialects
from headgate.errors import BadRequest
from headgate.ids import request_id
from headgate.types import JSON, Account, Call, Identity, Operation, Payload, parse_object

KINDS: dict[str, tuple[Operation, str]] = {
    "/v1/chat/completions": ("chat", "openai_chat"),
    "/v1/responses": ("chat", "openai_responses"),
    "/v1/messages": ("chat", "anthropic_messages"),
    "/v1/completions": ("complete", "openai_completions"),
    "/v1/embeddings": ("embed", "openai_embeddings"),
    "/v1/rerank": ("rerank", "cohere_rerank"),
}

REPLAYED = Identity(key_id="replay", scopes=frozenset({"call"}))


class Unreadable(Exception):
    """A line is no recorded call; says which and why."""


class Recorded(msgspec.Struct, frozen=True):
    """One recorded call."""

    line: int
    operation: Operation
    dialect: str
    body: JSON

    @property
    def model(self) -> str:
        """The one it was made of; empty where it does not say."""
        named = self.body.get("model")
        return named if isinstance(named, str) else ""

    def call(self, model: str) -> Call:
        """The call again, of another model. No vendor is asked to keep its answer."""
        request = Payload(self.dialect, tree={**self.body, "model": model})
        return Call(
            id=request_id(),
            operation=self.operation,
            model=model,
            request=dialects.get(self.dialect).unkept(request),
            stream=self.body.get("stream") is True,
            identity=REPLAYED,
            account=Account(),
            headers={},
            deadline=inf,
        )


def recorded(lines: Iterable[bytes]) -> Iterator[Recorded]:
    """The calls in the lines of a file.

    Raises:
        Unreadable: one of them is none.
    """
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield _recorded(number, line)


def _recorded(number: int, line: bytes) -> Recorded:
    try:
        tree = parse_object(line)
    except BadRequest as error:
        raise Unreadable(f"line {number}: {error.message}") from None
    url = tree.get("url", "/v1/chat/completions")
    kind = KINDS.get(url) if isinstance(url, str) else None
    if kind is None:
        raise Unreadable(f"line {number}: 'url' is none of {', '.join(KINDS)}")
    body = tree.get("body")
    if not isinstance(body, dict):
        raise Unreadable(f"line {number}: 'body' is no object; write the request as a client sends it")
    return Recorded(number, *kind, body)
