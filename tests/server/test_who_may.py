"""Who may do what, over HTTP: what a client gets to see of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec.structs import replace

from headgate.access.minting import digest
from headgate.storage.records import Key
from headgate.storage.tables import KEYS, next_revision
from serving import Serving

CONFIG = """
storage: {database: "sqlite:///:memory:"}
providers: {sim: {kind: simulator}}
models:
  chat: {targets: [sim/gpt-4o-mini]}
  draft: {targets: [sim/gpt-4o-mini]}
  "claude-*": {targets: ["sim/claude-*"]}
"""
SERVER = "auth: keys, trusted_proxies: [127.0.0.0/8]"
CHAT = "/v1/chat/completions"


class Guarded(Serving):
    """A server with keys."""

    def __init__(self) -> None:
        super().__init__(CONFIG, {"HEADGATE_ADMIN_KEY": "hg-admin"}, server=SERVER)

    async def put(self, key: str, **changes: Any) -> None:
        """Make a key, or change it."""
        store = self.gateway._services.store
        assert store is not None
        row = Key(
            id=f"key_{key}", organisation="default", name=key, digest=digest(key.encode()).hex(), hint="", **changes
        )
        async with store.database.transaction() as transaction:
            row = replace(row, revision=await next_revision(transaction))
            held = await KEYS.get(transaction, "default", row.id)
            if held is None:
                await KEYS.insert(transaction, row)
            else:
                await KEYS.update(transaction, replace(row, version=held.version))
        await store.directory.refresh()

    async def call(self, key: str, model: str = "chat", path: str = CHAT, **headers: str) -> Any:
        lines = {"x-api-key": key, **{name.replace("_", "-"): value for name, value in headers.items()}}
        body = {"model": model, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 5}
        return await self.post(path, body, lines)


@pytest.fixture
async def serving() -> AsyncIterator[Guarded]:
    async with Guarded() as serving:
        yield serving


async def test_a_key_calls_and_a_revoked_one_does_not(serving: Guarded):
    await serving.put("hg-1")
    assert (await serving.call("hg-1")).status == 200
    await serving.put("hg-1", revoked_us=1)
    assert (await serving.call("hg-1")).status == 401


async def test_whatever_is_wrong_with_a_key_the_answer_is_the_same(serving: Guarded):
    await serving.put("hg-revoked", revoked_us=1)
    await serving.put("hg-expired", expires_us=1)
    await serving.put("hg-elsewhere", networks=["192.0.2.0/24"])
    keys = ("hg-revoked", "hg-expired", "hg-elsewhere", "hg-unknown", "hg-revoke", "' OR 1=1 --")
    for path in (CHAT, "/v1/messages"):
        answers = [await serving.call(key, path=path) for key in keys]
        assert {answer.status for answer in answers} == {401}
        for answer in answers:
            answer.json.pop("request_id", None)
        assert len({str({**answer.json, "request_id": ""}) for answer in answers}) == 1
        assert len({tuple(sorted(set(answer.headers) - {"date"})) for answer in answers}) == 1


async def test_a_model_that_is_not_the_keys_is_as_unknown_as_any(serving: Guarded):
    await serving.put("hg-1", models=["chat", "claude-o*"])
    assert (await serving.call("hg-1", "chat")).status == 200
    assert (await serving.call("hg-1", "claude-opus")).status == 200
    for model in ("draft", "claude-haiku", "nobody"):
        answer = await serving.call("hg-1", model)
        assert answer.status == 404
        assert answer.json["error"]["message"].replace(model, "…") == (
            "The model '…' does not exist or you do not have access to it. GET /v1/models lists yours."
        )
        assert answer.json["error"]["code"] == "model_not_found"
        assert (await serving.request("GET", f"/v1/models/{model}", headers={"x-api-key": "hg-1"})).status == 404


async def test_a_key_is_shown_its_own_models(serving: Guarded):
    await serving.put("hg-1", models=["ch*"])
    await serving.put("hg-2", models=[])
    for key, names in (("hg-1", ["chat"]), ("hg-2", []), ("hg-admin", ["chat", "draft"])):
        for more in ({}, {"anthropic-version": "2023-06-01"}):
            document = (await serving.request("GET", "/v1/models", headers={"x-api-key": key, **more})).json
            assert [row["id"] for row in document["data"]] == names


async def test_an_endpoint_that_is_not_the_keys_is_named(serving: Guarded):
    await serving.put("hg-1", endpoints=["embed"])
    answer = await serving.call("hg-1")
    assert answer.status == 403
    assert "'chat'" in answer.json["error"]["message"]


async def test_a_missing_scope_is_named(serving: Guarded):
    await serving.put("hg-auditor", roles=["auditor"])
    await serving.put("hg-caller")
    answer = await serving.call("hg-auditor")
    assert (answer.status, "'call'" in answer.json["error"]["message"]) == (403, True)
    answer = await serving.request("GET", "/metrics", headers={"x-api-key": "hg-caller"})
    assert (answer.status, "'metrics'" in answer.json["error"]["message"]) == (403, True)


async def test_a_key_of_a_network_is_used_from_there_through_a_proxy_of_ours(serving: Guarded):
    await serving.put("hg-1", networks=["192.0.2.0/24"])
    assert (await serving.call("hg-1", x_forwarded_for="192.0.2.7")).status == 200
    for forwarded in ("198.51.100.7", "192.0.2.7, 198.51.100.7", "192.0.2.7, unknown", "garbage", "192.0.2.7,"):
        assert (await serving.call("hg-1", x_forwarded_for=forwarded)).status == 401


async def test_repeated_forwarding_headers_are_one_chain(serving: Guarded):
    """The client's own line first, the proxy's behind it."""
    await serving.put("hg-1", networks=["192.0.2.0/24"])
    for lines, status in (
        ("192.0.2.7\r\nx-forwarded-for: 198.51.100.7", 401),
        ("x\r\nx-forwarded-for: 192.0.2.7", 200),
    ):
        assert (await serving.call("hg-1", x_forwarded_for=lines)).status == status


@pytest.mark.parametrize("header", ["authorization", "x-api-key", "x-headgate-key", "host"])
async def test_a_header_that_decides_who_calls_is_there_once(serving: Guarded, header: str):
    await serving.put("hg-1")
    value = {"authorization": "Bearer hg-1", "host": f"127.0.0.1:{serving.port}"}.get(header, "hg-1")
    answer = await serving.request("GET", "/v1/models", headers={header: f"{value}\r\n{header}: other"})
    assert answer.status == 400


@pytest.mark.parametrize(
    "path",
    [
        "/v1/models/../metrics",
        "/metrics/",
        "//metrics",
        "/metrics%2f",
        "/METRICS",
        "/v1/../metrics",
        "/metrics;x",
        "/metrics#x",
    ],
)
async def test_no_way_of_writing_a_path_goes_around_its_scope(serving: Guarded, path: str):
    """CVE-2026-49468: the layer that authorises and the one that serves saw two paths."""
    await serving.put("hg-1")
    answer = await serving.request("GET", path, headers={"x-api-key": "hg-1"})
    assert answer.status in (400, 403, 404)
    assert b"headgate_" not in answer.body


@pytest.mark.parametrize(
    "host", ["evil.test", "localhost/#@evil.test", "localhost#@evil.test", "a@localhost", "localhost:80:80", ""]
)
async def test_a_crafted_host_is_refused_before_anybody_is_looked_up(serving: Guarded, host: str):
    await serving.put("hg-1")
    answer = await serving.request("GET", "/v1/models", headers={"host": host or " ", "x-api-key": "hg-1"})
    assert answer.status in (400, 403)


@pytest.mark.parametrize(
    "path", [CHAT, "/v1/models", "/metrics", "/targets", "/openapi.json", "/admin/keys", "/v1/responses/x"]
)
async def test_junk_where_a_key_should_be_is_nobody(serving: Guarded, path: str):
    """CVE-2026-59822: on a path of another protocol a junk bearer fell through to an empty identity."""
    method = "POST" if path == CHAT else "GET"
    for headers in (
        {},
        {"authorization": "Bearer junk"},
        {"x-api-key": "null"},
        {"authorization": "Basic aGctYWRtaW46"},
    ):
        body = {"model": "chat", "messages": []} if method == "POST" else None
        assert (await serving.request(method, path, body, headers)).status == 401


async def test_tags_of_the_key_are_on_the_ledgers_rows(serving: Guarded):
    await serving.put("hg-1", tags={"app": "search"})
    assert (await serving.call("hg-1", x_headgate_tags="run=1")).status == 200
    answer = await serving.call("hg-1", x_headgate_tags="app=other")
    assert (answer.status, "'app=search'" in answer.json["error"]["message"]) == (403, True)
    store = serving.gateway._services.store
    assert store is not None
    await store.caught_up()
    rows = await store.database.fetch("SELECT tags, key_id FROM ledger")
    assert rows == [('{"app":"search","run":"1"}', "key_hg-1")]
