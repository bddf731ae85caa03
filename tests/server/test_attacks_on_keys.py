"""Items 1, 3, 4, 5 and 6 of the checklist: getting in without a key, with another's, or further than one's own goes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from itertools import product

import pytest
import pytest_asyncio

from attacked import ADMIN, ADMIN_KEY, CALLS, CHAT, LISTS, Attacked, admin_path, attacked, named
from headgate.access.roles import ROLES
from headgate.server.admin.routes import ANY_SCOPE, ROUTES, Route
from headgate.server.routes import ENDPOINTS
from headgate.storage.tables import TABLES

module = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[Attacked]:
    """A gateway that none of the tests that share it changes."""
    async with attacked() as shared:
        yield shared


@pytest_asyncio.fixture
async def gateway() -> AsyncIterator[Attacked]:
    async with attacked() as gateway:
        yield gateway


# ── 1: SQL ──

SQL = [
    "' OR 1=1 --",
    "'; DROP TABLE keys; --",
    '" OR ""="',
    "hg-' UNION SELECT digest FROM keys --",
    "hg-00000000000000000000000000000000000000000000'||(SELECT 1)||'",
    "%s%n{0}{key}$1?1:1",
    "\\'\\\";\\",
    "*",
    "%",
    "A" * 102_400,
    "'" * 102_400,
]


@pytest.mark.parametrize("token", SQL, ids=lambda token: token[:30])
@pytest.mark.parametrize("header", ["authorization", "x-api-key", "x-headgate-key"])
@module
async def test_sql_instead_of_a_key(shared: Attacked, header: str, token: str):
    """CVE-2026-42208: what was no key of ours went into a statement on the way to its error."""
    value = f"Bearer {token}" if header == "authorization" else token
    for path in ("/v1/models", "/admin/keys", "/metrics"):
        answer = await shared.request("GET", path, headers={header: value})
        assert (answer.status, answer.json["error"]["message"]) == (401, "The key is not valid.")
        assert token[:30] not in answer.body.decode()


@module
async def test_a_key_is_looked_up_without_asking_the_database(shared: Attacked, monkeypatch: pytest.MonkeyPatch):
    """Whoever floods with made-up keys costs no statement."""
    statements: list[str] = []
    fetch = shared.database.fetch

    async def watched(sql: str, *parameters: object) -> object:
        statements.append(sql)
        return await fetch(sql, *parameters)

    monkeypatch.setattr(type(shared.database), "fetch", lambda _, sql, *parameters: watched(sql, *parameters))
    for token in SQL[:5]:
        assert (await shared.ask("GET", "/v1/models", key=token)).status == 401
    assert not [sql for sql in statements if " keys" in sql]
    assert (await shared.ask("GET", "/admin/keys")).status == 200
    assert [sql for sql in statements if " keys" in sql], "what is asked is seen here"


@pytest.mark.parametrize(("route", "names"), LISTS, ids=[named(route) for route, _ in LISTS])
@module
async def test_sql_in_every_parameter_of_every_list(shared: Attacked, route: Route, names: list[str]):
    """CVE-2025-45809 and PYSEC-2026-1550 were in parameters of admin pages."""
    before = await shared.snapshot()
    path = admin_path(route, team="*", month="2026-11")
    for name, text in product([*names, "organisation", "x'; --"], SQL):
        answer = await shared.ask("GET", path, query={name: text})
        assert answer.status in (200, 400, 404, 414, 422), (name, text[:30], answer.body)
        if answer.status == 200 and answer.headers["content-type"] == "application/json":
            found = answer.json.get("data", [])
            every = (name, text) == ("action", "*")
            assert every or not [each for each in found if each.get("calls") != 0], (name, text[:30])
    assert await shared.snapshot() == before


async def test_sql_in_every_text_that_is_written(gateway: Attacked):
    team = await gateway.made("/admin/teams", {"name": SQL[1]})
    key = await gateway.key(SQL[0], team=SQL[1], tags={"a": "x' OR 1=1 --"}, models=[SQL[2]])
    await gateway.made("/admin/limits", {"subject": f"tag:a={SQL[0]}", "per": "hour", "requests": 1})
    await gateway.made("/admin/budgets", {"subject": f"customer:{SQL[1]}", "amount_usd": 1})
    assert key["team"] == team["id"]
    assert (await gateway.call(key["key"], model=SQL[2])).status == 404
    assert (await gateway.call(key["key"], user=SQL[1])).status == 404, "no such model for this key"
    rows = await gateway.snapshot()
    assert [len(rows[table.name]) for table in TABLES if table.name in ("teams", "keys", "limits", "budgets")] == [
        1
    ] * 4


# ── 3: another protocol, another method, a path nobody thought of ──

UNKNOWN = [
    "/mcp", "/v1/mcp", "/sse", "/ws", "/v1/realtime", "/v1/files", "/v1/batches", "/v1/assistants", "/v1/threads",
    "/anthropic/v1/messages", "/openai/v1/chat/completions", "/pass-through", "/key/generate", "/user/new",
    "/global/spend/logs", "/config/update", "/model/info", "/prompts/test", "/debug", "/docs", "/server-status",
    "/v1/", "/v1/models/", "/v2/chat/completions", "/v1/chat/completions/", "//v1/chat/completions", "/auth/login",
    "/auth/callback", "/admin", "/admin/", "/admin/nothing", "/_sim/record", "/.git/config", "/headgate.yaml",
]  # fmt: skip
PAGES = ["/metrics", "/targets", "/openapi.json", "/v1/models", "/models/chat", "/v1/responses/resp_hg_x"]
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "CONNECT", "PROPFIND"]
JUNK = [
    {},
    {"authorization": "Bearer junk"},
    {"authorization": "Bearer null", "x-api-key": "undefined"},
    {"authorization": "Basic aGctYWRtaW46"},
    {"authorization": "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9."},
    {"cookie": "session=admin; token=junk", "x-forwarded-user": "admin", "x-forwarded-for": "127.0.0.1"},
]
WEBSOCKET = {
    "upgrade": "websocket", "connection": "Upgrade", "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    "sec-websocket-version": "13",
}  # fmt: skip


@pytest.mark.parametrize("upgrade", [{}, WEBSOCKET], ids=["plain", "websocket"])
@pytest.mark.parametrize("method", METHODS)
@module
async def test_junk_where_a_key_should_be_on_every_route(shared: Attacked, method: str, upgrade: dict[str, str]):
    """CVE-2026-59822: on another protocol's path a junk bearer fell through to an empty identity."""
    paths = [*ENDPOINTS, *UNKNOWN, *PAGES, *sorted({admin_path(route) for route in ROUTES})]
    body = json.dumps(CALLS[CHAT]).encode() if method in ("POST", "PUT", "PATCH") else b""

    async def check(path: str, junk: dict[str, str]) -> None:
        answer = await shared.request(method, path, raw=body, headers={**junk, **upgrade})
        assert answer.status in (401, 404, 405, 426), (path, junk, answer.body)
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        if path in PAGES or path.startswith("/admin"):
            expected = (401, 405) if path in PAGES else (401,)
            assert answer.status in (*expected, 426), (path, junk)

    shared.vendor.requests.clear()
    for junk in JUNK:
        await asyncio.gather(*(check(path, junk) for path in paths))
    assert shared.vendor.requests == []


