"""New prices while serving: from the next call on, rows of before stay as they are; and models without a price."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from headgate.config import Secrets
from headgate.server import run as serving_run
from headgate.server.run import _watch
from price_notes import KEY, price_note
from serving import Serving

BODY = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 5}
CONFIG = """
price_list: {{file: {file}, keys: ["{key}"]}}
providers: {{sim: {{kind: simulator}}}}
models:
  chat: {{targets: [sim/gpt-4o-mini]}}
  new: {{targets: [sim/nobody-knows]}}
  "any-*": {{targets: ["sim/any-*"]}}
"""


async def test_an_installed_list_counts_from_the_next_call_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving_run, "WATCH_S", 0.01)
    listed, file = tmp_path / "headgate.prices", tmp_path / "headgate.yaml"
    text = CONFIG.format(file=listed, key=KEY)
    file.write_text(text)
    async with Serving(text) as serving:
        watching = asyncio.create_task(_watch(serving.gateway, file, {}, asyncio.Event(), Secrets({})))
        try:
            first = await serving.post("/v1/chat/completions", {**BODY, "model": "chat"})
            (before,) = await serving.rows(first)
            await installed(serving, listed, price_note(input="1"), ok=1)
            second = await serving.post("/v1/chat/completions", {**BODY, "model": "chat"})
            (after,) = await serving.rows(second)
            await installed(serving, listed, price_note(input="1").replace(b'"1"', b'"0"'), failed=1)
            third = await serving.post("/v1/chat/completions", {**BODY, "model": "chat"})
            (still,) = await serving.rows(third)
        finally:
            watching.cancel()
        assert after.price_version is not None
        assert after.price_version.startswith("2099-01-01+")
        usage = after.usage
        assert after.cost_picodollars == usage.input_tokens * 10**6 + usage.output_tokens * 2 * 10**6
        assert still.price_version == after.price_version, "a list that was tampered with changes nothing"
        assert await serving.rows(first) == [before], "what is settled stays as it is"
        assert before.price_version != after.price_version


async def installed(serving: Serving, listed: Path, note: bytes, ok: int = 0, failed: int = 0) -> None:
    """Put a list in its place, and wait until the server has looked at it."""
    reloads = serving.gateway.metrics.reloads
    wanted = (reloads["ok"] + ok, reloads["failed"] + failed)
    part = listed.with_suffix(".part")
    part.write_bytes(note)
    part.replace(listed)
    async with asyncio.timeout(10):
        while (reloads["ok"], reloads["failed"]) != wanted:
            await asyncio.sleep(0.005)


async def test_a_model_without_a_price_is_counted_each_time_and_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = CONFIG.format(file=tmp_path / "headgate.prices", key=KEY)
    with caplog.at_level(logging.WARNING, "headgate.prices"):
        async with Serving(text) as serving:
            for model in ("new", "new", "chat", "any-a", "any-b", "any-a"):
                response = await serving.post("/v1/chat/completions", {**BODY, "model": model})
                assert response.status == 200
            serving.gateway.reload(serving.config(text))
            await serving.post("/v1/chat/completions", {**BODY, "model": "new"})
            metrics = serving.gateway.metrics
    told = [record.message.partition(" ")[0] for record in caplog.records if record.name == "headgate.prices"]
    assert told == ["sim/nobody-knows", "sim/any-a", "sim/any-b"]
    assert metrics.unpriced == {("sim/nobody-knows",): 3, ("sim/any-*",): 3}
    assert metrics.events["Unpriced", "sim/nobody-knows"] == 3
