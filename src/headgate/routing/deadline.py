"""How long a whole call may take."""

from __future__ import annotations

from collections.abc import Awaitable
from time import monotonic

from msgspec.structs import replace

from headgate.stage import EVERY_OPERATION, Next
from headgate.types import Call, Reply


class Deadline:
    """Gives a call its model's time, or the client's own where that is shorter: for all attempts and waits together."""

    operations = EVERY_OPERATION

    def __init__(self, total_s: float) -> None:
        self._total_s = total_s

    def __call__(self, call: Call, next: Next) -> Awaitable[Reply]:
        return next(replace(call, deadline=min(call.deadline, monotonic() + self._total_s)))
