"""Synthetic traffic. What detectors know is only what the sums of calls have: counts by minute, sums by hour."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

HISTORY_HOURS = 8 * 168
DAYS = 30
HOURS = HISTORY_HOURS + DAYS * 24
KEYS = 20
MANY = 1_000
MODELS = (0.6, 0.3, 0.1)

Array = Any


@dataclass(frozen=True)
class World:
    """What traffic is like. Each seed draws its own depth of nights and weekends, growth and phase."""

    name: str = "usual"
    per_hour: float = 1_000.0
    """Calls an hour, on average over a week."""
    hour_noise: float = 0.12
    """Standard deviation of the logarithm of an hour's level about its season."""
    hour_memory: float = 0.6
    """How much of that is the hour before's."""
    day_noise: float = 0.08
    cost_sigma: float = 1.2
    """Of the logarithm of what a call costs."""
    cost_tail: float = 0.0
    """Share of calls whose cost has a Pareto tail of index 2 (of infinite variance) besides."""
    error_rate: tuple[float, float] = (0.005, 0.02)
    latency_sigma: float = 0.7
    latency_noise: float = 0.06
    slow_share: float = 0.0
    """Share of calls that take ten times as long."""
    holidays: int = 0
    """Days of the thirty with three tenths of the traffic, none of them in the past."""
    bursts: float = 0.0
    """Of negative binomial counts: the variance of a minute's level. 0 for Poisson."""

    def at(self, per_hour: float) -> World:
        return replace(self, per_hour=per_hour)


USUAL = World()
WORLDS = (
    USUAL,
    World("heavy tails", cost_sigma=1.8, cost_tail=0.01, latency_sigma=1.1, slow_share=0.02),
    World("holidays", holidays=2),
    World("bursts", bursts=0.5, hour_noise=0.25),
)


class Traffic:
    """Eight weeks and thirty days of one seed."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.rng = np.random.default_rng([seed, 20_261_126])
        self.level = self._level()
        """Calls expected in each hour, noise included."""

    def _level(self) -> Array:
        rng, world = self.rng, self.world
        hours = np.arange(HOURS)
        night, weekend = rng.uniform(0.15, 0.4), rng.uniform(0.3, 0.8)
        phase, growth = rng.integers(24), rng.uniform(-0.01, 0.03)
        daily = night + (1 - night) * (0.5 - 0.5 * np.cos(2 * np.pi * (hours + phase) / 24)) ** 1.5
        weekly = np.where((hours // 24) % 7 >= 5, weekend, 1.0)
        season = daily * weekly
        season /= season[:168].mean()
        noise = autocorrelated(rng, HOURS, world.hour_noise, world.hour_memory)
        days = np.repeat(rng.normal(0, world.day_noise, HOURS // 24), 24)
        level = world.per_hour * season * np.exp(noise + days) * (1 + growth) ** (hours / 168)
        for day in rng.choice(np.arange(1, DAYS - 1), world.holidays, replace=False):
            begin = HISTORY_HOURS + int(day) * 24
            level[begin : begin + 24] *= 0.3
        return level

    def minutes(self, level: Array) -> Array:
        """Calls in each minute, of a level by hour."""
        rate = np.repeat(level / 60, 60)
        if self.world.bursts:
            shape = 1 / self.world.bursts
            rate = rate * self.rng.gamma(shape, 1 / shape, len(rate))
        return self.rng.poisson(rate)

    def cost_series(self, calls: Array, factor: Array, begin: int) -> tuple[Array, Array]:
        """Costs by minute, from one minute on, and by hour: of the past by hour alone."""
        hours = begin // 60
        past = self.costs(calls[: hours * 60].reshape(-1, 60).sum(axis=1))
        minutes = np.concatenate([np.zeros(hours * 60), self.costs(calls[hours * 60 :]) * factor[hours * 60 :]])
        return minutes, np.concatenate([past, minutes[hours * 60 :].reshape(-1, 60).sum(axis=1)])

    def costs(self, calls: Array) -> Array:
        """What the calls of each time cost together, in dollars: a cent each, more or less. Sums of more than 1,000 calls
        have the moments of such sums.
        """
        many = (calls > MANY) & (self.world.cost_tail == 0)
        variance = np.expm1(self.world.cost_sigma**2)
        found = np.zeros(len(calls))
        found[many] = 0.01 * variance * self.rng.gamma(calls[many] / variance)
        found[~many] = self._costs(calls[~many])
        return found

    def _costs(self, calls: Array) -> Array:
        world, rng = self.world, self.rng
        found = np.zeros(len(calls))
        for begin in range(0, len(calls), 4_096):
            part = calls[begin : begin + 4_096]
            total = int(part.sum())
            if not total:
                continue
            costs = 0.01 * np.exp(rng.normal(-(world.cost_sigma**2) / 2, world.cost_sigma, total))
            if world.cost_tail:
                tailed = rng.random(total) < world.cost_tail
                costs[tailed] *= 1 + rng.pareto(2.0, int(tailed.sum())) * 10
            owner = np.repeat(np.arange(len(part)), part)
            found[begin : begin + 4_096] = np.bincount(owner, costs, len(part))
        return found

    def latency_level(self) -> Array:
        """The median duration of each hour, in seconds: slower where there is much to do."""
        load = self.level / self.level.mean()
        noise = autocorrelated(self.rng, HOURS, self.world.latency_noise, 0.6)
        return np.exp(0.1 * np.clip(load - 1, -1, 2) + noise)

    def slower_than(self, limit: Array, median: Array) -> Array:
        """The chance of a call to take longer than a limit, where its median is such."""
        world = self.world
        chance = upper((np.log(limit) - np.log(median)) / world.latency_sigma)
        slow = upper((np.log(limit) - np.log(median * 10)) / world.latency_sigma)
        return (1 - world.slow_share) * chance + world.slow_share * slow

    def quantile_log(self, share: float, median: Array, calls: Array) -> Array:
        """The logarithm of a quantile as an hour's sample has it: the true one, and what sampling adds."""
        world = self.world
        at = np.linspace(-8 * world.latency_sigma, 8 * world.latency_sigma + 3, 20_001)
        above = self.slower_than(np.exp(at), np.ones(1))
        true = float(np.interp(share, 1 - above, at))
        dense = float(np.interp(true, at, np.gradient(1 - above, at)))
        error = np.sqrt(share * (1 - share) / np.maximum(calls, 1)) / dense
        return np.log(median) + true + error * self.rng.normal(size=len(median))


def autocorrelated(rng: Any, number: int, deviation: float, memory: float) -> Array:
    """Normal noise with that standard deviation, each value a share of the one before."""
    shocks = rng.normal(0, deviation * np.sqrt(1 - memory**2), number)
    found = np.empty(number)
    last = rng.normal(0, deviation)
    for at in range(number):
        last = found[at] = memory * last + shocks[at]
    return found


def upper(z: Array) -> Array:
    """The normal distribution's upper tail (W. J. Cody's rational functions are in math.erfc; a table is quick enough)."""
    return np.interp(z, _Z, _UPPER)


def _table() -> tuple[Array, Array]:
    from math import erfc, sqrt

    z = np.linspace(-9, 9, 20_001)
    return z, np.array([erfc(each / sqrt(2)) / 2 for each in z])


_Z, _UPPER = _table()
