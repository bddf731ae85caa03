"""The one shape of everything that happens to a call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import ClassVar, Protocol

from headgate.types import Call, Operation, Reply

Next = Callable[[Call], Awaitable[Reply]]
"""What comes after a stage: call it with a call, get a reply or a `HeadgateError`."""

EVERY_OPERATION: frozenset[Operation] = frozenset(Operation.__args__)  # type: ignore[attr-defined]


class Stage(Protocol):
    """One step a call goes through.

    A stage may answer itself, call `next` once, several times or not at all, raise a `HeadgateError`, or wrap the
    reply, streams included. A stage that reads or changes content handles `reply.chunks` as it does
    `reply.payload`.
    """

    operations: ClassVar[frozenset[Operation]]
    """The operations this stage can do its work on."""

    async def __call__(self, call: Call, next: Next) -> Reply: ...


def fold(stages: Sequence[Stage], last: Next) -> Next:
    """Compose stages, the first outermost, around `last`. Made once at load, never per call."""
    chain = last
    for stage in reversed(stages):
        chain = partial(stage.__call__, next=chain)
    return chain
