"""Bifrost's durations (`1m`, `1h`, `1d`, `1w`, `1M`, `1Q`, `1Y`), as periods of budgets and windows of limits.

There a period rolls from its last reset on, unless its owner is `calendar_aligned`; then it begins at midnight, on
Monday or on the first, in UTC, as periods do here (https://docs.getbifrost.ai/features/governance/budget-and-limits).
"""

from __future__ import annotations

import re
from typing import Literal

from headgate.importing.periods import NEVER, Fit, fit

Per = Literal["second", "minute", "hour", "day", "week", "month"]

_DURATION = re.compile(r"(\d{1,9})([smhdwMQY])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "M": 2_592_000, "Q": 7_776_000, "Y": 31_536_000}

_WINDOWS: tuple[tuple[int, Per], ...] = (
    (1, "second"), (60, "minute"), (3600, "hour"), (86_400, "day"), (604_800, "week"), (2_592_000, "month"),
)  # fmt: skip


def seconds_of(duration: object) -> int | None:
    """How long it is; None where it is no duration."""
    match = _DURATION.fullmatch(duration) if isinstance(duration, str) else None
    return int(match[1]) * _SECONDS[match[2]] if match is not None else None


def period_of(duration: object, aligned: bool) -> Fit:
    """The budget period that takes a duration's place."""
    seconds = seconds_of(duration)
    return fit(seconds, aligned=aligned) if seconds else NEVER


def window_of(duration: object) -> tuple[Per, bool] | None:
    """The window that takes a duration's place, the next longer where there is none as long, and whether it is as long;
    None for what is longer than all.
    """
    seconds = seconds_of(duration)
    if not seconds:
        return None
    return next(((per, seconds == length) for length, per in _WINDOWS if seconds <= length), None)
