"""Clients' own vendor credentials over two replicas, PostgreSQL and Redis: each goes to the vendor it is for and nowhere
else, is kept by none of them, and takes of no budget, while limits hold over both.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio

from billing import Vendor
from cluster import Cluster, Key, request
from resilience.client import Outcome
from upstream import Exchange, Received, Upstream
from waiting import eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="starts servers as on Linux")

OPERATORS = "sk-the-operators-own-0123456789"
ANNAS, BENS = "sk-ant-oat01-annas-own-0123456789", "sk-ant-oat01-bens-own-9876543210"
CREDENTIALS = ("authorization", "x-api-key", "api-key", "x-goog-api-key", "x-headgate-key", "cookie")

CONFIG = """
access: {roles: {own-plan: [call, byo_credential]}}
providers:
  claude: {kind: anthropic, base_url: "CLAUDE", api_key: OPERATORS, accepts_client_credential: true}
  other: {kind: anthropic, base_url: "OTHER", api_key: OPERATORS, accepts_client_credential: true}
models:
  chat:
    targets: [claude/claude-haiku-4-5]
    fallback: [other/claude-haiku-4-5]
    retry: {attempts: 2, budget: 10, base_s: 0.001}
    breaker: {min_calls: 1000000}
    once: {coalesce: true}
    shadow: {to: other/claude-haiku-4-5, share: 1}
"""


class Busy:
    """A vendor that is overloaded when it is asked every second thing for the first time."""

    def __init__(self) -> None:
        self._refused: set[str] = set()

    async def __call__(self, exchange: Exchange) -> None:
        asked = said(exchange.request)
        if int(asked.split()[1]) % 2 and asked not in self._refused:
            self._refused.add(asked)
            await exchange.reply(529, b'{"type":"error","error":{"type":"overloaded_error","message":"busy"}}')
            return
        answer = {
            "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-4-5",
            "stop_reason": "end_turn", "content": [{"type": "text", "text": asked}],
            "usage": {"input_tokens": 1000, "output_tokens": 1000},
        }  # fmt: skip
        await exchange.reply(200, json.dumps(answer).encode(), ("content-type", "application/json"))


def said(request: Received) -> str:
    return json.loads(request.body)["messages"][0]["content"]


class Shared(Cluster):
    """Two replicas with a vendor, and another one that must see nobody's own credential."""

    def __init__(self, folder: Path, claude: Upstream, other: Upstream) -> None:
        self._claude, self._other = claude, other
        super().__init__(folder, Vendor(), replicas=2)

    def text(self, more: str = "") -> str:
        storage, _, _ = super().text().partition("\n")
        urls = CONFIG.replace("CLAUDE", self._claude.url).replace("OTHER", self._other.url)
        return f"{storage}\n{urls.replace('OPERATORS', OPERATORS)}{more}"

    async def ask(self, key: Key, own: str | None, text: str, *, replica: int) -> Outcome:
        """A call with a credential of one's own, or the operator's."""
        at = self.replicas[replica]
        body = {"model": "chat", "max_tokens": 10, "messages": [{"role": "user", "content": text}]}
        beside = {"x-headgate-key": key.key} if own else {}
        return await at.client.call(request(at.port, "POST", "/v1/messages", body, own or key.key, beside))

    async def kept(self) -> str:
        """Everything PostgreSQL and Redis hold, and every file of the replicas."""
        tables = await self.sql("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        rows = [str(row[0]) for (name,) in tables for row in await self.sql(f'SELECT t::text FROM "{name}" t')]
        files = [each.read_bytes().decode("latin-1") for each in self.folder.rglob("*") if each.is_file()]
        async with redis.asyncio.Redis.from_url(self.redis.url(), decode_responses=True) as client:
            read: dict[Any, Callable[[str], Any]] = {
                "string": client.get,
                "hash": client.hgetall,
                "set": client.smembers,
                "list": lambda name: client.lrange(name, 0, -1),
                "zset": lambda name: client.zrange(name, 0, -1),
                "stream": client.xrange,
            }
            entries = [f"{name} {await read[await client.type(name)](name)}" async for name in client.scan_iter()]
        return "\n".join([*rows, *files, *entries])


def shown_to(upstream: Upstream) -> list[tuple[str, str]]:
    """What a vendor was asked, and everything that came as a credential."""
    return [
        (said(each), " ".join(value for name, value in each.headers if name in CREDENTIALS))
        for each in upstream.requests
    ]


async def test_they_go_to_their_vendor_and_stay_their_owners_over_all_replicas(tmp_path: Path):
    async with Upstream(Busy()) as claude, Upstream(Busy()) as other, Shared(tmp_path, claude, other) as cluster:
        limited: dict[str, Any] = {"budget_usd": "0.000001", "limits": [{"per": "day", "requests": 12}]}
        anna = await cluster.key("anna", roles=["own-plan"], known=False, **limited)
        ben = await cluster.key("ben", roles=["own-plan"], known=False, **limited)
        plain = await cluster.key("plain", budget_usd="10")

        async def asked(key: Key, own: str | None, name: str) -> list[Outcome]:
            calls = (cluster.ask(key, own, f"{name} {number}", replica=number // 2 % 2) for number in range(16))
            return await asyncio.gather(*calls)

        annas, bens, plains = await asyncio.gather(
            asked(anna, ANNAS, "anna"), asked(ben, BENS, "ben"), asked(plain, None, "plain")
        )
        for answers in (annas, bens):
            assert sorted(each.status for each in answers) == [200] * 12 + [429] * 4, "limits hold over both replicas"
        assert {each.status for each in plains} == {200}

        async def mirrored() -> bool:
            return len(other.requests) >= 16

        await eventually(mirrored)
        await cluster.settled()

        owners = {"anna": f"Bearer {ANNAS}", "ben": f"Bearer {BENS}", "plain": OPERATORS}
        assert {(text.split()[0], shown) for text, shown in shown_to(claude)} == set(owners.items())
        assert {(text.split()[0], shown) for text, shown in shown_to(other)} == {("plain", OPERATORS)}, "the shadow"

        rows = await cluster.sql("SELECT key_id, payer, code, target FROM ledger WHERE target LIKE 'claude/%'")
        assert {(row["key_id"], row["payer"]) for row in rows} == {
            (anna.id, "client"), (ben.id, "client"), (plain.id, "caller")
        }  # fmt: skip
        assert any(row["code"] for row in rows), "some were tried again"
        for key in (anna, ben):
            budget = await cluster.budget(key)
            assert (budget.spent or 0, budget.reserved or 0) == (0, 0)
        assert (await cluster.budget(plain)).spent

        kept = await cluster.kept()
        assert anna.id in kept
        assert ANNAS not in kept
        assert BENS not in kept
