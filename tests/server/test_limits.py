"""Limits and budgets as clients meet them: over real sockets, in every dialect, streamed and not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from serving import Response, Serving

CONFIG = """
storage: {database: "sqlite:///:memory:"}
providers: {sim: {kind: simulator}}
models:
  chat: {targets: [sim/gpt-4o-mini]}
  two: {targets: [sim/gpt-4o-mini]}
  unpriced: {targets: [sim/nobody-knows]}
"""
ADMIN = {"authorization": "Bearer admin"}
CHAT = {"model": "chat", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 20}
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat completions": ("/v1/chat/completions", CHAT),
    "responses": ("/v1/responses", {"model": "chat", "input": "Hi", "max_output_tokens": 20}),
    "messages": ("/v1/messages", CHAT),
    "completions": ("/v1/completions", {"model": "chat", "prompt": "Hi", "max_tokens": 20}),
}


@pytest.fixture
async def serving() -> AsyncIterator[Serving]:
    async with Serving(CONFIG, {"HEADGATE_ADMIN_KEY": "admin"}, "auth: keys") as serving:
        yield serving


async def key(serving: Serving, **body: Any) -> dict[str, str]:
    made = await serving.post("/admin/keys", {"name": "k", **body}, ADMIN)
    assert made.status == 201, made.body
    return {"authorization": f"Bearer {made.json['key']}", "id": made.json["id"]}


async def ask(serving: Serving, key: dict[str, str], call: str = "chat completions", **members: Any) -> Response:
    path, body = CALLS[call]
    headers = {"authorization": key["authorization"], "anthropic-version": "2023-06-01"}
    return await serving.post(path, {**body, **members}, headers)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("call", CALLS)
async def test_the_limit_is_kept_and_the_sdk_told(serving: Serving, call: str, stream: bool):
    mine = await key(serving, limits=[{"per": "minute", "requests": 2}])
    answers = [await ask(serving, mine, call, stream=stream) for _ in range(3)]
    assert [each.status for each in answers] == [200, 200, 429]
    prefix = "anthropic-ratelimit-requests-" if call == "messages" else "x-ratelimit-"
    name = "remaining" if call == "messages" else "remaining-requests"
    assert [each.headers[prefix + name] for each in answers] == ["1", "0", "0"]
    assert 55 <= int(answers[2].headers["retry-after"]) <= 61
    error = answers[2].json["error"]
    assert error["type"] in ("rate_limit_error", "requests")
    assert "2 requests per minute" in error["message"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("call", CALLS)
async def test_a_budget_that_is_used_up_is_told_as_each_sdk_knows_it(serving: Serving, call: str, stream: bool):
    mine = await key(serving, budget_usd="0.000001", budget_period="month")
    refused = await ask(serving, mine, call, stream=stream)
    assert (refused.status, refused.headers["x-should-retry"]) == (429, "false")
    assert "budget of this key has $0.000001 of $0.000001 left" in refused.json["error"]["message"]
    assert "retry-after" not in refused.headers


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_what_was_spent_is_the_ledgers_sum_to_the_picodollar(serving: Serving, stream: bool):
    mine = await key(serving, budget_usd="1", budget_period="month")
    for _ in range(3):
        assert (await ask(serving, mine, stream=stream)).status == 200
    rows = (await serving.request("GET", f"/admin/ledger?key={mine['id']}", headers=ADMIN)).json["data"]
    usage = (await serving.request("GET", f"/admin/keys/{mine['id']}/usage", headers=ADMIN)).json
    assert len(rows) == usage["calls"] == 3
    total = sum(int(row["cost_usd"].partition(".")[2].ljust(12, "0")) for row in rows)
    assert int(usage["cost_usd"].partition(".")[2].ljust(12, "0")) == total
    assert (usage["reserved_usd"], usage["budget_usd"]) == ("0", "1")


async def test_an_answer_is_cut_down_to_what_is_left(serving: Serving):
    mine = await key(serving, budget_usd="0.0003", budget_period="total")
    answer = await ask(serving, mine, max_tokens=None)
    assert answer.status == 200
    assert 256 <= int(answer.headers["x-headgate-output-limit"]) < 500


async def test_a_price_nobody_knows_is_refused_under_a_hard_budget_only(serving: Serving):
    hard, soft = await key(serving, budget_usd="1"), await key(serving, budget_usd="1", budget_hard=False)
    refused = await ask(serving, hard, model="unpriced")
    assert (refused.status, "price of 'sim/nobody-knows' is not known" in refused.body.decode()) == (429, True)
    assert (await ask(serving, soft, model="unpriced")).status == 200


async def test_rules_of_models_tags_and_end_users_hold_for_every_key(serving: Serving):
    one, two = await key(serving), await key(serving)
    for subject, requests in (("model:two", 1), ("tag:app=x", 1), ("customer:*", 1)):
        made = await serving.post("/admin/limits", {"subject": subject, "per": "hour", "requests": requests}, ADMIN)
        assert made.status == 201, made.body
    assert [(await ask(serving, each, model="two")).status for each in (one, two)] == [200, 429]
    assert [(await ask(serving, each)).status for each in (one, two)] == [200, 200]
    tagged = {"x-headgate-tags": "app=x"}
    found = [
        await serving.post("/v1/chat/completions", CHAT, {"authorization": each["authorization"], **tagged})
        for each in (one, two)
    ]
    assert [each.status for each in found] == [200, 429]
    people = [("jo", one), ("jo", two), ("ann", two)]
    assert [(await ask(serving, each, user=name)).status for name, each in people] == [200, 429, 200]


async def test_a_limit_holds_from_the_moment_it_is_made_and_its_end(serving: Serving):
    mine = await key(serving)
    body = {"subject": f"key:{mine['id']}", "per": "minute", "requests": 1}
    made = (await serving.post("/admin/limits", body, ADMIN)).json
    assert [(await ask(serving, mine)).status for _ in range(2)] == [200, 429]
    gone = await serving.request("DELETE", f"/admin/limits/{made['id']}", headers=ADMIN)
    assert gone.status in (200, 204), gone.body
    assert (await ask(serving, mine)).status == 200


async def test_calls_that_were_refused_are_in_the_audit_log(serving: Serving):
    mine = await key(serving, models=["two"], limits=[{"per": "minute", "requests": 1}])
    assert [(await ask(serving, mine, model=name)).status for name in ("chat", "two", "two")] == [404, 200, 429]
    assert serving.gateway.store is not None
    await serving.gateway.store.caught_up()
    records = (await serving.request("GET", "/admin/audit", headers=ADMIN)).json["data"]
    refused = {
        (each["action"], each["detail"].get("reason"), each["actor"]) for each in records if each["outcome"] == "denied"
    }
    actor = f"key:{mine['id']}"
    assert refused == {("call.blocked", "model_not_found", actor), ("call.limited", "rate_limit_exceeded", actor)}
