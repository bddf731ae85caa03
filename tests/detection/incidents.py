"""Incidents, and how long each takes to be told of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from detection.traffic import HISTORY_HOURS, HOURS, KEYS, MODELS, Array, Traffic, World
from detection.watching import (
    FIRST,
    PIPELINE,
    Window,
    cost_alerts,
    error_alerts,
    key_alerts,
    latency_bases,
    loss_alerts,
    share_alerts,
    token_alerts,
)
from headgate.alerts.builtin import BUILTIN
from headgate.alerts.habits import DAY_S, Habits, new_pairs
from headgate.stats.detection.shifts import ALPHA

LATENCY_FACTOR = 2.0
"""The drift is to be told once durations are so many times what they were."""

DRIFT_MINUTES = 360
DRIFT_TO = 3.0

COST_FACTOR = 4.0
ERROR_SHARE = 0.4
KEY_FACTOR = 10.0
KEY_LEAST = 100.0


@dataclass(frozen=True)
class Kind:
    """One kind of incident."""

    name: str
    bar: int
    """Minutes within which it is to be told."""
    what: str
    run: Callable[[World, int], float | None]
    """Minutes until it was told, in one seed; None for not within three hours of the bar."""


def _onset(traffic: Traffic) -> int:
    """A minute of the thirty days, any hour of any day."""
    return int(traffic.rng.integers((HISTORY_HOURS + 24) * 60, (HOURS - 24) * 60))


def _delay(alerts: list[int], onset: int) -> float | None:
    after = [at for at in alerts if at > onset]
    return after[0] - onset + PIPELINE if after else None


def _near(onset: int, minutes: int) -> Window:
    return Window(onset - 30, onset + minutes)


def by_hour(minutes: Array) -> Array:
    return minutes.reshape(-1, 60).sum(axis=1)


def error_burst(world: World, seed: int) -> float | None:
    traffic = Traffic(world, seed)
    onset = _onset(traffic)
    calls = traffic.minutes(traffic.level * MODELS[0])
    share = np.full(len(calls), traffic.rng.uniform(*world.error_rate))
    share[onset : onset + 60] = ERROR_SHARE
    failed = traffic.rng.binomial(calls, share)
    return _delay(error_alerts(failed, calls, _near(onset, 60)), onset)


def traffic_loss(world: World, seed: int) -> float | None:
    traffic = Traffic(world, seed)
    onset = _onset(traffic)
    calls = traffic.minutes(traffic.level)
    calls[onset : onset + 180] = 0
    return _delay(loss_alerts(calls, by_hour(calls), _near(onset, 180)), onset)


def slow_drift(world: World, seed: int) -> float | None:
    """Told from the moment on at which durations are `LATENCY_FACTOR` times what they were; before it counts as at once."""
    traffic = Traffic(world, seed)
    begin = _onset(traffic)
    ramp = np.ones(HOURS * 60)
    ramp[begin : begin + DRIFT_MINUTES] = np.linspace(1, DRIFT_TO, DRIFT_MINUTES)
    ramp[begin + DRIFT_MINUTES : begin + DRIFT_MINUTES + 180] = DRIFT_TO
    onset = begin + int(DRIFT_MINUTES * (LATENCY_FACTOR - 1) / (DRIFT_TO - 1))
    alerts = latency_alerts(traffic, MODELS[0], Window(begin, onset + 240), ramp)
    return None if not alerts else max(float(PIPELINE), alerts[0] - onset + PIPELINE)


def latency_alerts(traffic: Traffic, share: float, window: Window, ramp: Array | None = None) -> list[int]:
    """When the rule fires for one model: at either of its quantiles."""
    config = BUILTIN["latency"].latency
    assert config is not None
    calls = traffic.minutes(traffic.level * share)
    hourly = by_hour(calls)
    level = traffic.latency_level()
    slower = np.ones(HOURS) if ramp is None else ramp.reshape(-1, 60).mean(axis=1)
    median = np.repeat(level, 60) * (1.0 if ramp is None else ramp)
    found: list[int] = []
    for quantile in config.quantiles:
        base = latency_bases(traffic.quantile_log(quantile, level * slower, hourly), hourly, quantile)
        limits = np.full(HOURS, np.inf)
        for hour in range(window.begin // 60, min(HOURS, window.end // 60 + 1)):
            usual = base(hour)
            if usual is not None:
                limits[hour] = usual.limit(config.factor)
        chance = traffic.slower_than(np.repeat(limits, 60), median)
        slow = traffic.rng.binomial(calls, chance)
        found += share_alerts(slow, calls, 1 - quantile, config.min_calls, config.window_s, "latency", window, ALPHA)
    return sorted(found)


def cost_spike(world: World, seed: int) -> float | None:
    traffic = Traffic(world, seed)
    onset = _onset(traffic)
    end = onset // 60 * 60 + 360
    calls = traffic.minutes(traffic.level)[:end]
    factor = np.ones(len(calls))
    factor[onset : onset + 120] = COST_FACTOR
    costs, hours = traffic.cost_series(calls, factor, onset - 180)
    return _delay(cost_alerts(costs, hours, _near(onset, 120)), onset)


def key_shares(traffic: Traffic) -> Array:
    """What each key has of the calls: a few have most."""
    weights = 1 / np.arange(1, KEYS + 1) ** 0.8
    return weights / weights.sum()


def key_calls(traffic: Traffic, share: float) -> Array:
    """One key's calls by minute: it has noise of its own besides."""
    own = np.exp(traffic.rng.normal(0, 0.2, HOURS))
    return traffic.minutes(traffic.level * share * own)


