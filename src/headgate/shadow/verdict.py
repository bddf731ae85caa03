"""What a model's mirrored calls say of moving it to where they went: on one page, and in one sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from headgate.stats.intervals import (
    Interval,
    known,
    paired_difference,
    quantile_interval,
    ratio_of_sums,
    wilson,
)
from headgate.storage.records import Comparison

ENOUGH = 100
"""Pairs below which nothing is said: 100 of 100 alike still leave it open whether one in 27 is not."""

SAME = 0.9
"""Least share of answers that are the same, each in its way: text and tool calls in shape, vectors in direction,
rankings in order. Two answers of one model to one request differ too: a shadow of a model to itself tells how much.
"""

MORE_ERRORS = 0.02
"""How much more often the shadow may fail, as a share of calls."""

SLOWER = 1.5
"""How many times as long the shadow's answers may take, in the middle of all."""

DEARER = 1.1
"""How many times as much it may cost without being told as a reason against it."""

Outcome = Literal["looks_safe", "not_safe", "too_early"]


class Pair(msgspec.Struct, frozen=True):
    """A quantity of both."""

    primary: Interval
    shadow: Interval


class Speed(msgspec.Struct, frozen=True):
    """How long something took where both answered. Milliseconds."""

    pairs: int
    p50: Pair
    p95: Pair
    ratio: Interval
    """Of the shadow's time to the primary's, the middle one of all pairs."""


class Likeness(msgspec.Struct, frozen=True):
    """How alike answers are that are numbers: vectors, rankings."""

    pairs: int
    same: Interval
    """Share of them that are the same."""
    middle: Interval
    """The middle one of all cosines, or of all shares of documents in the same order."""


class Spent(msgspec.Struct, frozen=True):
    """What calls cost where both answered and both costs are known. US dollars a call."""

    pairs: int
    unpriced: int
    """Pairs in which a cost is not known."""
    primary: float
    shadow: float
    ratio: Interval


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The page."""

    model: str
    shadow: str
    outcome: Outcome
    sentence: str
    """Whether it looks safe to move, and why."""
    from_us: int | None
    """When the first and the last of the calls were answered."""
    until_us: int | None
    pairs: int
    cut: bool = False
    """There are more, which are older."""
    dropped: dict[str, int]
    """Calls that were drawn and not mirrored, by why."""
    errors: Pair
    more_errors: Interval
    """How much more often the shadow failed."""
    codes: dict[str, int]
    """By error code of the primary, how often."""
    shadow_codes: dict[str, int]
    same_shape: Interval
    """Share of the pairs in which both answered with text or tool calls."""
    looked_at: int
    """Those of them whose shape could be compared."""
    stops: dict[str, int]
    """By `primary > shadow`, why answers ended that did not end for the same reason."""
    tools: dict[str, int]
    """How the tool calls are to each other where there are any."""
    same_tools: Interval
    json: Pair
    """Share of answers that are JSON where the request asks for it."""
    refused: Pair
    characters: Pair
    """Of the answers' texts, the middle one of all."""
    vectors: Likeness
    order: Likeness
    whole: Speed
    first_token: Speed
    cost: Spent


def verdict(rows: Sequence[Comparison], model: str, shadow: str, *, cut: bool = False) -> Verdict:
    """Judge a model's comparisons; those with another shadow are passed over."""
    rows = [row for row in rows if row.shadow == shadow]
    pairs = [row for row in rows if row.dropped is None]
    answered = [row for row in pairs if row.code is None and row.shadow_code is None]
    shaped = [row for row in answered if row.tools is not None]
    calling = [row for row in shaped if row.tools != "none"]
    dropped = Counter[str]()
    for row in rows:
        if row.dropped is not None:
            dropped[row.dropped] += row.calls
    found = Verdict(
        model=model,
        shadow=shadow,
        outcome="too_early",
        sentence="",
        from_us=min((row.at_us for row in rows), default=None),
        until_us=max((row.at_us for row in rows), default=None),
        pairs=len(pairs),
        cut=cut,
        dropped=dict(dropped.most_common()),
        errors=Pair(
            wilson(sum(row.code is not None for row in pairs), len(pairs)),
            wilson(sum(row.shadow_code is not None for row in pairs), len(pairs)),
        ),
        more_errors=_more_errors(pairs),
        codes=dict(Counter(row.code for row in pairs if row.code is not None).most_common()),
        shadow_codes=dict(Counter(row.shadow_code for row in pairs if row.shadow_code is not None).most_common()),
        same_shape=wilson(sum(row.same == 1 for row in shaped), len(shaped)),
        looked_at=len(shaped),
        stops=dict(
            Counter(f"{row.stop} > {row.shadow_stop}" for row in shaped if row.stop != row.shadow_stop).most_common()
        ),
        tools=dict(Counter(str(row.tools) for row in calling).most_common()),
        same_tools=wilson(sum(row.tools == "same" for row in calling), len(calling)),
        json=_shares([(row.json, row.shadow_json) for row in shaped if row.json is not None]),
        refused=_shares([(row.refused, row.shadow_refused) for row in shaped]),
        characters=Pair(
            _middle([row.characters for row in shaped]),
            _middle([row.shadow_characters for row in shaped]),
        ),
        vectors=_likeness([row for row in answered if row.operation == "embed"]),
        order=_likeness([row for row in answered if row.operation == "rerank"]),
        whole=_speed(answered, lambda row: (row.duration_us, row.shadow_duration_us)),
        first_token=_speed(answered, lambda row: (row.first_token_us, row.shadow_first_token_us)),
        cost=_spent(answered),
    )
    outcome, sentence = judged(found)
    return msgspec.structs.replace(found, outcome=outcome, sentence=sentence)


