"""What sums tell: the figures of tiles, tables and charts."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from headgate.quality.reading import Share, satisfaction_of
from headgate.telemetry.rollups.reading import STEPS, Series, Sum
from headgate.types import Usage

OTHERS = "all others"
"""What those are called that a chart has no line of."""

ENOUGH = 20
"""How many have said something at least before a point of a line is told from them alone."""

LINES = 6
"""Most names that a chart shows one by one."""


class Figures:
    """What some calls come to. Quantiles are of the merged sketches, never averages of others."""

    def __init__(self, sum_: Sum | None) -> None:
        self._sum = sum_ or Sum()
        self.counts: Mapping[str, int] = self._sum.counts

    def count(self, name: str) -> int:
        return self.counts.get(name, 0)

    @property
    def calls(self) -> int:
        return self.count("calls")

    @property
    def failed(self) -> int:
        return self.count("failed")

    @property
    def failed_share(self) -> float | None:
        return self.failed / self.calls if self.calls else None

    @property
    def cost(self) -> int:
        """Picodollars, whoever pays."""
        return self.count("cost_picodollars")

    @property
    def per_call(self) -> int | None:
        """Picodollars a call costs, as far as prices are known."""
        return self.cost // self.calls if self.calls else None

    @property
    def usage(self) -> Usage:
        return Usage(**{name: self.count(f"tokens.{name}") for name in Usage.__struct_fields__})

    @property
    def tokens_in(self) -> int:
        return self.usage.total_input_tokens

    @property
    def tokens_out(self) -> int:
        return self.usage.total_output_tokens

    @property
    def satisfied(self) -> Share | None:
        """The share of those who said so, among all who said something; None where nobody did."""
        said = satisfaction_of(self.counts).satisfied
        return said if said.of else None

    @property
    def rated_share(self) -> float | None:
        """The share of calls that somebody rated."""
        return satisfaction_of(self.counts).rated.share

    def named(self, prefix: str) -> dict[str, int]:
        """Counts whose names begin like that, by what follows, the largest first."""
        found = {name.removeprefix(prefix): number for name, number in self.counts.items() if name.startswith(prefix)}
        return dict(sorted(found.items(), key=lambda each: (-each[1], each[0])))

    def quantiles(self, name: str = "duration", shares: Sequence[float] = (0.5, 0.95, 0.99)) -> list[float | None]:
        """Of a duration, in milliseconds."""
        found = self._sum.sketch(name).quantiles(shares)
        return [None if value is None else value / 1000 for value in found]


Points = dict[int, Figures]
"""By the second a step begins at."""


def points(series: Series, name: str, from_s: int, until_s: int, step: str) -> Points:
    """Every step of a series, those without calls too."""
    steps = series.get(name, {})
    return {at: Figures(steps.get(at)) for at in range(from_s, until_s, STEPS[step])}


def ranked(sums: Mapping[str, Sum], *, by_cost: bool = False) -> dict[str, Figures]:
    """Figures by name, the most calls first, or the most cost."""
    found = {name: Figures(each) for name, each in sums.items()}

    def place(each: tuple[str, Figures]) -> tuple[int, int, str]:
        name, figures = each
        first, second = (figures.cost, figures.calls) if by_cost else (figures.calls, figures.cost)
        return -first, -second, name

    return dict(sorted(found.items(), key=place))


def largest(names: Iterable[str], most: int = LINES) -> list[str]:
    """The first names; all of them where no more than one would be left out."""
    listed = list(names)
    return listed if len(listed) <= most + 1 else listed[:most]


def trailing(shares: Iterable[Share | None]) -> list[float | None]:
    """A share step by step, each of as many steps up to it as have `ENOUGH` to count, or of all there are: of two or
    three it would jump between nothing and all. None where a step has nothing of its own.
    """
    found: list[float | None] = []
    window: deque[Share] = deque()
    of = counted = 0
    for each in shares:
        if each is None or each.of <= 0:
            found.append(None)
            continue
        window.append(each)
        of, counted = of + each.of, counted + each.counted
        while of - window[0].of >= ENOUGH:
            first = window.popleft()
            of, counted = of - first.of, counted - first.counted
        found.append(counted / of)
    return found
