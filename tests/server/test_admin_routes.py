"""Every route of the admin API by every role: what a role's scopes do not have is refused by the scope's name."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from administered import Administered
from headgate.access.roles import ROLES, SCOPES
from headgate.server.admin.routes import ANY_SCOPE, ROUTES, Route, find
from headgate.types import Identity

MISSING = "there_is_none_00"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def administered() -> AsyncIterator[Administered]:
    async with Administered() as administered:
        yield administered


def somebody(scopes: frozenset[str]) -> Identity:
    return Identity(key_id="key_somebody", scopes=scopes)


def path_of(route: Route) -> str:
    return "/admin" + re.sub(r"\{\w+\}", MISSING, route.path)


def named(route: Route) -> str:
    return f"{route.method} {route.path}"


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("route", ROUTES, ids=named)
@pytest.mark.asyncio(loop_scope="module")
async def test_every_route_by_every_role(administered: Administered, route: Route, role: str):
    scopes = ROLES[role]
    told = await administered.ask(route.method, path_of(route), identity=somebody(scopes))
    if route.scope == ANY_SCOPE or route.scope in scopes:
        assert told.status not in (401, 403, 405, 500), told.body
    else:
        assert told.status == 403
        assert f"'{route.scope}'" in told.error["message"]
        assert told.error["type"] == told.error["code"] == "permission_denied"


@pytest.mark.parametrize("route", [each for each in ROUTES if each.scope != ANY_SCOPE], ids=named)
@pytest.mark.asyncio(loop_scope="module")
async def test_all_scopes_but_the_routes_own_are_not_enough(administered: Administered, route: Route):
    identity = somebody(frozenset(SCOPES) - {route.scope})
    told = await administered.ask(route.method, path_of(route), identity=identity)
    assert told.status == 403
    assert f"'{route.scope}'" in told.error["message"]


@pytest.mark.parametrize("route", ROUTES, ids=named)
@pytest.mark.asyncio(loop_scope="module")
async def test_without_any_scope_there_is_only_who_one_is(administered: Administered, route: Route):
    told = await administered.ask(route.method, path_of(route), identity=somebody(frozenset()))
    assert (told.status == 200) is (route.scope == ANY_SCOPE)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_refusal_is_told_for_the_audit_log(administered: Administered):
    administered.refusals.clear()
    await administered.ask("POST", "/admin/keys", identity=somebody(frozenset({"call"})))
    [refusal] = administered.refusals
    assert refusal["action"] == "admin.refused"
    assert refusal["subject"] == "POST /admin/keys"
    assert refusal["detail"] == {"missing": "keys.write"}
    assert refusal["address"] == "127.0.0.1"


@pytest.mark.asyncio(loop_scope="module")
async def test_what_an_act_itself_refuses_is_told_too(administered: Administered):
    administered.refusals.clear()
    body = {"name": "more", "roles": ["admin"]}
    told = await administered.ask("POST", "/admin/keys", body, identity=somebody(frozenset({"keys.write"})))
    assert told.status == 403
    [refusal] = administered.refusals
    assert (refusal["action"], refusal["subject"]) == ("admin.refused", "POST /admin/keys")
    assert refusal["detail"] == {"why": told.error["message"]}


def test_a_route_without_a_scope_cannot_be_made():
    for scope in ("", "keys", "everything"):
        with pytest.raises(ValueError, match="which there is not"):
            Route("GET", "/x", scope, ROUTES[0].handler, dict, "x")


def test_routes_that_write_take_a_scope_to_write():
    for route in ROUTES:
        if route.method != "GET":
            assert route.scope.endswith((".write", ".publish", ".label", ".approve")), named(route)


def test_only_who_one_is_needs_no_scope():
    assert [named(route) for route in ROUTES if route.scope == ANY_SCOPE] == ["GET /whoami"]


def test_no_two_routes_are_the_same():
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)
    assert len({route.handler for route in ROUTES}) == len(ROUTES)


@pytest.mark.parametrize(
    "path",
    [
        "/admin/", "/admin", "/admin/nothing", "/admin/keys/", "/admin/keys/a/b", "/admin/keys/../teams", "/admin//keys",
        "/admin/keys/a/../../teams", "/admin/KEYS", "/admin/keys/\u0000", "/admin/keys/a\nb", "/admin/keys/" + "x" * 257,
        "/admin/teams/a/provider-keys/", "/admin/keys/a/revoke/b",
    ],
)  # fmt: skip
@pytest.mark.asyncio(loop_scope="module")
async def test_what_is_not_in_the_table_is_not_there(administered: Administered, path: str):
    for method in ("GET", "POST", "DELETE"):
        told = await administered.ask(method, path)
        assert told.status == 404
        assert told.error["code"] == "not_found"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "get"])
@pytest.mark.asyncio(loop_scope="module")
async def test_other_methods_are_refused(administered: Administered, method: str):
    told = await administered.ask(method, "/admin/keys")
    assert told.status == 405
    assert "GET or POST" in told.error["message"]


def test_a_word_of_the_table_goes_before_what_may_be_anything():
    found = find("/keys/export")
    assert found is not None
    assert found.params == {"id": "export"}


@pytest.mark.asyncio(loop_scope="module")
async def test_head_has_no_body(administered: Administered):
    told = await administered.ask("HEAD", "/admin/whoami")
    assert (told.status, told.body) == (200, b"")
    assert int(told.headers["content-length"]) > 0
