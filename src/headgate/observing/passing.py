"""An answer observed as it passes to its client, whole or as a stream."""

from __future__ import annotations

from asyncio import CancelledError
from hashlib import blake2b
from time import monotonic
from typing import Protocol, TypeVar

import msgspec
from msgspec.structs import replace

from headgate import dialects
from headgate.errors import HeadgateError
from headgate.observing.kept import Kept
from headgate.stage import Next
from headgate.types import Call, Chunks, Frame, Reply


class Seen(msgspec.Struct):
    """What was seen of an answer."""

    kept: Kept
    code: str | None = None
    """The error's; None where there was an answer."""
    duration_s: float = 0.0
    first_token_s: float | None = None
    """To a stream's first content."""


S_contra = TypeVar("S_contra", bound=Seen, contravariant=True)
S = TypeVar("S", bound=Seen)


class Observer(Protocol[S_contra]):
    """Who looks at answers. What it does is done once the client has its answer, and is quick."""

    def over(self, call: Call, seen: S_contra) -> None:
        """The call has ended, with an answer or an error. What was kept is the observer's now."""
        ...

    def lost(self, call: Call, reason: str) -> None:
        """The call ended without an answer: `client_left` or `defect`. Nothing is kept of it."""
        ...


def drawn(share: float, salt: bytes, model: str, unit: bytes) -> bool:
    """Whether what is called `unit` is among a share of all: always the same for the same, in every process, and for
    a larger share too.
    """
    digest = blake2b(b"%b\0%b\0%b" % (salt, model.encode("utf-8", "replace"), unit), digest_size=8).digest()
    return int.from_bytes(digest) < share * 2**64


async def observed(call: Call, next: Next, seen: S, observer: Observer[S]) -> Reply:
    """The reply to a call. Nothing is done for the observer before the client's answer is complete."""
    began = monotonic()
    try:
        reply = await next(call)
    except HeadgateError as error:
        seen.code = error.code
        _over(call, seen, observer, began)
        raise
    except BaseException as error:
        observer.lost(call, _why(error))
        raise
    if reply.chunks is None:
        if reply.payload is not None:
            seen.kept.whole(reply.payload)
        _over(call, seen, observer, began)
        return reply
    seen.first_token_s = monotonic() - began
    return replace(reply, chunks=_passed(call, seen, observer, began, reply.chunks))


async def _passed(call: Call, seen: S, observer: Observer[S], began: float, chunks: Chunks) -> Chunks:
    """A stream, observed. One that its client leaves before it ends is lost."""
    last: Frame | None = None
    lost: str | None = None
    try:
        async for chunk in chunks:
            seen.kept.piece(chunk)
            last = chunk[-1]
            yield chunk
    except HeadgateError as error:
        seen.code = error.code
        raise
    except BaseException as error:
        if last is None or not dialects.get(call.request.dialect).is_terminator(last):
            lost = _why(error)
        raise
    finally:
        try:
            await chunks.aclose()
        finally:
            if lost is not None:
                seen.kept.let_go()
                observer.lost(call, lost)
            else:
                _over(call, seen, observer, began)


def _over(call: Call, seen: S, observer: Observer[S], began: float) -> None:
    seen.duration_s = monotonic() - began
    observer.over(call, seen)


def _why(error: BaseException) -> str:
    """Why a call ended without an answer."""
    return "client_left" if isinstance(error, CancelledError | GeneratorExit) else "defect"
