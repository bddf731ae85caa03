"""Reserving of counters that may have to be begun first, from what the ledger says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from headgate.errors import StoreUnavailable
from headgate.limits.rules import Seeds
from headgate.storage.counters import Claim, Counters, Granted, Refused, Unseeded

PATIENCE_S = 10.0
"""How long calls wait for the ledger to tell where a counter begins."""

TRIES = 4
"""How often a counter that is gone again is begun anew for one call."""


class Seeder:
    """Reserves, and begins period counters that are not there: after a restart, or for a subject that is new."""

    def __init__(self, counters: Counters, seeds: Seeds) -> None:
        self.seeds = seeds
        self._counters = counters
        self._under_way: dict[str, asyncio.Future[None]] = {}

    async def reserve(
        self, holder: str, claims: Sequence[Claim], value: Callable[[int], Awaitable[int]]
    ) -> Granted | Refused:
        """Reserve all claims or none. `value` tells what the counter of the claim at a position begins with.

        Raises:
            StoreUnavailable: the counters or the ledger cannot be reached.
        """
        missing: list[str] = []
        for _ in range(TRIES):
            outcome = await self._counters.reserve(holder, claims)
            if not isinstance(outcome, Unseeded):
                return outcome
            missing = outcome.counters
            for position, claim in enumerate(claims):
                if claim.counter in missing:
                    await self._seed(claim, value, position)
        raise StoreUnavailable(f"the counters {missing} do not last")

    async def _seed(self, claim: Claim, value: Callable[[int], Awaitable[int]], position: int) -> None:
        """Begin a counter, once for all calls that wait for it."""
        under_way = self._under_way.get(claim.counter)
        if under_way is None:
            under_way = asyncio.ensure_future(self._begin(claim, value(position)))
            self._under_way[claim.counter] = under_way
            under_way.add_done_callback(lambda _: self._under_way.pop(claim.counter, None))
        await asyncio.shield(under_way)

    async def _begin(self, claim: Claim, value: Awaitable[int]) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                begins_at = await value
        except TimeoutError:
            raise StoreUnavailable("the ledger does not say yet what was spent before") from None
        await self._counters.seed(claim.counter, begins_at, claim.ends_us)
