"""Taking over what another gateway administered, through the admin API, in both kinds of databases."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any

import pytest

import services
from administered import Administered
from headgate.errors import Unauthenticated

DAY_S = 86_400


def key(name: str, **fields: Any) -> dict[str, Any]:
    secret = sha256(f"sk-{name}".encode()).hexdigest()
    return {"id": secret, "name": name, "digest": secret, "hint": name[-4:], **fields}


IMPORT: dict[str, Any] = {
    "source": "elsewhere",
    "teams": [{"id": "t1", "name": "Research"}],
    "projects": [{"id": "p1", "name": "Search", "team": "t1"}],
    "users": [{"id": "u1", "name": "Ada", "email": "ada@example.com"}],
    "keys": [key("one", team="t1", user="u1", tags={"a": "b"}), key("two", models=["chat"])],
    "limits": [{"id": "l1", "subject": f"key:{key('one')['id']}", "per": "minute", "requests": 5}],
    "budgets": [
        {"id": "b1", "subject": "team:t1", "amount_usd": "10", "period": "month"},
        {"id": "b2", "subject": "customer:*", "amount_usd": "1", "period": "total"},
    ],
    "spend": [
        {"subject": f"key:{key('one')['id']}", "cost_usd": "2.5", "budgets": ["b1"]},
        {"subject": "team:t1", "cost_usd": "0.25", "budgets": ["b1"]},
        {"subject": "customer:jo", "cost_usd": "0.75", "budgets": ["b2"], "counted": False},
    ],
}


@pytest.fixture(params=["sqlite", "postgres"])
async def administered(request: pytest.FixtureRequest) -> AsyncIterator[Administered]:
    server = services.postgres() if request.param == "postgres" else None
    name = server.create() if server else ""
    async with Administered(server.url(name) if server else "sqlite:///:memory:") as administered:
        yield administered
    if server:
        server.drop(name)


async def spent(administered: Administered) -> list[int]:
    return sorted(value for (value,) in await administered.database.fetch("SELECT picodollars FROM spend"))


async def test_everything_is_there_and_belongs_together(administered: Administered) -> None:
    made = await administered.made("/admin/imports", IMPORT)
    assert made["made"] == {
        "teams": 1, "projects": 1, "users": 1, "keys": 2, "limits": 1, "budgets": 2, "spend": 3
    }  # fmt: skip
    assert (made["spent_usd"], made["left"]) == ("2.75", [])
    identity = administered.identity("sk-one")
    [team] = (await administered.ask("GET", "/admin/teams")).json["data"]
    assert (identity.team_id, dict(identity.tags)) == (team["id"], {"a": "b"})
    assert administered.identity("sk-two").models == ("chat",)
    limits, budgets = administered.rules("sk-one")
    assert [limit.requests for limit, _ in limits] == [5]
    assert [budget.amount_picodollars for budget, _ in budgets] == [10 * 10**12]
    assert await spent(administered) == [75 * 10**10, 275 * 10**10]
    [whole] = (await administered.ask("GET", "/admin/ledger/totals")).json["data"]
    assert whole["cost_usd"] == "2.75"


async def test_a_second_time_changes_nothing(administered: Administered) -> None:
    await administered.made("/admin/imports", IMPORT)
    before = await administered.snapshot()
    made = await administered.made("/admin/imports", IMPORT)
    assert not any(made["made"].values())
    assert await administered.snapshot() == before


async def test_an_act_and_its_records_are_one(administered: Administered) -> None:
    await administered.made("/admin/imports", IMPORT)
    records = await administered.records()
    assert records[-1]["action"] == "imports.create"
    assert records[-1]["detail"]["made_keys"] == 2
    assert {each["action"] for each in records} == {
        "teams.create", "projects.create", "users.create", "keys.create", "limits.create", "budgets.create",
        "imports.create",
    }  # fmt: skip
    assert "Ada" not in str(records)


async def test_what_refers_to_nothing_undoes_all(administered: Administered) -> None:
    wrong = {**IMPORT, "budgets": [{"id": "b", "subject": "team:t9", "amount_usd": "1", "period": "day"}]}
    before = await administered.snapshot()
    told = await administered.ask("POST", "/admin/imports", wrong)
    assert (told.status, told.params) == (422, ["budgets[0].subject"])
    assert await administered.snapshot() == before


async def test_parts_refer_to_parts_before(administered: Administered) -> None:
    for names in (("teams", "projects", "users"), ("keys",), ("limits", "budgets"), ("spend",)):
        await administered.made("/admin/imports", {"source": "elsewhere", **{name: IMPORT[name] for name in names}})
    assert await spent(administered) == [75 * 10**10, 275 * 10**10]


async def test_a_name_that_is_taken_is_told_apart(administered: Administered) -> None:
    await administered.made("/admin/teams", {"name": "Research"})
    await administered.made("/admin/imports", IMPORT)
    names = [each["name"] for each in (await administered.ask("GET", "/admin/teams")).json["data"]]
    assert sorted(names) == ["Research", "Research (elsewhere)"]


async def test_a_key_that_is_there_under_another_id_is_left(administered: Administered) -> None:
    await administered.made("/admin/imports", {"source": "first", "keys": [key("one")]})
    made = await administered.made("/admin/imports", {"source": "second", "keys": [key("one"), key("two")]})
    assert made["made"]["keys"] == 1
    assert made["left"] == ["key one: it is here already, as 'one'"]


async def test_a_budget_somebody_made_is_left(administered: Administered) -> None:
    first = {"source": "elsewhere", "teams": IMPORT["teams"]}
    await administered.made("/admin/imports", first)
    [team] = (await administered.ask("GET", "/admin/teams")).json["data"]
    await administered.made("/admin/budgets", {"subject": f"team:{team['id']}", "amount_usd": "3"})
    made = await administered.made("/admin/imports", IMPORT)
    assert (made["made"]["budgets"], len(made["left"])) == (1, 1)


async def test_what_was_spent_follows_both_ways(administered: Administered) -> None:
    await administered.made("/admin/imports", IMPORT)
    for cost, total in (("4", 425), ("1", 125), ("1", 125)):
        more = [{**IMPORT["spend"][0], "cost_usd": cost}, *IMPORT["spend"][1:]]
        await administered.made("/admin/imports", {**IMPORT, "spend": more})
        assert max(await spent(administered)) == total * 10**10


async def test_it_follows_as_often_as_it_changes(administered: Administered) -> None:
    for cost in ("4", "1", "4", "1"):
        more = [{**IMPORT["spend"][0], "cost_usd": cost}, *IMPORT["spend"][1:]]
        await administered.made("/admin/imports", {**IMPORT, "spend": more})
    assert max(await spent(administered)) == 125 * 10**10


async def test_in_another_period_each_budget_has_what_is_of_it(administered: Administered) -> None:
    """A key has a budget for a day, in a team with one for a month; both have spent more on the next day."""
    subject = f"key:{key('one')['id']}"
    budgets = [*IMPORT["budgets"], {"id": "b3", "subject": subject, "amount_usd": "5", "period": "day"}]

    async def imported(of_key: str, beyond: str) -> dict[str, str]:
        spend = [
            {"subject": subject, "cost_usd": of_key, "budgets": ["b1", "b3"]},
            {"subject": "team:t1", "cost_usd": beyond, "budgets": ["b1"]},
        ]
        await administered.made("/admin/imports", {**IMPORT, "budgets": budgets, "spend": spend})
        found = (await administered.ask("GET", "/admin/budgets")).json["data"]
        [whole] = (await administered.ask("GET", "/admin/ledger/totals")).json["data"]
        return {each["period"]: each["spent_usd"] for each in found} | {"whole": whole["cost_usd"]}

    assert await imported("4", "0") == {"day": "4", "month": "4", "total": None, "whole": "4"}
    administered.clock.advance(DAY_S)
    for _ in range(2):
        assert await imported("3", "4") == {"day": "3", "month": "7", "total": None, "whole": "7"}


async def test_counters_that_have_begun_follow(administered: Administered) -> None:
    """Else a budget would be as it was at the first import until its period is over."""
    await administered.made("/admin/imports", IMPORT)
    rows = await administered.database.fetch("SELECT counter, picodollars FROM spend")
    for counter, picodollars in rows:
        await administered.counters.seed(counter, picodollars, 0)
    more = [{**IMPORT["spend"][0], "cost_usd": "4"}, {**IMPORT["spend"][1], "cost_usd": "0"}, IMPORT["spend"][2]]
    await administered.made("/admin/imports", {**IMPORT, "spend": more})
    rows = dict(await administered.database.fetch("SELECT counter, picodollars FROM spend"))
    assert dict(zip(rows, await administered.counters.read(list(rows)), strict=True)) == rows
    assert sorted(rows.values()) == [75 * 10**10, 4 * 10**12]


async def test_what_is_blocked_since_is_out_of_use(administered: Administered) -> None:
    await administered.made("/admin/imports", IMPORT)
    teams = [{**IMPORT["teams"][0], "archived": True}]
    projects = [{**IMPORT["projects"][0], "archived": True}]
    keys = [IMPORT["keys"][0], {**IMPORT["keys"][1], "revoked": True}]
    for archived, revoked in ((2, 1), (0, 0)):
        made = await administered.made("/admin/imports", {**IMPORT, "teams": teams, "projects": projects, "keys": keys})
        assert (made["archived"], made["revoked"]) == (archived, revoked)
    for secret in ("sk-one", "sk-two"):
        with pytest.raises(Unauthenticated):
            administered.identity(secret)


async def test_nobody_s_name_is_in_the_ledger(administered: Administered) -> None:
    await administered.made("/admin/imports", IMPORT)
    rows = await administered.database.fetch("SELECT * FROM ledger")
    assert rows
    assert not any(part == "jo" for row in rows for each in row for part in re.split(r"[^a-z]+", str(each)))


async def test_a_key_that_is_over_opens_nothing(administered: Administered) -> None:
    keys = [key("old", expires_at="2001-01-01T00:00:00Z"), key("gone", revoked=True)]
    await administered.made("/admin/imports", {"source": "elsewhere", "keys": keys})
    statuses = {each["name"]: each["status"] for each in (await administered.ask("GET", "/admin/keys")).json["data"]}
    assert statuses == {"old": "expired", "gone": "revoked"}


async def test_only_who_may_act_everywhere_imports(administered: Administered) -> None:
    operator = await administered.key("o", roles=["operator"])
    told = await administered.ask("POST", "/admin/imports", IMPORT, key=operator["key"])
    assert told.status == 403


async def test_a_team_s_administrator_does_not(administered: Administered) -> None:
    team = await administered.made("/admin/teams", {"name": "T"})
    admin = await administered.key("a", roles=["admin"], team=team["id"])
    assert (await administered.ask("POST", "/admin/imports", IMPORT, key=admin["key"])).status == 403


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"keys": [{**key("one"), "digest": "x"}]}, "keys[0].digest"),
        ({"keys": [key("one"), key("one")]}, "keys[1].id"),
        ({"keys": [key("one", roles=["nobody"])]}, "roles[0]"),
        ({"teams": [{"id": "t", "name": " x"}]}, "teams[0].name"),
        ({"spend": [{"subject": "key:none", "cost_usd": "1"}]}, "spend[0].subject"),
        ({"more": []}, "more"),
    ],
)
async def test_what_is_wrong_is_named(administered: Administered, wrong: dict[str, Any], param: str) -> None:
    told = await administered.ask("POST", "/admin/imports", {"source": "elsewhere", **wrong})
    assert (told.status, told.params) == (422, [param])


async def test_a_carried_sum_is_no_request(administered: Administered) -> None:
    """A limit of requests a day does not count what was spent before as one."""
    from headgate.ledger.seeds import LedgerSeeds

    async def nothing() -> None:
        pass

    await administered.made("/admin/imports", IMPORT)
    identity = administered.identity("sk-one")
    seeds = LedgerSeeds(administered.database, nothing)
    assert await seeds.used("default", f"key:{identity.key_id}", "requests", 0, 2**62) == 0
