"""Where money went, and why it is more or less than before."""

from __future__ import annotations

import msgspec

from headgate.money import format_usd
from headgate.reports.reading import Both, Group

MOST = 10
"""Of each dimension."""


class Driver(msgspec.Struct, frozen=True, kw_only=True):
    """What one name costs. Dollars are decimal strings."""

    dimension: str
    name: str
    before_usd: str
    after_usd: str
    change_usd: str
    by_volume_usd: str
    """The part of the change there would be if a call cost what it did before."""
    by_price_usd: str
    """The rest: what a call costs more or less than before, for models, tokens or prices."""
    share: float
    """Of all that the period cost."""


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """All of it."""

    before_usd: str
    after_usd: str
    unpriced: int
    """Attempts whose cost is not known."""
    drivers: list[Driver]
    """Of each dimension the largest changes first."""


def costs(whole: Both | None, groups: dict[str, Group]) -> Costs:
    """What the period cost, by some dimensions."""
    before, after = (0, 0) if whole is None else whole.totals("cost_picodollars")
    drivers: list[Driver] = []
    for dimension, group in groups.items():
        own = [_driver(dimension, name, both, after) for name, both in group.items()]
        own = [(size, driver) for size, driver in own if size]
        own.sort(key=lambda each: (-each[0], each[1].name))
        drivers += [driver for _, driver in own[:MOST]]
    return Costs(
        before_usd=format_usd(before),
        after_usd=format_usd(after),
        unpriced=0 if whole is None else whole.totals("unpriced")[1],
        drivers=drivers,
    )


def _driver(dimension: str, name: str, both: Both, all_picodollars: int) -> tuple[int, Driver]:
    """And how large its change is."""
    (before, after), (few, many) = both.totals("cost_picodollars"), both.totals("calls")
    by_volume = round(before * (many - few) / few) if few else after
    driver = Driver(
        dimension=dimension,
        name=name,
        before_usd=format_usd(before),
        after_usd=format_usd(after),
        change_usd=format_usd(after - before),
        by_volume_usd=format_usd(by_volume),
        by_price_usd=format_usd(after - before - by_volume),
        share=after / all_picodollars if all_picodollars else 0.0,
    )
    return max(abs(after - before), after // 1000), driver
