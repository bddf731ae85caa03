"""The one shape of everything that happens to a call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, cast, get_args

from headgate.types import Call, Operation, Reply

Next = Callable[[Call], Awaitable[Reply]]
"""What comes after a stage: call it with a call, get a reply or a `HeadgateError`."""

EVERY_OPERATION = frozenset(cast("tuple[Operation, ...]", get_args(Operation)))


class Stage(Protocol):
    """One step a call goes through.

    A stage may answer itself, call `next` once, several times or not at all, raise a `HeadgateError`, or wrap the
    reply, streams included. A stage that reads or changes content handles `reply.chunks` as it does
    `reply.payload`. One that has nothing to do with the reply hands on `next(call)` itself, and is no coroutine then.
    """

    @property
    def operations(self) -> frozenset[Operation]:
        """The operations this stage can do its work on; usually a class attribute."""
        ...

    def __call__(self, call: Call, next: Next) -> Awaitable[Reply]: ...


def fold(stages: Sequence[Stage], last: Next) -> Next:
    """Compose stages, the first outermost, around `last`. Made once at load, never per call."""
    chain = last
    for stage in reversed(stages):
        chain = _before(stage.__call__, chain)
    return chain


def _before(step: Callable[[Call, Next], Awaitable[Reply]], next: Next) -> Next:
    """A stage with what comes after it. A closure: with `functools.partial` a stage takes nearly twice as long."""

    def through(call: Call) -> Awaitable[Reply]:
        return step(call, next)

    return through
