"""A vendor that echoes credentials, floods, or answers with what it should not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from serving import Serving
from upstream import Exchange, Upstream

SECRET = "sk-canary-0123456789"
CONFIG = """
providers:
  chat: {{kind: openai_compatible, base_url: "{url}/v1", api_key: """ + SECRET + """}}
  responses: {{kind: "vendor_rows:RESPONSES_ONLY", base_url: "{url}/v1", api_key: """ + SECRET + """}}
  claude: {{kind: anthropic, base_url: "{url}", api_key: """ + SECRET + """}}
models:
  chat: {{targets: [chat/gpt], timeout: {{total_s: 2, first_token_s: 1, stall_s: 1}}}}
  responses: {{targets: [responses/gpt], timeout: {{total_s: 2, first_token_s: 1, stall_s: 1}}}}
  claude: {{targets: [claude/claude-sonnet-4-5], timeout: {{total_s: 2, first_token_s: 1, stall_s: 1}}}}
  image: {{targets: [responses/gpt-image-1]}}
"""  # fmt: skip
HELLO = [{"role": "user", "content": "Hello"}]
PATHS: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"messages": HELLO},
    "/v1/responses": {"input": "Hello"},
    "/v1/messages": {"max_tokens": 10, "messages": HELLO},
}
KIND = ("content-type", "application/json")
SSE = ("content-type", "text/event-stream")


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with Upstream() as upstream:
        yield upstream


@pytest.fixture
async def serving(upstream: Upstream) -> AsyncIterator[Serving]:
    async with Serving(CONFIG.format(url=upstream.url)) as serving:
        yield serving


ERROR = {"type": "invalid_request_error", "code": "invalid_request", "message": f"bad key {SECRET}", "param": SECRET}
IN_STREAM = {
    "chat": b"data: " + json.dumps({"error": ERROR}).encode() + b"\n\n",
    "claude": b"event: error\ndata: " + json.dumps({"type": "error", "error": ERROR}).encode() + b"\n\n",
    "responses": b"event: error\ndata: " + json.dumps({"type": "error", **ERROR}).encode() + b"\n\n",
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("model", IN_STREAM)
async def test_a_credential_in_a_streams_error_stays_here(serving: Serving, upstream: Upstream, path: str, model: str):
    async def script(exchange: Exchange) -> None:
        await exchange.start(200, SSE)
        await exchange.chunk(IN_STREAM[model])
        await exchange.end()

    upstream.script = script
    response = await serving.post(path, {**PATHS[path], "model": model, "stream": True})
    assert SECRET.encode() not in response.body
    assert response.status >= 400


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("model", IN_STREAM)
@pytest.mark.parametrize("status", [200, 400, 401, 404, 500])
@pytest.mark.parametrize("spelling", [SECRET, SECRET.replace("-", "\\u002d")])
async def test_a_credential_in_an_error_document_stays_here_however_spelt(
    serving: Serving, upstream: Upstream, path: str, model: str, status: int, spelling: str
):
    document = json.dumps({"type": "error", "error": {**ERROR, "message": "bad key @"}}).replace("@", spelling)

    async def script(exchange: Exchange) -> None:
        await exchange.reply(status, document.encode(), KIND)

    upstream.script = script
    response = await serving.post(path, {**PATHS[path], "model": model})
    assert response.status >= 400
    assert SECRET not in json.dumps(response.json)


async def test_an_error_in_place_of_an_image_is_an_error(serving: Serving, upstream: Upstream):
    async def script(exchange: Exchange) -> None:
        await exchange.reply(200, json.dumps({"error": ERROR}).encode(), KIND)

    upstream.script = script
    response = await serving.post("/v1/images/generations", {"model": "image", "prompt": "x"})
    assert response.status >= 400
    assert SECRET.encode() not in response.body


@pytest.mark.parametrize("content_type", ["text/html", "image/svg+xml; charset=utf-8", "application/xhtml+xml"])
async def test_what_a_browser_would_run_is_not_passed_on(serving: Serving, upstream: Upstream, content_type: str):
    async def script(exchange: Exchange) -> None:
        await exchange.reply(200, b"<script>alert(1)</script>", ("content-type", content_type))

    upstream.script = script
    response = await serving.post("/v1/images/generations", {"model": "image", "prompt": "x"})
    assert response.status == 502
    assert b"<script>" not in response.body


async def test_a_stream_that_never_says_anything_is_given_up(serving: Serving, upstream: Upstream):
    choice = {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}
    frame = b"data: " + json.dumps({"id": "c", "choices": [choice]}).encode() + b"\n\n"

    async def script(exchange: Exchange) -> None:
        await exchange.start(200, SSE)
        while True:
            await exchange.chunk(frame * 2000)

    upstream.script = script
    response = await asyncio.wait_for(
        serving.post("/v1/chat/completions", {"model": "chat", "messages": HELLO, "stream": True}), 5
    )
    assert response.status in (502, 504)


@pytest.mark.parametrize(
    ("path", "model", "frames", "last"),
    [
        (
            "/v1/chat/completions", "chat",
            [(None, {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [
                {"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}]})],
            ("", "[DONE]"),
        ),
        (
            "/v1/messages", "claude",
            [("message_start", {"type": "message_start", "message": {
                "id": "m", "type": "message", "role": "assistant", "model": "c", "content": [], "stop_reason": None,
                "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}}}),
             ("content_block_start", {"type": "content_block_start", "index": 0,
                                      "content_block": {"type": "text", "text": ""}}),
             ("content_block_delta", {"type": "content_block_delta", "index": 0,
                                      "delta": {"type": "text_delta", "text": "Hi"}}),
             ("content_block_stop", {"type": "content_block_stop", "index": 0}),
             ("message_delta", {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None},
                                "usage": {"output_tokens": 2}})],
            ("message_stop", '{"type":"message_stop"}'),
        ),
    ],
)  # fmt: skip
async def test_a_terminator_the_vendor_forgot_is_supplied(
    serving: Serving, upstream: Upstream, path: str, model: str, frames: list[Any], last: tuple[str, str]
):
    async def script(exchange: Exchange) -> None:
        await exchange.start(200, SSE)
        for name, data in frames:
            event = f"event: {name}\n" if name else ""
            await exchange.chunk(f"{event}data: {json.dumps(data)}\n\n".encode())
        await exchange.end()

    upstream.script = script
    response = await serving.post(path, {**PATHS[path], "model": model, "stream": True})
    assert response.events[-1] == last


async def test_control_characters_of_a_vendor_do_not_break_the_answer(serving: Serving, upstream: Upstream):
    async def script(exchange: Exchange) -> None:
        await exchange.reply(200, b"sound", ("content-type", "audio/mpeg\x01"))

    upstream.script = script
    response = await serving.post("/v1/audio/speech", {"model": "image", "input": "x", "voice": "y"})
    assert response.status in (200, 502)
    assert "\x01" not in response.headers.get("content-type", "")
    assert response.headers["x-headgate-request-id"]
