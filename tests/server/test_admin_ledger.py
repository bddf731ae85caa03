"""The ledger through the admin API: read, added up, exported, corrected."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from administered import Administered
from headgate.ids import end_user_id
from headgate.ledger.exports import COLUMNS
from headgate.ledger.sink import LedgerSink
from headgate.ledger.statement import month_bounds
from headgate.ledger.table import encode
from headgate.limits.calendar import Calendar
from headgate.limits.pots import Pot, Pots
from headgate.money import PICODOLLARS_PER_DOLLAR
from headgate.server.admin import Admin
from headgate.server.openapi import document
from headgate.storage.records import LedgerRow
from headgate.types import Usage
from ledger_rows import row

HOUR_US = 3_600_000_000
DOLLAR = PICODOLLARS_PER_DOLLAR


@pytest.fixture
async def administered(database_url: str) -> AsyncIterator[Administered]:
    async with Administered(database_url) as administered:
        yield administered


async def store(administered: Administered, rows: Sequence[LedgerRow]) -> None:
    async with administered.database.transaction() as transaction:
        await LedgerSink().store(transaction, [encode(each) for each in rows])


def attempt(administered: Administered, number: int, **changes: Any) -> LedgerRow:
    """The attempt of a call of its own, an hour before the next one's."""
    now_us = administered.clock.now_us()
    fields = {"id": f"req_{number}-0", "call_id": f"req_{number}", "started_us": now_us - number * HOUR_US}
    return row(**{**fields, **changes})


async def test_rows_are_told_with_money_as_decimal_strings(administered: Administered):
    made = attempt(
        administered, 1, cost_picodollars=54_399_000_000, saving_picodollars=1, tags=(("a", "b"),), charged=("b:1",)
    )
    await store(administered, [made, attempt(administered, 2, cost_picodollars=None)])
    [told, unknown] = (await administered.ask("GET", "/admin/ledger")).json["data"]
    assert told["cost_usd"] == "0.054399"
    assert told["saving_usd"] == "0.000000000001"
    assert told["started_at"].endswith("Z")
    assert told["tags"] == {"a": "b"}
    assert (told["input_tokens"], told["output_tokens"]) == (10, 5)
    assert unknown["cost_usd"] is None
    view = document()["components"]["schemas"]["LedgerView"]["properties"]
    assert set(view) == set(told) == {column.name for column in COLUMNS}


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
async def test_a_walk_meets_every_row_once(administered: Administered, limit: int):
    rows = [attempt(administered, number // 3, id=f"r{number}") for number in range(14)]
    await store(administered, rows)
    found = await administered.walk("/admin/ledger", limit)
    assert sorted(each["id"] for each in found) == sorted(each.id for each in rows)
    times = [each["started_at"] for each in found]
    assert times == sorted(times, reverse=True)


async def test_rows_are_filtered(administered: Administered):
    team = await administered.made("/admin/teams", {"name": "Research"})
    jo = end_user_id("default", "jo")
    await store(
        administered,
        [
            attempt(administered, 1, team_id=team["id"], tags=(("feature", "chat"),)),
            attempt(administered, 2, key_id="key_2", code="timeout", status=504, cause="retry"),
            attempt(administered, 3, model="gpt", target="paid/gpt", end_user=jo, payer="internal", operation="embed"),
            attempt(administered, 4, organisation="acme"),
        ],
    )
    for query, ids in (
        ({}, "123"), ({"team": "Research"}, "1"), ({"team": team["id"]}, "1"), ({"tag": "feature=chat"}, "1"),
        ({"key_": "key_2"}, "2"), ({"code": "timeout"}, "2"), ({"cause": "retry"}, "2"), ({"model": "gpt"}, "3"),
        ({"target": "paid/gpt"}, "3"), ({"customer": "jo"}, "3"), ({"customer": jo}, "3"), ({"payer": "internal"}, "3"),
        ({"operation": "embed"}, "3"), ({"call": "req_1"}, "1"), ({"call": "req_4"}, ""), ({"model": "nobody"}, ""),
    ):  # fmt: skip
        found = await administered.walk("/admin/ledger", 10, **query)
        assert [each["id"][4] for each in found] == list(ids), query
    told = await administered.ask("GET", "/admin/ledger?code=")
    assert [each["id"] for each in told.json["data"]] == ["req_1-0", "req_3-0"]
    found = await administered.walk("/admin/ledger", 10, from_="2027-01-15T05:30:00Z", to="2027-01-15T06:30:00Z")
    assert [each["id"] for each in found] == ["req_2-0"]


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"team": "nobody"}, "team"), ({"tag": "x"}, "tag"), ({"from_": "soon"}, "from"), ({"payer": "me"}, "payer"),
        ({"operation": "dance"}, "operation"), ({"from_": "2027-01-01"}, "from"), ({"key_id": "x"}, "key_id"),
    ],
)  # fmt: skip
async def test_filters_that_are_none_are_refused(administered: Administered, query: dict[str, str], param: str):
    told = await administered.ask("GET", "/admin/ledger", **query)
    assert (told.status, told.params) == (422, [param])


