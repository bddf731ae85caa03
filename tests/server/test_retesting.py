"""The server runs tests that are published by itself: against what is released, and whenever models change."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from msgspec.structs import replace

from headgate.errors import ModelNotFound, Overloaded
from headgate.evals.models import EVALUATING
from headgate.library import call_of
from headgate.retesting.retests import Retests
from headgate.store import Store
from serving import Serving
from watching_alerts import look_at_rules

NAME = "support/triage"
KEY = {"HEADGATE_ADMIN_KEY": "hg-a-long-admin-key-of-a-test-server"}
HEADERS = {"authorization": f"Bearer {KEY['HEADGATE_ADMIN_KEY']}"}
PROMPT = """---
model: chat
headgate.owner: support
input: {schema: {question: string}}
---
{{role "system"}}Answer.
{{role "user"}}{{question}}
"""
TESTS = """
repeat: 3
assert: [{contains: Paris}]
dataset: cases.csv
"""
CASES = "question\n" + "\n".join(f"Capital of France ({number})?" for number in range(20))

CONFIG = """
storage: {{database: "{database}"}}
providers: {{sim: {{kind: simulator, script: "{script}"}}}}
models:
  chat: {{targets: [sim/gpt-4o-mini], once: {{coalesce: true}}}}
  {models}
