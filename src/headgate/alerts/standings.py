"""How models stand to their objectives, from the sums of a database."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from headgate.alerts.objectives import Objective, Objectives, ObjectiveStanding, objectives_of, standing
from headgate.telemetry.rollups.reading import Fetching, Query, Sum, series, total

MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400

WINDOWS_S = {"1h": HOUR_S, "6h": 6 * HOUR_S, "1d": DAY_S, "3d": 3 * DAY_S}
"""Over what burn rates are told: the long windows of the rules there are."""


async def standings(
    database: Fetching, organisation: str, objectives: Objectives, now_s: int
) -> list[ObjectiveStanding]:
    """Of each model with objectives, over its period up to now; whole days, and this one.

    Raises:
        StoreUnavailable: the database cannot be reached.
    """
    found: list[ObjectiveStanding] = []
    for model, config in objectives.by_model.items():
        other = any(each.measure != "duration" for each in config.latency)
        sums = Sums(database, organisation, objectives, model)
        sum_ = await sums.whole_period(config.period_days, now_s, all_sketches=other)
        found += [standing(each, sum_) for each in objectives_of(model, config)]
    return found


class Sums:
    """What the calls of one model with objectives come to. Those of a pattern are counted by the names asked for."""

    def __init__(self, database: Fetching, organisation: str, objectives: Objectives, model: str) -> None:
        self._database = database
        self._organisation = organisation
        self._objectives = objectives
        self._model = model

    async def whole_period(self, period_days: int, now_s: int, *, all_sketches: bool = False) -> Sum:
        """Over a period up to now: whole days in UTC, and this one.

        Raises:
            StoreUnavailable: the database cannot be reached.
        """
        begin_s = (now_s // DAY_S - period_days + 1) * DAY_S
        return total(await self.steps(begin_s, now_s + 1, DAY_S, all_sketches=all_sketches))

    async def steps(self, from_s: int, until_s: int, step_s: int, *, all_sketches: bool) -> dict[int, Sum]:
        """By the second at which each step begins. Of durations other than `duration` only with `all_sketches`.

        Raises:
            StoreUnavailable: the database cannot be reached.
        """
        query = Query(self._organisation, from_s, until_s, step_s)
        if not self._model.endswith("*"):
            query = query._replace(fixed="model", name=self._model)
            return (await series(self._database, query, all_sketches=all_sketches)).get("", {})
        found: dict[int, Sum] = {}
        named = await series(self._database, query._replace(group="model"), all_sketches=all_sketches)
        for name, steps in named.items():
            if self._objectives.covers(self._model, name):
                for at_s, sum_ in steps.items():
                    found.setdefault(at_s, Sum()).merge(sum_)
        return found


async def burning(
    database: Fetching,
    organisation: str,
    objectives: Objectives,
    stand: Sequence[ObjectiveStanding],
    now_s: int,
) -> list[ObjectiveStanding]:
    """The same standings, with how fast their error budgets burnt lately.

    Raises:
        StoreUnavailable: the database cannot be reached.
    """
    rates: dict[tuple[str, str], dict[str, float | None]] = {}
    for model, config in objectives.by_model.items():
        shares = [each for each in objectives_of(model, config) if each.is_share]
        other = any(each.measure != "duration" for each in config.latency)
        sums = Sums(database, organisation, objectives, model)
        for window, seconds in WINDOWS_S.items() if shares else ():
            step_s = MINUTE_S if seconds <= HOUR_S else HOUR_S
            sum_ = total(await sums.steps(now_s - seconds, now_s + 1, step_s, all_sketches=other))
            for each in shares:
                rates.setdefault((model, each.name), {})[window] = _rate(each, sum_)
    return [replace(each, burn_rates=rates.get((each.model, each.objective), {})) for each in stand]


def _rate(objective: Objective, sum_: Sum) -> float | None:
    bad, calls = objective.bad(sum_)
    return bad / calls / objective.budget if calls else None