@module
async def test_a_key_in_a_target_is_none(shared: Attacked):
    """It would be in every log on the way."""
    for name in ("key", "api_key", "api-key", "access_token", "token", "x-api-key", "authorization"):
        for path in ("/v1/models", "/metrics", "/admin/keys", "/admin/whoami"):
            assert (await shared.ask("GET", path, key=None, query={name: ADMIN_KEY})).status == 401
            assert (await shared.ask("GET", f"{path}/{ADMIN_KEY}", key=None)).status in (401, 404)


async def test_an_address_that_a_client_makes_up(gateway: Attacked):
    """A key of one network, from another, by the headers of a proxy that nobody trusts."""
    key = (await gateway.key(networks=["192.0.2.0/24"]))["key"]
    names = ("x-forwarded-for", "x-real-ip", "forwarded", "x-client-ip", "cf-connecting-ip", "true-client-ip", "via")
    for value in ("192.0.2.7", "for=192.0.2.7", "192.0.2.7, 127.0.0.1", "::ffff:192.0.2.7"):
        headers = {"authorization": f"Bearer {key}", **dict.fromkeys(names, value)}
        assert (await gateway.request("GET", "/v1/models", headers=headers)).status == 401


@pytest.mark.parametrize("upgrade", [{}, WEBSOCKET], ids=["plain", "websocket"])
@module
async def test_without_authentication_nobody_administers(upgrade: dict[str, str]):
    async with attacked(server="auth: none") as gateway:
        for route in ROUTES:
            for headers in (*JUNK, ADMIN):
                answer = await gateway.request(route.method, admin_path(route), {}, {**headers, **upgrade})
                assert answer.status == (200 if route.scope == ANY_SCOPE else 403), (named(route), answer.body)
        who = (await gateway.request("GET", "/admin/whoami")).json
        assert (who["roles"], who["scopes"]) == (["caller"], ["call"])