def judged(found: Verdict) -> tuple[Outcome, str]:
    """Whether it looks safe to move, and why, in words.

    It looks safe where the intervals leave no room for more than the bounds allow, and not safe where they leave none
    for less. Between the two more pairs are needed.
    """
    if found.pairs < ENOUGH:
        dropped = sum(found.dropped.values())
        why = f"there are {found.pairs} pairs, and {ENOUGH} are the least"
        hint = f" ({dropped} calls were not mirrored)" if dropped else ""
        return "too_early", f"Too early to say: {why}{hint}."
    against = _against(found)
    if against:
        return "not_safe", f"Does not look safe to move to {found.shadow}: {_listed(against)}."
    open_ = _open(found)
    if open_:
        return "too_early", f"Too early to say: {_listed(open_)}."
    reasons = [f"{_percent(share.estimate)} of its {what}" for what, share in _alike(found) if what != TOOLS]
    errors = f"it fails in {_percent(found.errors.shadow.estimate)} of calls, {found.model} in "
    reasons.append(errors + _percent(found.errors.primary.estimate))
    dearer = _dearer(found)
    but = f" But {dearer}." if dearer else ""
    return "looks_safe", f"Looks safe to move to {found.shadow}: {_listed(reasons)}.{but}"


def _against(found: Verdict) -> list[str]:
    """What speaks against it for sure."""
    against: list[str] = []
    if found.more_errors.low > MORE_ERRORS:
        primary, shadow = _percent(found.errors.primary.estimate), _percent(found.errors.shadow.estimate)
        against.append(f"it fails in {shadow} of calls, {found.model} in {primary}")
    for what, share in _alike(found):
        if share.high < SAME:
            against.append(f"only {_percent(share.estimate)} of its {what}")
    for what, speed in _timed(found):
        if known(speed.ratio) and speed.ratio.low > SLOWER:
            against.append(f"its {what} {speed.ratio.estimate:.1f} times as long")
    return against


def _open(found: Verdict) -> list[str]:
    """What cannot be said yet."""
    unsure: list[str] = []
    if found.more_errors.high > MORE_ERRORS:
        unsure.append(f"it may fail in up to {_percent(found.more_errors.high)} more of the calls")
    for what, share in _alike(found):
        if share.low < SAME:
            unsure.append(f"between {_percent(share.low)} and {_percent(share.high)} of its {what}")
    for what, speed in _timed(found):
        if known(speed.ratio) and speed.ratio.high > SLOWER:
            unsure.append(f"its {what} up to {speed.ratio.high:.1f} times as long")
    return unsure


TOOLS = "tool calls are the same"


def _alike(found: Verdict) -> Sequence[tuple[str, Interval]]:
    """The shares that have to be large: of what there is, and of answers' shapes where there is nothing at all."""
    shares = (
        ("answers have the same shape", found.same_shape),
        (TOOLS, found.same_tools),
        ("vectors fit those there are", found.vectors.same),
        ("rankings are in the same order", found.order.same),
    )
    return [each for each in shares if known(each[1])] or shares[:1]


def _timed(found: Verdict) -> Sequence[tuple[str, Speed]]:
    return ("first content takes", found.first_token), ("answers take", found.whole)


def _dearer(found: Verdict) -> str | None:
    ratio = found.cost.ratio
    if known(ratio) and ratio.low > DEARER:
        return f"it costs {ratio.estimate:.2f} times as much"
    return None


def _more_errors(pairs: Sequence[Comparison]) -> Interval:
    failed = Counter((row.shadow_code is not None, row.code is not None) for row in pairs)
    return paired_difference(failed[True, True], failed[True, False], failed[False, True], failed[False, False])


def _shares(values: Sequence[tuple[int | None, int | None]]) -> Pair:
    count = len(values)
    return Pair(wilson(sum(one == 1 for one, _ in values), count), wilson(sum(two == 1 for _, two in values), count))


def _likeness(rows: Sequence[Comparison]) -> Likeness:
    looked = [row for row in rows if row.same is not None]
    similar = sorted(row.similarity for row in looked if row.similarity is not None)
    return Likeness(
        len(looked), wilson(sum(row.same == 1 for row in looked), len(looked)), quantile_interval(similar, 0.5)
    )


def _middle(values: Sequence[int | None]) -> Interval:
    return quantile_interval(sorted(value for value in values if value is not None), 0.5)


def _speed(rows: Sequence[Comparison], times: Callable[[Comparison], tuple[int | None, int | None]]) -> Speed:
    both = [(one / 1000, two / 1000) for one, two in map(times, rows) if one is not None and two is not None]
    primary, shadow = sorted(one for one, _ in both), sorted(two for _, two in both)
    ratios = sorted(two / one for one, two in both if one > 0)
    return Speed(
        len(both),
        Pair(quantile_interval(primary, 0.5), quantile_interval(shadow, 0.5)),
        Pair(quantile_interval(primary, 0.95), quantile_interval(shadow, 0.95)),
        quantile_interval(ratios, 0.5),
    )


def _spent(rows: Sequence[Comparison]) -> Spent:
    both = [
        (row.cost_picodollars / 1e12, row.shadow_cost_picodollars / 1e12)
        for row in rows
        if row.cost_picodollars is not None and row.shadow_cost_picodollars is not None
    ]
    primary, shadow = [one for one, _ in both], [two for _, two in both]
    count = len(both) or 1
    unpriced = len(rows) - len(both)
    return Spent(len(both), unpriced, sum(primary) / count, sum(shadow) / count, ratio_of_sums(shadow, primary))


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _listed(reasons: Sequence[str]) -> str:
    return "; ".join(reasons)
