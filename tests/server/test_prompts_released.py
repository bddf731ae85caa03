"""Published prompts as callers meet them: by labels that come and go, versions that are withdrawn, keys with a label or
models of their own.
"""

from __future__ import annotations

from typing import Any

import pytest

from serving import Response, Serving

ADMIN = "hg-the-first-admin-key-of-these-tests"
CONFIG = """
providers: {sim: {kind: simulator}}
models:
  chat: {targets: [sim/gpt-4o-mini]}
  dear: {prompt: support/triage@production, targets: [sim/gpt-4o]}
  cheap: {prompt: support/triage@production, targets: [sim/gpt-4o-mini]}
  pinned: {prompt: "support/triage@VERSION", targets: [sim/gpt-4o-mini]}
storage: {database: "sqlite:///:memory:"}
"""
ONE = {"support/triage.prompt": "---\nmodel: chat\n---\nOne."}
TWO = {"support/triage.prompt": "---\nmodel: chat\n---\nTwo."}
ALONE = {"alone.prompt": "---\nmodel: chat\n---\nAlone."}
VERSION = "cdb900cc"


@pytest.fixture
async def at():
    async with Serving(CONFIG.replace("VERSION", VERSION), {"HEADGATE_ADMIN_KEY": ADMIN}, "auth: keys") as at:
        yield at


async def told(at: Serving, path: str, body: Any, key: str = ADMIN) -> Response:
    return await at.post(path, body, {"authorization": f"Bearer {key}"})


async def done(at: Serving, path: str, body: Any) -> Any:
    answer = await told(at, f"/admin{path}", body)
    assert answer.status in (200, 201), answer.body
    return answer.json


async def released(at: Serving, sources: dict[str, str], label: str = "production") -> str:
    [made] = (await done(at, "/prompts", {"sources": sources}))["data"]
    await done(at, "/prompts/moves", {"name": made["name"], "label": label, "to": made["version"]})
    return made["version"]


async def called(at: Serving, model: str, key: str = ADMIN) -> tuple[int, str]:
    """The status, and the version or what is wrong."""
    answer = await told(at, "/v1/chat/completions", {"model": model, "messages": []}, key)
    return answer.status, answer.headers.get("x-headgate-prompt", "") or answer.json["error"]["code"]


async def test_a_label_that_is_taken_away_is_a_404_for_its_callers(at: Serving):
    version = await released(at, ONE)
    await done(at, "/prompts/moves", {"name": "support/triage", "label": "canary", "to": version})
    assert await called(at, "cheap") == (200, f"support/triage@{version[:12]}")
    gone = await done(at, "/prompts/moves", {"name": "support/triage", "label": "production", "to": None})
    assert gone["models"] == ["dear", "cheap"]
    for path, body in (
        ("/v1/chat/completions", {"model": "cheap", "messages": []}),
        ("/v1/messages", {"model": "cheap", "messages": [], "max_tokens": 9}),
        ("/v1/responses", {"model": "cheap", "input": "x", "stream": True}),
        ("/v1/prompts/support/triage/run", {}),
    ):
        answer = await told(at, path, body)
        assert answer.status == 404
        assert "no prompt 'support/triage@production'" in answer.body.decode()
        assert "support/triage@canary" in answer.body.decode()
    await done(at, "/prompts/rollback", {"name": "support/triage", "label": "production"})
    assert (await called(at, "cheap"))[0] == 200


async def test_a_version_that_is_withdrawn_is_served_to_nobody_until_it_is_restored(at: Serving):
    [made] = (await done(at, "/prompts", {"sources": ONE}))["data"]
    assert made["version"].startswith(VERSION)
    about = {"prompt": f"support/triage@{VERSION}", "reason": "it tells secrets"}
    assert (await called(at, "pinned"))[0] == 200
    assert (await done(at, "/prompts/withdraw", about))["models"] == ["pinned"]
    assert await called(at, "pinned") == (404, "prompt_withdrawn")
    for verb in ("run", "render"):
        answer = await told(at, f"/v1/prompts/support/triage@{made['version']}/{verb}", {})
        assert (answer.status, answer.json["error"]["code"]) == (404, "prompt_withdrawn")
        assert "secrets" not in answer.body.decode()
    await done(at, "/prompts/restore", {"prompt": about["prompt"]})
    assert (await called(at, "pinned"))[0] == 200


async def test_a_key_with_a_label_of_its_own_runs_that_by_name_too(at: Serving):
    one = await released(at, ALONE)
    two = await released(at, {"alone.prompt": ALONE["alone.prompt"] + "!"}, "canary")
    made = await done(at, "/keys", {"name": "canary", "roles": ["caller"], "prompt_label": "canary"})
    for key, version in ((made["key"], two), (ADMIN, one)):
        answer = await told(at, "/v1/prompts/alone/run", {}, key)
        assert answer.headers["x-headgate-prompt"] == f"alone@{version[:12]}"
    answer = await told(at, "/v1/prompts/alone@production/run", {}, made["key"])
    assert answer.headers["x-headgate-prompt"] == f"alone@{one[:12]}"


async def test_by_its_name_a_prompt_runs_at_a_model_that_the_key_may_call(at: Serving):
    await released(at, ONE)
    made = await done(at, "/keys", {"name": "cheap", "roles": ["caller"], "models": ["cheap"]})
    answer = await told(at, "/v1/prompts/support/triage/run", {}, made["key"])
    assert (answer.status, answer.headers.get("x-headgate-target")) == (200, "sim/gpt-4o-mini")


async def test_another_version_of_a_model_that_is_a_prompt_is_run_at_that_model(at: Serving):
    await released(at, ONE)
    two = await released(at, TWO, "canary")
    answer = await told(at, "/v1/prompts/dear/run", {"version": "canary"})
    assert answer.status == 200, answer.body
    assert answer.headers["x-headgate-prompt"] == f"support/triage@{two[:12]}"
    assert answer.headers["x-headgate-target"] == "sim/gpt-4o"
    made = await done(at, "/keys", {"name": "caller", "roles": ["caller"]})
    refused = await told(at, "/v1/prompts/dear/run", {"version": "canary"}, made["key"])
    assert (refused.status, "prompts.read" in refused.json["error"]["message"]) == (403, True)
