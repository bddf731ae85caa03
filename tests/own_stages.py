"""Stages as a user would write them, loaded by tests from a configuration."""

from __future__ import annotations

from typing import ClassVar

from msgspec.structs import replace

from headgate import dialects
from headgate.dialects.view import replace_texts
from headgate.stage import EVERY_OPERATION, Next
from headgate.types import Call, Chunks, Frame, Reply


class Shout:
    """Makes what the user says loud, and adds a header to the answer."""

    operations = EVERY_OPERATION

    def __init__(self, header: str = "x-shout") -> None:
        self._header = header

    async def __call__(self, call: Call, next: Next) -> Reply:
        dialect = dialects.get(call.request.dialect)
        texts = dialect.request_texts(call.request.tree)
        loud = {node.path: node.text.upper() for node in texts if node.provenance == "user"}
        reply = await next(replace(call, request=replace_texts(call.request, loud)))
        headers = (*reply.headers, (self._header, "yes"))
        if reply.chunks is None:
            return replace(reply, headers=headers)
        return replace(reply, headers=headers, chunks=self._quieter(reply.chunks))

    async def _quieter(self, chunks: Chunks) -> Chunks:
        try:
            async for chunk in chunks:
                yield [Frame(frame.data.replace(b"HELLO", b"hello"), frame.event) for frame in chunk]
        finally:
            await chunks.aclose()


class Noting:
    """Notes where it stands and why each call it sees is made."""

    operations = EVERY_OPERATION
    seen: ClassVar[list[tuple[str, str]]] = []

    def __init__(self, place: str) -> None:
        self._place = place

    async def __call__(self, call: Call, next: Next) -> Reply:
        self.seen.append((self._place, call.cause))
        return await next(call)


class ChatOnly:
    """Handles chat, and so keeps every other operation out."""

    operations = frozenset({"chat"})

    async def __call__(self, call: Call, next: Next) -> Reply:
        return await next(call)


class WrongNames:
    operations = EVERY_OPERATION

    async def __call__(self, request: Call, then: Next) -> Reply:
        return await then(request)


class NoOperations:
    async def __call__(self, call: Call, next: Next) -> Reply:
        return await next(call)


def not_a_stage() -> None: ...
