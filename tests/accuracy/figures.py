"""Figures that were compared, and whether they hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SHARES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
ERROR = 0.01
SLACK_MS = 2.0


@dataclass(frozen=True)
class Figure:
    """One figure or a number of them of a kind."""

    what: str
    compared: int
    """How many figures."""
    worst: float
    """The largest difference: absolute of what has to be exact, else relative, or in milliseconds."""
    unit: str
    bar: float
    note: str = ""

    @property
    def holds(self) -> bool:
        """Where nothing was compared nothing holds."""
        return self.compared > 0 and self.worst <= self.bar


def exact(what: str, ours: Mapping[Any, Any], theirs: Mapping[Any, Any]) -> Figure:
    """Figures by name that have to be the same; one that is not there is 0."""
    names = set(ours) | set(theirs)
    off = {key: (ours.get(key, 0), theirs.get(key, 0)) for key in names if ours.get(key, 0) != theirs.get(key, 0)}
    note = ", ".join(f"{key}: {a}, not {b}" for key, (a, b) in list(off.items())[:3])
    return Figure(what, len(names), len(off), "", 0, note)


def same(what: str, compared: int, amiss: Sequence[str]) -> Figure:
    """Things that had to be the same, and those that were not."""
    return Figure(what, compared, len(amiss), "", 0, "; ".join(amiss[:3]))


def exact_quantile(values: Sequence[float], share: float) -> float:
    """The value at rank ⌊share·(n-1)⌋ of all, the lowest first."""
    return sorted(values)[int(share * (len(values) - 1))]


def off_by(values: Sequence[float], told: Mapping[str, float | None]) -> float:
    """The largest relative error of the quantiles `told`, in milliseconds, of values in microseconds. Below a microsecond
    is 0.
    """
    ordered, off = sorted(values), 0.0
    for label, shown in told.items():
        exact_us = ordered[int(dict(SHARES)[label] * (len(ordered) - 1))]
        if shown is None:
            return float("inf")
        if exact_us >= 1:
            off = max(off, abs(shown * 1000 - exact_us) / exact_us)
        elif shown:
            return float("inf")
    return off


class Quantiles:
    """How far the quantiles of some durations were off, by duration."""

    def __init__(self) -> None:
        self._worst: dict[str, float] = {}
        self._compared = Counter[str]()

    def compare(self, name: str, values: Sequence[float], told: Mapping[str, float | None]) -> None:
        self._worst[name] = max(self._worst.get(name, 0.0), off_by(values, told))
        self._compared[name] += len(told)

    def figures(self, what: str) -> Iterator[Figure]:
        for name, worst in sorted(self._worst.items()):
            yield Figure(f"{what}: quantiles of {name}", self._compared[name], 100 * worst, "%", 100 * ERROR)


def missed(figures: Iterable[Figure]) -> list[Figure]:
    return [each for each in figures if not each.holds]