async def test_a_key_is_named_by_its_id_or_name_or_is_none(administered: Administered):
    key = await administered.key("ci")
    await store(administered, [attempt(administered, 1, key_id=key["id"]), attempt(administered, 2, key_id="admin")])
    for name, ids in (("ci", ["req_1-0"]), (key["id"], ["req_1-0"]), ("admin", ["req_2-0"])):
        assert [each["id"] for each in await administered.walk("/admin/ledger", 5, key_=name)] == ids
    for path in ("ledger", "ledger/totals", "ledger/export"):
        told = await administered.ask("GET", f"/admin/{path}?key=nobody")
        assert (told.status, told.error["code"], told.params) == (422, "not_found", ["key"])
        assert told.error["message"] == "key names no key: there is no key 'nobody'."
    await administered.key("ci")
    told = await administered.ask("GET", "/admin/ledger?key=ci")
    assert told.error["message"] == "key is the name of more than one key; write an id."


async def test_another_teams_key_is_none(administered: Administered):
    for team in ("A", "B"):
        await administered.made("/admin/teams", {"name": team})
    theirs = await administered.key("theirs", team="B")
    await store(administered, [attempt(administered, 1, key_id=theirs["id"], team_id=theirs["team"])])
    by = (await administered.key("boss", team="A", roles=["operator"]))["key"]
    told = await administered.ask("GET", f"/admin/ledger?key={theirs['id']}", key=by)
    assert (told.status, told.error["code"]) == (422, "not_found")


async def test_a_key_of_a_team_reads_its_teams_rows_only(administered: Administered):
    team = await administered.made("/admin/teams", {"name": "A"})
    await administered.made("/admin/teams", {"name": "B"})
    by = (await administered.key("boss", team="A", roles=["operator"]))["key"]
    await store(administered, [attempt(administered, 1, team_id=team["id"]), attempt(administered, 2)])
    assert [each["id"] for each in await administered.walk("/admin/ledger", 5, key=by)] == ["req_1-0"]
    [totals] = (await administered.ask("GET", "/admin/ledger/totals", key=by)).json["data"]
    assert totals["calls"] == 1
    assert len((await administered.ask("GET", "/admin/ledger/export", key=by)).body.splitlines()) == 1
    told = await administered.ask("GET", "/admin/ledger", key=by, team="B")
    assert (told.status, told.params) == (422, ["team"])
    told = await administered.ask("POST", "/admin/ledger/corrections", {"corrections": [correction("req_1-0")]}, key=by)
    assert told.status == 403


async def test_totals_are_exact_beyond_64_bits(administered: Administered):
    much = 9_000_000 * DOLLAR + 1
    await store(administered, [attempt(administered, number, cost_picodollars=much) for number in range(5)])
    [totals] = (await administered.ask("GET", "/admin/ledger/totals")).json["data"]
    assert totals["cost_usd"] == "45000000.000000000005"
    assert (totals["calls"], totals["attempts"], totals["tokens"]["input_tokens"]) == (5, 5, 50)


async def test_totals_are_grouped(administered: Administered):
    await store(
        administered,
        [
            attempt(administered, 1, model="a", cost_picodollars=1), attempt(administered, 2, model="a"),
            attempt(administered, 3, model="b", cost_picodollars=None, usage_source="estimated"),
        ],
    )  # fmt: skip
    for query in ({"by": "model"}, {"by": "model,operation"}):
        found = (await administered.ask("GET", "/admin/ledger/totals", **query)).json["data"]
        assert [(each["group"]["model"], each["calls"], each["unpriced"], each["estimated"]) for each in found] == [
            ("a", 2, 0, 0),
            ("b", 1, 1, 1),
        ]
    told = await administered.ask("GET", "/admin/ledger/totals?by=model&by=day")
    assert all(each["group"]["day"] == "2027-01-15" for each in told.json["data"])
    for by in ("digest", "model,model", "tag", "1; DROP TABLE ledger"):
        told = await administered.ask("GET", "/admin/ledger/totals", by=by)
        assert (told.status, told.params) == (422, ["by"])


