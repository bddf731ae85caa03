"""A team's monthly statement: what belongs to it, what it adds up to, and how it is written."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from decimal import Decimal, localcontext
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from headgate.ledger import statement as module
from headgate.ledger.statement import Statement, Sums, Tally, month_bounds, printable, statement
from headgate.money import to_decimal
from headgate.storage.records import LedgerRow
from headgate.types import Usage
from ledger_rows import DAY_US, NOVEMBER_US, row, rows

CENT = 10**10


def of_team(*given: LedgerRow, team: str | None = "team_1", **options: Any) -> Statement:
    return statement(given, "default", team, "2026-11", **options)


def mine(**changes: Any) -> LedgerRow:
    return row(**{"team_id": "team_1", "cost_picodollars": CENT, **changes})


def by(made: Statement, kind: str) -> dict[str, Sums]:
    return {each.id: each.sums for each in made.groups[kind]}


def test_only_the_teams_rows_of_the_month_are_in_it() -> None:
    made = of_team(
        mine(call_id="a"),
        mine(call_id="b", started_us=NOVEMBER_US - 1),
        mine(call_id="c", started_us=NOVEMBER_US + 30 * DAY_US),
        mine(call_id="d", started_us=NOVEMBER_US + 30 * DAY_US - 1),
        mine(call_id="e", team_id="team_2"),
        mine(call_id="f", organisation="other"),
    )
    assert (made.total.calls, made.total.cost_picodollars) == (2, 2 * CENT)


def test_the_month_is_the_teams_own() -> None:
    berlin = "Europe/Berlin"
    begin, end = month_bounds("2026-11", berlin)
    assert begin == NOVEMBER_US - 3_600_000_000
    assert end == NOVEMBER_US + 30 * DAY_US - 3_600_000_000
    made = of_team(mine(call_id="a", started_us=begin), mine(call_id="b", started_us=end), timezone=berlin)
    assert made.total.calls == 1
    assert [each.id for each in made.groups["day"]] == ["2026-11-01"]


def test_a_month_in_which_clocks_change_has_a_day_of_another_length() -> None:
    begin, end = month_bounds("2026-10", "Europe/Berlin")
    assert (end - begin) // 3_600_000_000 == 31 * 24 + 1
    late = int(datetime(2026, 10, 25, 23, 59, 59, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()) * 10**6
    given = [mine(call_id=str(at), started_us=at) for at in (late, late + 1_000_000)]
    made = statement(given, "default", "team_1", "2026-10", "Europe/Berlin")
    assert [each.id for each in made.groups["day"]] == ["2026-10-25", "2026-10-26"]


def test_a_day_that_begins_at_one_o_clock_begins_then() -> None:
    """Clocks in Cairo go from midnight to one on 24 April 2026."""
    midnights = module._midnights("2026-04", "Africa/Cairo")
    assert (midnights[24] - midnights[23]) // 3_600_000_000 == 23


@pytest.mark.parametrize(
    "month", ["2026-13", "2026-00", "2026-1", "26-11", "2026-11-01", "", "٢٠٢٦-١١", "1969-12", "9999-12"]
)
def test_what_is_no_month_is_refused_by_name(month: str) -> None:
    with pytest.raises(ValueError, match="is no month: write it as 2026-11"):
        month_bounds(month)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../../etc/passwd", "/etc/passwd", "a\0b"])
def test_what_is_no_time_zone_is_refused_by_name(zone: str) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        month_bounds("2026-11", zone)


def test_attempts_of_a_call_are_one_call_and_failed_ones_are_told_apart() -> None:
    made = of_team(
        mine(id="1-0", call_id="1", code="timeout", usage_source="estimated", cost_picodollars=3 * CENT),
        mine(id="1-1", call_id="1", cause="retry", code="server_error", cost_picodollars=0),
        mine(id="1-2", call_id="1", cause="hedge", code="cancelled", cost_picodollars=2 * CENT),
        mine(id="1-3", call_id="1", cause="fallback"),
    )
    total = made.total
    assert (total.calls, total.attempts, total.failed, total.estimated) == (1, 4, 3, 1)
    assert (total.cost_picodollars, total.failed_picodollars, total.estimated_picodollars) == (
        6 * CENT,
        5 * CENT,
        3 * CENT,
    )
    causes = by(made, "cause")
    assert {cause: sums.failed_picodollars for cause, sums in causes.items()} == {
        "primary": 3 * CENT, "hedge": 2 * CENT, "retry": 0, "fallback": 0,
    }  # fmt: skip


def test_cache_hits_are_calls_without_an_attempt_that_tell_what_they_saved() -> None:
    made = of_team(
        mine(cause="cache_hit", cost_picodollars=0, saving_picodollars=7 * CENT, usage=Usage(input_tokens=9))
    )
    total = made.total
    assert (total.calls, total.attempts, total.cache_hits, total.saving_picodollars) == (1, 0, 1, 7 * CENT)
    assert total.tokens["input_tokens"] == 0


def test_an_unknown_cost_is_counted_and_in_no_amount() -> None:
    made = of_team(mine(cost_picodollars=None), mine(call_id="b"))
    assert (made.total.unpriced, made.total.cost_picodollars) == (1, CENT)
    assert "without a known price" in made.text()


def test_corrections_change_the_cost_and_are_no_attempts() -> None:
    made = of_team(
        mine(), mine(cause="correction", call_id="x", cost_picodollars=-CENT // 2, usage=Usage(output_tokens=-3))
    )
    total = made.total
    assert (total.calls, total.attempts, total.cost_picodollars, total.correction_picodollars) == (
        1,
        1,
        CENT // 2,
        -CENT // 2,
    )
    assert total.tokens["output_tokens"] == 2


def test_what_headgate_or_a_client_pays_for_is_beside_the_total() -> None:
    made = of_team(mine(), mine(payer="internal", cost_picodollars=2), mine(payer="client", cost_picodollars=3))
    assert made.total.cost_picodollars == CENT
    assert (made.internal.cost_picodollars, made.clients.cost_picodollars) == (2, 3)
    assert "Beside it by clients' own credentials: $0.000000000003 (attempts: 1)" in made.text()


def test_groups_are_the_dearest_first_and_days_in_their_order() -> None:
    made = of_team(
        mine(call_id="a", project_id="p1", started_us=NOVEMBER_US + 2 * DAY_US),
        mine(call_id="b", project_id="p2", cost_picodollars=5 * CENT, started_us=NOVEMBER_US),
        mine(call_id="c", project_id=None, cost_picodollars=2 * CENT, started_us=NOVEMBER_US + DAY_US),
        names={"p2": "Chatbot"},
    )
    assert [(each.id, each.name) for each in made.groups["project"]] == [
        ("p2", "Chatbot"), ("", "(no project)"), ("p1", "p1"),
    ]  # fmt: skip
    assert [each.id for each in made.groups["day"]] == ["2026-11-01", "2026-11-02", "2026-11-03"]
    assert "team" not in made.groups


def test_an_organisations_statement_is_by_team_too() -> None:
    made = of_team(mine(), mine(call_id="b", team_id=None), team=None)
    assert {each.id for each in made.groups["team"]} == {"team_1", ""}
    assert made.total.calls == 2


@given(st.lists(rows(), max_size=12))
def test_every_grouping_adds_up_to_the_total(given: list[LedgerRow]) -> None:
    moved = [
        replace(
            each, organisation="default", team_id="team_1", started_us=NOVEMBER_US + each.started_us % (30 * DAY_US)
        )
        for each in given
    ]
    made = of_team(*moved)
    for groups in made.groups.values():
        for name in Sums.__struct_fields__:
            if name == "tokens":
                for category in Usage.__struct_fields__:
                    assert sum(each.sums.tokens[category] for each in groups) == made.total.tokens[category]
            else:
                assert sum(getattr(each.sums, name) for each in groups) == getattr(made.total, name)
    everything = sum(each.cost_picodollars or 0 for each in moved)
    assert made.total.cost_picodollars + made.internal.cost_picodollars + made.clients.cost_picodollars == everything
    assert json.loads(made.json())["total"]["calls"] == made.total.calls
    assert made.csv()
    assert made.text()


def test_rows_that_come_page_by_page_make_the_same_statement() -> None:
    given = [mine(id=f"r{number}", call_id=f"c{number // 2}", project_id=f"p{number % 3}") for number in range(10)]
    tally = Tally("default", "team_1", "2026-11")
    for each in given:
        tally.add([each])
    assert tally.statement() == of_team(*given)
    assert tally.statement().total.calls == 5


def test_calls_are_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CALLS_REMEMBERED", 3)
    tally = Tally("default", "team_1", "2026-11")
    tally.add(mine(call_id=f"c{number // 2}") for number in range(100))
    assert tally.statement().total.calls == 50
    assert len(tally._seen) <= 3


def test_json_has_money_as_decimal_texts_and_times_in_utc() -> None:
    made = json.loads(of_team(mine(project_id="p"), timezone="Europe/Berlin", names={"team_1": "Search"}).json())
    assert (made["team"], made["name"], made["month"], made["timezone"]) == (
        "team_1",
        "Search",
        "2026-11",
        "Europe/Berlin",
    )
    assert (made["from"], made["to"]) == ("2026-10-31T23:00:00.000000Z", "2026-11-30T23:00:00.000000Z")
    assert made["total"]["cost_usd"] == "0.01"
    assert made["total"]["tokens"]["input_tokens"] == 10
    assert made["by"]["project"] == [{"id": "p", "name": "p", **made["total"]}]


def test_csv_has_a_line_for_the_total_and_one_for_each_group() -> None:
    made = of_team(mine(project_id="=p", model="=1+1"))
    lines = list(csv.DictReader(io.StringIO(made.csv().decode(), newline="")))
    assert [line["by"] for line in lines] == [
        "total", "project", "key", "user", "model", "day", "cause", "internal", "clients",
    ]  # fmt: skip
    assert {line["cost_usd"] for line in lines[:7]} == {"0.01"}
    assert [line["name"] for line in lines if line["by"] in ("project", "model")] == ["'=p", "'=1+1"]
    with localcontext() as context:
        context.prec = 60
        assert Decimal(lines[0]["cost_usd"]) == to_decimal(made.total.cost_picodollars)


def test_the_text_is_aligned_and_says_what_matters() -> None:
    text = of_team(
        mine(call_id="a", project_id="p1", usage_source="estimated", code="cancelled"),
        mine(call_id="b", project_id="p2", cost_picodollars=3 * CENT),
        names={"team_1": "Search"},
    ).text()
    assert text.startswith("Search, 2026-11 (UTC)\n2026-11-01T00:00:00.000000Z to 2026-12-01T00:00:00.000000Z\n")
    assert "1, $0.01, 25.0 % of the cost" in text
    block = text[text.index("by project") :].split("\n\n")[0].split("\n")
    assert len({len(line) for line in block}) == 1
    assert block[1].split() == ["p2", "1", "1", "0", "10", "5", "$0.03"]


def test_no_name_can_act_on_a_terminal() -> None:
    made = of_team(mine(model="\x1b[2J\x07evil\r\n"), names={"team_1": "a\x1b]0;b\x07"})
    assert not any(each in made.text() for each in "\x1b\x07\r")
    assert printable("Größe ✓ 模型") == "Größe ✓ 模型"
