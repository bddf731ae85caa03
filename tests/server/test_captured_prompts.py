"""Content of calls of models that are prompts: kept once, under the name the client asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import headgate
from headgate.evals.reading import read

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


async def test_what_was_said_to_a_prompt_is_kept_and_cleaned_and_makes_a_case_of_another_version(tmp_path: Path):
    (tmp_path / "prompts").mkdir()
    prompt = tmp_path / "prompts" / "p.prompt"
    prompt.write_text(
        '---\nmodel: inner\ninput: {schema: {q: string, image?: string}}\n---\n{{history}}{{role "user"}}\nTell of {{q}}'
    )
    file = tmp_path / "headgate.yaml"
    file.write_text(
        CONFIG.replace("FOLDER", str(tmp_path / "prompts"))
        .replace("{RULE", "{")
        .replace("capture: {", "capture: {redact: [email], ")
    )
    inputs = {"q": "otters of a@b.example", "image": f"data:image/png;base64,{'A' * 400}"}
    async with headgate.Gateway.from_file(str(file)) as gateway:
        await gateway.prompt("asked", inputs, messages=[{"role": "user", "content": "Hello"}])
        await gateway.chat("inner", [{"role": "user", "content": "Hello"}])
        store = gateway.services.store
        assert store is not None
        await store.contents.desk.flush()
        rows = await store.database.fetch("SELECT request, left_out FROM contents ORDER BY captured_us, id")
    (kept, left_out), (plain, _) = ((json.loads(request), number) for request, number in rows)
    assert "headgate" not in plain
    said = kept["headgate"]
    assert (said["inputs"]["q"], left_out) == ("otters of [email]", 0)
    assert said["inputs"]["image"].startswith("headgate:left-out;type=image/png;bytes=300")
    assert said["asked"] == {"messages": [{"role": "user", "content": "Hello"}]}
    assert said["prompt"].startswith("p@")

    call = {"call_id": "req_1", "dialect": "openai_chat", "request": kept, "output": {"text": "They swim."}}
    (tmp_path / "calls.jsonl").write_text(json.dumps(call))
    tests = tmp_path / "prompts" / "p.test.yaml"
    tests.write_text("dataset: ../calls.jsonl\nassert: [{rouge-l: '{{inputs.answer}}'}]\n")
    [suite] = read([tests], prompt_of=lambda _: "p")
    [case] = suite.cases
    assert (case.inputs, case.messages) == (said["inputs"], ({"role": "user", "content": "Hello"},))
    assert case.assertions[0].value == "They swim."
