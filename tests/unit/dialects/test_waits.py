"""How long to wait, in every form a vendor writes it."""

from __future__ import annotations

import pytest

from headgate.dialects.waits import MAX_S, ahead_s, bounded, number, said_s

DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
"""784111777 s after the epoch: the example of RFC 9110."""


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, 0),
        (1.5, 1.5),
        (86_400, 86_400),
        (86_401, MAX_S),
        (10**400, MAX_S),
        (-0.001, None),
        (float("inf"), None),
        (float("-inf"), None),
        (float("nan"), None),
    ],
)
def test_a_wait_is_between_nothing_and_a_day(seconds: float, expected: float | None) -> None:
    assert bounded(seconds) == expected


@pytest.mark.parametrize(("text", "expected"), [("7", 7), (" 7.5 ", 7.5), ("-1", -1), ("", None), ("7s", None)])
def test_a_number_is_read_as_one(text: str, expected: float | None) -> None:
    assert number(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("20", 20),
        ("0.25", 0.25),
        ("1s", 1),
        ("12ms", 0.012),
        ("7.66s", 7.66),
        ("6m0s", 360),
        ("2m59.56s", 179.56),
        ("1h2m3.5s", 3723.5),
        ("8h38m24s", 31_104),
        ("1d2h", 86_400),
        ("120µs", 0.00012),
        ("120us", 0.00012),
        ("5ns", 5e-9),
    ],
)
def test_numbers_and_durations_need_no_date(text: str, expected: float) -> None:
    assert ahead_s(text, None) == pytest.approx(expected)
    assert ahead_s(text, "no date") == pytest.approx(expected)


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 06 Nov 1994 08:50:07 GMT",
        "Sunday, 06-Nov-94 08:50:07 GMT",
        "Sun Nov  6 08:50:07 1994",
        "1994-11-06T08:50:07Z",
        "1994-11-06T08:50:07.000Z",
        "1994-11-06T09:50:07+01:00",
        "1994-11-06T08:50:07",
        "784111807",
        "784111807000",
    ],
)
def test_a_time_is_measured_against_the_date_of_the_response(text: str) -> None:
    assert ahead_s(text, DATE) == pytest.approx(30)
    assert ahead_s(text, None) is None
    assert ahead_s(text, "yesterday") is None


@pytest.mark.parametrize("text", ["Sun, 06 Nov 1994 08:49:36 GMT", "1994-11-06T08:49:36Z", "784111776"])
def test_a_time_that_is_past_is_no_wait(text: str) -> None:
    assert ahead_s(text, DATE) == 0


def test_a_time_far_away_is_cut() -> None:
    assert ahead_s("Mon, 06 Nov 2094 08:49:37 GMT", DATE) == MAX_S
    assert ahead_s("9" * 300, DATE) == MAX_S


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "soon", "s", "ms", "1x", "1s!", "1 s ", "-1", "-1s", "1e400", "nan", "inf", "0x10", "1:2:3", ":",
        "Sun, 99 Nov 1994 99:99:99 XXX!", "Sun, 06 Xxx 1994 08:49:37 GMT",
        "Mon, 01 Jan 99999999999999999999 00:00:00 GMT", "2025-13-45T99:99:99Z", "9" * 400, ":" * 100_000,
    ],
)  # fmt: skip
def test_anything_else_tells_nothing(text: str) -> None:
    assert ahead_s(text, None) is None
    assert ahead_s("784111807", text) is None


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Limit 3, Used 3. Please try again in 1.242s. Visit https://x to learn more.", 1.242),
        ("Please try again in 20ms.", 0.02),
        ("Please try again in 6m0s.", 360),
        ("Please try again in 1h2m3.5s", 3723.5),
        ("Please try again in 1m30.002s.", 90.002),
        ("Please retry after 32 seconds. Please go here: https://x", 32),
        ("Please retry after 1 second.", 1),
        ("please retry your request after 2 seconds", 2),
        ("Rate limit is exceeded. Try again in 26 seconds.", 26),
        ("Please retry in 58.437201s.", 58.437201),
        ("Please wait 30 seconds before retrying.", 30),
        ("Please wait 1 minute and 20 seconds", 80),
        ("Try again in 1 hour, 2 minutes", 3720),
        ("Your quota will reset after 18h31m10s.", 66_670),
        ("Try again after 15 minutes", 900),
        ("Try again in 40 days", MAX_S),
        ("Please try again later.", None),
        ("please wait before trying again", None),
        ("Try again in 1 month", None),
        ("Try again in 5", None),
        ("Limit: 20 / 60s", None),
        ("", None),
        ("try again in " + "9" * 2_000 + "s", None),
        ("try again in " + " " * 2_000, None),
    ],
)
def test_a_sentence_tells_how_long(message: str, expected: float | None) -> None:
    assert said_s(message) == (None if expected is None else pytest.approx(expected))