# ── 4: keys that begin alike ──


@pytest.mark.parametrize("length", [20, 32, 40, 51])
async def test_two_keys_with_the_same_beginning(gateway: Attacked, length: int):
    """CVE-2026-35030: tokens with the same first 20 characters were one entry of a cache."""
    beginning = f"hg-{'a' * 60}"[:length]
    lesser, greater = f"{beginning}1", f"{beginning}2"
    await gateway.put(lesser, roles=["caller"])
    await gateway.put(greater, roles=["admin"])
    for _ in range(3):
        for key, roles in ((greater, ["admin"]), (lesser, ["caller"])):
            assert (await gateway.ask("GET", "/admin/whoami", key=key)).json["roles"] == roles
        assert (await gateway.ask("GET", "/admin/keys", key=lesser)).status == 403
        for key in (beginning, f"{beginning}3", f"{greater}x", greater[:-1], greater.upper(), f"{greater}\xa0"):
            assert (await gateway.ask("GET", "/admin/whoami", key=key)).status == 401, key


async def test_a_key_beside_another_key(gateway: Attacked):
    """One header decides; a second one adds nothing to it."""
    caller = (await gateway.key())["key"]
    for headers, status in (
        ({"authorization": f"Bearer {caller}", "x-api-key": ADMIN["authorization"][7:]}, 403),
        ({"x-headgate-key": caller, **ADMIN}, 403),
        ({"x-headgate-key": "junk", **ADMIN}, 401),
        ({"authorization": "Bearer junk", "x-api-key": ADMIN["authorization"][7:]}, 401),
    ):
        assert (await gateway.request("GET", "/admin/keys", headers=headers)).status == status, headers


# ── 5: further than one's own key goes ──


@pytest.mark.parametrize("role", [role for role in ROLES if role != "admin"])
async def test_every_admin_route_by_every_lesser_role(gateway: Attacked, role: str):
    """CVE-2026-35029: no handler forgets to ask."""
    key = (await gateway.key(role, roles=[role]))["key"]
    before = await gateway.snapshot()
    for route in ROUTES:
        answer = await gateway.ask(route.method, admin_path(route), {}, key=key)
        if route.scope == ANY_SCOPE or route.scope in ROLES[role]:
            assert answer.status not in (401, 403, 500), named(route)
        else:
            assert answer.status == 403, named(route)
            assert f"'{route.scope}'" in answer.json["error"]["message"]
    assert await gateway.snapshot() == before


async def test_every_list_and_file_is_asked_for_its_head(gateway: Attacked):
    """By who may see it and by who may not: a head tells no more, and leaves nothing open."""
    caller = (await gateway.key())["key"]
    assert (await gateway.call(caller)).status == 200
    for route in ROUTES:
        if route.method == "GET":
            path = admin_path(route, team="*", month="2026-11")
            for key in (ADMIN_KEY, caller):
                whole, head = await gateway.ask("GET", path, key=key), await gateway.ask("HEAD", path, key=key)
                assert (head.status, head.body) == (whole.status, b"")
    assert (await gateway.call(caller)).status == 200


