"""Comparisons on their way into every database, over a restart, and out again as a verdict; and money beside them."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest

from headgate.shadow.comparisons import comparisons
from serving import Serving
from spoken import said, saying
from upstream import Upstream

ADMIN_KEY = "hg-the-first-admin-key-of-this-gateway"
CONFIG = """
storage: {{database: "{database}", shared: "{shared}", journal: {{folder: "{journal}"}}}}
providers:
  live:      {{kind: openai, base_url: "{url}/v1", api_key: k}}
  incumbent: {{kind: openai, base_url: "{url}/v1", api_key: k}}
prices: {{"gpt-4o*": {{input: 1, output: 4}}}}
models:
  chat: {{targets: [live/gpt-4o-mini], shadow: {{to: incumbent/gpt-4o, share: 1, budget_usd: "{budget}", period: total}}}}
"""
BODY = {"model": "chat", "max_tokens": 300, "messages": [{"role": "user", "content": "Hello"}]}
KEY = {"authorization": f"Bearer {ADMIN_KEY}"}


def config(request: pytest.FixtureRequest, kind: str, folder: Path, url: str, budget: str = "10") -> str:
    shared = "memory" if kind == "sqlite" else request.getfixturevalue("redis_url")
    database = f"sqlite:///{folder}/h.db" if kind == "sqlite" else request.getfixturevalue("postgres_url")
    return CONFIG.format(database=database, shared=shared, journal=folder / "journal", url=url, budget=budget)


async def asked(serving: Serving, times: int = 1, **members: Any) -> None:
    for _ in range(times):
        response = await serving.post("/v1/chat/completions", {**BODY, **members}, KEY)
        assert response.status == 200
        await serving.gateway.services.shadows.idle()


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_pairs_are_in_the_database_after_a_restart_and_make_a_verdict(
    request: pytest.FixtureRequest, kind: str, tmp_path: Path
):
    environ = {"HEADGATE_ADMIN_KEY": ADMIN_KEY}
    async with Upstream(saying()) as upstream:
        text = config(request, kind, tmp_path, upstream.url)
        async with Serving(text, environ, server="auth: keys") as serving:
            await asked(serving, 2)
            await asked(serving, stream=True)
            await serving.gateway.close()
        async with Serving(text, environ, server="auth: keys") as serving:
            await asked(serving)
            serving.gateway.services.shadows.drop(("default", "chat", "incumbent/gpt-4o", "queue_full"))
            serving.gateway.services.shadows.flush()
            response = await serving.request("GET", "/admin/shadows/verdict?model=chat", headers=KEY)
            assert response.status == 200
            verdict = response.json["verdict"]
            assert (verdict["pairs"], verdict["dropped"]) == (4, {"queue_full": 1})
            assert (verdict["outcome"], verdict["same_shape"]["estimate"]) == ("too_early", 1)
            assert response.json["page"].startswith("chat, and incumbent/gpt-4o as its shadow")
            store = serving.gateway.services.store
            assert store is not None
            database = store.database  # pyright: ignore[reportAttributeAccessIssue]
            rows = await comparisons(database, "default", "chat", 0, 2**62, 10)
            assert {row.shadow_cost_picodollars for row in rows} >= {30_000_000}
            assert {row.streamed for row in rows if row.dropped is None} == {0, 1}
            found = await database.fetch(
                "SELECT payer, cause, parent, charged FROM ledger WHERE call_id LIKE '%-shadow'"
            )
            assert {(payer, cause) for payer, cause, _, _ in found} == {("internal", "shadow")}
            assert all(parent.startswith("req_") for _, _, parent, _ in found)
            spent = await database.fetch("SELECT picodollars FROM spend WHERE counter LIKE 'b:shadow_chat:%'")
            assert spent == [(4 * 30_000_000,)]
            totals = await serving.request("GET", "/admin/ledger/totals?payer=caller", headers=KEY)
            assert totals.json["data"][0]["cost_usd"] == "0.00012"
            await serving.gateway.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_the_budget_of_a_shadow_holds_over_a_restart(request: pytest.FixtureRequest, kind: str, tmp_path: Path):
    """A call may cost 1.4 thousandths of a dollar at most, and costs 0.41."""
    environ = {"HEADGATE_ADMIN_KEY": ADMIN_KEY}
    async with Upstream(saying(said(tokens=100))) as upstream:
        text = config(request, kind, tmp_path, upstream.url, budget="0.0024")
        outcomes: list[tuple[str | None, int]] = []
        for _ in range(2):
            async with Serving(text, environ, server="auth: keys") as serving:
                await asked(serving, 3)
                serving.gateway.services.shadows.flush()
                outcomes += [(each.dropped, each.calls) for each in serving.gateway.services.shadows.latest]
                await serving.gateway.close()
    assert outcomes == [(None, 1), (None, 1), (None, 1), ("budget", 3)]


async def test_replicas_write_to_one_table_and_spend_of_one_budget(request: pytest.FixtureRequest, tmp_path: Path):
    """Each of 20 calls costs 0.41 thousandths of a dollar, so that what is left of 4.1 is not enough for an 8th."""
    environ = {"HEADGATE_ADMIN_KEY": ADMIN_KEY}
    async with Upstream(saying(said(tokens=100))) as upstream, contextlib.AsyncExitStack() as stack:
        replicas: list[Serving] = []
        for name in ("one", "other"):
            text = config(request, "postgres", tmp_path / name, upstream.url, budget="0.0041")
            replicas.append(await stack.enter_async_context(Serving(text, environ, server="auth: keys")))
        await asyncio.gather(*(asked(replica, 10) for replica in replicas))
        for replica in replicas:
            replica.gateway.services.shadows.flush()
            store = replica.gateway.services.store
            assert store is not None
            await store.caught_up()  # pyright: ignore[reportAttributeAccessIssue]
        response = await replicas[0].request("GET", "/admin/shadows/verdict?model=chat", headers=KEY)
        verdict = response.json["verdict"]
        assert verdict["pairs"] + verdict["dropped"]["budget"] == 20
        assert 0 < verdict["pairs"] <= 10
        assert sum(each.gateway.services.shadows.compared for each in replicas) == verdict["pairs"]
        [[spent]] = await store.database.fetch("SELECT picodollars FROM spend WHERE counter LIKE 'b:shadow_chat:%'")  # pyright: ignore
        assert spent == verdict["pairs"] * 410_000_000 <= 4_100_000_000
        for replica in replicas:
            await replica.gateway.close()


async def test_what_the_shadow_used_counts_for_no_limit_of_a_caller(request: pytest.FixtureRequest, tmp_path: Path):
    """Not even after a restart, when counters begin from what the ledger says."""
    environ = {"HEADGATE_ADMIN_KEY": ADMIN_KEY}
    async with Upstream(saying()) as upstream:
        text = config(request, "sqlite", tmp_path, upstream.url)
        async with Serving(text, environ, server="auth: keys") as serving:
            rule = {"subject": "organisation:default", "per": "day", "requests": 5}
            assert (await serving.request("POST", "/admin/limits", rule, KEY)).status == 201
            await asked(serving, 3)
            await serving.gateway.close()
        async with Serving(text, environ, server="auth: keys") as serving:
            response = await serving.post("/v1/chat/completions", BODY, KEY)
            assert response.headers["x-ratelimit-remaining-requests"] == "1"
            await serving.gateway.close()


async def test_there_is_no_verdict_where_nothing_was_mirrored(tmp_path: Path, request: pytest.FixtureRequest):
    environ = {"HEADGATE_ADMIN_KEY": ADMIN_KEY}
    text = config(request, "sqlite", tmp_path, "http://127.0.0.1:9")
    async with Serving(text, environ, server="auth: keys") as serving:
        for query in ("model=chat", "model=nobody", "model=chat&shadow=x", "model=chat&from=2026-01-01T00:00:00Z"):
            response = await serving.request("GET", f"/admin/shadows/verdict?{query}", headers=KEY)
            assert (response.status, response.json["error"]["code"]) == (404, "not_found")
        query = "model=chat&from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z"
        assert (await serving.request("GET", f"/admin/shadows/verdict?{query}", headers=KEY)).status == 422
        assert (await serving.request("GET", "/admin/shadows/verdict", headers=KEY)).status == 422
        await serving.gateway.close()
