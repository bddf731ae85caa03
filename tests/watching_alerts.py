"""Alert rules of a gateway, looked at when a test wants it."""

from __future__ import annotations

from headgate.gateway import Gateway
from headgate.store import Store

AHEAD_US = 60_000_000


async def look_at_rules(gateway: Gateway) -> None:
    """Look at them as they will be in a minute: the one under way is not looked at before it is over."""
    store, clock = gateway.store, gateway.services.clock
    assert isinstance(store, Store)
    await store.caught_up()
    evaluator = store.alerting.evaluator
    evaluator._clock = Ahead(clock)
    assert await evaluator.turn(), "the rules of this minute have been looked at"


class Ahead:
    """A clock that is a minute fast."""

    def __init__(self, clock: object) -> None:
        self._clock = clock

    def now_us(self) -> int:
        return self._clock.now_us() + AHEAD_US  # type: ignore[attr-defined]

    def __getattr__(self, name: str) -> object:
        return getattr(self._clock, name)
