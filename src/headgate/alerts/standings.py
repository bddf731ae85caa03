"""How models stand to their objectives, from the sums of a database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from headgate.alerts.objectives import Objective, ObjectiveStanding, objectives_of, standing
from headgate.routing.config import ObjectivesConfig
from headgate.telemetry.rollups.reading import Fetching, Query, Sum, series, total, totals

MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400

WINDOWS_S = {"1h": HOUR_S, "6h": 6 * HOUR_S, "1d": DAY_S, "3d": 3 * DAY_S}
"""Over what burn rates are told: the long windows of the rules there are."""


async def standings(
    database: Fetching, organisation: str, objectives: Mapping[str, ObjectivesConfig], now_s: int
) -> list[ObjectiveStanding]:
    """Of each model with objectives, over its period up to now; whole days, and this one.

    Raises:
        StoreUnavailable: the database cannot be reached.
    """
    found: list[ObjectiveStanding] = []
    for model, config in objectives.items():
        begin_s = (now_s // DAY_S - config.period_days + 1) * DAY_S
        other = any(each.measure != "duration" for each in config.latency)
        query = Query(organisation, begin_s, now_s + 1, DAY_S, None, "model", model)
        steps = (await series(database, query, all_sketches=other)).get("", {})
        sum_ = total(steps) if steps else Sum()
        found += [standing(each, sum_) for each in objectives_of(model, config)]
    return found


async def burning(
    database: Fetching,
    organisation: str,
    objectives: Mapping[str, ObjectivesConfig],
    stand: Sequence[ObjectiveStanding],
    now_s: int,
) -> list[ObjectiveStanding]:
    """The same standings, with how fast their error budgets burnt lately.

    Raises:
        StoreUnavailable: the database cannot be reached.
    """
    rates: dict[tuple[str, str], dict[str, float | None]] = {}
    for model, config in objectives.items():
        shares = [each for each in objectives_of(model, config) if each.is_share]
        other = any(each.measure != "duration" for each in config.latency)
        for window, seconds in WINDOWS_S.items() if shares else ():
            step_s = MINUTE_S if seconds <= HOUR_S else HOUR_S
            query = Query(organisation, now_s - seconds, now_s + 1, step_s, None, "model", model)
            sum_ = (await totals(database, query, all_sketches=other)).get("", Sum())
            for each in shares:
                rates.setdefault((model, each.name), {})[window] = _rate(each, sum_)
    return [replace(each, burn_rates=rates.get((each.model, each.objective), {})) for each in stand]


def _rate(objective: Objective, sum_: Sum) -> float | None:
    bad, calls = objective.bad(sum_)
    return bad / calls / objective.budget if calls else None
