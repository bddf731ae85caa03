"""A whole gateway on a real socket for tests to attack: keys, records, the admin API and a vendor that writes down what
it is asked.

    async with attacked() as attacked:
        raw = await attacked.raw(b"GET /metrics HTTP/1.1\\r\\n...")   # to the end of the connection
        assert attacked.seen == [("GET", "/metrics")]                # what the application was given
        assert attacked.vendor.requests == []                        # what went upstream
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Self
from urllib.parse import urlencode

from msgspec.structs import replace

from headgate.access.minting import digest
from headgate.server.admin.routes import ROUTES, Route
from headgate.storage.database import Database
from headgate.storage.records import Key
from headgate.storage.tables import KEYS, next_revision
from headgate.store import Store
from serving import Response, Serving
from upstream import Exchange, Upstream

ADMIN_KEY = "hg-the-first-admin-key"
SECRET = "headgate-secret-of-the-test"
PROVIDER_KEY = "sk-the-operators-own-key-0123456789"
PROVIDER_HEADER = "a-header-only-the-vendor-may-see"
ADMIN = {"authorization": f"Bearer {ADMIN_KEY}"}


TARGETS = {
    "chat": "vendor/gpt-4o-mini",
    "other": "vendor/gpt-4o",
    "openai": "openai/gpt-4o-mini",
    "claude": "claude/claude-sonnet-4-5",
    "lenient": "claude/claude-sonnet-4-5",
    "gem": "gem/gemini-2.5-flash",
    "nova": "aws/amazon.nova-lite-v1:0",
    "any-*": "vendor/*",
    "gem-*": "gem/*",
    "aws-*": "aws/*",
}
"""By model."""


def configuration(url: str) -> dict[str, Any]:
    """A `headgate.yaml` whose vendors are all at one address."""
    one: dict[str, Any] = {"api_key": PROVIDER_KEY}
    return {
        "storage": {"database": "sqlite:///:memory:"},
        "providers": {
            "vendor": {"kind": "openai_compatible", "base_url": f"{url}/v1", "headers": {"x-account": PROVIDER_HEADER}}
            | one,
            "openai": {"kind": "openai", "base_url": f"{url}/v1"} | one,
            "claude": {"kind": "anthropic", "base_url": url} | one,
            "gem": {"kind": "gemini", "base_url": f"{url}/gemini"} | one,
            "aws": {"kind": "bedrock", "base_url": f"{url}/aws", "region": "us-east-1"} | one,
        },
        "models": {
            name: {"targets": [target], "retry": {"attempts": 1}, "drop_unsupported": name == "lenient"}
            for name, target in TARGETS.items()
        },
    }


MESSAGES = [{"role": "user", "content": "Hello"}]
CALLS: dict[str, dict[str, Any]] = {  # each to a vendor that speaks the dialect, so that bodies pass as they are
    "/v1/chat/completions": {"model": "chat", "messages": MESSAGES},
    "/v1/responses": {"model": "openai", "input": "Hello", "store": False},
    "/v1/messages": {"model": "claude", "max_tokens": 10, "messages": MESSAGES},
    "/v1/embeddings": {"model": "openai", "input": "Hello"},
}
CHAT = "/v1/chat/completions"

TABLES = (
    "organisations", "teams", "projects", "users", "keys", "limits", "budgets", "provider_keys", "ledger", "spend",
)  # fmt: skip

_JSON = ("content-type", "application/json")
_USAGE = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}


async def answers(exchange: Exchange) -> None:
    """A vendor that is well, in each of its dialects."""
    target = exchange.request.target
    if "/messages" in target:
        text = {"type": "text", "text": "Hi"}
        usage = {"input_tokens": 1, "output_tokens": 1}
        tree: dict[str, Any] = {
            "id": "m", "type": "message", "role": "assistant", "model": "c", "content": [text],
            "stop_reason": "end_turn", "usage": usage,
        }  # fmt: skip
    elif "generateContent" in target:
        content = {"role": "model", "parts": [{"text": "Hi"}]}
        tree = {"candidates": [{"content": content, "finishReason": "STOP"}], "usageMetadata": {"promptTokenCount": 1}}
    elif "/converse" in target:
        message = {"role": "assistant", "content": [{"text": "Hi"}]}
        usage = {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}
        tree = {"output": {"message": message}, "stopReason": "end_turn", "usage": usage}
    elif target == "/v1/responses":
        content = [{"type": "output_text", "text": "Hi", "annotations": []}]
        message = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content}
        usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
        tree = {"id": "resp_1", "object": "response", "status": "completed", "output": [message], "usage": usage}
    elif "/embeddings" in target:
        tree = {"object": "list", "data": [{"index": 0, "embedding": [0.5]}], "usage": _USAGE}
    else:
        message = {"role": "assistant", "content": "Hi"}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        tree = {"id": "c", "object": "chat.completion", "model": "g", "choices": [choice], "usage": _USAGE}
    await exchange.reply(200, json.dumps(tree).encode(), _JSON)


class Attacked(Serving):
    """The gateway. `seen` is what its application was given, as (method, path)."""

    def __init__(
        self, vendor: Upstream, *, server: str = "auth: keys, max_body_mb: 4", **blocks: dict[str, Any]
    ) -> None:
        """`blocks` are further blocks of the configuration, or further members of those it has."""
        made = configuration(vendor.url)
        for name, block in blocks.items():
            made[name] = {**made.get(name, {}), **block}
        text = "".join(f"{name}: {json.dumps(block)}\n" for name, block in made.items())
        super().__init__(text, {"HEADGATE_ADMIN_KEY": ADMIN_KEY, "HEADGATE_SECRET": SECRET}, server=server)
        self.vendor = vendor
        self.seen: list[tuple[str, str]] = []

    async def __aenter__(self) -> Self:
        await self.gateway.open()
        await super().__aenter__()
        serve = self.app._http

        async def watched(scope: dict[str, Any], receive: Any, send: Any) -> None:
            self.seen.append((scope["method"], scope["path"]))
            await serve(scope, receive, send)

        self.app._http = watched
        self.app._lag.stop()  # whoever attacks keeps the same loop busy
        return self

    # ── asking ──

    async def raw(self, data: bytes | str) -> bytes:
        """All that comes back on a connection for these bytes, until the server closes it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        answer = b""
        try:
            async with asyncio.timeout(10):
                writer.write(data.encode() if isinstance(data, str) else data)
                while piece := await reader.read(65536):
                    answer += piece
        except ConnectionError:
            pass  # closed with some of it unread
        finally:
            writer.close()
        return answer

    async def statuses(self, data: bytes | str) -> list[int]:
        """The statuses of all that comes back, those of 100 left out."""
        found = re.findall(rb"HTTP/1\.[01] (\d{3}) ", await self.raw(data))
        return [int(status) for status in found if status != b"100"]

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = ADMIN_KEY,
        query: dict[str, Any] | None = None,
    ) -> Response:
        """A request by the holder of a key."""
        found = urlencode(query or {})
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        return await self.request(method, f"{path}?{found}" if found else path, body, headers)

    async def made(self, path: str, body: Any, *, key: str = ADMIN_KEY, query: dict[str, Any] | None = None) -> Any:
        """What a request made that has to succeed."""
        answer = await self.ask("POST", path, body, key=key, query=query)
        assert answer.status == 201, answer.body
        return answer.json

    async def key(self, name: str = "k", *, by: str = ADMIN_KEY, **fields: Any) -> Any:
        return await self.made("/admin/keys", {"name": name, **fields}, key=by)

    async def call(self, key: str | None, path: str = CHAT, **members: Any) -> Response:
        return await self.ask("POST", path, {**CALLS[path], **members}, key=key)

    # ── looking behind it ──

    @property
    def store(self) -> Store:
        store = self.gateway.services.store
        assert isinstance(store, Store)
        return store

    @property
    def database(self) -> Database:
        return self.store.database

    async def put(self, key: str, **fields: Any) -> None:
        """Have a key of one's own choosing in the directory, which the admin API does not let choose."""
        row = Key(
            id=f"key_{digest(key.encode()).hex()[:24]}", organisation="default", name="chosen",
            digest=digest(key.encode()).hex(), hint=key[-4:], **fields,
        )  # fmt: skip
        async with self.database.transaction() as transaction:
            await KEYS.insert(transaction, replace(row, revision=await next_revision(transaction)))
        await self.store.directory.refresh()

    async def snapshot(self) -> dict[str, list[Any]]:
        """Every row of what is administered and accounted for."""
        await self.store.caught_up()
        return {table: await self.database.fetch(f"SELECT * FROM {table} ORDER BY 1") for table in TABLES}

    async def records(self) -> str:
        """The audit log as it is stored."""
        self.store.recorder.flush()
        await self.store.caught_up()
        return "\n".join(leaf for (leaf,) in await self.database.fetch("SELECT leaf FROM audit_records"))


@asynccontextmanager
async def attacked(**options: Any) -> AsyncGenerator[Attacked]:
    """A gateway over a vendor."""
    async with Upstream(answers) as vendor, Attacked(vendor, **options) as attacked:
        yield attacked


def admin_path(route: Route, **params: str) -> str:
    """The path of an admin route; what is not given names nothing there is."""
    return "/admin" + re.sub(r"\{(\w+)\}", lambda found: params.get(found[1], "there_is_none_00"), route.path)


def named(route: Route) -> str:
    return f"{route.method} {route.path}"


LISTS: list[tuple[Route, list[str]]] = [
    (route, list(route.query.__struct_encode_fields__)) for route in ROUTES if route.query.__struct_fields__
]
"""The admin routes that take a query, each with the names of what it takes."""