async def test_a_configuration_is_changed_through_no_route(gateway: Attacked):
    """CVE-2026-35029: a logo's path was set to a file of the server's, and the logo fetched."""
    for method, path in product(("POST", "PUT", "PATCH", "DELETE"), ("/admin/config", "/admin/roles", "/admin/audit")):
        assert (await gateway.ask(method, path, {"ui_logo_path": "/etc/passwd"})).status == 405
    for path in ("/config/update", "/get_image", "/admin/config/update", "/admin/files", "/static/../headgate.yaml"):
        assert (await gateway.ask("GET", path)).status == 404


SERVERS = (
    "id", "organisation_id", "digest", "hint", "key", "revision", "version_", "created_us", "updated_us", "archived_us",
    "created_by", "revoked_us", "replaces", "sealed", "scopes", "is_admin", "team_id", "user_id", "organisation",
    "amount_picodollars", "cost_picodollars", "reserved_picodollars", "__class__", "__proto__", "__init__",
)  # fmt: skip


@pytest.mark.parametrize("route", [each for each in ROUTES if each.body is not None], ids=named)
@module
async def test_members_that_are_the_servers_to_set(shared: Attacked, route: Route):
    """CVE-2026-47101 and PYSEC-2026-4068: a request said what only the server may say."""
    assert route.body is not None
    taken = set(route.body.__struct_encode_fields__)
    hostile = [name for name in SERVERS if name not in taken]
    before = await shared.snapshot()
    answer = await shared.ask(route.method, admin_path(route), dict.fromkeys(hostile, "1"))
    assert answer.status == 422
    unknown = {each["param"] for each in answer.json["error"]["errors"] if each["code"] == "unknown_field"}
    assert unknown == set(hostile)
    assert await shared.snapshot() == before


async def test_a_key_minted_with_more_than_its_maker_has(gateway: Attacked):
    """CVE-2026-47101. What one may give is tried part by part in test_admin_keys and test_grants."""
    theirs = await gateway.key("theirs", roles=["admin"])
    by = (await gateway.key("boss", roles=["operator"], models=["chat"]))["key"]
    own = await gateway.key("own", by=by, models=["chat"])
    user = await gateway.made("/admin/users", {"name": "Root", "roles": ["admin"]})
    before = await gateway.snapshot()
    attempts = [
        ("POST", "/admin/keys", {"name": "k", "roles": ["admin"], "models": ["chat"]}),
        ("POST", "/admin/keys", {"name": "k", "roles": ["caller", "auditor"], "models": ["chat"]}),
        ("POST", "/admin/keys", {"name": "k"}),
        ("POST", "/admin/keys", {"name": "k", "models": ["ch*"]}),
        ("PATCH", f"/admin/keys/{own['id']}", {"roles": ["admin"]}),
        ("PATCH", f"/admin/keys/{own['id']}", {"models": None}),
        ("PATCH", f"/admin/keys/{theirs['id']}", {"name": "mine"}),
        ("POST", f"/admin/keys/{theirs['id']}/rotate", {}),
        ("POST", "/admin/users", {"name": "u", "roles": ["admin"]}),
        ("PATCH", f"/admin/users/{user['id']}", {"email": "me@example.com"}),
        ("POST", "/admin/organisations", {"name": "mine"}),
    ]
    for method, path, body in attempts:
        assert (await gateway.ask(method, path, body, key=by)).status == 403, (method, path, body)
    assert await gateway.snapshot() == before


# ── 5: keys that are over ──