prompts: {{tests: {{every_s: 86400, concurrency: 8, {tests}}}}}
"""
MEMORY = "sqlite:///:memory:"


def config(folder: Path, answer: str, *, models: str = "", tests: str = "", database: str = MEMORY) -> str:
    """A configuration whose model answers so."""
    script = folder / f"{answer}.yaml"
    script.write_text(f"- {{reply: {{text: The capital is {answer}.}}}}\n")
    return CONFIG.format(script=script, models=models, tests=tests, database=database)


def serving(folder: Path, answer: str = "Paris", **more: Any) -> Serving:
    return Serving(config(folder, answer, **more), KEY, server="auth: keys")


async def suite(at: Serving, tests: str, name: str = NAME, **more: Any) -> Any:
    body = {
        "name": name, "file": f"{name}.test.yaml",
        "sources": {f"{name}.test.yaml": tests, "support/cases.csv": CASES}, **more,
    }  # fmt: skip
    told = await at.post("/admin/prompts/suites", body, HEADERS)
    assert told.status == 201, told.body
    return told.json


async def release(at: Serving, text: str = PROMPT) -> str:
    made = (await at.post("/admin/prompts", {"sources": {f"{NAME}.prompt": text}}, HEADERS)).json
    version: str = made["data"][0]["version"]
    move = {"name": NAME, "label": "production", "to": version}
    assert (await at.post("/admin/prompts/moves", move, HEADERS)).status == 201
    return version


def retests(at: Serving) -> Retests:
    assert at.app.testing is not None
    return at.app.testing.retests


async def listed(at: Serving, path: str) -> list[Any]:
    return (await at.request("GET", f"/admin/prompts/{path}", headers=HEADERS)).json["data"]


async def firing(at: Serving) -> dict[str, str]:
    store = at.gateway.store
    assert isinstance(store, Store)
    await look_at_rules(at.gateway)
    rows = await store.database.fetch("SELECT series, summary FROM alert_states WHERE status = 'firing'")
    return dict(rows)


async def test_a_released_prompt_is_tested_and_a_model_that_changes_makes_it_worse(tmp_path: Path):
    async with serving(tmp_path) as at:
        await release(at)
        await suite(at, TESTS, prompts=[NAME])
        assert await retests(at).turn() == 1
        (baseline,) = await listed(at, "tests")
        assert (baseline["verdict"], baseline["reason"], baseline["posted_by"]) == ("baseline", "released", "system")
        assert (baseline["cases"], baseline["passed"], baseline["pass_rate"]) == (20, 20, 1)
        assert baseline["answered_by"] == ["gpt-4o-mini"]
        assert await retests(at).turn() == 0

        at.gateway.reload(at.config(config(tmp_path, "Rome")))
        assert await retests(at).turn() == 1
        worse = (await listed(at, "tests"))[1]
        assert (worse["verdict"], worse["reason"], worse["baseline"]) == ("regression", "model_changed", baseline["id"])
        assert list(await firing(at)) == [f"prompt:{NAME} tests {NAME} {NAME}"]
        audited = (await at.request("GET", "/admin/audit?action=prompts.test", headers=HEADERS)).json["data"]
        assert [each["actor"] for each in audited] == ["system", "system"]

        accepted = await at.post(f"/admin/prompts/tests/{worse['id']}/accept", None, HEADERS)
        assert accepted.json["verdict"] == "baseline"
        metrics = (await at.request("GET", "/metrics", headers=HEADERS)).body.decode()
        assert "headgate_prompt_tests_run_total 2.0" in metrics
        assert "headgate_prompt_tests_worse_total 1.0" in metrics
        assert "headgate_prompt_tests_due 0.0" in metrics


async def test_of_a_suite_that_is_withdrawn_nothing_is_told(tmp_path: Path):
    async with serving(tmp_path) as at:
        await release(at)
        await suite(at, TESTS, prompts=[NAME])
        await retests(at).turn()
        at.gateway.reload(at.config(config(tmp_path, "Rome")))
        await retests(at).turn()
        (found,) = await listed(at, "suites")
        assert [each["verdict"] for each in found["newest"]] == ["regression"]
        assert (await at.request("DELETE", f"/admin/prompts/suites/{found['id']}", headers=HEADERS)).status == 200
        assert await firing(at) == {}


async def test_calls_are_in_the_ledger_and_among_no_calls(tmp_path: Path):
    async with serving(tmp_path) as at:
        version = await release(at)
        await suite(at, TESTS, prompts=[NAME])
        await retests(at).turn()
        store = at.gateway.store
        assert isinstance(store, Store)
        await store.caught_up()
        rows = await store.database.fetch("SELECT DISTINCT key_id, payer, model FROM ledger")
        assert rows == [("evals", "internal", "chat")]
        assert (await store.database.fetch("SELECT count(*) FROM ledger"))[0][0] == 60
        assert await store.database.fetch("SELECT id FROM calls") == []
        spent = await store.database.fetch("SELECT counter FROM spend")
        assert [counter.startswith("b:tests_prompts:tests:prompts:") for (counter,) in spent] == [True]
        assert version in {each["version"] for each in await listed(at, "tests")}


async def test_a_golden_set_is_run_against_its_model(tmp_path: Path):
    golden = "model: chat\nassert: [{contains: Paris}]\ntests: [{id: france, messages: What is the capital of France?}]"
    async with serving(tmp_path) as at:
        await suite(at, golden, "golden")
        assert await retests(at).turn() == 1
        (kept,) = await listed(at, "tests")
        assert (kept["model"], kept["prompt"], kept["suite"], kept["cell"]) == ("chat", None, "golden", "chat")


async def test_a_model_that_is_the_prompt_renders_it_as_it_does_for_clients(tmp_path: Path):
    text = PROMPT.replace("model: chat\n", "").replace("Answer.", "Answer as @name tells.")
    models = f"triage: {{prompt: {NAME}@production, targets: [sim/gpt-4o]}}"
    async with serving(tmp_path, models=models, tests="budget_usd: null") as at:
        await release(at, text)
        await suite(at, TESTS, prompts=[NAME])
        assert await retests(at).turn() == 1
        (kept,) = await listed(at, "tests")
        assert (kept["cell"], kept["answered_by"], kept["pass_rate"]) == (f"{NAME} @ triage", ["gpt-4o"], 1)


async def test_what_cannot_be_tested_is_told_once_and_tried_again_later(tmp_path: Path):
    async with serving(tmp_path) as at:
        await release(at, PROMPT.replace("model: chat", "model: gone"))
        await suite(at, TESTS, prompts=[NAME])
        assert await retests(at).turn() == 1
        assert await retests(at).turn() == 0
        assert await listed(at, "tests") == []
        (found,) = await listed(at, "suites")
        (failure,) = found["failures"]
        assert failure["message"].startswith(
            "20 of 20 cases have no verdict: invalid_request: The prompt's own model 'gone'"
        )
        assert (failure["times"], failure["reason"]) == (1, "released")
        told = await firing(at)
        assert list(told) == [f"prompt:{NAME} untested {NAME} {NAME}"]
        assert "could not be tested" in next(iter(told.values()))

        await release(at)
        assert await retests(at).turn() == 1
        assert (await listed(at, "suites"))[0]["failures"] == []


async def test_beyond_the_budget_nothing_is_asked(tmp_path: Path):
    async with serving(tmp_path, tests="budget_usd: 0.000001") as at:
        await release(at)
        await suite(at, TESTS, prompts=[NAME])
        assert await retests(at).turn() == 1
        (found,) = await listed(at, "suites")
        assert found["failures"][0]["message"].startswith(
            "the budget of tests, $0.000001 a day, has no room for a call:"
        )
        assert found["newest"] == []


async def test_a_suite_that_is_published_anew_is_run_and_begins_anew_where_it_has_other_cases(tmp_path: Path):
    async with serving(tmp_path) as at:
        await release(at)
        assert (await suite(at, TESTS, prompts=[NAME]))["created"]
        assert not (await suite(at, TESTS, prompts=[NAME]))["changed"]
        await retests(at).turn()
        await suite(at, TESTS.replace("Paris", "capital"), prompts=[NAME])
        assert await retests(at).turn() == 1
        assert [(each["verdict"], each["reason"]) for each in await listed(at, "tests")] == [
            ("baseline", "released"),
            ("baseline", "suite_changed"),
        ]
        (found,) = await listed(at, "suites")
        assert (await at.request("DELETE", f"/admin/prompts/suites/{found['id']}", headers=HEADERS)).status == 200
        assert await listed(at, "suites") == []
        assert await retests(at).turn() == 0


async def test_a_vendor_that_says_another_model_answers_has_it_tested(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("headgate.retesting.due.RESTS_US", 0)
    other = {
        "id": "1", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini-2026-11-01",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hm"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }  # fmt: skip
    rules = [
        {"match": {"text": "Capital"}, "reply": {"text": "Paris"}},
        {"reply": {"body": json.dumps(other)}},
    ]
    async with serving(tmp_path) as at:
        (tmp_path / "vendor.yaml").write_text(json.dumps(rules))
        text = CONFIG.format(script=tmp_path / "vendor.yaml", models="", tests="", database=MEMORY)
        at.gateway.reload(at.config(text))
        await release(at)
        await suite(at, TESTS, prompts=[NAME])
        assert await retests(at).turn() == 1
        assert await retests(at).turn() == 0
        call = {"model": "chat", "messages": [{"role": "user", "content": "Hello"}]}
        assert (await at.post("/v1/chat/completions", call, HEADERS)).status == 200
        assert await retests(at).turn() == 1
        assert [each["reason"] for each in await listed(at, "tests")] == ["released", "model_changed"]


async def test_a_model_that_is_known_to_retire_has_it_tested(tmp_path: Path):
    async with serving(tmp_path) as at:
        await release(at)
        await suite(at, TESTS, prompts=[NAME])
        assert await retests(at).turn() == 1
        for days, due in ((90, 0), (30, 1), (30, 0)):
            day = datetime.now(UTC).date() + timedelta(days=days)
            known = f"retirements: {{simulator/gpt-4o-mini: {day}}}\n"
            at.gateway.reload(at.config(config(tmp_path, "Paris") + known))
            assert await retests(at).turn() == due
        assert [each["reason"] for each in await listed(at, "tests")] == ["released", "retiring"]


async def test_users_calls_go_before_tests(tmp_path: Path):
    async with serving(tmp_path) as at:
        call = call_of("chat", {"model": "chat", "messages": [{"role": "user", "content": "Hello"}]}, EVALUATING)
        assert (await at.gateway.tested(call)).target == "sim/gpt-4o-mini"
        with pytest.raises(ModelNotFound):
            await at.gateway.tested(replace(call, model="nothing"))
        assert at.app.testing is not None
        at.app._lag.overloaded = True
        with pytest.raises(Overloaded):
            await at.app.testing._ask(call)
        at.gateway.leave()
        with pytest.raises(Overloaded):
            await at.gateway.tested(call)


async def test_a_server_begins_by_itself_and_stops_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("headgate.retesting.retests.EVERY_S", 0.01)
    monkeypatch.setattr("headgate.server.testing.LOOKED_S", 0.01)
    async with serving(tmp_path) as at:
        await release(at)
        await suite(at, TESTS, prompts=[NAME])
        async with asyncio.timeout(10):
            while not await listed(at, "tests"):
                await asyncio.sleep(0.01)
        hanging = tmp_path / "hanging.yaml"
        hanging.write_text("- {fault: timeout}\n")
        at.gateway.reload(at.config(CONFIG.format(script=hanging, models="", tests="", database=MEMORY)))
        async with asyncio.timeout(10):
            while retests(at).due == 0:
                await asyncio.sleep(0.01)
        began = monotonic()
    assert monotonic() - began < 2
