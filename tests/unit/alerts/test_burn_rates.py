"""How fast error budgets burnt lately."""

from __future__ import annotations

import pytest

from alerting import Watched
from headgate.alerts.objectives import objectives_in
from headgate.alerts.standings import burning, standings

MODELS = "{chat: {targets: [sim/a], objectives: {availability: 0.99, cost: {period_usd: 5}}}, idle: {targets: [sim/a]}}"


async def test_a_budget_burns_as_many_times_as_fast_as_it_lasts_as_calls_are_bad():
    async with Watched(models=MODELS) as watched:
        watched.clock.advance(1_800)
        failing = {"calls": 20, "failed": 2, "error.timeout": 2}
        await watched.lately(5, failing, cube="model", first="chat")
        await watched._write(3_600, watched.hour_s - 10 * 3_600, {"calls": 900}, cube="model", first="chat")
        objectives = objectives_in(watched.config.models)
        stand = await standings(watched.database, "default", objectives, watched.now_s)
        share, cost = await burning(watched.database, "default", objectives, stand, watched.now_s)
        assert share.burn_rates == {each: pytest.approx(rate) for each, rate in
                                    {"1h": 10, "6h": 10, "1d": 1, "3d": 1}.items()}  # fmt: skip
        assert (cost.objective, cost.burn_rates) == ("cost", {})


async def test_without_calls_nothing_burns():
    async with Watched(models=MODELS) as watched:
        objectives = objectives_in(watched.config.models)
        stand = await standings(watched.database, "default", objectives, watched.now_s)
        share, _ = await burning(watched.database, "default", objectives, stand, watched.now_s)
        assert share.burn_rates == {"1h": None, "6h": None, "1d": None, "3d": None}
