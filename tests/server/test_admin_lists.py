"""Lists: a walk over the pages meets every entry once, whatever is added meanwhile."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator

import pytest

from administered import Administered


@pytest.fixture
async def administered() -> AsyncIterator[Administered]:
    async with Administered() as administered:
        yield administered


@pytest.mark.parametrize("same_time", [True, False])
async def test_a_walk_meets_every_entry_once(database_url: str, same_time: bool):
    async with Administered(database_url) as administered:
        made = []
        for number in range(15):
            made.append((await administered.made("/admin/teams", {"name": f"t{number}"}))["id"])
            if not same_time:
                administered.clock.advance(1)
        for limit in (1, 2, 3, 7, 15, 50):
            found = [each["id"] for each in await administered.walk("/admin/teams", limit)]
            assert sorted(found) == sorted(made)
            if not same_time:
                assert found == made, "the oldest first"


async def test_a_walk_meets_all_that_was_there_though_others_come_and_go(administered: Administered):
    chance = random.Random(4)
    there = [await administered.key(f"k{number}") for number in range(12)]
    found: list[str] = []
    cursor: str | None = None
    number = 0
    while True:
        page = (await administered.ask("GET", "/admin/keys", limit=2, cursor=cursor)).json
        found += [each["id"] for each in page["data"]]
        cursor = page["next"]
        if cursor is None:
            break
        administered.clock.advance(chance.choice([0, 1]))
        await administered.key(f"new{number}")
        number += 1
        if number > 20:
            break
    assert len(set(found)) == len(found)
    assert {each["id"] for each in there} <= set(found)


async def test_a_filtered_walk_meets_every_entry_that_fits(administered: Administered):
    await administered.made("/admin/teams", {"name": "A"})
    for number in range(20):
        await administered.key(f"k{number}", **({"team": "A"} if number % 7 == 0 else {}))
    assert len(await administered.walk("/admin/keys", 2, team="A")) == 3
    boss = (await administered.key("boss", team="A", roles=["operator"]))["key"]
    assert len(await administered.walk("/admin/keys", 2, key=boss)) == 4


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 50])
async def test_the_organisation_that_runs_the_gateway_is_listed_first(administered: Administered, limit: int):
    for name in ("acme", "globex"):
        await administered.made("/admin/organisations", {"name": name.title(), "id": name})
        administered.clock.advance(1)
    found = await administered.walk("/admin/organisations", limit)
    assert [each["id"] for each in found] == ["default", "acme", "globex"]
    assert [each["id"] for each in await administered.walk("/admin/organisations", limit, name="default")] == [
        "default"
    ]
    assert [each["id"] for each in await administered.walk("/admin/organisations", limit, name="Acme")] == ["acme"]


async def test_the_organisation_that_runs_the_gateway_stays_as_it_is(administered: Administered):
    assert (await administered.ask("GET", "/admin/organisations/default")).json["name"] == "default"
    for method, path, body in (
        ("POST", "organisations", {"name": "Mine", "id": "default"}),
        ("PATCH", "organisations/default", {"name": "Mine"}),
        ("DELETE", "organisations/default", None),
    ):
        assert (await administered.ask(method, f"/admin/{path}", body)).status == 409
    await administered.made("/admin/organisations", {"name": "Acme", "id": "acme"})
    made = {"name": "k", "roles": ["operator"], "organisation": "acme"}
    theirs = (await administered.made("/admin/keys", made))["key"]
    assert [each["id"] for each in await administered.walk("/admin/organisations", 1, key=theirs)] == ["acme"]
    assert (await administered.ask("GET", "/admin/organisations/default", key=theirs)).status == 404
    made["roles"] = ["admin"]
    others = (await administered.made("/admin/keys", made))["key"]
    assert (await administered.ask("GET", "/admin/keys", key=others, organisation="default")).status == 200


async def test_entries_that_are_kept_back_leave_no_empty_page(administered: Administered):
    for number in range(6):
        await administered.key(f"k{number}")
        administered.clock.advance(1)
    last = await administered.key("last")
    await administered.ask("POST", f"/admin/keys/{last['id']}/revoke")
    page = (await administered.ask("GET", "/admin/keys", limit=1, status="revoked")).json
    assert ([each["name"] for each in page["data"]], page["next"]) == (["last"], None)


@pytest.mark.parametrize(
    "path", ["keys", "teams", "projects", "users", "limits", "budgets", "audit", "ledger", "organisations"]
)
@pytest.mark.parametrize("cursor", ["x", "%00", "MTIz", "'; DROP TABLE keys; --", "9" * 300, "-1"])
async def test_a_made_up_cursor_is_refused(administered: Administered, path: str, cursor: str):
    told = await administered.ask("GET", f"/admin/{path}", cursor=cursor)
    assert (told.status, told.error["param"]) == (422, "cursor"), told.body


@pytest.mark.parametrize("limit", [0, -1, 501, "x", "1.5", ""])
async def test_a_page_has_1_to_500_entries(administered: Administered, limit: object):
    told = await administered.ask("GET", "/admin/keys", limit=limit)
    assert (told.status, told.params) == (422, ["limit"])


async def test_the_audit_log_is_walked_from_the_newest_on(administered: Administered):
    for number in range(9):
        await administered.made("/admin/teams", {"name": f"t{number}"})
    found = [each["position"] for each in await administered.walk("/admin/audit", 2)]
    assert found == list(range(8, -1, -1))
    lines = (await administered.ask("GET", "/admin/audit/export")).body.splitlines()
    assert len(lines) == 9


async def test_the_audit_log_is_filtered(administered: Administered):
    key = await administered.key()
    await administered.ask("POST", f"/admin/keys/{key['id']}/revoke")
    await administered.made("/admin/teams", {"name": "A"})
    for query, number in (
        ({"action": "keys.revoke"}, 1), ({"action": "keys.*"}, 2), ({"subject": f"key:{key['id']}"}, 2),
        ({"actor": "key:admin"}, 3), ({"actor": "key:nobody"}, 0), ({"outcome": "denied"}, 0),
        ({"from_": "2027-01-15T08:00:01Z"}, 0), ({"to": "2027-01-15T08:00:01Z"}, 3),
    ):  # fmt: skip
        assert len(await administered.walk("/admin/audit", 10, **query)) == number, query


async def test_a_query_that_says_what_there_is_not_is_refused(administered: Administered):
    told = await administered.ask("GET", "/admin/keys", team_id="x", limt="1")
    assert told.status == 422
    assert sorted(told.params) == ["limt", "team_id"]
