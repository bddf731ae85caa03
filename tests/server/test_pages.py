"""Everything that is not a model call."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from serving import Serving

CONFIG = """
providers: {sim: {kind: simulator}}
models:
  chat: {targets: [sim/gpt-4o-mini]}
  "claude-*": {targets: ["sim/claude-*"]}
"""
BODY = {"model": "chat", "messages": [{"role": "user", "content": "Hello"}]}


@pytest.fixture
async def serving() -> AsyncIterator[Serving]:
    async with Serving(CONFIG) as serving:
        yield serving


async def test_health_and_readiness(serving: Serving):
    assert (await serving.request("GET", "/healthz")).json == {"status": "ok"}
    assert (await serving.request("GET", "/readyz")).status == 200
    assert (await serving.request("HEAD", "/")).status == 200
    assert (await serving.request("HEAD", "/")).body == b""


async def test_a_draining_server_is_not_ready_and_takes_no_calls(serving: Serving):
    await serving.gateway.drain(0.1)
    assert (await serving.request("GET", "/readyz")).status == 503
    response = await serving.post("/v1/chat/completions", BODY)
    assert response.status == 503
    assert response.headers["x-should-retry"] == "true"
    assert response.headers["retry-after"] == "1"


async def test_a_server_that_is_leaving_is_not_ready_and_still_takes_calls(serving: Serving):
    serving.gateway.leave()
    assert (await serving.request("GET", "/readyz")).status == 503
    assert (await serving.post("/v1/chat/completions", BODY)).status == 200


async def test_metrics_count_calls(serving: Serving):
    await serving.post("/v1/chat/completions", BODY)
    await serving.post("/v1/chat/completions", {**BODY, "model": "claude-opus-9"})
    await serving.post("/v1/chat/completions", {**BODY, "model": "nobody"})
    text = (await serving.request("GET", "/metrics")).body.decode()
    assert 'headgate_calls_total{model="chat",operation="chat",outcome="ok",stream="false"} 1.0' in text
    assert 'headgate_calls_total{model="claude-*",operation="chat",outcome="ok",stream="false"} 1.0' in text
    assert 'outcome="model_not_found"' in text
    assert "nobody" not in text, "a client must not be able to make labels"
    assert 'headgate_attempts_total{outcome="ok",target="sim/gpt-4o-mini"} 1.0' in text


async def test_targets_and_readiness_tell_how_targets_are_doing(serving: Serving):
    await serving.post("/v1/chat/completions", BODY)
    [chat, _] = (await serving.request("GET", "/targets")).json["targets"]
    assert (chat["target"], chat["breaker"], chat["rests_s"], chat["in_flight"]) == ("sim/gpt-4o-mini", "closed", 0, 0)
    assert (await serving.request("GET", "/readyz")).json == {"status": "ready", "targets": 2, "targets_resting": 0}
    for _ in range(25):
        await serving.post("/v1/chat/completions", BODY, {"x-sim-fault": "server_error"})
    assert (await serving.request("GET", "/readyz")).json["status"] == "degraded"
    metrics = (await serving.request("GET", "/metrics")).body.decode()
    assert 'headgate_events_total{event="BreakerOpened",target="sim/gpt-4o-mini"} 1.0' in metrics
    assert 'headgate_target_resting{target="sim/gpt-4o-mini"} 1.0' in metrics
    response = await serving.post("/v1/chat/completions", BODY)
    assert (response.status, response.headers["x-headgate-attempts"]) == (503, "0")
    assert int(response.headers["retry-after"]) <= 5


async def test_models_in_the_askers_dialect(serving: Serving):
    for path in ("/v1/models", "/models"):
        document = (await serving.request("GET", path)).json
        assert [row["id"] for row in document["data"]] == ["chat"]
        assert document["object"] == "list"
    document = (await serving.request("GET", "/v1/models", headers={"anthropic-version": "2023-06-01"})).json
    assert document["data"][0]["type"] == "model"
    assert document["has_more"] is False
    assert (await serving.request("GET", "/v1/models/claude-x")).json["id"] == "claude-x"
    assert (await serving.request("GET", "/v1/models/nobody")).status == 404


async def test_the_description_names_every_endpoint(serving: Serving):
    document = (await serving.request("GET", "/openapi.json")).json
    assert document["openapi"] == "3.1.0"
    assert {"/v1/chat/completions", "/v1/responses", "/v1/messages", "/v1/embeddings"} <= set(document["paths"])


async def test_paths_work_with_and_without_v1(serving: Serving):
    for path in ("/v1/chat/completions", "/chat/completions", "/v1/chat/completions?beta=true"):
        assert (await serving.post(path, BODY)).status == 200


async def test_pages_need_a_scope_where_there_are_keys():
    async with Serving(CONFIG, {"HEADGATE_ADMIN_KEY": "hg-admin"}, server="auth: keys") as serving:
        for path in ("/metrics", "/targets", "/openapi.json", "/v1/models"):
            assert (await serving.request("GET", path)).status == 401
            assert (await serving.request("GET", path, headers={"x-api-key": "hg-admin"})).status == 200
        for path in ("/healthz", "/readyz", "/"):
            assert (await serving.request("GET", path)).status == 200
