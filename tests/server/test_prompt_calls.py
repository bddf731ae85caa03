"""Calls of models that are prompts: by every client's dialect, whole and streamed, with inputs wherever they may stand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headgate.errors import ConfigError, ServerError
from headgate.prompts.config import PromptsConfig
from headgate.prompts.files import stamp
from serving import Response, Serving

TRIAGE = """---
model: chat
config: {temperature: 0.2, maxOutputTokens: 64}
input:
  schema: {customer: string, "order?": integer}
---
{{role "system"}}
You help customers of {{customer}}. {{> tone}}
{{history}}
{{role "user"}}
It is about order {{order}}."""

STRICT = """---
output: {format: json, schema: {team: string, urgent: boolean}}
---
Sort: {{text}}"""

CONFIG = """
providers: {sim: {kind: simulator}}
models:
  chat: {targets: [sim/gpt-4o-mini]}
  triage: {prompt: support/triage, targets: [sim/gpt-4o-mini]}
  loose: {prompt: {use: support/triage, override: [temperature]}, targets: [sim/gpt-4o-mini]}
  own: {prompt: support/triage}
  strict: {prompt: strict, targets: [sim/gpt-4o-mini]}
  tools: {prompt: tools, targets: [sim/gpt-4o-mini]}
  falls: {targets: [sim/broken], fallback: [triage], retry: {attempts: 1}}
  mirrored: {prompt: support/triage, targets: [sim/gpt-4o-mini], shadow: {to: brief, share: 1.0}}
  brief: {prompt: brief, targets: [sim/gpt-4o-mini]}
prompts: {folder: FOLDER}
storage: {database: "sqlite:///:memory:"}
"""

ASKED = [{"role": "user", "content": "It never came.", "name": "jo"}]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {
        "support/triage.prompt": TRIAGE, "support/_tone.prompt": "Be polite.", "strict.prompt": STRICT,
        "brief.prompt": "Briefly, {{customer}}:{{history}}", "tools.prompt": "---\ntools: [look_up, ask]\n---\nHi", "look_up.tool.yaml": "description: Looks an order up",
    }  # fmt: skip
    for place, text in files.items():
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_text(text)
    return tmp_path


@pytest.fixture
async def at(folder: Path):
    async with Serving(CONFIG.replace("FOLDER", str(folder))) as at:
        yield at


class Watched:
    """The vendor's transport, with what it was sent. The model `broken` is down."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.bodies: list[Any] = []

    async def send(self, request: Any) -> Any:
        body = json.loads(request.body)
        if body["model"] == "broken":
            raise ServerError("it is down")
        self.bodies.append(body)
        return await self.inner.send(request)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


@pytest.fixture
def vendor(at: Serving) -> Watched:
    provider = at.gateway.provider("sim")
    watched = Watched(provider.transport)
    provider.transport = watched  # type: ignore[assignment]
    return watched


async def post(at: Serving, path: str, body: Any, **headers: str) -> Response:
    return await at.post(path, body, {name.replace("_", "-"): each for name, each in headers.items()})


async def test_inputs_in_the_body_and_messages_as_history(at: Serving, vendor: Watched):
    body = {"model": "triage", "messages": ASKED, "temperature": 1.5, "top_p": 0.5,
            "headgate": {"inputs": {"customer": "Acme", "order": 7}}}  # fmt: skip
    told = await post(at, "/v1/chat/completions", body)
    assert told.status == 200, told.body
    [there] = vendor.bodies
    assert [(each["role"], each["content"].strip()) for each in there["messages"]] == [
        ("system", "You help customers of Acme. Be polite."), ("user", "It never came."), ("user", "It is about order 7."),
    ]  # fmt: skip
    assert there["messages"][1] == ASKED[0]
    assert (there["temperature"], there["top_p"], there["max_completion_tokens"]) == (0.2, 0.5, 64)
    assert "headgate" not in there
    prompt = told.headers["x-headgate-prompt"]
    assert prompt.startswith("support/triage@")
    assert [(row.prompt_version, row.model) for row in await at.rows(told)] == [(prompt, "triage")]
    at.gateway.store.calls.recorder.flush()  # type: ignore[union-attr]
    await at.gateway.store.caught_up()  # type: ignore[union-attr]
    assert await at.gateway.store.database.fetch("SELECT prompt_version FROM calls") == [(prompt,)]  # type: ignore[union-attr]


