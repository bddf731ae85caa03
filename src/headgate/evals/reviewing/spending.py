"""What two versions of a prompt come to in tokens and money, by the model's own way of counting."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from headgate.catalog import Catalog
from headgate.catalog.cost import cost
from headgate.config import Config
from headgate.estimates import BadEstimate, places_of
from headgate.evals.reviewing.examples import Rendering
from headgate.types import JSON, Usage

CALLS = 1_000
"""Calls that prompts are priced for."""


class Spending(msgspec.Struct, frozen=True):
    """The mean over the cases that render with both versions."""

    cases: int
    before_tokens: float
    after_tokens: float
    before_target: str
    after_target: str
    before_picodollars: int | None
    """Of the prompts of 1,000 calls, answers not included; None where the price is not known."""
    after_picodollars: int | None


def spending(config: Config, catalog: Catalog, found: Sequence[Rendering]) -> Spending | None:
    """What prompts come to; None where no case renders with both, or a model is not one of the configuration."""
    pairs = [(each.before, each.after) for each in found if each.before is not None and each.after is not None]
    if not pairs:
        return None
    try:
        before = _counted(config, catalog, [one for one, _ in pairs])
        after = _counted(config, catalog, [two for _, two in pairs])
    except BadEstimate:
        return None
    return Spending(len(pairs), before[0], after[0], before[1], after[1], before[2], after[2])


def _counted(config: Config, catalog: Catalog, bodies: Sequence[JSON]) -> tuple[float, str, int | None]:
    place = max(places_of(config, catalog, bodies[0]["model"]), key=lambda each: each.share)
    counts = [place.counter.request(each) for each in bodies]
    price = place.price
    costs = [None if price is None else cost(Usage(input_tokens=each), price) for each in counts]
    known = [each for each in costs if each is not None]
    priced = sum(known) * CALLS // len(known) if len(known) == len(costs) else None
    return sum(counts) / len(counts), place.target, priced
