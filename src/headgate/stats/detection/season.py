"""What is usual at an hour of the week, and how far apart hours of that kind lie, from sums by hour.

The usual is the median of the same hour in the weeks before, which one week with an incident or a holiday does not
move. The spread is of logarithms, the larger of two estimates from the same hours of the day (and those beside them) in
four weeks: 1.4826 times the median absolute deviation (F. R. Hampel, "The Influence Curve and its Role in Robust
Estimation", JASA 69 (1974), 383-393), and what the upper decile says, since sums of heavy-tailed amounts are skewed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from math import exp, pi
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from numpy.typing import NDArray

WEEK, DAY = 168, 24

WEEKS = 8
"""Weeks that are looked back."""

HOURS = WEEKS * WEEK

LEAST_WEEKS = 3
"""Same hours of the week from which on there is a season."""

LEAST_DAYS = 3
"""Same hours of the day from which on there is something to compare with at all."""

SPREAD_DAYS = 28
LEAST_LOGS = 6

GOES_ON = 0.7
"""The share of hours with anything in them from which on a series is not one that comes and goes."""
LEVEL_HOURS = 48
RECENT_HOURS = 2
"""What may be an incident under way is not taken for a new level."""

MOST_LEVEL = 20.0
LEAST_SPREAD = 0.03


class Expected(NamedTuple):
    """What is usual in an hour. The three differ where there is no season yet, and days may be unlike each other."""

    low: float
    middle: float
    high: float


class Season:
    """A series by hour, the last `HOURS` of it at most. NaN stands for an hour of which nothing is known."""

    def __init__(self, values: Sequence[float], end_hour: int) -> None:
        """`end_hour` is the first hour (since 1970, UTC) that is not in it."""
        import numpy as np  # 80 ms, which who only imports the library should not wait for

        given = np.asarray(values, dtype=float)[-HOURS:]
        there = np.flatnonzero(np.nan_to_num(given) > 0)
        begin = int(there[0]) if len(there) else len(given)
        self.age_hours = len(given) - begin
        """Since the first hour with anything in it."""
        self.end_hour = end_hour
        self._values: NDArray[Any] = np.full(HOURS, np.nan)
        if self.age_hours:
            self._values[HOURS - self.age_hours :] = given[begin:]
        self._begin_hour = end_hour - HOURS
        self._spreads: dict[int, float] = {}
        self._medians: dict[int, float | None] = {}

    @property
    def seasonal(self) -> bool:
        """Whether there are weeks enough."""
        return self.age_hours >= LEAST_WEEKS * WEEK

    def expected(self, hour: int) -> Expected | None:
        """What is usual in an hour at or after the end; None where nothing can be said."""
        if self.seasonal:
            middle = self._of_week(hour)
            return None if middle is None else Expected(middle, middle * self.level, middle * self.level)
        return self._of_day(hour)

    @cached_property
    def level(self) -> float:
        """How much more there has been in the last two days than in the weeks before, 1 at least: what has grown for
        good is not told of for ever, and a holiday does not make the day after it look like a surge.
        """
        import numpy as np

        last = slice(HOURS - RECENT_HOURS - LEVEL_HOURS, HOURS - RECENT_HOURS)
        usual = self._weekly[last]
        known = usual > 0
        if known.sum() < LEVEL_HOURS // 4:
            return 1.0
        ratio = float(np.nanmedian(self._values[last][known] / usual[known]))
        return min(max(ratio, 1.0), MOST_LEVEL) if ratio == ratio else 1.0

    def spread(self, hour: int, hours: float = 1.0) -> float:
        """The robust standard deviation of the logarithm of sums of such an hour about what is usual, or of that part
        of one: a shorter time differs more, as far as that comes from how few calls there are in it.
        """
        found = self._spreads.get(hour % DAY)
        if found is None:
            found = self._spreads[hour % DAY] = self._spread(hour)
        if hours >= 1:
            return found
        expected = self.expected(hour)
        if expected is None or expected.middle <= 0:
            return found / hours**0.5
        return min(found / hours**0.5, (found**2 + self.chance / expected.middle * (1 / hours - 1)) ** 0.5)

    def _spread(self, hour: int) -> float:
        logs = self._logs(hour)
        return _robust(logs) * self._small if len(logs) >= LEAST_LOGS else 1.0

    @cached_property
    def chance(self) -> float:
        """What of the variance of an hour's logarithm is in inverse proportion to what is usual, and so comes from
        single calls, times what is usual: from how much more busy and quiet hours differ.
        """
        import numpy as np

        usual = (self._weekly if self.seasonal else self._daily)[-SPREAD_DAYS * DAY :]
        values = self._values[-SPREAD_DAYS * DAY :]
        known = (usual > 0) & (values > 0)
        if known.sum() < 4 * LEAST_LOGS:
            return 0.0
        logs, inverse = np.log(values[known] / usual[known]), 1 / usual[known]
        busy = inverse <= np.median(inverse)
        if busy.all():
            return 0.0
        more = _robust(logs[~busy]) ** 2 - _robust(logs[busy]) ** 2
        apart = float(inverse[~busy].mean() - inverse[busy].mean())
        return max(0.0, more / apart) * self._small**2 if apart > 0 else 0.0

    def quiet(self, hour: int) -> float:
        """The share of what is usual that an hour may well have without anything being wrong, at most a half: what one
        hour in a hundred has not had, or four times the spread below.
        """
        return max(0.0, min(0.5, self._seldom, exp(-4 * self.spread(hour))))

    @cached_property
    def _seldom(self) -> float:
        import numpy as np

        usual = self._weekly
        known = (usual > 0) & ~np.isnan(self._values)
        return float(np.quantile(self._values[known] / usual[known], 0.01)) if known.any() else 0.0

    def last(self, hours: int) -> list[float]:
        """The last hours before the end; 0 for those of which nothing is known."""
        import numpy as np

        return [float(each) for each in np.nan_to_num(self._values[-hours:])]

    def most(self, hour: int) -> float:
        """The highest sum but one (an incident of an hour is not taken for what is usual): of such hours of the day and
        those beside them where the series goes on by day and night, else of all hours.
        """
        import numpy as np

        values = self._values
        if self._goes_on:
            at = np.arange(HOURS)
            values = values[np.isin((at + self._begin_hour - hour + 1) % DAY, (0, 1, 2))]
        known = np.sort(values[~np.isnan(values)])
        return float(known[-2]) if len(known) > 1 else 0.0

    @cached_property
    def _goes_on(self) -> bool:
        import numpy as np

        last = np.nan_to_num(self._values[-min(SPREAD_DAYS * DAY, max(1, self.age_hours)) :])
        return float((last > 0).mean()) >= GOES_ON

    def ever_at(self, hour: int) -> tuple[int, int]:
        """On how many of the days there was anything at that hour of the day or the ones beside it, and of how many."""
        import numpy as np

        days = HOURS // DAY
        near = np.zeros(days, dtype=bool)
        for offset in (-1, 0, 1):
            first = (hour + offset - self._begin_hour) % DAY
            column = np.nan_to_num(self._values[first::DAY]) > 0
            near[: len(column)] |= column
        return int(near.sum()), min(days, self.age_hours // DAY)

    @property
    def _small(self) -> float:
        """By what the spread about a median of weeks that an hour is one of is too small for an hour that is none: the
        variance of a median is pi/2 times that of a mean.
        """
        weeks = max(LEAST_WEEKS, min(WEEKS, self.age_hours // WEEK))
        of_median = pi / 2 / weeks
        return ((1 + of_median) / (1 - of_median)) ** 0.5

    @cached_property
    def _weekly(self) -> NDArray[Any]:
        """What is usual in each hour of the past."""
        import numpy as np

        weeks = self._values.reshape(WEEKS, WEEK)
        with np.errstate(all="ignore"):
            known = (~np.isnan(weeks)).sum(axis=0) > 0
            medians = np.zeros(WEEK)
            medians[known] = np.nanmedian(weeks[:, known], axis=0)
        return np.tile(medians, WEEKS)

    def _of_week(self, hour: int) -> float | None:
        import numpy as np

        at = (hour - self._begin_hour) % WEEK
        if at not in self._medians:
            same = self._values[at::WEEK]
            same = same[~np.isnan(same)]
            self._medians[at] = float(np.median(same)) if len(same) >= LEAST_WEEKS else None
        return self._medians[at]

    def _of_day(self, hour: int) -> Expected | None:
        """Of the days there are: what the quietest and the busiest of them had."""
        import numpy as np

        same = self._values[(hour - self._begin_hour) % DAY :: DAY]
        same = same[~np.isnan(same)]
        if len(same) < LEAST_DAYS:
            return None
        return Expected(float(same.min()), float(np.median(same)), float(same.max()))

    def _logs(self, hour: int) -> NDArray[Any]:
        """Logarithms of what there was to what is usual, at such hours of the day."""
        import numpy as np

        first = HOURS - SPREAD_DAYS * DAY
        usual = self._weekly if self.seasonal else self._daily
        at = np.arange(first, HOURS)
        near = np.isin((at + self._begin_hour - hour + 1) % DAY, (0, 1, 2))
        near &= ~np.isnan(self._values[first:])
        values, base = self._values[first:][near], usual[first:][near]
        positive = self._values[self._values > 0]
        bit = 0.05 * float(np.median(positive)) if len(positive) else 1.0
        logs: NDArray[Any] = np.log((values + bit) / (base + bit))
        return logs

    @cached_property
    def _daily(self) -> NDArray[Any]:
        import numpy as np

        days = self._values.reshape(HOURS // DAY, DAY)
        known = (~np.isnan(days)).sum(axis=0) > 0
        medians = np.zeros(DAY)
        medians[known] = np.nanmedian(days[:, known], axis=0)
        return np.tile(medians, HOURS // DAY)


def _robust(logs: NDArray[Any]) -> float:
    """A standard deviation that outliers do not move, and a long upper tail does."""
    import numpy as np

    middle = float(np.median(logs))
    deviation = 1.4826 * float(np.median(np.abs(logs - middle)))
    upper = (float(np.quantile(logs, 0.9)) - middle) / 1.2816
    return max(deviation, upper, LEAST_SPREAD)