async def test_inputs_in_a_header_and_a_stream(at: Serving, vendor: Watched):
    body = {"model": "triage", "messages": [], "stream": True}
    told = await post(at, "/v1/chat/completions", body, x_headgate_inputs='{"customer": "Acme"}')
    assert told.status == 200
    assert told.events[-1][1] == "[DONE]"
    assert "x-headgate-prompt" in told.headers
    assert vendor.bodies[0]["stream"] is True
    assert [each["role"] for each in vendor.bodies[0]["messages"]] == ["system", "user"]


async def test_a_client_of_anthropics(at: Serving, vendor: Watched):
    body = {"model": "triage", "max_tokens": 9, "system": "Of the client.", "messages": [{"role": "user", "content": "Hm."}],
            "headgate": {"inputs": {"customer": "Acme"}}}  # fmt: skip
    told = await post(at, "/v1/messages", body)
    assert told.status == 200, told.body
    [there] = vendor.bodies
    assert [each["text"].strip() for each in there["system"]] == [
        "You help customers of Acme. Be polite.",
        "Of the client.",
    ]
    assert [each["role"] for each in there["messages"]] == ["user", "user"]
    assert (there["messages"][0]["content"], there["max_tokens"], there["temperature"]) == ("Hm.", 64, 0.2)
    counted = await post(at, "/v1/messages/count_tokens", {key: body[key] for key in ("model", "messages", "headgate")})
    assert counted.status == 200, counted.body
    assert counted.json["input_tokens"] > 10


async def test_responses_own_words(at: Serving, vendor: Watched):
    prompt = {"id": "support/triage", "variables": {"customer": {"type": "input_text", "text": "Acme"}, "order": 3}}
    told = await post(at, "/v1/responses", {"model": "triage", "input": "Where is it?", "prompt": prompt})
    assert told.status == 200, told.body
    assert "prompt" not in vendor.bodies[0]
    said = json.dumps(vendor.bodies[0])
    assert all(each in said for each in ("customers of Acme", "Where is it?", "order 3"))
    wrong = await post(at, "/v1/responses", {"model": "triage", "input": "x", "prompt": {"id": "other"}})
    assert (wrong.status, wrong.json["error"]["param"]) == (400, "prompt.id")
    wrong = await post(
        at, "/v1/responses", {"model": "triage", "input": "x", "prompt": {**prompt, "version": "staging"}}
    )
    assert (wrong.status, wrong.json["error"]["param"]) == (400, "version")


async def test_a_client_may_say_otherwise_where_it_is_let(at: Serving, vendor: Watched):
    body = {
        "model": "loose",
        "messages": [],
        "temperature": 1.5,
        "max_tokens": 9,
        "headgate": {"inputs": {"customer": "A"}},
    }
    assert (await post(at, "/v1/chat/completions", body)).status == 200
    assert (vendor.bodies[0]["temperature"], vendor.bodies[0]["max_completion_tokens"]) == (1.5, 64)
    assert "max_tokens" not in vendor.bodies[0]


async def test_an_input_that_is_wrong_is_named(at: Serving, vendor: Watched):
    told = await post(
        at, "/v1/chat/completions", {"model": "triage", "messages": [], "headgate": {"inputs": {"customer": 3}}}
    )
    assert (told.status, told.json["error"]["param"]) == (400, "inputs.customer")
    assert "customer" in told.json["error"]["message"]
    for headgate, param in (({"input": {}}, "headgate.input"), ([], "headgate"), ({"docs": [1]}, "headgate.docs")):
        told = await post(at, "/v1/chat/completions", {"model": "triage", "messages": [], "headgate": headgate})
        assert (told.status, told.json["error"]["param"]) == (400, param)
    told = await post(at, "/v1/chat/completions", {"model": "triage", "messages": []}, x_headgate_inputs="{")
    assert (told.status, told.json["error"]["param"]) == (400, "x-headgate-inputs")
    told = await post(at, "/v1/chat/completions", {"model": "chat", "messages": ASKED, "headgate": {"inputs": {}}})
    assert (told.status, told.json["error"]["param"]) == (400, "headgate.inputs")
    assert vendor.bodies == []


async def test_output_is_held_to_its_schema(at: Serving, vendor: Watched):
    told = await post(
        at, "/v1/chat/completions", {"model": "strict", "messages": [], "headgate": {"inputs": {"text": "x"}}}
    )
    assert set(json.loads(told.json["choices"][0]["message"]["content"])) == {"team", "urgent"}
    assert vendor.bodies[0]["response_format"]["json_schema"]["name"] == "strict"


