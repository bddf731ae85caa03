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
        begin_s = (now_s // DAY_S - config.period_days + 1) * DAY_S
        other = any(each.measure != "duration" for each in config.latency)
        query = Query(organisation, begin_s, now_s + 1, DAY_S, None, "model", model)
        steps = (await series(database, query, all_sketches=other)).get("", {})
        sum_ = total(steps) if steps else Sum()
        found += [standing(each, sum_) for each in objectives_of(model, config)]
    return found
