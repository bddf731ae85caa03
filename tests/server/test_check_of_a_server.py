"""`headgate check --production` beside a server: it reads the database in use, or asks the server that has it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from headgate.cli.app import run
from serving import Serving

KEY = "a" * 40
CONFIG = """
storage: {{database: "sqlite:///{database}"}}
providers: {{sim: {{kind: simulator}}}}
models: {{chat: {{targets: [sim/gpt-4o-mini]}}}}
"""
BODY = {"model": "chat", "messages": [{"role": "user", "content": "Hello"}]}


@pytest.mark.parametrize("way", ["database", "server"])
async def test_what_people_set_up_is_seen_while_it_is_served(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = CONFIG.format(database=tmp_path / "headgate.db")
    async with Serving(text, {"HEADGATE_ADMIN_KEY": KEY}, server="auth: keys") as serving:
        file = tmp_path / "headgate.yaml"
        if way == "server":
            text = CONFIG.format(database=tmp_path / "elsewhere.db")
            monkeypatch.setenv("HEADGATE_URL", serving.url)
            monkeypatch.setenv("HEADGATE_ADMIN_KEY", KEY)
        else:
            monkeypatch.delenv("HEADGATE_URL", raising=False)
        file.write_text(text)
        asked: dict[str, Any] = {"headers": {"authorization": f"Bearer {KEY}"}}
        made = await serving.post("/admin/keys", {"name": "ci", "roles": ["admin"]}, **asked)
        assert made.status == 201
        secret = json.loads(made.body)["key"]
        for key in (KEY, secret):
            called = await serving.post("/v1/chat/completions", BODY, {"authorization": f"Bearer {key}"})
            assert called.status == 200
            assert await serving.rows(called)
        assert (
            await serving.post("/admin/budgets", {"subject": "key:*", "amount_usd": "5", "period": "day"}, **asked)
        ).status == 201
        assert await asyncio.to_thread(run, ["check", "--production", "--json", "--config", str(file)]) == 1
    found = json.loads(capsys.readouterr().out)
    told = {
        each["lesson"]: [one["what"] for one in found["findings"] if one["lesson"] == each["lesson"]]
        for each in found["findings"]
    }
    assert [what.partition(" ")[0] for what in told["admins-do-not-call"]] == ["HEADGATE_ADMIN_KEY", "ci"]
    assert told["keys-expire"] == ["without an end: ci"]
    assert {each["lesson"] for each in found["not_seen"]} == {"backed-up"}
    assert not {"budget-set", "keys-capped"} & set(told)
    assert not (tmp_path / "elsewhere.db").exists()
