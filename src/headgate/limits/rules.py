"""What the stages of this package stand on: which rules apply to a call, and where a period's counter begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from headgate.storage.records import Applying
from headgate.types import Identity

Tags = Sequence[tuple[str, str]]


class Rules(Protocol):
    """The limits and budgets there are."""

    def applying(self, identity: Identity, model: str, tags: Tags, end_user: str | None) -> Applying | None:
        """Those of a call: the very same object each time, as long as they stay; None where there are none."""
        ...


class _NoRules:
    """Nobody is limited."""

    def applying(self, identity: Identity, model: str, tags: Tags, end_user: str | None) -> Applying | None:
        return None


NO_RULES: Rules = _NoRules()


class Seeds(Protocol):
    """What the ledger says of a period that began before its counter did."""

    async def spent(self, counter: str) -> int:
        """Picodollars settled for a budget's counter.

        Raises:
            StoreUnavailable: the ledger cannot be read.
        """
        ...

    async def used(self, organisation: str, subject: str, metric: str, start_us: int, end_us: int) -> int:
        """What a subject has used of a limit's metric (`requests`, `tokens`, `input_tokens`, `output_tokens`).

        Raises:
            StoreUnavailable: the ledger cannot be read.
        """
        ...


class NoSeeds:
    """A ledger that begins with this process: nothing was used before."""

    async def spent(self, counter: str) -> int:
        return 0

    async def used(self, organisation: str, subject: str, metric: str, start_us: int, end_us: int) -> int:
        return 0