async def test_exports_hold_every_row(administered: Administered):
    await store(administered, [attempt(administered, number, cost_picodollars=DOLLAR) for number in range(1203)])
    told = await administered.ask("GET", "/admin/ledger/export", format="csv")
    assert told.headers["content-disposition"] == 'attachment; filename="ledger.csv"'
    lines = list(csv.DictReader(io.StringIO(told.body.decode(), newline="")))
    assert len(lines) == 1203
    assert sum(Decimal(line["cost_usd"]) for line in lines) == 1203
    told = await administered.ask("GET", "/admin/ledger/export")
    assert len([json.loads(line) for line in told.body.splitlines()]) == 1203
    told = await administered.ask("GET", "/admin/ledger/export", format="focus", to="2027-01-14T08:00:00Z")
    assert b"BilledCost" in told.body
    told = await administered.ask("GET", "/admin/ledger/export", format="parquet")
    assert told.body[:4] == told.body[-4:] == b"PAR1"
    assert (await administered.ask("GET", "/admin/ledger/export", format="xlsx")).status == 422


async def test_an_empty_export_is_a_file_too(administered: Administered):
    told = await administered.ask("GET", "/admin/ledger/export")
    assert (told.status, told.body) == (200, b"")
    assert b"id,call_id" in (await administered.ask("GET", "/admin/ledger/export", format="csv")).body


async def test_a_statement_is_by_the_teams_own_calendar(administered: Administered):
    team = await administered.made("/admin/teams", {"name": "Tokyo", "timezone": "Asia/Tokyo"})
    key = await administered.key("ci", team="Tokyo")
    begin, end = month_bounds("2026-12", "Asia/Tokyo")
    of_team = {"team_id": team["id"], "key_id": key["id"], "cost_picodollars": DOLLAR}
    await store(
        administered,
        [
            row(id="a", call_id="a", started_us=begin - 1, **of_team), row(id="b", call_id="b", started_us=begin, **of_team),
            row(id="c", call_id="c", started_us=end - 1, **of_team), row(id="d", call_id="d", started_us=end, **of_team),
        ],
    )  # fmt: skip
    for reference in (team["id"], "Tokyo"):
        told = await administered.ask("GET", f"/admin/statements/{reference}/2026-12")
        statement = told.json
        assert (statement["name"], statement["timezone"]) == ("Tokyo", "Asia/Tokyo")
        assert (statement["total"]["calls"], statement["total"]["cost_usd"]) == (2, "2")
        assert [each["name"] for each in statement["by"]["key"]] == ["ci"]
    whole = (await administered.ask("GET", "/admin/statements/*/2026-12")).json
    assert whole["team"] is None
    csv_text = (await administered.ask("GET", f"/admin/statements/{team['id']}/2026-12", format="csv")).body
    assert csv_text.startswith(b"by,id,name")
    assert b"Tokyo" in (await administered.ask("GET", f"/admin/statements/{team['id']}/2026-12", format="text")).body
    for month in ("2026-13", "2026", "x", "2026-1"):
        told = await administered.ask("GET", f"/admin/statements/{team['id']}/{month}")
        assert (told.status, told.params) == (422, ["month"])


# ── what a key used ──


