"""Tests of prompts and models asked of a Headgate that serves: as its clients ask it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from headgate.clock import SystemClock
from headgate.errors import (
    BadRequest,
    ConnectionFailed,
    HeadgateError,
    NotFound,
    QuotaExhausted,
    RateLimited,
    ServerError,
    Timeout,
)
from headgate.evals import server as asking
from headgate.evals.models import EVALUATING
from headgate.evals.problems import BadTests, CannotEvaluate
from headgate.evals.runs import End, Result, ends_of, results_of
from headgate.evals.server import Server, ServerModels
from headgate.evals.session import Options, carry_out, check, load
from headgate.library import call_of
from serving import Serving
from upstream import unused_port

PROMPT = """---
model: chat
input: {schema: {question: string}}
---
{{role "system"}}Answer briefly.
{{role "user"}}{{question}}
"""
TESTS = """\
assert: [contains: simulated]
judge: chat
tests:
  - {id: one, inputs: {question: Where?}}
  - {id: two, inputs: {question: When?}}
"""
CONFIG = """
providers: {sim: {kind: simulator}}
models:
  chat: {targets: [sim/gpt-4o-mini]}
  triage: {prompt: support/triage, targets: [sim/gpt-4o-mini]}
  "any-*": {targets: [sim/gpt-4o-mini]}
  nobody-knows: {targets: [sim/house-model]}
  embed: {targets: [sim/text-embedding-3-small]}
