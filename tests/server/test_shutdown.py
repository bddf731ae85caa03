"""SIGTERM ends the server in time, and tells the clients it has to cut off."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from serving import Serving
from upstream import Exchange, Upstream, unused_port

CONFIG = 'providers: {{vendor: {{kind: openai, base_url: "{url}/v1", api_key: k}}}}\nmodels: {{chat: {{targets: [vendor/m]}}}}\n'
CHUNK = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
         "choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": None}]}  # fmt: skip
ANSWER = {"id": "c", "object": "chat.completion", "created": 1, "model": "m",
          "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
          "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}}  # fmt: skip
BODY = {"model": "chat", "messages": [{"role": "user", "content": "Hello"}]}


async def endless(exchange: Exchange) -> None:
    """Begin a stream, and never end it."""
    if json.loads(exchange.request.body).get("stream"):
        await exchange.start(200, ("content-type", "text/event-stream"))
        await exchange.chunk(b"data: " + json.dumps(CHUNK).encode() + b"\n\n")
    await exchange.gone()


async def test_calls_that_outlast_the_drain_are_told():
    async with Upstream(endless) as upstream, Serving(CONFIG.format(url=upstream.url)) as serving:
        begun = asyncio.Event()
        stream = asyncio.create_task(serving.post("/v1/chat/completions", {**BODY, "stream": True}, begun=begun))
        whole = asyncio.create_task(serving.post("/v1/chat/completions", BODY))
        await begun.wait()
        while len(upstream.requests) < 2:
            await asyncio.sleep(0.005)
        await serving.app.abort()
        assert (await whole).status == 503
        assert "shutting down" in (await stream).events[-1][1]
        assert serving.gateway.metrics.in_flight == 0


async def left(serving: Serving, upstream: Upstream) -> None:
    """A call with an `idempotency-key` whose client has gone."""
    asked = asyncio.create_task(serving.post("/v1/chat/completions", BODY, {"idempotency-key": "k"}))
    while not upstream.requests:
        await asyncio.sleep(0.005)
    asked.cancel()
    while serving.app._calls:
        await asyncio.sleep(0.005)


async def test_the_drain_waits_for_what_goes_on_without_its_client():
    told = asyncio.Event()

    async def slow(exchange: Exchange) -> None:
        await told.wait()
        await exchange.reply(200, json.dumps(ANSWER).encode(), ("content-type", "application/json"))

    async with Upstream(slow) as upstream, Serving(CONFIG.format(url=upstream.url)) as serving:
        await left(serving, upstream)
        await serving.gateway.drain(0.01)
        metrics = serving.gateway.metrics
        assert (metrics.in_flight, metrics.attempts) == (1, {}), "no longer than its limit"
        drained = asyncio.create_task(serving.gateway.drain(10))
        await asyncio.sleep(0.05)
        assert not drained.done()
        told.set()
        await drained
        assert (metrics.in_flight, metrics.attempts) == (0, {("vendor/m", "ok"): 1})
        assert metrics.tokens == {("vendor/m", "input"): 3, ("vendor/m", "output"): 2}
        assert list(metrics.calls) == [("chat", "chat", "false", "cancelled")]


async def test_what_goes_on_beyond_the_drain_is_given_up_and_settled():
    async with Upstream(endless) as upstream:
        async with Serving(CONFIG.format(url=upstream.url)) as serving:
            await left(serving, upstream)
        assert serving.gateway.metrics.attempts == {("vendor/m", "cancelled"): 1}
        assert serving.gateway.metrics.in_flight == 0


def post(url: str, body: dict[str, Any]) -> int:
    """The status of an answer, of a connection that is closed after it."""
    headers = {"content-type": "application/json", "connection": "close"}
    with urlopen(Request(url, json.dumps(body).encode(), headers), timeout=10) as answer:
        return answer.status


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has the library only")
async def test_an_idle_server_leaves_at_once_and_a_silent_client_does_not_hold_it(tmp_path: Path):
    port = unused_port()
    file = tmp_path / "headgate.yaml"
    file.write_text(f"server: {{port: {port}, auth: none}}\nproviders: {{sim: {{kind: simulator}}}}\n"
                    "models: {chat: {targets: [sim/gpt-4o-mini]}}\n"
                    f"storage: {{database: 'sqlite:///{tmp_path}/h.db'}}\n")  # fmt: skip
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "headgate", "serve", "--config", str(file), stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )  # fmt: skip
    try:
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                break
            except OSError:
                assert server.returncode is None, f"the server ended with {server.returncode}"
                await asyncio.sleep(0.02)
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n")
        writer.write(b"content-length: 100\r\n\r\n")
        await writer.drain()
        asked = await asyncio.to_thread(post, f"http://127.0.0.1:{port}/v1/chat/completions", BODY)
        assert asked == 200
        server.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(server.wait(), 10) == 0
        writer.close()
        kept = {path.name for path in (tmp_path / "h.journal").iterdir()}
        assert kept == {"audit.key"}, "nothing is left for the next process to find"
    finally:
        if server.returncode is None:
            server.kill()
