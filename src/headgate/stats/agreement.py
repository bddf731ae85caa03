"""How far two who put the same things into classes agree, beyond what they would by chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

import msgspec

from headgate.stats.intervals import Interval, wilson


class Agreement(msgspec.Struct, frozen=True):
    """Of one who classes things with another."""

    things: int
    share: Interval
    """Of things both class alike."""
    by_chance: float
    """The share if each classed at random, as often as it does."""
    kappa: Interval
    """0 is what chance gives, 1 is agreement throughout. NaN where chance alone gives that: one class only."""


def agreement(pairs: Sequence[tuple[Hashable, Hashable]], confidence: float = 0.95) -> Agreement:
    """Cohen's kappa (J. Cohen, "A Coefficient of Agreement for Nominal Scales", Educational and Psychological
    Measurement 20 (1960)). Its interval is Cohen's own, chance taken as known, but for Wilson's in place of the normal
    one: agreement throughout, of few things, is no certainty.
    """
    count = len(pairs)
    share = wilson(sum(one == other for one, other in pairs), count, confidence)
    if not count:
        return Agreement(0, share, float("nan"), Interval(float("nan"), -1.0, 1.0))
    ones, others = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    chance = sum(often * others[label] for label, often in ones.items()) / count**2
    if chance >= 1:
        return Agreement(count, share, chance, Interval(float("nan"), -1.0, 1.0))

    def beyond(part: float) -> float:
        return max(-1.0, (part - chance) / (1 - chance))

    return Agreement(count, share, chance, Interval(beyond(share.estimate), beyond(share.low), beyond(share.high)))
