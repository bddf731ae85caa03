"""What becomes of an alert: pending, hysteresis, no data; silences and maintenance windows."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.alerts.silences import active, silences
from headgate.alerts.states import GONE_S, State, step
from headgate.stats.detection import Standing
from headgate.storage.records import AlertSilence

SECOND = 1_000_000


def played(*said: tuple[float, Standing], for_s: float = 0, clear_s: float = 300) -> list[str]:
    """States, and what was told, of what was said at some seconds."""
    state, found = State(), list[str]()
    for at_s, standing in said:
        state, change = step(state, standing, int(at_s * SECOND), for_s, clear_s)
        found.append(change or state.status)
    return found


def test_what_is_bad_fires_and_what_is_fine_for_long_enough_is_over():
    assert played((0, "bad"), (60, "fine"), (300, "fine"), (360, "fine")) == ["fired", "firing", "firing", "resolved"]


def test_what_is_bad_again_begins_the_wait_anew():
    said = ((0, "bad"), (60, "fine"), (300, "bad"), (400, "fine"), (600, "fine"), (700, "fine"))
    assert played(*said)[-2:] == ["firing", "resolved"]


def test_what_must_last_is_pending_first():
    assert played((0, "bad"), (60, "bad"), (120, "bad"), for_s=120) == ["pending", "pending", "fired"]
    assert played((0, "bad"), (60, "fine"), (120, "bad"), for_s=120) == ["pending", "ok", "pending"]


def test_what_is_unclear_neither_begins_nor_ends():
    assert played((0, "unclear")) == ["ok"]
    assert played((0, "bad"), (60, "fine"), (400, "unclear"), (500, "fine"))[-1] == "firing"
    assert played((0, "bad"), (60, "unclear"), (120, "bad"), for_s=120) == ["pending", "pending", "fired"]


def test_an_alert_outlives_hours_without_data_and_not_for_ever():
    assert played((0, "no_data"), (60, "bad")) == ["no_data", "fired"]
    said = ((0, "bad"), (60, "no_data"), (GONE_S, "no_data"), (GONE_S + 60, "no_data"))
    assert played(*said) == ["fired", "firing", "firing", "resolved"]


@given(st.lists(st.sampled_from(["bad", "unclear", "fine", "no_data"]), max_size=40), st.sampled_from([0, 120, 600]))
def test_what_is_told_alternates(said: list[Standing], seconds: float):
    told = [each for each in played(*((60 * at, each) for at, each in enumerate(said)), for_s=seconds, clear_s=seconds)
            if each in ("fired", "resolved")]  # fmt: skip
    assert told == ["fired", "resolved"] * (len(told) // 2) + ["fired"] * (len(told) % 2)


def silence(begins: str, ends: str, **more: str | int | None) -> AlertSilence:
    return AlertSilence(
        id="silence_1", organisation="default", starts_us=us(begins), ends_us=us(ends), **more,  # type: ignore[arg-type]
    )  # fmt: skip


def us(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * SECOND)


def test_a_silence_holds_for_its_time():
    once = silence("2026-11-01T10:00:00Z", "2026-11-01T12:00:00Z")
    times = ("09:59", "10:00", "11:59", "12:00")
    assert [active(once, us(f"2026-11-01T{time}:00Z")) for time in times] == [False, True, True, False]


@pytest.mark.parametrize(
    ("at", "holds"),
    [("2026-10-25T22:30:00Z", True), ("2026-10-18T21:30:00Z", True), ("2026-10-25T21:30:00Z", False),
     ("2026-10-26T22:30:00Z", False), ("2026-11-01T23:59:00Z", True), ("2026-11-02T00:01:00Z", False)],
)  # fmt: skip
def test_a_maintenance_window_goes_by_the_clocks_of_its_place(at: str, holds: bool):
    """Sundays from 23:00 to 1:00 in Berlin, where summer time ends on 25 October 2026."""
    weekly = silence("2026-10-11T21:00:00Z", "2026-10-11T23:00:00Z", repeats="week", timezone="Europe/Berlin")
    assert active(weekly, us(at)) is holds


def test_a_window_that_repeats_no_longer():
    daily = silence("2026-11-01T10:00:00Z", "2026-11-01T12:00:00Z", repeats="day", until_us=us("2026-11-05T00:00:00Z"))
    assert active(daily, us("2026-11-04T11:00:00Z"))
    assert not active(daily, us("2026-11-05T11:00:00Z"))


def test_a_silence_of_some_alerts():
    some = silence("2026-11-01T10:00:00Z", "2026-11-01T12:00:00Z", rule="err*", series="model:chat*")
    at = us("2026-11-01T11:00:00Z")
    assert silences(some, "errors", "model:chat", at)
    assert not silences(some, "latency", "model:chat", at)
    assert not silences(some, "errors", "model:embed", at)


def test_a_clock_that_is_set_back_keeps_nothing_pending():
    ahead = State("pending", since_us=10**15)
    now_us = 10**14
    after, change = step(ahead, "bad", now_us, for_s=60, clear_s=60)
    assert (after.status, change) == ("pending", None)
    assert step(after, "bad", now_us + 60 * SECOND, for_s=60, clear_s=60)[1] == "fired"


def test_a_window_whose_clocks_cannot_be_read_silences_nothing():
    """Midnight of the year 1 is in no year in New York; and time zones come and go with their data."""
    first = silence(
        "0001-01-01T00:00:00+00:00", "0001-01-01T02:00:00+00:00", repeats="day", timezone="America/New_York"
    )
    nowhere = silence("2026-11-01T10:00:00Z", "2026-11-01T12:00:00Z", repeats="day", timezone="Mars/Olympus")
    assert not active(first, us("2026-11-01T11:00:00Z"))
    assert not active(nowhere, us("2026-11-01T11:00:00Z"))
