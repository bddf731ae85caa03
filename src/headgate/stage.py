"""The one shape of everything that happens to a call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Protocol, cast, get_args

from headgate.types import Call, Operation, Reply

Next = Callable[[Call], Awaitable[Reply]]
"""What comes after a stage: call it with a call, get a reply or a `HeadgateError`."""

EVERY_OPERATION = frozenset(cast("tuple[Operation, ...]", get_args(Operation)))


class Stage(Protocol):
    """One step a call goes through.

    A stage may answer itself, call `next` once, several times or not at all, raise a `HeadgateError`, or wrap the
    reply, streams included. A stage that reads or changes content handles `reply.chunks` as it does
    `reply.payload`.
    """

    @property
    def operations(self) -> frozenset[Operation]:
        """The operations this stage can do its work on; usually a class attribute."""
        ...

    async def __call__(self, call: Call, next: Next) -> Reply: ...


def fold(stages: Sequence[Stage], last: Next) -> Next:
    """Compose stages, the first outermost, around `last`. Made once at load, never per call."""
    chain = last
    for stage in reversed(stages):
        chain = partial(stage.__call__, next=chain)
    return chain
