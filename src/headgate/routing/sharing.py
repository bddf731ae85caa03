"""Telling other replicas which targets rest, and hearing it from them: through the `SharedState` port."""

from __future__ import annotations

import asyncio
import logging
from hashlib import sha256
from time import monotonic

import msgspec

from headgate.routing.conditions import Conditions
from headgate.routing.config import Cause
from headgate.routing.target import Target
from headgate.storage.state import SharedState

log = logging.getLogger("headgate.routing")

EVERY_S = 1.0
"""How long a replica may not know what another one found out."""

KEPT_S = 30.0
"""How long a rest is believed in that nobody confirms: its replica may have gone."""


class Sharing:
    """Publishes what this process finds out about its breakers, and takes over what others do.

    A replica that opens a breaker says so; the others open theirs. Each probes for itself, and the first that finds the
    target well takes the word back, so that all close.
    """

    def __init__(self, conditions: Conditions, shared: SharedState) -> None:
        self._conditions = conditions
        self._shared = shared

    async def run(self) -> None:
        """Go on until cancelled. A store that cannot be reached is no reason to stop: every replica has its own too."""
        told = False
        while True:
            await asyncio.sleep(EVERY_S)
            failure: Exception | None = None
            for target in self._conditions.of(Target):
                try:
                    await self.exchange(target)
                except Exception as error:  # noqa: BLE001  # whatever a store raises
                    failure = error
            if failure is not None and not told:
                log.warning("breakers are not shared now: %s", failure)
            told = failure is not None

    async def exchange(self, target: Target) -> None:
        """Say what is new of one breaker, or hear it. What changes while the store answers is for the next time."""
        breaker, key = target.breaker, _key(target)
        changes = breaker.changes
        if changes != breaker.told:
            if breaker.state == "closed":
                await self._shared.delete(key)
            else:
                await self._shared.put(key, target.cause.encode(), KEPT_S)
            breaker.told = changes
            return
        said = await self._shared.get(key)
        now = monotonic()
        if breaker.changes != changes:
            return
        if said is None and breaker.state != "closed":
            breaker.close(now)
            target.forgive()
        elif said is not None and breaker.state == "closed":
            target.cause = msgspec.convert(said.decode(), Cause)
            breaker.open(now, now + breaker.config.open_s)
        elif said is not None:  # and only if nobody has taken it back meanwhile
            await self._shared.replace(key, said, said, KEPT_S)
            return
        breaker.told = breaker.changes


def _key(target: Target) -> str:
    """Shared by those who judge a target in the same way: what rests for being slow may be well for somebody else."""
    judged_by = sha256(msgspec.json.encode(target.breaker.config)).hexdigest()[:16]
    return f"breaker:{target.name}:{judged_by}"
