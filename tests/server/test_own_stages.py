"""A user's own stages, loaded from the configuration, on whole answers and streams."""

from __future__ import annotations

import json

import pytest

from headgate.errors import ConfigError
from serving import Serving
from upstream import Exchange, Upstream

CONFIG = """
providers: {{vendor: {{kind: openai, base_url: "{url}/v1", api_key: k}}}}
models: {{chat: {{targets: [vendor/gpt-4o-mini]}}, embed: {{targets: [vendor/text-embedding-3-small]}}}}
stages: [{stage}]
"""


async def echo(exchange: Exchange) -> None:
    """Say what the last message said."""
    body = json.loads(exchange.request.body)
    said = body["messages"][-1]["content"]
    base = {"id": "c", "created": 1, "model": "m"}
    if body.get("stream"):
        await exchange.start(200, ("content-type", "text/event-stream"))
        for delta, stop in (({"role": "assistant", "content": said}, None), ({}, "stop")):
            choices = [{"index": 0, "delta": delta, "finish_reason": stop}]
            chunk = {**base, "object": "chat.completion.chunk", "choices": choices}
            await exchange.chunk(b"data: " + json.dumps(chunk).encode() + b"\n\n")
        await exchange.chunk(b"data: [DONE]\n\n")
        await exchange.end()
        return
    choices = [{"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}]
    whole = {**base, "object": "chat.completion", "choices": choices}
    await exchange.reply(200, json.dumps(whole).encode(), ("content-type", "application/json"))


@pytest.mark.parametrize("place", ["after: context", "after: telemetry", "after: guardrails", "before: transport"])
async def test_a_stage_changes_request_and_answer_and_unknown_fields_survive(place: str):
    stage = "{use: 'own_stages:Shout', with: {header: x-loud}, " + place + "}"
    async with Upstream(echo) as upstream, Serving(CONFIG.format(url=upstream.url, stage=stage)) as serving:
        body = {"model": "chat", "messages": [{"role": "user", "content": "hello", "x_own": 1}], "x_new": {"a": [None]}}
        response = await serving.post("/v1/chat/completions", body)
        assert response.json["choices"][0]["message"]["content"] == "HELLO"
        assert response.headers["x-loud"] == "yes"
        sent = json.loads(upstream.requests[0].body)
        assert sent["x_new"] == {"a": [None]}
        assert sent["messages"] == [{"role": "user", "content": "HELLO", "x_own": 1}]

        response = await serving.post("/v1/chat/completions", {**body, "stream": True})
        assert response.headers["x-loud"] == "yes"
        assert b'"hello"' in response.body
        assert b"HELLO" not in response.body


async def test_an_operation_a_stage_does_not_handle_is_refused_and_not_let_past_it():
    stage = "{use: 'own_stages:ChatOnly', after: context}"
    async with Upstream(echo) as upstream, Serving(CONFIG.format(url=upstream.url, stage=stage)) as serving:
        assert (await serving.post("/v1/embeddings", {"model": "embed", "input": "x"})).status == 400
        assert upstream.requests == []


@pytest.mark.parametrize(
    ("stage", "says"),
    [
        ("{use: 'own_stages:Nobody', after: context}", "Nobody"),
        ("{use: 'own_stages', after: context}", "own_stages"),
        ("{use: 'own_stages:WrongNames', after: context}", "call, next"),
        ("{use: 'own_stages:NoOperations', after: context}", "operations"),
        ("{use: 'own_stages:not_a_stage', after: context}", "not a stage"),
        ("{use: 'own_stages:Shout', after: context, with: {volume: 11}}", "volume"),
    ],
)
def test_what_is_not_a_stage_is_a_config_error_that_says_why(stage: str, says: str):
    with pytest.raises(ConfigError, match=says):
        Serving(CONFIG.format(url="http://127.0.0.1:1", stage=stage))
