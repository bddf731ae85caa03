"""A time is shown in steps of which there are sums."""

from __future__ import annotations

import pytest

from headgate.administration.traffic import step_of
from headgate.telemetry.config import RollupsConfig

NOW_S = 1_793_491_200
DAY_S = 86_400
KEPT = RollupsConfig(minutes_days=3, hours_days=30)


@pytest.mark.parametrize(
    ("days_ago", "hours", "asked", "step"),
    [
        (0, 3, None, "minute"),
        (0, 4, None, "hour"),
        (0, 24 * 16, None, "day"),
        (3, 1, None, "minute"),
        (3.1, 1, None, "hour"),
        (3.1, 1, "minute", "hour"),
        (29, 1, None, "hour"),
        (31, 1, None, "day"),
        (31, 1, "minute", "day"),
        (31, 1, "hour", "day"),
        (2, 1, "day", "day"),
        (400, 1, None, "day"),
    ],
)
def test_of_a_time(days_ago: float, hours: int, asked: str | None, step: str):
    from_s = int(NOW_S - days_ago * DAY_S) if days_ago else NOW_S - hours * 3_600
    assert step_of(from_s, from_s + hours * 3_600, NOW_S, KEPT, asked) == step
