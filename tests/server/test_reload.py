"""A change of configuration takes over without dropping a call; a bad one changes nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from headgate.errors import ConfigError
from headgate.server.run import reload
from serving import Serving
from upstream import Exchange, Upstream

CONFIG = """
providers:
  vendor: {{kind: openai, base_url: "{url}/v1", api_key: k}}
models:
  {model}: {{targets: [vendor/gpt-4o-mini]}}
"""
ANSWER = (
    b'{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"finish_reason":"stop",'
    b'"message":{"role":"assistant","content":"Hello"}}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}'
)
BODY = {"messages": [{"role": "user", "content": "Hello"}]}


async def test_new_calls_go_by_the_new_configuration_and_old_ones_end_by_the_old():
    held, go = asyncio.Event(), asyncio.Event()

    async def script(exchange: Exchange) -> None:
        held.set()
        await go.wait()
        await exchange.reply(200, ANSWER, ("content-type", "application/json"))

    async with Upstream(script) as upstream, Serving(CONFIG.format(url=upstream.url, model="old")) as serving:
        under_way = asyncio.create_task(serving.post("/v1/chat/completions", {**BODY, "model": "old"}))
        await held.wait()
        serving.gateway.reload(serving.config(CONFIG.format(url=upstream.url, model="new")))
        assert (await serving.post("/v1/chat/completions", {**BODY, "model": "old"})).status == 404
        go.set()
        assert (await under_way).status == 200
        assert (await serving.post("/v1/chat/completions", {**BODY, "model": "new"})).status == 200
        assert upstream.connections == 1, "a provider that did not change keeps its connections"


async def test_a_bad_file_changes_nothing_and_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    async with Upstream() as upstream, Serving(CONFIG.format(url=upstream.url, model="old")) as serving:
        file = tmp_path / "headgate.yaml"
        file.write_text("models: {chat: {targets: [nobody/x]}, other: {tragets: []}}\n")
        assert not await reload(serving.gateway, file, {})
        assert "nobody" in caplog.text
        assert "tragets" in caplog.text
        assert serving.gateway.model_names() == ["old"]
        assert serving.gateway.metrics.reloads == {"ok": 0, "failed": 1}
        file.write_text(CONFIG.format(url=upstream.url, model="new"))
        assert await reload(serving.gateway, file, {})
        assert serving.gateway.model_names() == ["new"]


async def test_a_stage_that_cannot_be_loaded_is_refused_with_its_reason():
    async with Upstream() as upstream, Serving(CONFIG.format(url=upstream.url, model="old")) as serving:
        text = CONFIG.format(url=upstream.url, model="new") + "stages: [{use: 'no.such:Stage', after: context}]\n"
        with pytest.raises(ConfigError, match=r"no\.such"):
            serving.gateway.reload(serving.config(text))
        assert serving.gateway.model_names() == ["old"]


async def test_a_reload_cannot_open_a_door_that_was_shut(tmp_path: Path):
    """The socket stays where it is, so whether keys are asked for stays too."""
    async with Upstream() as upstream:
        text = CONFIG.format(url=upstream.url, model="chat")
        async with Serving(text, {"HEADGATE_ADMIN_KEY": "k"}, server="auth: keys") as serving:
            file = tmp_path / "headgate.yaml"
            file.write_text(f"server: {{auth: none}}\n{text}".replace("chat:", "new:"))
            assert await reload(serving.gateway, file, {})
            assert serving.gateway.model_names() == ["new"]
            assert (await serving.post("/v1/chat/completions", {**BODY, "model": "new"})).status == 401
