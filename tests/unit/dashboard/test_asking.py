"""What a page is asked for stands in its URL."""

from __future__ import annotations

import pytest

from headgate.administration.problems import Invalid
from headgate.dashboard.asking import Asked
from headgate.errors import BadRequest
from ledger_rows import NOVEMBER_US

NOW_US = NOVEMBER_US + 25 * 86_400_000_000 + 123_456


def asked(query: str = "") -> Asked:
    return Asked.of("/", query.encode(), NOW_US)


@pytest.mark.parametrize(
    ("query", "seconds", "step"),
    [
        ("", 86_400, "hour"), ("range=1h", 3_600, "minute"), ("range=6h", 21_600, "minute"), ("range=30d", 2_592_000, "day"),
        ("range=1y", 31_536_000, "day"), ("range=7d&step=day", 604_800, "day"),
        ("from=2026-11-01T00:00&to=2026-11-01T02:00", 7_200, "minute"), ("from=2026-11-01T00:00:00Z&to=2026-11-03T00:00:00%2B00:00", 172_800, "hour"),
    ],
)  # fmt: skip
def test_times(query: str, seconds: int, step: str):
    found = asked(query)
    assert (found.seconds, found.step) == (seconds, step)
    request = found.traffic(by="model")
    assert request.from_ == found.from_
    assert (request.to, request.step, request.by) == (found.to, step, "model")


def test_the_time_before_is_as_long_and_shares_no_step():
    found = asked("range=24h")  # at 00:00:00.1
    late = Asked.of("/", b"range=24h", NOW_US + 2_460_000_000)  # 41 minutes past
    assert (found.begins, found.traffic(before=True).to) == (found.from_, found.from_)
    assert late.begins == found.from_
    before = late.traffic(before=True)
    assert (before.to - before.from_, before.step) == (late.to - late.begins, "minute")
    assert asked("range=30d").traffic(before=True).step == "hour"
    assert asked("range=1y").traffic(before=True).step == "day"


def test_a_page_is_fetched_anew_no_more_often_than_it_offers():
    assert [asked(f"refresh={each}").refresh_s for each in ("", "10", "60", "0", "1", "x")] == [
        None,
        10,
        60,
        None,
        None,
        None,
    ]


def test_urls_keep_what_is_asked():
    found = asked("range=7d&of=model:chat&cursor=x&empty=&by=key")
    assert found.url() == "/?range=7d&of=model%3Achat&by=key"
    assert found.url(of=None, csv="traffic") == "/?range=7d&by=key&csv=traffic"
    assert found.elsewhere("/dashboard/cost") == "/dashboard/cost?range=7d"


@pytest.mark.parametrize(
    "query",
    [
        "range=2y",
        "from=yesterday",
        "from=9999-12-31T23:59&to=0001-01-01T00:00",
        "from=2026-11-02T00:00&to=2026-11-02T00:00",
    ],
)
def test_times_that_make_no_sense(query: str):
    with pytest.raises(Invalid):
        asked(query)


@pytest.mark.parametrize("query", ["x=%ff", "x" * 5_000, "&".join(f"a{number}=1" for number in range(60))])
def test_queries_that_are_none(query: str):
    with pytest.raises(BadRequest):
        asked(query)


def test_dimensions_there_are_not():
    for query in ({"by": "colour"}, {"of": "x" * 600}):
        with pytest.raises(Invalid):
            asked().traffic(**query)


def test_steps_are_those_that_fit():
    assert asked("range=1y").steps == ["day"]
    assert asked("range=30d").steps == ["hour", "day"]
    assert asked("range=1h").steps == ["minute", "hour"]