async def test_tools_of_the_prompt_and_of_its_caller(at: Serving, vendor: Watched):
    function = {"type": "function", "function": {"name": "ask", "parameters": {"type": "object"}}}
    told = await post(at, "/v1/chat/completions", {"model": "tools", "messages": []})
    assert (told.status, "'ask'" in told.json["error"]["message"]) == (400, True)
    told = await post(at, "/v1/chat/completions", {"model": "tools", "messages": [], "tools": [function]})
    assert told.status == 200, told.body
    assert [each["function"]["name"] for each in vendor.bodies[0]["tools"]] == ["look_up", "ask"]


async def test_a_fallback_that_is_a_prompt_begins_with_what_the_client_said(at: Serving, vendor: Watched):
    body = {"model": "falls", "messages": ASKED, "headgate": {"inputs": {"customer": "Acme"}}}
    told = await post(at, "/v1/chat/completions", body)
    assert told.status == 200, told.body
    assert [each["role"] for each in vendor.bodies[0]["messages"]] == ["system", "user", "user"]
    metrics = (await at.request("GET", "/metrics")).body.decode()
    assert 'headgate_prompt_renders_total{label="(file)",outcome="ok",prompt="support/triage"} 1.0' in metrics
    assert 'headgate_prompt_render_seconds_count{prompt="support/triage"} 1.0' in metrics
    assert [(row.target, row.prompt_version is not None) for row in await at.rows(told)] == [
        ("sim/broken", False), ("sim/gpt-4o-mini", True),
    ]  # fmt: skip


async def test_a_shadow_that_is_a_prompt_begins_with_what_the_client_said(at: Serving, vendor: Watched):
    body = {"model": "mirrored", "messages": ASKED, "headgate": {"inputs": {"customer": "Acme"}}}
    told = await post(at, "/v1/chat/completions", body)
    assert told.status == 200, told.body
    await at.gateway.services.shadows.idle()
    assert [[each["content"].strip() for each in there["messages"]] for there in vendor.bodies] == [
        ["You help customers of Acme. Be polite.", "It never came.", "It is about order ."], ["Briefly, Acme:", "It never came."],
    ]  # fmt: skip


async def test_a_client_of_legacy_completions(at: Serving, vendor: Watched):
    body = {
        "model": "triage",
        "prompt": "It never came.",
        "max_tokens": 9,
        "headgate": {"inputs": {"customer": "Acme"}},
    }
    told = await post(at, "/v1/completions", body)
    assert told.status == 200, told.body
    assert [each["role"] for each in vendor.bodies[0]["messages"]] == ["system", "user", "user"]
    assert vendor.bodies[0]["messages"][1] == {"role": "user", "content": "It never came."}
    assert vendor.bodies[0]["max_completion_tokens"] == 64
    assert (told.json["object"], bool(told.json["choices"][0]["text"])) == ("text_completion", True)
    assert told.headers["x-headgate-prompt"].startswith("support/triage@")
    assert [(row.operation, row.usage.output_tokens > 0) for row in await at.rows(told)] == [("chat", True)]
    stream = await post(at, "/v1/completions", {**body, "stream": True, "stream_options": {"include_usage": True}})
    frames = [json.loads(data) for _, data in stream.events[:-1] if data.startswith("{")]
    assert stream.events[-1][1] == "[DONE]"
    assert {frame["object"] for frame in frames} == {"text_completion"}
    assert "".join(choice["text"] for frame in frames for choice in frame["choices"])
    assert frames[-1]["usage"]["completion_tokens"] > 0
    for member, value in (("echo", True), ("suffix", "."), ("prompt", ["a", "b"]), ("logprobs", 3)):
        refused = await post(at, "/v1/completions", {**body, member: value})
        assert (refused.status, refused.json["error"]["param"]) == (400, member)
    falls = await post(at, "/v1/completions", {**body, "model": "falls"})
    assert (falls.status, falls.json["object"]) == (200, "text_completion")


async def test_what_is_no_chat_says_what_to_call(at: Serving, vendor: Watched):
    for path, body in (
        ("/v1/embeddings", {"input": "x"}),
        ("/v1/moderations", {"input": "x"}),
        ("/v1/rerank", {"query": "x", "documents": ["y"]}),
    ):
        told = await post(at, path, {"model": "triage", **body})
        assert (told.status, told.json["error"]["param"]) == (400, "model")
        assert "POST /v1/chat/completions" in told.json["error"]["message"]
    assert vendor.bodies == []


async def test_messages_of_a_wrong_type_are_refused_by_name(at: Serving, vendor: Watched):
    said = {"inputs": {"customer": "Acme"}}
    for path, more, param in (
        ("/v1/chat/completions", {"messages": {"role": "user"}}, "messages"),
        ("/v1/chat/completions", {"messages": [1]}, "messages[0]"),
        ("/v1/messages", {"messages": [], "max_tokens": 5, "system": 7}, None),
        ("/v1/responses", {"input": 7}, "input"),
    ):
        told = await post(at, path, {"model": "triage", "headgate": said, **more})
        assert (told.status, told.json["error"].get("param")) == (400, param)
    assert vendor.bodies == []


