"""The admin API on a real socket, where the server's own guards stand before it."""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import AsyncIterator
from typing import Any

import pytest

from headgate.errors import StoreUnavailable
from serving import Serving

ADMIN_KEY = "hg-the-first-admin-key"
CONFIG = """
storage: {database: "sqlite:///:memory:"}
providers: {sim: {kind: simulator}}
models: {chat: {targets: [sim/gpt-4o-mini]}}
"""
ADMIN = {"authorization": f"Bearer {ADMIN_KEY}"}
CALL = {"model": "chat", "messages": [{"role": "user", "content": "Hello"}]}


@pytest.fixture
async def serving() -> AsyncIterator[Serving]:
    serving = Serving(CONFIG, {"HEADGATE_ADMIN_KEY": ADMIN_KEY}, server="auth: keys")
    await serving.gateway.open()
    async with serving:
        yield serving


async def test_a_key_is_made_used_and_revoked(serving: Serving):
    made = await serving.post("/admin/keys", {"name": "ci", "models": ["chat"], "budget_usd": "5"}, ADMIN)
    assert made.status == 201
    key = {"authorization": f"Bearer {made.json['key']}"}
    answer = await serving.post("/v1/chat/completions", CALL, key)
    assert answer.status == 200
    path = f"/admin/keys/{made.json['id']}"
    usage = (await serving.request("GET", f"{path}/usage", headers=ADMIN)).json
    assert (usage["calls"], usage["attempts"]) == (1, 1)
    assert usage["cost_usd"] == answer.headers["x-headgate-cost-usd"]
    assert usage["reserved_usd"] == "0"
    assert (await serving.post(f"{path}/revoke", None, ADMIN)).status == 200
    assert (await serving.post("/v1/chat/completions", CALL, key)).status == 401


async def test_a_limit_holds_from_the_next_call_on(serving: Serving):
    made = (await serving.post("/admin/keys", {"name": "ci"}, ADMIN)).json
    key = {"authorization": f"Bearer {made['key']}"}
    assert (await serving.post("/v1/chat/completions", CALL, key)).status == 200
    limit = {"subject": f"key:{made['id']}", "per": "minute", "requests": 1}
    made = await serving.post("/admin/limits", limit, ADMIN)
    assert made.status == 201
    statuses = [(await serving.post("/v1/chat/completions", CALL, key)).status for _ in range(2)]
    assert statuses == [200, 429]
    assert (await serving.request("DELETE", f"/admin/limits/{made.json['id']}", headers=ADMIN)).status == 200
    assert (await serving.post("/v1/chat/completions", CALL, key)).status == 200


@pytest.mark.parametrize("path", ["/admin/keys", "/admin/whoami", "/admin/nothing", "/admin", "/admin/"])
async def test_nothing_is_told_without_a_key(serving: Serving, path: str):
    for headers in ({}, {"authorization": "Bearer hg-wrong"}, {"authorization": "Bearer ' OR 1=1 --"}):
        for method in ("GET", "POST"):
            answer = await serving.request(method, path, headers=headers)
            assert answer.status == 401
            assert "message" in answer.json["error"]


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "127.0.0.1@evil.example"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
    ],
)
async def test_a_browser_that_was_tricked_is_refused(serving: Serving, headers: dict[str, str]):
    answer = await serving.post("/admin/keys", {"name": "x"}, {**ADMIN, **headers})
    assert answer.status == 403
    assert (await serving.request("GET", "/admin/keys", headers=ADMIN)).json["data"] == []


@pytest.mark.parametrize(
    "path", ["/admin/keys/..%2fteams", "/admin/%6beys/x%00", "/admin/keys/%2e%2e", "//admin/keys", "/admin/keys#/../x"]
)
async def test_a_crafted_path_reaches_nothing_else(serving: Serving, path: str):
    caller = (await serving.post("/admin/keys", {"name": "c"}, ADMIN)).json["key"]
    answer = await serving.request("GET", path, headers={"authorization": f"Bearer {caller}"})
    assert answer.status in (400, 403, 404)
    answer = await serving.request("GET", path, headers=ADMIN)
    assert answer.status in (200, 400, 404)
    if answer.status == 200:
        assert path.partition("#")[1], "only what a fragment is cut off of"


async def test_a_body_that_breaks_off_does_nothing(serving: Serving):
    reader, writer = await asyncio.open_connection("127.0.0.1", serving.port)
    head = (
        f"POST /admin/teams HTTP/1.1\r\nhost: 127.0.0.1:{serving.port}\r\nauthorization: Bearer {ADMIN_KEY}\r\n"
        f"content-type: application/json\r\ncontent-length: 100\r\n\r\n"
    )
    writer.write(head.encode() + b'{"name": "A"')
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    del reader
    assert (await serving.request("GET", "/admin/teams", headers=ADMIN)).json["data"] == []


async def test_a_large_body_is_refused_by_its_announced_length(serving: Serving):
    headers = {**ADMIN, "content-length": str(2 * 1024 * 1024)}
    answer = await serving.request("POST", "/admin/teams", headers=headers, raw=b"{")
    assert answer.status == 413


async def test_an_export_that_breaks_off_is_seen_to(serving: Serving, monkeypatch: pytest.MonkeyPatch):
    admin = serving.app._admin
    assert admin is not None

    async def encoded(*_: Any) -> AsyncIterator[bytes]:
        yield b"first\n"
        raise StoreUnavailable("away")

    monkeypatch.setattr(admin._administration.ledger, "_encoded", encoded)

    def read() -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", serving.port, timeout=10)
        try:
            connection.request("GET", "/admin/ledger/export", headers=ADMIN)
            return connection.getresponse().read()
        finally:
            connection.close()

    with pytest.raises(http.client.IncompleteRead):
        await asyncio.to_thread(read)


async def test_an_export_that_cannot_begin_is_an_error(serving: Serving, monkeypatch: pytest.MonkeyPatch):
    admin = serving.app._admin
    assert admin is not None

    async def encoded(*_: Any) -> AsyncIterator[bytes]:
        raise StoreUnavailable("away")
        yield b""

    monkeypatch.setattr(admin._administration.ledger, "_encoded", encoded)
    answer = await serving.request("GET", "/admin/ledger/export", headers=ADMIN)
    assert answer.status == 503


async def test_where_nothing_is_kept_there_is_nothing_to_administer():
    config = CONFIG.replace('storage: {database: "sqlite:///:memory:"}', "")
    async with Serving(config, {"HEADGATE_ADMIN_KEY": ADMIN_KEY}, server="auth: keys") as serving:
        answer = await serving.request("GET", "/admin/keys", headers=ADMIN)
        assert answer.status == 404
        assert "storage.database" in answer.json["error"]["message"]


async def test_refusals_are_in_the_audit_log(serving: Serving):
    caller = (await serving.post("/admin/keys", {"name": "c"}, ADMIN)).json
    await serving.request("GET", "/admin/keys", headers={"authorization": f"Bearer {caller['key']}"})
    await serving.request("GET", "/admin/keys", headers={"authorization": "Bearer hg-wrong"})
    for _ in range(100):
        records = (await serving.request("GET", "/admin/audit", headers=ADMIN)).json["data"]
        denied = {each["action"]: each for each in records if each["outcome"] == "denied"}
        if len(denied) == 2:
            break
        await asyncio.sleep(0.05)
    assert denied["admin.refused"]["actor"] == f"key:{caller['id']}"
    assert denied["admin.refused"]["detail"] == {"missing": "keys.read"}
    assert "hg-wrong" not in str(records)
