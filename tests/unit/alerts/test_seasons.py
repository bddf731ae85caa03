"""What is usual where clocks are changed: summer time ended in Berlin on 25 October 2026."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from headgate.alerts.traffic import HOUR_S, seasons_of
from headgate.config import loads
from headgate.errors import ConfigError
from headgate.stats.detection import loss, surge
from headgate.stats.detection.season import HOURS

BERLIN = ZoneInfo("Europe/Berlin")
SUNDAY = int(datetime(2026, 10, 25, 2, tzinfo=timezone(timedelta(hours=1))).timestamp()) // HOUR_S


def calls(hour: int) -> int:
    """A thousand calls an hour where people work, from eight to six."""
    now = datetime.fromtimestamp(hour * HOUR_S, UTC).astimezone(BERLIN)
    return 1_000 if now.weekday() < 5 and 8 <= now.hour < 18 else 0


def told(zone: str, weeks: int) -> int:
    """Alarms of the hours of a week, so many weeks after the clocks were changed, in which nothing is unusual."""
    found = 0
    for hour in range(SUNDAY + 168 * weeks + 24, SUNDAY + 168 * weeks + 72):
        first = hour - HOURS
        rows = {each: (calls(each), calls(each) / 100, 0) for each in range(first, hour)}
        past, now, end_s = seasons_of(rows, first, hour, zone), calls(hour), (hour + 1) * HOUR_S
        found += loss([(300, now // 12), (3_600, now)], past.calls, end_s, 0.1).standing == "bad"
        found += surge([now / 1_200] * 12, past.cost, end_s, 2.0, 1.0).standing == "bad"
    return found


@pytest.mark.parametrize("weeks", [0, 3])
def test_who_begins_at_eight_does_so_in_winter_too(weeks: int):
    assert told("UTC", weeks) > 0, "without a time zone those mornings and evenings are unusual"
    assert told("Europe/Berlin", weeks) == 0


def test_clocks_that_were_not_changed_move_nothing():
    first = SUNDAY + 200
    rows = {each: (each, 1.0, 2) for each in range(first, first + HOURS)}
    for zone in ("UTC", "Asia/Kolkata", "Europe/Berlin"):
        assert seasons_of(rows, first, first + HOURS, zone).calls.last(3) == [
            first + HOURS - each for each in (3, 2, 1)
        ]


def test_a_time_zone_there_is_not_is_a_mistake():
    with pytest.raises(ConfigError, match="Europe/Berlin"):
        loads("providers: {sim: {kind: simulator}}\nalerts: {timezone: Europe/Berlim}\n", "headgate.yaml", {})
