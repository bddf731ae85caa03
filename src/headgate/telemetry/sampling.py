"""Which calls are in the list of calls."""

from __future__ import annotations

from random import random

from headgate.telemetry.config import CallsConfig

BURST = 2
"""How many times as many are listed of a second that brings more calls than the one before it."""


class Sampling:
    """Takes what failed or was slow, and of other calls a share: the one asked for, or less, so that about `most_per_s`
    are listed a second. Each call of a second has the same chance, which goes by how many the second before had.
    """

    def __init__(self) -> None:
        self.passed_over = 0
        """Calls that would have been listed had there been fewer of them."""
        self._second = -1
        self._calls = 0
        self._listed = 0
        self._chance = 1.0

    def kept(self, code: str | None, seconds: float, ended: float, config: CallsConfig) -> str:
        """Why a call is listed: `error`, `slow`, `sample`; empty where it is not. `code` is its error's, `ended` the
        monotonic second it was over at.
        """
        if code is not None:
            return "error"
        if seconds >= config.slow_s:
            return "slow"
        if config.sample < 1 and random() >= config.sample:  # noqa: S311
            return ""
        second = int(ended)
        if second != self._second:
            self._turn(second, config.most_per_s)
        self._calls += 1
        if self._listed >= BURST * config.most_per_s or (self._chance < 1 and random() >= self._chance):  # noqa: S311
            self.passed_over += 1
            return ""
        self._listed += 1
        return "sample"

    def _turn(self, second: int, most: int) -> None:
        """Begin a second."""
        before = self._calls if second == self._second + 1 else 0
        self._chance = most / before if before > most else 1.0
        self._second, self._calls, self._listed = second, 0, 0