def noisy_key(world: World, seed: int) -> float | None:
    """One of the keys makes ten times its usual calls, and a hundred an hour at least."""
    traffic = Traffic(world, seed)
    onset = _onset(traffic)
    share = float(traffic.rng.choice(key_shares(traffic)))
    calls = key_calls(traffic, share)
    more = np.maximum(traffic.level[onset // 60 : onset // 60 + 4] * share * (KEY_FACTOR - 1), KEY_LEAST) / 60
    extra = traffic.rng.poisson(np.repeat(more, 60))[onset % 60 :][:120]
    calls[onset : onset + len(extra)] += extra
    return _delay(key_alerts(calls, by_hour(calls), _near(onset, 120)), onset)


def new_model(world: World, seed: int) -> float | None:
    """A key makes its first call of another model: counted from that call on. Whatever is in today's sums has been used."""
    onset = _onset(Traffic(world, seed))
    first = onset + 1
    looked = -(-first // 5) * 5
    earlier = Habits({("key", "chat")}, {"key": 0})
    today = [("key", "chat"), ("key", "other")]
    told = new_pairs(earlier, today, first * 60 // DAY_S * DAY_S, 7)
    return float(looked - onset + PIPELINE) if told == [("key", "other")] else None


KINDS = (
    Kind("error burst", 5, f"{ERROR_SHARE:.0%} of a model's calls fail, after 0.5 to 2 %", error_burst),
    Kind("traffic loss", 10, "no call comes any more", traffic_loss),
    Kind("slow drift", 15, f"durations rise to {DRIFT_TO:g} times within {DRIFT_MINUTES // 60} h; counted from "
         f"{LATENCY_FACTOR:g} times on", slow_drift),
    Kind("cost spike", 30, f"all calls cost {COST_FACTOR:g} times as much", cost_spike),
    Kind("noisy key", 60, f"one of {KEYS} keys makes {KEY_FACTOR:g} times its calls, {KEY_LEAST:g} an hour at least", noisy_key),
    Kind("new model", 60, "a key makes its first call of another model", new_model),
)  # fmt: skip


# ── thirty days without any ──


def false_alarms(world: World, seed: int) -> dict[str, int]:
    """Alerts of each rule in thirty days in which nothing happens."""
    traffic = Traffic(world, seed)
    whole = Window()
    calls = traffic.minutes(traffic.level)
    hourly = by_hour(calls)
    costs, spent = traffic.cost_series(calls, np.ones(len(calls)), FIRST)
    found = {
        "traffic": len(loss_alerts(calls, hourly, whole)),
        "cost": len(cost_alerts(costs, spent, whole)),
        "errors": 0,
        "latency": 0,
        "keys": 0,
    }
    for share in MODELS:
        found["errors"] += len(error_alerts(*_failing(traffic, share), whole))
        found["latency"] += len(latency_alerts(traffic, share, whole))
    for share in key_shares(traffic):
        found["keys"] += len(key_alerts(own := key_calls(traffic, float(share)), by_hour(own), whole))
        found["keys"] += len(_token_alerts(traffic, own, whole))
    return found


def _failing(traffic: Traffic, share: float) -> tuple[Array, Array]:
    """A model's failures: a rate of its own by the hour, and one minute in a thousand with ten times as many."""
    calls = traffic.minutes(traffic.level * share)
    rate = traffic.rng.uniform(*traffic.world.error_rate) * np.exp(traffic.rng.normal(0, 0.3, HOURS))
    rates = np.repeat(rate, 60) * np.where(traffic.rng.random(len(calls)) < 0.001, 10, 1)
    return traffic.rng.binomial(calls, np.clip(rates, 0, 1)), calls


def _token_alerts(traffic: Traffic, calls: Array, window: Window) -> list[int]:
    """A key's tokens per call: a thousand, more or less, of heavy-tailed calls."""
    pieces = calls.reshape(-1, 5).sum(axis=1)
    return token_alerts(traffic.costs(pieces) * 1e5, pieces, window)