async def next_on(reader: asyncio.StreamReader) -> int:
    """The status of the next answer on a connection that stays open."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    await reader.readexactly(length)
    return int(head.split(b" ")[1])


async def test_a_key_is_used_on_after_it_was_revoked(gateway: Attacked):
    """Also on a connection that was open, where nothing of the key is remembered."""
    key = await gateway.key()
    body = json.dumps(CALLS[CHAT]).encode()
    head = f"POST {CHAT} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key['key']}\r\n"
    request = f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(request)
    assert await next_on(reader) == 200
    assert (await gateway.ask("POST", f"/admin/keys/{key['id']}/revoke")).status == 200
    writer.write(request)
    assert await next_on(reader) == 401
    writer.close()
    assert (await gateway.ask("GET", "/admin/whoami", key=key["key"])).status == 401


async def test_keys_that_are_over_for_any_reason(gateway: Attacked):
    """The next request is refused, whatever ended the key."""
    team = await gateway.made("/admin/teams", {"name": "A"})
    project = await gateway.made("/admin/projects", {"name": "P"})
    user = await gateway.made("/admin/users", {"name": "U"})
    await gateway.made("/admin/organisations", {"name": "Acme", "id": "acme"})
    rotated = await gateway.key("rotated")
    over = {
        f"/admin/teams/{team['id']}": await gateway.key("of a team", team="A"),
        f"/admin/projects/{project['id']}": await gateway.key("of a project", project="P"),
        f"/admin/users/{user['id']}": await gateway.key("of a user", user="U"),
        "/admin/organisations/acme": await gateway.key("of an organisation", organisation="acme"),
    }
    for path, key in over.items():
        assert (await gateway.call(key["key"])).status == 200
        assert (await gateway.ask("DELETE", path)).status == 200
        assert (await gateway.call(key["key"])).status == 401, path
    new = (await gateway.ask("POST", f"/admin/keys/{rotated['id']}/rotate", {})).json
    assert (await gateway.call(rotated["key"])).status == 401
    assert (await gateway.call(new["key"])).status == 200
    await gateway.put("hg-old", expires_us=1, roles=["admin"])
    assert (await gateway.ask("GET", "/admin/whoami", key="hg-old")).status == 401


@pytest.mark.parametrize(
    ("path", "body"), [("/admin/keys", {"name": "left behind", "roles": ["admin"]}), (CHAT, CALLS[CHAT])]
)
async def test_a_request_is_held_open_until_its_key_is_revoked(
    gateway: Attacked, monkeypatch: pytest.MonkeyPatch, path: str, body: object
):
    """Its head was sent while the key was good, the end of its body after."""
    monkeypatch.setattr("headgate.server.app.SLOW_S", 0.0)
    key = await gateway.key(roles=["admin"])
    raw = json.dumps(body).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key['key']}\r\n"
    writer.write(f"{head}content-type: application/json\r\ncontent-length: {len(raw)}\r\n\r\n".encode() + raw[:5])
    await writer.drain()
    while ("POST", path) not in gateway.seen[1:]:
        await asyncio.sleep(0.005)
    assert (await gateway.ask("POST", f"/admin/keys/{key['id']}/revoke")).status == 200
    writer.write(raw[5:])
    assert (await reader.readline()).split()[1] == b"401"
    writer.close()
    assert [each["name"] for each in (await gateway.ask("GET", "/admin/keys")).json["data"]] == ["k"]
    assert gateway.vendor.requests == []


async def test_a_stored_hash_or_hint_is_no_key(gateway: Attacked):
    key = await gateway.key(roles=["admin"])
    [(digest, hint)] = await gateway.database.fetch("SELECT digest, hint FROM keys")
    for token in (digest, digest.upper(), bytes.fromhex(digest).decode("latin-1"), hint, key["id"], f"hg-{digest}"):
        headers = {"authorization": f"Bearer {token}"}
        if any(character in token for character in "\r\n\0"):
            continue
        assert (await gateway.request("GET", "/admin/whoami", headers=headers)).status in (400, 401)


# ── 6: what another's calls leave behind ──


async def test_another_callers_answer_is_not_had_by_its_idempotency_key(gateway: Attacked):
    """Nor is there a way to tell that it was used: no answer, no conflict, no header."""
    await gateway.made("/admin/organisations", {"name": "Acme", "id": "acme"})
    first, second = await gateway.key("a"), await gateway.key("b")
    third = await gateway.key("c", organisation="acme")
    for key, body in ((first, {}), (second, {}), (third, {"messages": [*CALLS[CHAT]["messages"]] * 2})):
        headers = {"authorization": f"Bearer {key['key']}", "idempotency-key": "the same"}
        answer = await gateway.post(CHAT, {**CALLS[CHAT], **body}, headers)
        assert answer.status == 200
        assert "x-headgate-replayed" not in answer.headers
    assert len(gateway.vendor.requests) == 3
