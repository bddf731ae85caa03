"""What the library's methods give and take: calls without HTTP, answers as objects."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from decimal import Decimal
from functools import cached_property
from math import inf

from headgate import dialects, money
from headgate.dialects.hub import Answer as HubAnswer
from headgate.dialects.hub import BlockDelta, BlockStarted, Part, Reasoning, Text, ToolCall
from headgate.ids import request_id
from headgate.types import JSON, Account, Attempt, Call, Identity, Operation, Payload, Reply, Usage

_DIALECT = {"chat": "openai_chat", "embed": "openai_embeddings"}


def call_of(operation: Operation, body: JSON, identity: Identity) -> Call:
    """A call made in this process, its body in OpenAI's dialect."""
    return Call(
        id=request_id(),
        operation=operation,
        model=body["model"],
        request=Payload(_DIALECT[operation], tree=body),
        stream=bool(body.get("stream")),
        identity=identity,
        account=Account(),
        headers={},
        deadline=inf,
    )


class _Answered:
    """What every answer knows of its call."""

    def __init__(self, call: Call, reply: Reply) -> None:
        self.request_id = call.id
        self.target = reply.target
        self._account = call.account

    @property
    def attempts(self) -> list[Attempt]:
        return self._account.attempts

    @property
    def cost(self) -> Decimal | None:
        """US dollars, exact; None when a price is not known."""
        cost = self._account.cost_picodollars
        return None if cost is None else money.to_decimal(cost)

    @property
    def usage(self) -> Usage:
        answering = self._account.answering
        return (answering.usage if answering is not None else None) or Usage()


class Answer(_Answered):
    """A whole answer. `raw` is the document in OpenAI's chat dialect."""

    def __init__(self, call: Call, reply: Reply) -> None:
        super().__init__(call, reply)
        assert reply.payload is not None
        self.raw = reply.payload.answer_tree

    @cached_property
    def _hub(self) -> HubAnswer:
        return dialects.get("openai_chat").decode_answer(self.raw)

    @property
    def text(self) -> str:
        return "".join(part.text for part in self._hub.choices[0].parts if isinstance(part, Text))

    @property
    def reasoning(self) -> str:
        return "".join(part.text for part in self._hub.choices[0].parts if isinstance(part, Reasoning))

    @property
    def tool_calls(self) -> list[ToolCall]:
        return [part for part in self._hub.choices[0].parts if isinstance(part, ToolCall)]

    @property
    def stop(self) -> str | None:
        return self._hub.choices[0].stop


class Delta:
    """A piece of a streamed answer: some text, or some reasoning, or neither."""

    __slots__ = ("raw", "reasoning", "text")

    def __init__(self, text: str, reasoning: str, raw: list[JSON]) -> None:
        self.text = text
        self.reasoning = reasoning
        self.raw = raw
        """The chunks it came in, in OpenAI's chat dialect."""


async def deltas(reply: Reply) -> AsyncGenerator[Delta, None]:
    """The pieces of a stream, as they come."""
    assert reply.chunks is not None
    decoder = dialects.get("openai_chat").decode_stream()
    kinds: dict[int, type[Part]] = {}
    try:
        async for chunk in reply.chunks:
            pieces: dict[type[Part], str] = {}
            for event in [event for frame in chunk for event in decoder.feed(frame)]:
                if isinstance(event, BlockStarted):
                    kinds[event.index] = type(event.part)
                elif isinstance(event, BlockDelta):
                    kind = kinds[event.index]
                    pieces[kind] = pieces.get(kind, "") + event.text
            raw = [Payload("openai_chat", frame.data).answer_tree for frame in chunk if frame.data != b"[DONE]"]
            yield Delta(pieces.get(Text, ""), pieces.get(Reasoning, ""), raw)
    finally:
        await reply.chunks.aclose()


class Vectors(_Answered):
    """Embeddings in the order of the inputs."""

    def __init__(self, call: Call, reply: Reply) -> None:
        super().__init__(call, reply)
        assert reply.payload is not None
        self.raw = reply.payload.answer_tree

    @property
    def vectors(self) -> list[list[float]]:
        return [row["embedding"] for row in self.raw["data"]]
