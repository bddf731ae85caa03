"""Counters that replicas share: what limits and budgets stand on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import Literal, Protocol

import msgspec

SUB_WINDOWS = 60
"""Parts of a sliding window. It is counted over these and the one under way, so never over less than its length: of
what is allowed in a window, 60/61 can be used in every one of them.
"""

SLOTS = SUB_WINDOWS + 1

LEASE_S = 30.0
"""How long a lease of a process that has died keeps its place."""

KEPT_US = 86_400_000_000
"""How long a period's counter is kept after its end: for attempts that began before it."""


Kind = Literal["sliding", "period", "lease"]


class Claim(msgspec.Struct, frozen=True, gc=False):
    """An amount for one counter."""

    counter: str
    amount: int
    """0 or more."""
    ceiling: int | None
    """The most the counter may reach by a reservation; None counts only."""
    kind: Kind
    """A window that slides; a sum until `ends_us`, which has to be seeded before it can be reserved of; a place taken
    for as long as the holder has it (`amount` 1)."""
    window_us: int = 0
    """Length of a sliding window."""
    ends_us: int = 0
    """When a period's counter may be forgotten, wall clock; 0 for never."""


class Granted(msgspec.Struct):
    """All claims were added."""

    totals: list[int]
    """What each counter stands at with its claim, in the order of the claims."""
    marks: list[int]
    """The sub-window each sliding claim was counted in, 0 for others: where it is corrected when it is settled."""
    settled: bool = False


class Refused(msgspec.Struct, frozen=True):
    """Nothing was added."""

    position: int
    """The first claim that would have passed its ceiling."""
    total: int
    """What its counter stands at."""
    retry_after_s: float
    """When it would fit if nothing else came, and every other sliding claim of the reservation that ever does, exactly;
    inf where it never does, and for what cannot be told: periods and leases.
    """


class Unseeded(msgspec.Struct, frozen=True):
    """Nothing was added: these period counters are not there yet."""

    counters: list[str]


Outcome = Granted | Refused | Unseeded


class Counters(Protocol):
    """Exact 64-bit integers by name."""

    async def reserve(self, holder: str, claims: Sequence[Claim]) -> Outcome:
        """Add all claims in one atomic step, or none of them. `holder` is unique: a call's or an attempt's id.

        One reservation may name a counter twice. Claims are looked at in their order: refused before unseeded if it
        comes first.

        Raises:
            StoreUnavailable: the store cannot be reached.
        """
        ...

    def settle(self, holder: str, claims: Sequence[Claim], granted: Granted, amounts: Sequence[int]) -> None:
        """Say what was really used of each claim: the difference is given back, or added, ceilings notwithstanding.

        Never waits and never raises: it works on a task that has been cancelled. Only the first word on a holder
        counts. A sliding claim gives back in the sub-window it was counted in, and not at all once that has slid out;
        what exceeds the claim is counted now. A lease is given back whatever its amount.
        """
        ...

    def owe(self, claims: Sequence[Claim]) -> Callable[[int], None]:
        """Take down what is done though it could not be reserved. What is returned is to be told once what it came to:
        that counts for the period counters among the claims as soon as they can be reached. What begins later begins
        with what the ledger has. Neither waits or raises.
        """
        ...

    async def seed(self, counter: str, value: int, ends_us: int) -> None:
        """Let a period's counter begin at `value`, not below 0, if it is not there."""
        ...

    async def read(self, counters: Sequence[str]) -> list[int | None]:
        """Period counters' values now, None for those that are not there."""
        ...

    async def flush(self) -> None:
        """Wait until everything settled is in the store.

        Raises:
            StoreUnavailable: it cannot be reached. What was settled stays queued.
        """
        ...

    async def close(self) -> None: ...


def slot_us(window_us: int) -> int:
    """Length of a window's parts, rounded up: 60 of them are never shorter than the window."""
    return -(-window_us // SUB_WINDOWS)


def wait_s(amounts: Sequence[int], excess: int, turn_us: int, width_us: int) -> float:
    """When at least `excess` of a window has slid out. `amounts` are its slots', the oldest first, which goes in
    `turn_us`; each other one goes `width_us` after the one before it.
    """
    for slot, amount in enumerate(amounts):
        if excess <= 0:
            break
        excess -= amount
        if excess <= 0:
            return (turn_us + slot * width_us) / 1e6
    return 0.0 if excess <= 0 else inf
