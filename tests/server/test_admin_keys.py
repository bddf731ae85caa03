"""Keys through the admin API: made, changed, rotated, revoked; never more than who makes them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from administered import Administered
from headgate.access.minting import digest, well_formed
from headgate.errors import Unauthenticated
from headgate.types import Identity


@pytest.fixture
async def administered() -> AsyncIterator[Administered]:
    async with Administered() as administered:
        yield administered


def refused(administered: Administered, key: str) -> bool:
    try:
        administered.identity(key)
    except Unauthenticated:
        return True
    return False


# ── making ──


async def test_a_key_is_told_once_and_lets_in(administered: Administered):
    made = await administered.key("ci", models=["chat"])
    assert well_formed(made["key"])
    assert made["hint"] == made["key"][-4:]
    identity = administered.identity(made["key"])
    assert (identity.key_id, identity.models, identity.scopes) == (made["id"], ("chat",), frozenset({"call"}))
    for told in (
        await administered.ask("GET", f"/admin/keys/{made['id']}"),
        await administered.ask("GET", "/admin/keys"),
        await administered.ask("PATCH", f"/admin/keys/{made['id']}", {"name": "other"}),
    ):
        assert told.status == 200
        assert made["key"].encode() not in told.body
        assert digest(made["key"].encode()).hex().encode() not in told.body


async def test_team_project_and_user_are_named_by_id_or_name(administered: Administered):
    team = await administered.made("/admin/teams", {"name": "Research"})
    project = await administered.made("/admin/projects", {"name": "Apollo", "team": "Research"})
    user = await administered.made("/admin/users", {"name": "Ada", "team": team["id"]})
    for fields in (
        {"team": "Research", "project": "Apollo", "user": "Ada"},
        {"team": team["id"], "project": project["id"], "user": user["id"]},
    ):
        made = await administered.key(**fields)
        assert (made["team"], made["project"], made["user"]) == (team["id"], project["id"], user["id"])


async def test_a_team_that_is_not_given_is_the_projects_or_the_users(administered: Administered):
    team = await administered.made("/admin/teams", {"name": "Research"})
    await administered.made("/admin/projects", {"name": "Apollo", "team": "Research"})
    await administered.made("/admin/users", {"name": "Ada", "team": "Research"})
    assert (await administered.key(project="Apollo"))["team"] == team["id"]
    assert (await administered.key(user="Ada"))["team"] == team["id"]


async def test_a_project_of_another_team_is_refused(administered: Administered):
    await administered.made("/admin/teams", {"name": "A"})
    await administered.made("/admin/teams", {"name": "B"})
    await administered.made("/admin/projects", {"name": "of a", "team": "A"})
    told = await administered.ask("POST", "/admin/keys", {"name": "k", "team": "B", "project": "of a"})
    assert (told.status, told.error["param"]) == (422, "project")


@pytest.mark.parametrize("field", ["team", "project", "user"])
async def test_what_is_not_there_is_told_by_its_field(administered: Administered, field: str):
    told = await administered.ask("POST", "/admin/keys", {"name": "k", field: "nobody"})
    assert (told.status, told.error["param"], told.error["code"]) == (422, field, "not_found")


async def test_two_of_one_name_have_to_be_told_apart(administered: Administered):
    for _ in range(2):
        await administered.made("/admin/users", {"name": "Ada"})
    told = await administered.ask("POST", "/admin/keys", {"name": "k", "user": "Ada"})
    assert (told.status, told.error["param"]) == (422, "user")
    assert "write an id" in told.error["message"]


async def test_limits_and_budget_come_with_the_key(administered: Administered):
    made = await administered.key(
        limits=[{"per": "minute", "requests": 10, "cost_usd": "0.5"}, {"concurrent": 3}],
        budget_usd="12.50",
        budget_period="day",
    )
    assert {(each["per"], each["requests"], each["cost_usd"], each["concurrent"]) for each in made["limits"]} == {
        ("minute", 10, "0.5", None),
        ("total", None, None, 3),
    }
    [budget] = made["budgets"]
    assert (budget["amount_usd"], budget["period"], budget["hard"]) == ("12.5", "day", True)
    identity = administered.identity(made["key"])
    limits, [(held, subject)] = administered.rules(identity)
    assert (held.amount_picodollars, subject) == (12_500_000_000_000, f"key:{made['id']}")
    assert len(limits) == 2


async def test_a_budget_without_a_period_is_for_good(administered: Administered):
    [budget] = (await administered.key(budget_usd=1))["budgets"]
    assert (budget["period"], budget["starts_at"], budget["ends_at"]) == ("total", None, None)


async def test_unknown_roles_are_told_by_place(administered: Administered):
    told = await administered.ask("POST", "/admin/keys", {"name": "k", "roles": ["caller", "adnim", "x"]})
    assert told.status == 422
    assert told.params == ["roles[1]", "roles[2]"]
    assert "did you mean 'admin'?" in told.error["message"]


async def test_an_expiry_that_is_over_is_refused(administered: Administered):
    told = await administered.ask("POST", "/admin/keys", {"name": "k", "expires_at": "2020-01-01T00:00:00Z"})
    assert (told.status, told.error["param"]) == (422, "expires_at")


# ── changing, and two at a time ──


async def test_a_change_is_made_to_the_version_that_was_seen(administered: Administered):
    made = await administered.key()
    path = f"/admin/keys/{made['id']}"
    told = await administered.ask("PATCH", path, {"name": "a"}, headers={"if-match": '"1"'})
    assert (told.status, told.json["version"], told.headers["etag"]) == (200, 2, '"2"')
    told = await administered.ask("PATCH", path, {"name": "b", "version": 1})
    assert (told.status, told.error["code"], told.error["version"]) == (409, "version_conflict", 2)
    told = await administered.ask("PATCH", path, {"name": "b"}, headers={"if-match": 'W/"1"'})
    assert told.status == 409
    assert (await administered.ask("GET", path)).json["name"] == "a"
    told = await administered.ask("PATCH", path, {"name": "b", "version": 2}, headers={"if-match": "*"})
    assert (told.status, told.json["version"]) == (200, 3)


@pytest.mark.parametrize("header", ["x", '"x"', '"-1"', '"1", "2"', '"' + "9" * 30 + '"'])
async def test_if_match_is_a_version(administered: Administered, header: str):
    made = await administered.key()
    told = await administered.ask("PATCH", f"/admin/keys/{made['id']}", {}, headers={"if-match": header})
    assert (told.status, told.error["param"]) == (422, "If-Match")


async def test_header_and_body_do_not_contradict_each_other(administered: Administered):
    made = await administered.key()
    told = await administered.ask("PATCH", f"/admin/keys/{made['id']}", {"version": 2}, headers={"if-match": '"1"'})
    assert (told.status, told.error["param"]) == (422, "version")


async def test_a_change_that_changes_nothing_is_none(administered: Administered):
    made = await administered.key("same")
    before = len(await administered.records())
    told = await administered.ask("PATCH", f"/admin/keys/{made['id']}", {"name": "same"})
    assert (told.status, told.json["version"]) == (200, 1)
    assert len(await administered.records()) == before


async def test_null_takes_off_and_what_is_left_out_stays(administered: Administered):
    made = await administered.key(models=["chat"], networks=["10.0.0.0/8"], expires_at="2030-01-01T00:00:00Z")
    told = await administered.ask("PATCH", f"/admin/keys/{made['id']}", {"models": None})
    assert told.json["models"] is None
    assert told.json["networks"] == ["10.0.0.0/8"]
    assert told.json["expires_at"] == "2030-01-01T00:00:00Z"


@pytest.mark.parametrize(
    "field",
    ["id", "organisation", "digest", "hint", "revision", "created_by", "revoked_us", "revoked_at", "replaces", "key",
     "archived_us", "created_us", "expires_us", "team_id", "limits", "budget_usd", "scopes"],
)  # fmt: skip
async def test_fields_that_are_not_the_askers_to_set_are_refused(administered: Administered, field: str):
    made = await administered.key()
    told = await administered.ask("PATCH", f"/admin/keys/{made['id']}", {field: "x"})
    assert told.status == 422
    assert told.params == [field]


@pytest.mark.parametrize("field", ["id", "digest", "hint", "version", "revision", "created_by", "replaces", "scopes"])
async def test_mass_assignment_on_making_is_refused(administered: Administered, field: str):
    told = await administered.ask("POST", "/admin/keys", {"name": "k", field: "x"})
    assert (told.status, told.params) == (422, [field])


# ── revoking and rotating ──


async def test_a_revoked_key_opens_nothing_at_once_and_for_good(administered: Administered):
    made = await administered.key()
    for _ in range(2):
        told = await administered.ask("POST", f"/admin/keys/{made['id']}/revoke")
        assert (told.status, told.json["status"]) == (200, "revoked")
    assert refused(administered, made["key"])
    for method, path, body in (
        ("PATCH", f"/admin/keys/{made['id']}", {"name": "x"}),
        ("POST", f"/admin/keys/{made['id']}/rotate", {}),
    ):
        told = await administered.ask(method, path, body)
        assert told.status == 409
    revocations = [each for each in await administered.records() if each["action"] == "keys.revoke"]
    assert len(revocations) == 1


async def test_a_rotated_key_goes_on_for_its_overlap(administered: Administered):
    made = await administered.key()
    told = await administered.ask("POST", f"/admin/keys/{made['id']}/rotate", {"overlap_s": 60})
    assert told.status == 201
    new = told.json
    assert new["replaces"] == made["id"]
    assert new["key"] != made["key"]
    assert not refused(administered, made["key"])
    assert not refused(administered, new["key"])
    administered.clock.advance(61)
    assert refused(administered, made["key"])
    assert not refused(administered, new["key"])


async def test_without_an_overlap_the_old_key_is_revoked(administered: Administered):
    made = await administered.key()
    new = (await administered.ask("POST", f"/admin/keys/{made['id']}/rotate")).json
    assert refused(administered, made["key"])
    assert not refused(administered, new["key"])


async def test_an_overlap_does_not_outlive_the_key(administered: Administered):
    made = await administered.key(expires_at="2027-01-15T08:00:10Z")
    await administered.ask("POST", f"/admin/keys/{made['id']}/rotate", {"overlap_s": 3600})
    told = await administered.ask("GET", f"/admin/keys/{made['id']}")
    assert told.json["expires_at"] == "2027-01-15T08:00:10Z"


async def test_a_rotation_gives_no_fresh_budget(administered: Administered):
    made = await administered.key(budget_usd="5", limits=[{"per": "minute", "requests": 10}])
    new = (await administered.ask("POST", f"/admin/keys/{made['id']}/rotate", {"overlap_s": 60})).json
    newest = (await administered.ask("POST", f"/admin/keys/{new['id']}/rotate", {"overlap_s": 60})).json
    assert [each["id"] for each in newest["budgets"]] == [each["id"] for each in made["budgets"]]
    for key in (made["key"], new["key"], newest["key"]):
        identity = administered.identity(key)
        [(_, limited)], [(budget, subject)] = administered.rules(identity)
        assert (budget.id, subject) == (made["budgets"][0]["id"], f"key:{made['id']}")
        assert limited == f"key:{made['id']}"


async def test_a_key_is_replaced_once(administered: Administered):
    made = await administered.key()
    await administered.ask("POST", f"/admin/keys/{made['id']}/rotate", {"overlap_s": 60})
    told = await administered.ask("POST", f"/admin/keys/{made['id']}/rotate", {"overlap_s": 60})
    assert told.status == 409


@pytest.mark.parametrize("overlap_s", [-1, 1e9, 2_592_001, "60", 1.5])
async def test_an_overlap_is_a_bounded_number(administered: Administered, overlap_s: Any):
    made = await administered.key()
    told = await administered.ask("POST", f"/admin/keys/{made['id']}/rotate", {"overlap_s": overlap_s})
    assert (told.status, told.params) == (422, ["overlap_s"])


# ── no more than the maker ──


@pytest.mark.parametrize(
    ("maker", "wanted", "lacks"),
    [
        ({"roles": ["operator"]}, {"roles": ["admin"]}, "audit.read"),
        ({"roles": ["operator"]}, {"roles": ["caller", "auditor"]}, "audit.read"),
        ({"roles": ["operator", "caller"], "models": ["chat"]}, {}, "all models"),
        ({"roles": ["operator", "caller"], "models": ["gpt-*"]}, {"models": ["claude-*"]}, "claude-*"),
        ({"roles": ["operator", "caller"], "endpoints": ["chat"]}, {"endpoints": ["chat", "image"]}, "image"),
        ({"roles": ["operator", "caller"], "networks": ["10.0.0.0/8", "127.0.0.1"]}, {}, "any network"),
        ({"roles": ["operator", "caller"], "tags": {"a": "b"}}, {"tags": {"a": "c"}}, "tag 'a=b'"),
        ({"roles": ["operator", "caller"], "expires_at": "2028-01-01T00:00:00Z"}, {}, "expiry"),
        ({"roles": ["operator", "caller"], "policy": "strict"}, {}, "policy"),
    ],
)  # fmt: skip
async def test_a_lesser_key_makes_no_greater_one(
    administered: Administered, maker: dict[str, Any], wanted: dict[str, Any], lacks: str
):
    by = (await administered.key("maker", **maker))["key"]
    told = await administered.ask("POST", "/admin/keys", {"name": "k", "roles": ["caller"], **wanted}, key=by)
    assert told.status == 403, told.body
    assert lacks in told.error["message"]


async def test_a_lesser_key_changes_or_rotates_no_greater_one_and_may_revoke_it(administered: Administered):
    greater = await administered.key(roles=["admin"])
    by = (await administered.key(roles=["operator", "caller"]))["key"]
    path = f"/admin/keys/{greater['id']}"
    assert (await administered.ask("PATCH", path, {"name": "x"}, key=by)).status == 403
    assert (await administered.ask("PATCH", path, {"roles": ["caller"]}, key=by)).status == 403
    told = await administered.ask("POST", f"{path}/rotate", key=by)
    assert told.status == 403
    assert b"hg-" not in told.body
    assert (await administered.ask("POST", f"{path}/revoke", key=by)).status == 200


async def test_a_key_does_not_change_itself(administered: Administered):
    made = await administered.key(roles=["admin"], expires_at="2028-01-01T00:00:00Z")
    new = (await administered.ask("POST", f"/admin/keys/{made['id']}/rotate", {"overlap_s": 60}, key=made["key"])).json
    for key in (made, new):
        told = await administered.ask("PATCH", f"/admin/keys/{made['id']}", {"expires_at": None}, key=key["key"])
        assert told.status == 403


async def test_a_key_of_a_team_acts_in_its_team_only(administered: Administered):
    await administered.made("/admin/teams", {"name": "A"})
    await administered.made("/admin/teams", {"name": "B"})
    other = await administered.key("of b", team="B")
    nobodys = await administered.key("of nobody")
    maker = await administered.key("boss", team="A", roles=["operator", "caller"])
    by = maker["key"]
    own = await administered.key("of a", by=by)
    assert own["team"] == maker["team"]
    assert {each["name"] for each in await administered.walk("/admin/keys", 10, key=by)} == {"boss", "of a"}
    assert {each["name"] for each in await administered.walk("/admin/teams", 10, key=by)} == {"A"}
    told = await administered.ask("POST", "/admin/keys", {"name": "k", "team": "B"}, key=by)
    assert (told.status, told.params) == (422, ["team"])
    for key in (other, nobodys):
        path = f"/admin/keys/{key['id']}"
        for method, at, body in (
            ("GET", path, None), ("PATCH", path, {"name": "x"}), ("POST", f"{path}/revoke", None),
            ("POST", f"{path}/rotate", None),
        ):  # fmt: skip
            assert (await administered.ask(method, at, body, key=by)).status == 404
    for method, path, body in (
        ("POST", "/admin/teams", {"name": "C"}),
        ("PATCH", f"/admin/teams/{maker['team']}", {"name": "C"}),
        ("DELETE", f"/admin/teams/{maker['team']}", None),
    ):
        assert (await administered.ask(method, path, body, key=by)).status == 403


async def test_a_key_of_a_team_changes_limits_within_its_team_only(administered: Administered):
    team = await administered.made("/admin/teams", {"name": "A"})
    await administered.made("/admin/teams", {"name": "B"})
    other = await administered.key("of b", team="B", limits=[{"per": "hour", "requests": 5}])
    maker = await administered.key("boss", team="A", roles=["operator", "caller"])
    mine = await administered.key("of a", by=maker["key"])
    told = await administered.ask("POST", "/admin/budgets", {"subject": "team:A", "amount_usd": 5})
    on_team = told.json
    for subject in ("team:A", "team:*", "key:*", "organisation:*", "model:chat", "customer:*", "tag:a=b"):
        for path, body in (("limits", {"per": "hour", "requests": 9}), ("budgets", {"amount_usd": 9})):
            told = await administered.ask("POST", f"/admin/{path}", {"subject": subject, **body}, key=maker["key"])
            assert told.status == 403, (subject, told.body)
    told = await administered.ask("PATCH", f"/admin/budgets/{on_team['id']}", {"amount_usd": 500}, key=maker["key"])
    assert told.status == 403
    told = await administered.ask("DELETE", f"/admin/budgets/{on_team['id']}", key=maker["key"])
    assert told.status == 403
    told = await administered.ask("GET", f"/admin/limits/{other['limits'][0]['id']}", key=maker["key"])
    assert told.status == 404
    body = {"subject": f"key:{mine['id']}", "per": "hour", "requests": 9}
    assert (await administered.ask("POST", "/admin/limits", body, key=maker["key"])).status == 201
    limits = await administered.walk("/admin/limits", 10, key=maker["key"])
    assert {each["subject"] for each in limits} == {f"key:{mine['id']}"}
    budgets = await administered.walk("/admin/budgets", 10, key=maker["key"])
    assert {each["subject"] for each in budgets} == {f"team:{team['id']}"}


async def test_a_limited_key_makes_limited_keys_only(administered: Administered):
    maker = await administered.key(
        roles=["operator", "caller"], budget_usd=10, budget_period="day", limits=[{"per": "minute", "requests": 60}]
    )
    by = maker["key"]
    limit = {"per": "minute", "requests": 60}
    for fields in (
        {},
        {"limits": [limit]},
        {"budget_usd": 1, "budget_period": "day"},
        {"limits": [limit], "budget_usd": 1, "budget_period": "month"},
        {"limits": [limit], "budget_usd": 1, "budget_period": "day", "budget_hard": False},
        {"limits": [limit], "budget_usd": 11, "budget_period": "day"},
        {"limits": [{"per": "minute", "requests": 61}], "budget_usd": 1, "budget_period": "day"},
        {"limits": [{"per": "hour", "requests": 60}], "budget_usd": 1, "budget_period": "day"},
    ):
        told = await administered.ask("POST", "/admin/keys", {"name": "k", **fields}, key=by)
        assert told.status == 403, fields
    made = await administered.key(by=by, limits=[limit], budget_usd=6, budget_period="day")
    body = {"name": "k", "limits": [limit], "budget_usd": 5, "budget_period": "day"}
    told = await administered.ask("POST", "/admin/keys", body, key=by)
    assert told.status == 403, "together they would have more than their maker"
    assert (await administered.ask("POST", f"/admin/keys/{made['id']}/revoke", key=by)).status == 200
    assert (await administered.ask("POST", "/admin/keys", body, key=by)).status == 403, "revoking is no way around"
    administered.clock.advance(86_401)
    assert (await administered.ask("POST", "/admin/keys", body, key=by)).status == 201


@pytest.mark.parametrize(
    ("limit", "told"),
    [
        ({"per": "minute", "requests": 1}, "limited to 1 request per minute:"),
        ({"per": "day", "input_tokens": 2000}, "limited to 2,000 input tokens per day:"),
        ({"per": "day", "cost_usd": 1}, "limited to $1 per day:"),
        ({"concurrent": 1}, "limited to 1 call at a time:"),
    ],
)
async def test_who_is_limited_is_told_how(administered: Administered, limit: dict[str, Any], told: str):
    by = (await administered.key(roles=["operator", "caller"], limits=[limit]))["key"]
    assert told in (await administered.ask("POST", "/admin/keys", {"name": "k"}, key=by)).error["message"]


async def test_a_limited_key_takes_no_limits_off_what_it_made(administered: Administered):
    maker = await administered.key(roles=["operator", "caller"], budget_usd=10, limits=[{"concurrent": 5}])
    by = maker["key"]
    made = await administered.key(by=by, budget_usd=6, limits=[{"concurrent": 5}])
    budget, limit = made["budgets"][0]["id"], made["limits"][0]["id"]
    for method, path, body in (
        ("DELETE", f"/admin/budgets/{budget}", None),
        ("PATCH", f"/admin/budgets/{budget}", {"amount_usd": 11}),
        ("PATCH", f"/admin/budgets/{budget}", {"hard": False}),
        ("DELETE", f"/admin/limits/{limit}", None),
        ("PATCH", f"/admin/limits/{limit}", {"concurrent": 6}),
    ):
        assert (await administered.ask(method, path, body, key=by)).status == 403, (method, path)
    assert (await administered.ask("PATCH", f"/admin/budgets/{budget}", {"amount_usd": 9}, key=by)).status == 200
    own = maker["budgets"][0]["id"]
    assert (await administered.ask("PATCH", f"/admin/budgets/{own}", {"amount_usd": 99}, key=by)).status == 403
    assert (await administered.ask("DELETE", f"/admin/budgets/{own}", key=by)).status == 403


async def test_a_rotated_maker_is_as_limited_as_before(administered: Administered):
    maker = await administered.key(roles=["operator", "caller"], budget_usd=10)
    new = (await administered.ask("POST", f"/admin/keys/{maker['id']}/rotate")).json
    told = await administered.ask("POST", "/admin/keys", {"name": "k"}, key=new["key"])
    assert told.status == 403
    assert "budget of $10" in told.error["message"]


async def test_a_limited_key_gets_no_unlimited_one_by_rotating_or_changing_it(administered: Administered):
    unlimited = await administered.key("unlimited")
    by = (await administered.key(roles=["operator"], budget_usd=10))["key"]
    told = await administered.ask("POST", f"/admin/keys/{unlimited['id']}/rotate", key=by)
    assert told.status == 403
    assert b"hg-" not in told.body
    told = await administered.ask("PATCH", f"/admin/keys/{unlimited['id']}", {"name": "mine"}, key=by)
    assert told.status == 403
    assert not refused(administered, unlimited["key"])


async def test_a_limited_user_makes_limited_keys_only(administered: Administered):
    user = await administered.made("/admin/users", {"name": "Ada", "roles": ["operator"]})
    await administered.made("/admin/budgets", {"subject": f"user:{user['id']}", "amount_usd": 10})
    scopes = administered.roles.scopes(["operator"])
    ada = Identity(key_id=f"user:{user['id']}", user_id=user["id"], scopes=scopes)
    assert (await administered.ask("POST", "/admin/keys", {"name": "k"}, identity=ada)).status == 403
    own = await administered.ask("POST", "/admin/keys", {"name": "k", "user": user["id"]}, identity=ada)
    assert own.status == 201, "what is the user's own counts for the user"
    body = {"name": "k", "budget_usd": 6, "budget_period": "month"}
    assert (await administered.ask("POST", "/admin/keys", body, identity=ada)).status == 201
    assert (await administered.ask("POST", "/admin/keys", body, identity=ada)).status == 403


# ── users ──


async def test_nobody_gives_a_user_what_he_has_not(administered: Administered):
    by = (await administered.key(roles=["operator"]))["key"]
    told = await administered.ask("POST", "/admin/users", {"name": "Eve", "roles": ["admin"]}, key=by)
    assert told.status == 403
    admin = await administered.made("/admin/users", {"name": "Ada", "roles": ["admin"], "email": "ada@example.com"})
    told = await administered.ask("PATCH", f"/admin/users/{admin['id']}", {"email": "eve@example.com"}, key=by)
    assert told.status == 403


async def test_nobody_changes_their_own_roles(administered: Administered):
    user = await administered.made("/admin/users", {"name": "Ada", "roles": ["operator"]})
    identity = Identity(
        key_id=f"user:{user['id']}", user_id=user["id"], scopes=administered.roles.scopes(["operator", "auditor"])
    )
    told = await administered.ask("PATCH", f"/admin/users/{user['id']}", {"roles": ["auditor"]}, identity=identity)
    assert told.status == 403


async def test_listing_by_state(administered: Administered):
    await administered.key("live")
    gone = await administered.key("gone")
    await administered.key("over", expires_at="2027-01-15T08:00:10Z")
    await administered.ask("POST", f"/admin/keys/{gone['id']}/revoke")
    administered.clock.advance(11)
    for status, name in (("live", "live"), ("revoked", "gone"), ("expired", "over")):
        found = await administered.walk("/admin/keys", 1, status=status)
        assert [(each["name"], each["status"]) for each in found] == [(name, status)]
