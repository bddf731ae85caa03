"""How long to wait before trying again, and how often a model may."""

from __future__ import annotations

import random

from headgate.routing.config import RetryConfig

CAP_CALLS = 100
"""Calls whose share of retries can be saved up."""

REFILL_S = 5.0
"""Seconds in which one retry of the reserve comes back by itself, for models that are seldom called."""


def delay_s(config: RetryConfig, failures: int) -> float:
    """Exponential back-off with full jitter (M. Brooker, "Exponential Backoff And Jitter").

    `failures` counts those so far, from 1.
    """
    return random.uniform(0, min(config.max_s, config.base_s * 2 ** (failures - 1)))  # noqa: S311  # spreads load


class RetryBudget:
    """Retries as a share of calls: every call pays a part of a retry in, every retry takes a whole one out.

    The reserve is what a model has to begin with: enough for its breakers to see which target is down.
    """

    __slots__ = ("_cap", "_refilled", "_reserve", "_share", "_tokens")

    def __init__(self, share: float, reserve: int) -> None:
        self._share = share
        self._reserve = float(reserve) if share else 0.0
        self._cap = self._reserve + share * CAP_CALLS
        self._tokens = self._reserve
        self._refilled = 0.0

    def deposit(self) -> None:
        """Pay in for one call."""
        tokens = self._tokens + self._share
        self._tokens = min(self._cap, tokens)

    def withdraw(self, now: float) -> bool:
        """Take out one retry at monotonic second `now`; whether there was one."""
        if self._tokens < self._reserve:
            earned = (now - self._refilled) / REFILL_S if self._refilled else 0.0
            self._tokens = min(self._reserve, self._tokens + earned)
        self._refilled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