async def test_what_a_key_used(administered: Administered):
    key = await administered.key(budget_usd=10, budget_period="day")
    _, [budget] = administered.rules(key["key"])
    [claim] = Pots([budget], []).claims(3 * DOLLAR, administered.clock.now_us(), Calendar(administered.clock))
    await administered.counters.seed(claim.counter, 0, claim.ends_us)
    await administered.counters.reserve("call", [claim])
    of_key = {"key_id": key["id"], "charged": (claim.counter,)}
    await store(
        administered,
        [
            attempt(administered, 1, cost_picodollars=DOLLAR, **of_key),
            attempt(administered, 1, id="retry", cost_picodollars=DOLLAR // 2, cause="retry", **of_key),
            attempt(administered, 2, cost_picodollars=DOLLAR * 5, key_id=key["id"], payer="client"),
            attempt(administered, 3, cost_picodollars=None, **of_key),
            attempt(administered, 30, cost_picodollars=DOLLAR, **of_key),
            attempt(administered, 4, cost_picodollars=DOLLAR, key_id="key_other"),
        ],
    )
    told = (await administered.ask("GET", f"/admin/keys/{key['id']}/usage")).json
    assert told["from"] == "2027-01-15T00:00:00Z"
    assert told["to"] == "2027-01-15T08:00:00Z"
    assert (told["calls"], told["attempts"], told["unpriced"]) == (3, 4, 1)
    assert told["tokens"]["input_tokens"] == 40
    assert told["cost_usd"] == "1.5"
    assert (told["budget_usd"], told["budget_period"]) == ("10", "day")
    assert told["reserved_usd"] == "0.5", "3 are counted, and 2.5 of them are settled"
    [listed] = (await administered.ask("GET", "/admin/budgets")).json["data"]
    assert (listed["spent_usd"], listed["reserved_usd"]) == ("2.5", "0.5")
    told = await administered.ask("GET", f"/admin/keys/{key['id']}/usage", from_="2027-01-13T00:00:00Z")
    assert told.json["cost_usd"] == "2.5"
    told = await administered.ask("GET", f"/admin/keys/{key['id']}/usage", to="2027-01-14T00:00:00Z")
    assert (told.status, told.params) == (422, ["to"])


async def test_a_rotated_key_has_used_what_those_before_it_did(administered: Administered):
    key = await administered.key(budget_usd=10)
    new = (await administered.ask("POST", f"/admin/keys/{key['id']}/rotate", {"overlap_s": 60})).json
    administered.clock.advance(3600)
    await store(
        administered,
        [
            attempt(administered, 0, cost_picodollars=DOLLAR, key_id=key["id"]),
            attempt(administered, 0, id="b", call_id="b", cost_picodollars=DOLLAR, key_id=new["id"]),
        ],
    )
    administered.clock.advance(1)
    told = (await administered.ask("GET", f"/admin/keys/{new['id']}/usage")).json
    assert (told["calls"], told["cost_usd"], told["budget_usd"]) == (2, "2", "10")
    assert told["from"] == "2027-01-15T08:00:00Z", "when the first of them was made"


async def test_without_a_budget_the_month_is_told(administered: Administered):
    await administered.made("/admin/teams", {"name": "Tokyo", "timezone": "Asia/Tokyo"})
    key = await administered.key(team="Tokyo")
    told = (await administered.ask("GET", f"/admin/keys/{key['id']}/usage")).json
    assert told["from"] == "2026-12-31T15:00:00Z"
    assert (told["budget_usd"], told["reserved_usd"]) == (None, None)


async def test_reading_waits_for_what_is_settled_and_not_yet_stored(administered: Administered):
    waited = 0

    async def caught_up() -> None:
        nonlocal waited
        waited += 1

    administered.administration = administered.make(replace(administered.ports, caught_up=caught_up))
    administered.admin = Admin(administered.administration)
    key = await administered.key()
    for path in ("ledger", "ledger/totals", "ledger/export", f"keys/{key['id']}/usage", "statements/*/2026-11"):
        before = waited
        assert (await administered.ask("GET", f"/admin/{path}")).status == 200
        assert waited > before, path


# ── corrections ──


def correction(parent: str, digits: str = "1", **fields: Any) -> dict[str, Any]:
    return {"id": "cor_" + (digits * 32)[:32], "parent": parent, **fields}


async def test_a_correction_gives_back_what_was_charged(administered: Administered):
    key = await administered.key(budget_usd=10)
    _, [(budget, subject)] = administered.rules(key["key"])
    counter = Pot.of_budget(budget, subject).claim(Calendar(administered.clock))[0].counter
    usage = Usage(input_tokens=1000, output_tokens=500)
    made = attempt(
        administered, 1, key_id=key["id"], usage=usage, usage_source="estimated", cost_picodollars=3 * DOLLAR,
        charged=(counter,),
    )  # fmt: skip
    await store(administered, [made])
    body = {"corrections": [correction("req_1-0", usage={"input_tokens": -400}, cost_usd="-1.25")]}
    told = await administered.ask("POST", "/admin/ledger/corrections", body)
    assert (told.status, told.json) == (201, {"recorded": 1, "known": 0, "cost_usd": "-1.25"})
    again = await administered.ask("POST", "/admin/ledger/corrections", body)
    assert again.json == {"recorded": 0, "known": 1, "cost_usd": "0"}
    [stored] = await administered.walk("/admin/ledger", 5, cause="correction")
    assert (stored["parent"], stored["key_id"], stored["payer"]) == ("req_1-0", key["id"], "caller")
    assert (stored["cost_usd"], stored["input_tokens"], stored["usage_source"]) == ("-1.25", -400, "reported")
    [spent] = await administered.database.fetch("SELECT picodollars FROM spend WHERE counter = $1", counter)
    assert spent == (175 * DOLLAR // 100,)
    records = [each for each in await administered.records() if each["action"] == "ledger.correct"]
    assert [each["detail"] for each in records] == [{"rows": 1, "cost_usd": "-1.25"}]


@pytest.mark.parametrize(
    "fields",
    [{"cost_usd": "-3.01"}, {"usage": {"input_tokens": -11}}, {"usage": {"web_searches": -1}}],
)
async def test_a_correction_leaves_no_attempt_less_than_nothing(administered: Administered, fields: dict[str, Any]):
    await store(administered, [attempt(administered, 1, cost_picodollars=3 * DOLLAR)])
    before = await administered.snapshot()
    body = {"corrections": [correction("req_1-0", **fields)]}
    told = await administered.ask("POST", "/admin/ledger/corrections", body)
    assert (told.status, told.params) == (422, ["corrections[0]"])
    assert await administered.snapshot() == before


async def test_corrections_together_leave_no_attempt_less_than_nothing(administered: Administered):
    await store(administered, [attempt(administered, 1, cost_picodollars=3 * DOLLAR)])
    first, second = (correction("req_1-0", digit, cost_usd="-2") for digit in "ab")
    told = await administered.ask("POST", "/admin/ledger/corrections", {"corrections": [first, second]})
    assert (told.status, told.params) == (422, ["corrections[1]"])
    assert (await administered.ask("POST", "/admin/ledger/corrections", {"corrections": [first]})).status == 201
    assert (await administered.ask("POST", "/admin/ledger/corrections", {"corrections": [second]})).status == 422


async def test_what_no_attempt_accounts_for_is_charged_to_nobody(administered: Administered):
    about = {"model": "gpt-4o", "target": "paid/gpt-4o", "started_at": "2026-11-01T00:00:00Z"}
    body = {
        "corrections": [correction("openai:2026-11-01:gpt-4o", usage={"input_tokens": 7}, cost_usd="0.01", **about)]
    }
    assert (await administered.ask("POST", "/admin/ledger/corrections", body)).status == 201
    [stored] = await administered.walk("/admin/ledger", 5)
    assert (stored["payer"], stored["key_id"], stored["charged"]) == ("internal", "reconcile", [])
    told = await administered.ask("POST", "/admin/ledger/corrections", {"corrections": [correction("x", "2")]})
    assert (told.status, told.params) == (
        422, ["corrections[0].model", "corrections[0].target", "corrections[0].started_at"],
    )  # fmt: skip


async def test_another_organisations_attempt_is_none(administered: Administered):
    await store(administered, [attempt(administered, 1, organisation="acme", cost_picodollars=DOLLAR)])
    told = await administered.ask(
        "POST", "/admin/ledger/corrections", {"corrections": [correction("req_1-0", cost_usd="-1")]}
    )
    assert told.status == 422


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"id": "x"}, "id"), ({"id": "req_1-0"}, "id"), ({"cost_usd": "NaN"}, "cost_usd"),
        ({"cost_usd": "1e9"}, "cost_usd"), ({"cost_usd": 1e30}, "cost_usd"), ({"usage": {"tokens": 1}}, "usage.tokens"),
        ({"usage": {"input_tokens": 1e30}}, "usage.input_tokens"), ({"charged": ["b:1"]}, "charged"),
        ({"payer": "client"}, "payer"), ({"organisation": "acme"}, "organisation"), ({"key_id": "x"}, "key_id"),
        ({"target": "gpt"}, "target"), ({"parent": ""}, "parent"),
    ],
)  # fmt: skip
async def test_a_correction_says_no_more_than_it_may(administered: Administered, fields: dict[str, Any], param: str):
    body = {"corrections": [{**correction("req_1-0"), **fields}]}
    told = await administered.ask("POST", "/admin/ledger/corrections", body)
    assert (told.status, told.params) == (422, [f"corrections[0].{param}"])
