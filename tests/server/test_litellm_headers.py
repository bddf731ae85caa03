"""LiteLLM's response headers, for clients that read those."""

from __future__ import annotations

import pytest

from serving import Serving

CONFIG = """
providers: {sim: {kind: simulator}}
models:
  chat: {targets: [sim/gpt-4o-mini]}
  failing: {targets: [sim/gpt-4o-mini], fallback: [chat], retry: {attempts: 1}}
prices: {gpt-4o-mini: {input: 1, output: 2}}
"""
BODY = {"model": "chat", "messages": [{"role": "user", "content": "Hello"}]}
ON = "auth: none, litellm_headers: true"


async def test_a_whole_answer_has_them_beside_our_own() -> None:
    async with Serving(CONFIG, server=ON) as serving:
        headers = (await serving.post("/chat/completions", BODY)).headers
    assert headers["x-litellm-call-id"] == headers["x-headgate-request-id"]
    assert headers["x-litellm-model-id"] == headers["x-headgate-target"] == "sim/gpt-4o-mini"
    assert headers["x-litellm-response-cost"] == headers["x-headgate-cost-usd"]
    assert headers["x-litellm-version"].startswith("headgate-")
    assert float(headers["x-litellm-response-duration-ms"]) >= float(headers["x-litellm-overhead-duration-ms"]) >= 0
    assert (headers["x-litellm-attempted-retries"], headers["x-litellm-attempted-fallbacks"]) == ("0", "0")


async def test_a_fallback_is_counted() -> None:
    script = {"x-sim-fault": "500"}
    async with Serving(CONFIG, server=ON) as serving:
        answer = await serving.post("/chat/completions", {**BODY, "model": "failing"}, script)
    assert int(answer.headers["x-litellm-attempted-fallbacks"]) >= 1


async def test_a_stream_has_what_is_known_before_its_end() -> None:
    async with Serving(CONFIG, server=ON) as serving:
        headers = (await serving.post("/chat/completions", {**BODY, "stream": True})).headers
    assert headers["x-litellm-model-id"] == "sim/gpt-4o-mini"
    assert "x-litellm-response-cost" not in headers


@pytest.mark.parametrize("model", ["chat", "missing"])
async def test_without_the_setting_there_are_none(model: str) -> None:
    async with Serving(CONFIG) as serving:
        headers = (await serving.post("/chat/completions", {**BODY, "model": model})).headers
    assert not [name for name in headers if name.startswith("x-litellm")]