async def test_inputs_of_a_run_stand_in_its_body_and_beside_it(at: Serving, vendor: Watched):
    told = await at.post(
        "/v1/prompts/support/triage/run",
        {"inputs": {"order": 5}},
        {"x-headgate-inputs": '{"customer": "Acme", "order": 4}'},
    )
    assert told.status == 200, told.body
    said = json.dumps(vendor.bodies[0])
    assert "customers of Acme" in said
    assert "order 5" in said


async def test_a_large_request_is_rendered_beside_others(at: Serving, vendor: Watched):
    said = {"inputs": {"customer": "A" * 70_000}}
    told = await post(at, "/v1/chat/completions", {"model": "triage", "messages": ASKED, "headgate": said})
    assert told.status == 200, told.body
    assert "A" * 70_000 in json.dumps(vendor.bodies[0])


async def test_prompts_by_their_own_names(at: Serving, vendor: Watched):
    rendered = await post(at, "/v1/prompts/support/triage/render", {"inputs": {"customer": "Acme", "order": 1}})
    assert rendered.status == 200, rendered.body
    assert [each["role"] for each in rendered.json["messages"]] == ["system", "user"]
    assert rendered.json["config"] == {"temperature": 0.2, "maxOutputTokens": 64}
    told = await post(at, "/v1/prompts/support/triage/run", {"inputs": {"customer": "Acme"}, "messages": ASKED})
    assert told.status == 200, told.body
    assert told.headers["x-headgate-prompt"] == f"support/triage@{rendered.json['version'][:12]}"
    assert [row.model for row in await at.rows(told)] == ["triage"]
    assert vendor.bodies[0]["model"] == "gpt-4o-mini"
    missing = await post(at, "/v1/prompts/nothing/run", {})
    assert (missing.status, missing.json["error"]["code"]) == (404, "prompt_not_found")
    stream = await post(at, "/v1/prompts/support/triage/run", {"inputs": {"customer": "A"}, "stream": True})
    assert stream.events[-1][1] == "[DONE]"


async def test_a_prompts_own_model(at: Serving, vendor: Watched):
    told = await post(
        at, "/v1/chat/completions", {"model": "own", "messages": [], "headgate": {"inputs": {"customer": "A"}}}
    )
    assert told.status == 200, told.body
    assert [(row.model, row.target) for row in await at.rows(told)] == [("own", "sim/gpt-4o-mini")]


async def test_in_python(at: Serving, vendor: Watched):
    answer = await at.gateway.prompt("support/triage", {"customer": "Acme"}, ASKED, temperature=2)
    assert answer.text
    assert vendor.bodies[0]["temperature"] == 0.2
    assert (await at.gateway.prompt("own", {"customer": "Acme"})).target == "sim/gpt-4o-mini"
    pieces = [piece.text async for piece in at.gateway.stream_prompt("triage", {"customer": "Acme"})]
    assert "".join(pieces)


async def test_what_is_seen_of_a_folder_changes_with_its_files(folder: Path):
    config = PromptsConfig(folder=str(folder))
    before = stamp(config)
    (folder / "notes.md").write_text("nothing of the prompts'")
    (folder / ".git").mkdir()
    (folder / ".git" / "x.prompt").write_text("hidden")
    assert stamp(config) == before
    (folder / "support/_tone.prompt").write_text("Other.")
    assert stamp(config) != before
    (folder / "dangling.prompt").symlink_to(folder / "nowhere")
    assert stamp(config) != before  # and does not end the looking
    assert stamp(PromptsConfig(folder=str(folder / "gone")))
    assert stamp(PromptsConfig()) == ()


async def test_files_are_served_as_they_are_now(at: Serving, folder: Path, vendor: Watched):
    text = CONFIG.replace("FOLDER", str(folder))
    (folder / "support/_tone.prompt").write_text("Be brief.")
    at.gateway.reload(at.config(text))
    body = {"model": "triage", "messages": [], "headgate": {"inputs": {"customer": "Acme"}}}
    assert (await post(at, "/v1/chat/completions", body)).status == 200
    assert "Be brief." in json.dumps(vendor.bodies[-1])
    (folder / "support/_tone.prompt").write_text("{{#if}}")
    with pytest.raises(ConfigError, match=r"support/_tone\.prompt:1:1: "):
        at.config(text)
