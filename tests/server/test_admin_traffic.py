"""Calls as the admin API lists them, and what they come to: the same as the ledger says, corrections included."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from serving import Serving
from spoken import saying
from upstream import Upstream

ADMIN_KEY = "hg-the-first-admin-key-of-this-gateway"
KEY = {"authorization": f"Bearer {ADMIN_KEY}"}
CONFIG = """
storage: {{database: "{database}", shared: "{shared}", journal: {{folder: "{journal}"}}}}
providers: {{live: {{kind: openai, base_url: "{url}/v1", api_key: k}}}}
prices: {{"gpt-4o*": {{input: 1, output: 4}}}}
models: {{chat: {{targets: [live/gpt-4o-mini]}}, "gpt-*": {{targets: ["live/gpt-*"]}}}}
"""
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture(params=["sqlite", "postgres"])
def config(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    shared = "memory" if request.param == "sqlite" else request.getfixturevalue("redis_url")
    database = f"sqlite:///{tmp_path}/h.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    return CONFIG.format(database=database, shared=shared, journal=tmp_path / "journal", url="URL")


async def ask(serving: Serving, status: int = 200, headers: dict[str, str] | None = None, **members: Any) -> str:
    """The id of a call."""
    body = {"model": "chat", "max_tokens": 300, "messages": [{"role": "user", "content": "Hello"}], **members}
    response = await serving.post("/v1/chat/completions", body, {**KEY, **(headers or {})})
    assert response.status == status
    return response.headers["x-headgate-request-id"]


async def get(serving: Serving, path: str, status: int = 200) -> Any:
    response = await serving.request("GET", f"/admin{path}", headers=KEY)
    assert response.status == status, response.body
    return response.json


async def test_lists_and_sums_say_what_the_ledger_says(config: str):
    async with (
        Upstream(saying()) as upstream,
        Serving(config.replace("URL", upstream.url), {"HEADGATE_ADMIN_KEY": ADMIN_KEY}, server="auth: keys") as serving,
    ):
        first = await ask(
            serving, headers={"x-headgate-tags": "app=x", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
        )
        await ask(serving, stream=True)
        await ask(serving, model="gpt-4o-2024")
        unknown = await ask(serving, 404, model="nobody-knows-me")

        listed = await get(serving, "/calls")
        assert [each["model"] for each in listed["data"]] == ["(unknown)", "gpt-4o-2024", "chat", "chat"]
        failed = await get(serving, "/calls?failed=true")
        assert [(each["id"], each["code"], each["attempts"]) for each in failed["data"]] == [
            (unknown, "model_not_found", 0)
        ]
        page = await get(serving, "/calls?limit=3")
        rest = await get(serving, f"/calls?limit=3&cursor={page['next']}")
        assert [each["id"] for each in page["data"] + rest["data"]] == [each["id"] for each in listed["data"]]
        assert rest["next"] is None
        assert (await get(serving, "/calls?cursor=nonsense", 422))["error"]

        for name in (first, TRACE):
            one = await get(serving, f"/calls/{name}")
            assert (one["call"]["id"], one["call"]["tags"]) == (first, {"app": "x"})
            assert [attempt["target"] for attempt in one["attempts"]] == ["live/gpt-4o-mini"]
        await get(serving, "/calls/req_nobody", 404)
        for path in ("/calls?model=a%00b", "/calls/a%00b", "/traffic?of=model:a%00b", "/feedback?model=a%00b"):
            found = await serving.request("GET", f"/admin{path}", headers=KEY)
            assert found.status in (200, 404, 400, 422), (path, found.body)

        [whole] = (await get(serving, "/traffic"))["series"]
        assert (whole["total"]["calls"], whole["total"]["failed"]) == (4, 1)
        assert whole["total"]["errors"] == {"model_not_found": 1}
        assert whole["total"]["durations_ms"]["first_token"]["p50"] > 0
        assert sum(point["sum"]["calls"] for point in whole["points"]) == 4
        by_model = (await get(serving, "/traffic?by=model"))["series"]
        assert [(each["name"], each["total"]["calls"]) for each in by_model] == [
            ("chat", 2), ("(unknown)", 1), ("gpt-4o-2024", 1),
        ]  # fmt: skip
        [tagged] = (await get(serving, "/traffic?of=tag:app=x"))["series"]
        assert tagged["total"]["calls"] == 1
        problem = await get(serving, "/traffic?by=arm&of=key:k", 422)
        assert "no sums by arm of one key" in str(problem)

        ago = [f"{datetime.now(UTC) - timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}" for days in (10, 9.96, 400, 399.96)]
        long_ago = await get(serving, f"/traffic?from={ago[0]}&to={ago[1]}")
        longer_ago = await get(serving, f"/traffic?from={ago[2]}&to={ago[3]}&step=minute")
        assert (long_ago["step"], longer_ago["step"]) == ("hour", "day"), "in steps of which there are sums"

        async def agree() -> str:
            [of_ledger] = (await get(serving, "/ledger/totals"))["data"]
            [sums] = (await get(serving, "/traffic"))["series"]
            assert sums["total"]["cost_usd"] == of_ledger["cost_usd"]
            assert sums["total"]["attempts"] == of_ledger["attempts"]
            tokens = {name: number for name, number in of_ledger["tokens"].items() if number}
            assert sums["total"]["tokens"] == tokens
            return sums["total"]["cost_usd"]

        before = await agree()
        correction = {
            "id": f"cor_{0:032}", "parent": one["attempts"][0]["id"], "cost_usd": "0.5", "usage": {"output_tokens": 3},
        }  # fmt: skip
        response = await serving.post("/admin/ledger/corrections", {"corrections": [correction]}, KEY)
        assert response.status == 201, response.body
        assert await agree() != before
        await serving.gateway.close()
