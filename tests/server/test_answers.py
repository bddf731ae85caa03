"""What an answer says about itself, in headers and in the last comment of a stream."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from serving import Serving
from upstream import Exchange, Upstream

CONFIG = """
providers:
  vendor: {{kind: openai, base_url: "{url}/v1", api_key: k}}
  claude: {{kind: anthropic, base_url: "{url}", api_key: k}}
models:
  chat: {{targets: [vendor/gpt-4o-mini]}}
  claude: {{targets: [claude/claude-sonnet-4-5]}}
  lenient: {{targets: [claude/claude-sonnet-4-5], drop_unsupported: true}}
"""
HELLO = [{"role": "user", "content": "Hello"}]
USAGE = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
MESSAGE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5", "stop_reason": "end_turn",
    "stop_sequence": None, "content": [{"type": "text", "text": "Hi"}],
    "usage": {"input_tokens": 3, "cache_creation_input_tokens": 12304, "cache_read_input_tokens": 0,
              "cache_creation": {"ephemeral_5m_input_tokens": 12304, "ephemeral_1h_input_tokens": 0},
              "output_tokens": 550},
}  # fmt: skip


async def vendors(exchange: Exchange) -> None:
    """OpenAI's chat, whole and streamed, and Anthropic's messages."""
    body = json.loads(exchange.request.body)
    kind = ("content-type", "application/json")
    if exchange.request.target.endswith("/messages"):
        await exchange.reply(200, json.dumps(MESSAGE).encode(), kind)
    elif body.get("stream"):
        base = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-mini"}
        await exchange.start(200, ("content-type", "text/event-stream"))
        for choices, more in (
            ([{"index": 0, "delta": {"role": "assistant", "content": "Hi"}, "finish_reason": None}], {}),
            ([{"index": 0, "delta": {}, "finish_reason": "stop"}], {}),
            ([], {"usage": USAGE}),
        ):
            await exchange.chunk(b"data: " + json.dumps({**base, "choices": choices, **more}).encode() + b"\n\n")
        await exchange.chunk(b"data: [DONE]\n\n")
        await exchange.end()
    else:
        choices = [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}]
        document = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": choices}
        secret = ("set-cookie", "vendor=1")
        await exchange.reply(200, json.dumps({**document, "usage": USAGE}).encode(), kind, secret)


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with Upstream(vendors) as upstream:
        yield upstream


@pytest.fixture
async def serving(upstream: Upstream) -> AsyncIterator[Serving]:
    async with Serving(CONFIG.format(url=upstream.url)) as serving:
        yield serving


async def test_a_whole_answer_says_what_it_was_and_cost(serving: Serving):
    response = await serving.post("/v1/chat/completions", {"model": "chat", "messages": HELLO})
    headers = response.headers
    assert headers["x-headgate-target"] == "vendor/gpt-4o-mini"
    assert headers["x-headgate-attempts"] == "1"
    assert headers["x-headgate-cache"] == "off"
    assert headers["x-headgate-cost-usd"] == "0.00021", "1,000 at $0.15 and 100 at $0.60 a million"
    assert float(headers["x-headgate-overhead-ms"]) < 1000
    assert headers["x-request-id"] == headers["x-headgate-request-id"]
    assert "set-cookie" not in headers
    [row] = serving.gateway.ledger.rows(headers["x-headgate-request-id"])
    assert (row.usage.input_tokens, row.usage.output_tokens, row.cost_picodollars) == (1000, 100, 210_000_000)


async def test_a_written_cache_costs_exactly_what_it_should(serving: Serving):
    response = await serving.post("/v1/messages", {"model": "claude", "max_tokens": 600, "messages": HELLO})
    assert response.headers["x-headgate-cost-usd"] == "0.054399"
    assert response.headers["request-id"] == response.headers["x-headgate-request-id"]


async def test_a_streams_last_comment_says_what_its_headers_could_not_know(serving: Serving, upstream: Upstream):
    body = {"model": "chat", "messages": HELLO, "stream": True}
    response = await serving.post("/v1/chat/completions", body)
    assert "x-headgate-cost-usd" not in response.headers
    assert response.summary == {
        "request_id": response.headers["x-headgate-request-id"], "target": "vendor/gpt-4o-mini", "attempts": 1,
        "cost_usd": "0.00021", "usage": {"input_tokens": 1000, "output_tokens": 100},
    }  # fmt: skip
    assert response.body.index(b": headgate ") < response.body.index(b"data: [DONE]")
    assert b'"usage"' not in response.body.replace(b": headgate ", b"").partition(b"data: [DONE]")[0].split(b": ")[0]


async def test_usage_is_always_asked_for_and_shown_only_to_who_asked(serving: Serving, upstream: Upstream):
    body = {"model": "chat", "messages": HELLO, "stream": True}
    for asked in (False, True):
        request = {**body, "stream_options": {"include_usage": True}} if asked else body
        response = await serving.post("/v1/chat/completions", request)
        sent = json.loads(upstream.requests[-1].body)
        assert sent["stream_options"]["include_usage"] is True
        told = [json.loads(data) for _, data in response.events if data != "[DONE]"]
        assert any(chunk.get("usage") for chunk in told) == asked
        assert response.summary["usage"]["input_tokens"] == 1000


async def test_a_streamed_call_costs_what_a_whole_one_does(serving: Serving):
    whole = await serving.post("/v1/chat/completions", {"model": "chat", "messages": HELLO})
    streamed = await serving.post("/v1/chat/completions", {"model": "chat", "messages": HELLO, "stream": True})
    assert whole.headers["x-headgate-cost-usd"] == streamed.summary["cost_usd"]


async def test_what_a_target_cannot_take_is_refused_by_name_or_dropped_and_told(serving: Serving, upstream: Upstream):
    body = {"messages": HELLO, "max_tokens": 50, "frequency_penalty": 0.5}
    refused = await serving.post("/v1/chat/completions", {**body, "model": "claude"})
    assert refused.status == 400
    assert refused.json["error"]["param"] == "frequency_penalty"
    assert upstream.requests == []
    lenient = await serving.post("/v1/chat/completions", {**body, "model": "lenient"})
    assert lenient.status == 200
    assert lenient.headers["x-headgate-dropped"] == "frequency_penalty"
    assert "frequency_penalty" not in json.loads(upstream.requests[-1].body)


async def test_same_dialect_and_same_name_means_the_very_same_bytes(serving: Serving, upstream: Upstream):
    raw = b'{ "model" : "gpt-4o-mini",  "messages": [], "x": 1.10, "y": [ ] }'
    text = CONFIG.format(url=upstream.url).replace("  chat:", "  gpt-4o-mini:")
    serving.gateway.reload(serving.config(text))
    await serving.request("POST", "/v1/chat/completions", raw=raw)
    assert upstream.requests[-1].body == raw


async def test_a_vendors_headers_reach_only_vendors_that_know_them(serving: Serving, upstream: Upstream):
    headers = {"anthropic-beta": "context-1m", "anthropic-version": "2023-01-01", "cookie": "a=b", "x-own": "1"}
    body = {"max_tokens": 5, "messages": HELLO}
    await serving.post("/v1/messages", {**body, "model": "claude"}, headers)
    sent = upstream.requests[-1]
    assert (sent.header("anthropic-beta"), sent.header("anthropic-version")) == ("context-1m", "2023-01-01")
    assert sent.header("cookie") is None
    assert sent.header("x-own") is None
    assert sent.header("x-api-key") == "k"
    await serving.post("/v1/messages", {**body, "model": "chat"}, headers)
    assert upstream.requests[-1].header("anthropic-beta") is None
