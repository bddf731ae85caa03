"""Content of calls of models that are prompts: kept once, under the name the client asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

import headgate

CONFIG = """
server: {auth: keys}
storage: {database: "sqlite:///:memory:"}
providers: {sim: {kind: simulator}}
models:
  inner: {targets: [sim/a]}
  asked: {prompt: p}
  routed: {prompt: p, targets: [sim/b]}
prompts: {folder: FOLDER}
telemetry: {capture: {rules: [{RULEshare: 1}]}}
"""


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        ("", ["asked", "routed"]),
        ("models: [asked], ", ["asked"]),
        ("models: [routed], ", ["routed"]),
        ("models: [inner], ", []),
    ],
)
async def test_a_prompts_calls_are_kept_once_as_the_prompt_made_them(tmp_path: Path, rule: str, kept: list[str]):
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "p.prompt").write_text(
        '---\nmodel: inner\ninput: {schema: {q: string}}\n---\n{{role "user"}}\nTell of {{q}}'
    )
    file = tmp_path / "headgate.yaml"
    file.write_text(CONFIG.replace("FOLDER", str(tmp_path / "prompts")).replace("RULE", rule))
    async with headgate.Gateway.from_file(str(file)) as gateway:
        for model in ("asked", "routed"):
            await gateway.prompt(model, {"q": "otters"})
            async for _ in gateway.stream_prompt(model, {"q": "otters"}):
                pass
        store = gateway.services.store
        assert store is not None
        await store.contents.desk.flush()
        rows = await store.database.fetch("SELECT model, request FROM contents ORDER BY model")
    assert [model for model, _ in rows] == [model for model in kept for _ in range(2)]
    assert all("Tell of otters" in request for _, request in rows)
