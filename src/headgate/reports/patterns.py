"""Failing calls by fingerprint, and what those of one share that other calls do not.

Every name of every dimension is held against all calls without it: how many times as often do its calls fail like that?
Whether that may be chance is Fisher's exact test; since many names are looked at, those shown are chosen by
Benjamini and Hochberg's procedure, and their intervals are as wide as Benjamini and Yekutieli have it for what was
chosen (`stats/association.py`). Calls are counted as if each failed on its own: failures that come in bursts look
surer than they are, so what is shown has to be large as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from headgate.stats.association import more_often, relative_risk, shown
from headgate.stats.intervals import Interval, wilson
from headgate.telemetry.rollups.failures import FAILURE, OFFERED, SIZE, Fingerprint
from headgate.telemetry.rollups.names import OTHER

FALSE_SHARE = 0.05
"""Of what is shown at most this share is expected to be chance, and at most this share of intervals to miss."""

FEWEST = 5
"""Failures of a fingerprint, and of a name among them, from which on anything is said about it."""

LEAST_RISK = 1.5
"""How many times as often has to be sure of what is shown."""

MOST_SHARED = 8
"""Of one fingerprint."""

Counts = Mapping[str, int]
"""As a cell of the rollups has them."""

Names = Mapping[tuple[str, str], Counts]
"""What the calls come to by dimension and name."""


class Shared(msgspec.Struct, frozen=True, kw_only=True):
    """What failing calls share."""

    dimension: str
    """A dimension of the sums, or `size`, `tools`, `region`."""
    name: str
    failed: int
    """Calls of that name that failed like that."""
    calls: int
    """All of that name."""
    rate: float
    rate_elsewhere: float
    """Of calls without that name."""
    risk: Interval
    """How many times as often as elsewhere; null at an open end."""
    excess: int
    """How many more failed than would have at the others' rate."""
    covers: float
    """The share of the failures that has this name."""


class Pattern(msgspec.Struct, frozen=True, kw_only=True):
    """Calls that failed alike."""

    fingerprint: str
    code: str
    """The error's."""
    upstream_status: int | None
    """What the last target answered; null where none did."""
    at: str
    """`gateway` where no target was asked, `answer` before there was any content, `stream` after it."""
    failed: int
    rate: Interval
    """The share of all calls, with Wilson's interval of 95 %."""
    shares: list[Shared]
    """What they share, the most excess first."""
    examples: list[str]
    """Ids of calls that failed so, the newest first."""


class Patterns(msgspec.Struct, frozen=True, kw_only=True):
    """All failing calls of a time."""

    calls: int
    failed: int
    looked_at: int
    """How many names were held against others."""
    confidence: float
    """Of the intervals of what is shared, for as many as were looked at."""
    patterns: list[Pattern]
    """The most failures first."""


def patterns(
    total: Counts, names: Names, regions: Mapping[str, str], examples: Mapping[str, Sequence[str]]
) -> Patterns:
    """What the calls of a time share that failed. `regions` are those of providers; `examples` are calls by
    fingerprint.
    """
    everything = {**names, **_by_region(names, regions)}
    failures = {
        name.removeprefix(FAILURE): number
        for name, number in total.items()
        if name.startswith(FAILURE) and "|" not in name and number > 0
    }
    calls = total.get("calls", 0)
    looked = [
        (text, each)
        for text, number in failures.items()
        if number >= FEWEST
        for each in _looked_at(text, total, everything)
    ]
    chances = [_chance(each, failures[text], calls) for text, each in looked]

    def held(place: int, confidence: float) -> Shared:
        text, each = looked[place]
        return _shared(each, failures[text], calls, confidence)

    chosen, confidence = shown(chances, lambda *place: held(*place).risk.low >= LEAST_RISK, FALSE_SHARE)
    shared: dict[str, list[Shared]] = {}
    for place in chosen:
        shared.setdefault(looked[place][0], []).append(held(place, confidence))
    return Patterns(
        calls=calls,
        failed=total.get("failed", 0),
        looked_at=len(looked),
        confidence=confidence,
        patterns=[
            _pattern(text, number, calls, shared.get(text, ()), examples.get(text, ()))
            for text, number in sorted(failures.items(), key=lambda each: (-each[1], each[0]))
        ],
    )


Looked = tuple[str, str, int, int]
"""A dimension, a name, its failures and its calls."""


def _looked_at(text: str, total: Counts, names: Names) -> Iterator[Looked]:
    failure = f"{FAILURE}{text}"
    for (dimension, name), counts in names.items():
        if name != OTHER and counts.get("calls", 0) > 0:
            yield dimension, name, counts.get(failure, 0), counts["calls"]
    for prefix in (SIZE, OFFERED):
        for name, number in total.items():
            if name.startswith(prefix):
                yield prefix.rstrip("."), name.removeprefix(prefix), total.get(f"{failure}|{name}", 0), number


def _chance(looked: Looked, failed: int, calls: int) -> float:
    _, _, cases, among = looked
    others = calls - among
    if cases < FEWEST or others <= 0 or cases * others <= (failed - cases) * among:
        return 1.0  # too few, nothing to hold it against, or no more often than elsewhere
    return more_often(cases, among, failed - cases, others)


def _shared(looked: Looked, failed: int, calls: int, confidence: float) -> Shared:
    dimension, name, cases, among = looked
    elsewhere, others = failed - cases, calls - among
    return Shared(
        dimension=dimension,
        name=name,
        failed=cases,
        calls=among,
        rate=cases / among,
        rate_elsewhere=elsewhere / others,
        risk=relative_risk(cases, among, elsewhere, others, confidence),
        excess=round(cases - among * elsewhere / others),
        covers=cases / failed,
    )


def _pattern(text: str, number: int, calls: int, shared: Iterable[Shared], examples: Sequence[str]) -> Pattern:
    known = Fingerprint.of(text)
    ordered = sorted(shared, key=lambda each: (-each.excess, -each.risk.low, each.dimension, each.name))
    return Pattern(
        fingerprint=text,
        code=known.code,
        upstream_status=int(known.upstream_status) if known.upstream_status.isdigit() else None,
        at=known.at,
        failed=number,
        rate=wilson(min(number, calls), calls),
        shares=ordered[:MOST_SHARED],
        examples=list(examples),
    )


def _by_region(names: Names, regions: Mapping[str, str]) -> dict[tuple[str, str], dict[str, int]]:
    """What the calls come to by the region of their target."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    for (dimension, name), counts in names.items():
        region = regions.get(name.partition("/")[0]) if dimension == "target" else None
        if region is not None:
            sums = found.setdefault(("region", region), {})
            for count, number in counts.items():
                sums[count] = sums.get(count, 0) + number
    return found
