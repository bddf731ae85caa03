"""How models stand to their objectives, from the sums of a database."""

from __future__ import annotations

from collections.abc import Mapping

from headgate.alerts.objectives import ObjectiveStanding, objectives_of, standing
from headgate.routing.config import ObjectivesConfig
from headgate.telemetry.rollups.reading import Fetching, Query, Sum, series, total

DAY_S = 86_400


async def standings(
    database: Fetching, organisation: str, objectives: Mapping[str, ObjectivesConfig], now_s: int
) -> list[ObjectiveStanding]:
    """Of each model with objectives, over its period up to now; whole days, and this one.

    Raises:
        StoreUnavailable: the database cannot be reached.
    """
    found: list[ObjectiveStanding] = []
    for model, config in objectives.items():
        other = any(each.measure != "duration" for each in config.latency)
        sum_ = await whole_period(database, organisation, model, config.period_days, now_s, all_sketches=other)
        found += [standing(each, sum_) for each in objectives_of(model, config)]
    return found


async def whole_period(
    database: Fetching, organisation: str, model: str, period_days: int, now_s: int, *, all_sketches: bool = False
) -> Sum:
    """What a model's calls come to over a period up to now: whole days in UTC, and this one.

    Raises:
        StoreUnavailable: the database cannot be reached.
    """
    begin_s = (now_s // DAY_S - period_days + 1) * DAY_S
    query = Query(organisation, begin_s, now_s + 1, DAY_S, None, "model", model)
    return total((await series(database, query, all_sketches=all_sketches)).get("", {}))