prompts: {folder: FOLDER}
storage: {database: "sqlite:///:memory:"}
"""
KEY = "hg-" + "0123456789abcdef" * 3


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "prompts" / "support").mkdir(parents=True)
    (tmp_path / "prompts" / "support" / "triage.prompt").write_text(PROMPT)
    write(tmp_path, TESTS)
    return tmp_path


@pytest.fixture
async def at(folder: Path) -> AsyncIterator[Serving]:
    config = CONFIG.replace("FOLDER", str(folder / "prompts"))
    async with Serving(config, {"HEADGATE_ADMIN_KEY": KEY}, "auth: keys") as at:
        yield at


def write(folder: Path, tests: str) -> None:
    (folder / "prompts" / "support" / "triage.test.yaml").write_text(tests)


async def run(at: Serving, folder: Path, *, budget: str | None = None, key: str = KEY) -> tuple[list[Result], End]:
    """What comes of the tests there."""
    server = Server(at.url, key, None if budget is None else Decimal(budget))
    loaded, file = load([folder / "prompts"]), folder / "run.jsonl"
    file.unlink(missing_ok=True)
    try:
        models = ServerModels(server)
        await models.learn(loaded.models)
        check(loaded, models)
        await carry_out(loaded, models, file, Options(), name="r", clock=SystemClock())
    finally:
        await server.close()
    return list(results_of(file)), ends_of(file)[0]


async def test_answers_say_what_they_cost_and_where_they_are_from(at: Serving, folder: Path) -> None:
    results, end = await run(at, folder)
    assert [each.passed for each in results] == [True, True]
    first = results[0]
    assert (first.target, first.model, len(first.version), first.served) == ("sim/gpt-4o-mini", "chat", 64, "")
    assert first.input_tokens and first.output_tokens
    assert end.spent_picodollars == sum(each.cost_picodollars or 0 for each in results) > 0


async def test_a_model_that_is_a_prompt_renders_the_inputs_itself(at: Serving, folder: Path) -> None:
    listed = await at.request("GET", "/v1/models", headers={"authorization": f"Bearer {KEY}"})
    said = {each["id"]: each.get("headgate") for each in listed.json["data"]}
    assert (said["triage"], said["chat"]) == ({"prompt": "support/triage"}, None)
    write(folder, f"model: triage\n{TESTS}")
    results, _ = await run(at, folder)
    assert [each.passed for each in results] == [True, True]
    assert {each.served.partition("@")[0] for each in results} == {"support/triage"}
    assert {len(each.version) for each in results} == {64}  # what is served is what is here
    (folder / "prompts" / "plain.test.yaml").write_text(f"model: triage\n{TESTS}")
    assert len((await run(at, folder))[0]) == 4
    write(folder, TESTS.replace("question: Where?", "question: 17").replace("assert", "model: triage\nassert"))
    results, _ = await run(at, folder)
    wrong = next(each for each in results if each.suite == "support/triage" and each.case == "one")
    assert wrong.passed is None
    assert wrong.error.startswith("invalid_request: the input 'question'") or "'question'" in wrong.error


async def test_judges_and_embeddings_are_asked_there_too(at: Serving, folder: Path) -> None:
    write(
        folder,
        "judge: any-judge\nembeddings: embed\nassert: [rubric: Is it kind?, similar: {value: x, threshold: 0.0001}]\n"
        "tests: [{inputs: {question: Why?}}]\n".replace("similar: {value: x, threshold: 0.0001}", "similar: simulated"),
    )
    results, _ = await run(at, folder)
    marks = {mark.kind: mark for mark in results[0].marks}
    assert "the judge gave no mark that can be read" in marks["rubric"].error
    assert marks["similar"].error == ""
    assert results[0].judged_picodollars > 0


async def test_models_there_are_not_are_told_before_anything_is_asked(at: Serving, folder: Path) -> None:
    write(folder, f"model: nothing\n{TESTS}")
    with pytest.raises(BadTests, match=rf"there is no model 'nothing' for this key at {at.url}"):
        await run(at, folder)


async def test_a_budget_is_kept_by_what_calls_have_cost(at: Serving, folder: Path) -> None:
    write(folder, TESTS + "repeat: 20\nconfig: {max_completion_tokens: 4}\n")  # all of a length
    results, _ = await run(at, folder)
    cost = max(each.cost_picodollars or 0 for each in results)
    budget = Decimal(5 * cost).scaleb(-12)
    results, end = await run(at, folder, budget=str(budget))
    assert len(results) == 4  # for the fifth, twice what it may cost would have to be left
    assert (end.why, end.spent_picodollars <= 5 * cost) == ("budget", True)
    write(folder, f"model: nobody-knows\n{TESTS}repeat: 5\n")
    results, end = await run(at, folder, budget="1")
    assert (len(results), end.why) == (1, "budget")
    assert "does not tell what 'nobody-knows' costs" in end.told


@pytest.mark.parametrize(("key", "what"), [("", "no key was given"), ("hg-wrong", "the key is not valid")])
async def test_a_key_that_may_not_is_told_at_once(at: Serving, folder: Path, key: str, what: str) -> None:
    with pytest.raises(CannotEvaluate, match=f"{what} at {at.url}; set HEADGATE_ADMIN_KEY"):
        await run(at, folder, key=key)


async def test_where_no_headgate_answers_is_told_at_once() -> None:
    port = unused_port()
    with pytest.raises(CannotEvaluate, match=f"nobody answers at http://127.0.0.1:{port}: .*; start it with"):
        await Server(f"http://127.0.0.1:{port}").learn(["chat"])
    for status, body in ((200, b"<html>"), (404, b"not here"), (502, b"")):
        with pytest.raises(CannotEvaluate, match=f"no Headgate, status {status}"):
            await Server("http://x", transport=Fake(status, body)).learn(["chat"])
    refused = {"error": {"message": "This key may not.", "code": "permission_denied"}}
    with pytest.raises(CannotEvaluate, match="does not say which models there are: This key may not"):
        await Server("http://x", transport=Fake(403, json.dumps(refused).encode())).learn(["chat"])


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "input_invalid", BadRequest),
        (404, "model_not_found", NotFound),
        (429, "rate_limit_exceeded", RateLimited),
        (429, "insufficient_quota", QuotaExhausted),
        (504, "timeout", Timeout),
        (400, "of_tomorrow", BadRequest),
        (502, "of_tomorrow", ServerError),
    ],
)
async def test_errors_are_what_they_were_there(status: int, code: str, kind: type[HeadgateError]) -> None:
    body = json.dumps({"error": {"message": "It is so.", "code": code, "param": "model", "type": "x"}}).encode()
    server = Server("http://x", transport=Fake(status, body, {"retry-after": "7"}))
    with pytest.raises(kind, match="It is so") as raised:
        await ServerModels(server).embed("chat", ["x"]) if status != 429 else await server.handle(_call())
    assert type(raised.value).code == (code if code != "of_tomorrow" and code != "model_not_found" else kind.code)
    assert raised.value.retry_after_s == 7


@pytest.mark.parametrize("billed", [False, True])
async def test_a_request_that_nobody_had_is_made_again(billed: bool) -> None:
    broken = Fake(200, b'{"object": "model"}', breaks=ConnectionFailed("it broke", may_be_billed=billed))
    learning = Server("http://x", transport=broken).learn(["chat"])
    if billed:
        with pytest.raises(CannotEvaluate, match="it broke"):
            await learning
    else:
        await learning


async def test_what_never_answers_is_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "TOTAL_S", 0.0)
    with pytest.raises(Timeout, match="did not answer within 0 s"):
        await Server("http://x", transport=Fake(200, b"{}", hangs=True)).handle(_call())


def _call() -> Any:
    return call_of("chat", {"model": "chat", "messages": []}, EVALUATING)


class Fake:
    """A transport with one response."""

    def __init__(
        self,
        status: int,
        body: bytes,
        headers: dict[str, str] | None = None,
        *,
        hangs: bool = False,
        breaks: HeadgateError | None = None,
    ) -> None:
        self.status = status
        self.headers = headers or {}
        self._body = body
        self._hangs = hangs
        self._breaks = breaks

    async def send(self, request: Any) -> Any:
        if self._breaks is not None:
            error, self._breaks = self._breaks, None
            raise error
        if self._hangs:
            await asyncio.Event().wait()
        return self

    async def read(self, limit: int) -> bytes:
        return self._body

    async def drain(self) -> None: ...

    async def close(self) -> None: ...

    def chunks(self) -> Any: ...
