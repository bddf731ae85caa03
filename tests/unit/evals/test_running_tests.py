"""Runs on the simulator, in this process."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from headgate.clock import SystemClock
from headgate.config import Config
from headgate.config.reading import read as read_config
from headgate.errors import ServerError
from headgate.evals.cache import Cache
from headgate.evals.models import GatewayModels
from headgate.evals.problems import BadTests, CannotEvaluate
from headgate.evals.runs import Result, ends_of, results_of
from headgate.evals.session import Options, carry_out, check, for_tests, load
from headgate.evals.tally import Sums
from headgate.gateway import Gateway
from headgate.types import Call, Payload, Reply

CONFIG = """
providers: {sim: {kind: simulator}}
models:
  chat: {targets: [sim/gpt-4o-mini]}
  other: {targets: [sim/gpt-4o]}
  broken: {targets: [{target: sim/gpt-4o}], retry: {attempts: 1}}
"""
TESTS = """
model: chat
messages: "What is {{number}}?"
repeat: 2
assert: [{contains: simulated}]
tests:
  - {id: a, inputs: {number: 1}}
  - {id: b, inputs: {number: 2}, assert: [{contains: never}]}
  - {id: c, inputs: {number: 3}}
"""

Asked = list[Call]


class Bench:
    """A gateway on the simulator, and the calls it was asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config: Config = read_config(CONFIG, "headgate.yaml", {}, folder)
        self.asked: Asked = []
        self.before: Callable[[Call], None] = lambda call: None

    @asynccontextmanager
    async def models(self, *, cache: bool = False, budget: str | None = None) -> AsyncIterator[GatewayModels]:
        config = for_tests(self.config, 16, bounded=budget is not None)
        async with Gateway(config) as gateway:

            async def handle(call: Call) -> Reply:
                self.asked.append(call)
                self.before(call)
                return await gateway.handle(call)

            kept = Cache(self.folder / "answers.db") if cache else None
            yield GatewayModels(handle, self.config, kept, None if budget is None else Decimal(budget))
            if kept is not None:
                kept.close()

    async def run(
        self,
        tests: str = TESTS,
        *,
        name: str = "run.jsonl",
        cache: bool = False,
        resume: bool = False,
        budget: str | None = None,
        options: Options | None = None,
    ) -> list[Result]:
        """The results of a run."""
        (self.folder / "x.test.yaml").write_text(tests)
        file = self.folder / name
        async with self.models(cache=cache, budget=budget) as models:
            loaded = load([self.folder / "x.test.yaml"])
            check(loaded, models)
            given = options or Options(concurrency=4)
            await carry_out(loaded, models, file, given, name="r", clock=SystemClock(), resume=resume)
        return list(results_of(file))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


async def test_every_case_is_asked_as_often_as_it_says(bench: Bench) -> None:
    results = await bench.run()
    assert Counter((each.case, each.passed) for each in results) == {("a", True): 2, ("b", False): 2, ("c", True): 2}
    assert {each.target for each in results} == {"sim/gpt-4o-mini"}
    assert all(each.cost_picodollars and each.output_tokens and each.key for each in results)
    assert {(call.payer, call.identity.key_id) for call in bench.asked} == {("internal", "evals")}
    assert [each.why for each in ends_of(bench.folder / "run.jsonl")] == ["complete"]


async def test_models_and_prompts_in_variants_are_a_matrix(bench: Bench) -> None:
    schema = "---\ninput: {schema: {number: integer}}\n---\n"
    (bench.folder / "x.prompt").write_text(schema + "What is {{number}}?")
    (bench.folder / "x.short.prompt").write_text(schema + "{{number}}?")
    tests = TESTS.replace("model: chat", "models: [chat, other]\nvariants: [default, short]").replace("repeat: 2", "")
    tests = tests.replace('messages: "What is {{number}}?"', "")
    results = await bench.run(tests)
    assert Counter(each.cell for each in results) == {
        "x @ chat": 3, "x.short @ chat": 3, "x @ other": 3, "x.short @ other": 3,
    }  # fmt: skip
    assert len({each.version for each in results}) == 2
    assert {Path(each.prompt_file).name: each.prompt_line for each in results} == {"x.prompt": 4, "x.short.prompt": 4}
    texts = {call.request.tree["messages"][0]["content"] for call in bench.asked}
    assert {"What is 1?", "1?"} < texts


async def test_what_was_asked_before_is_known_repeat_by_repeat(bench: Bench) -> None:
    first = await bench.run(cache=True)
    assert len(bench.asked) == 6
    again = await bench.run(cache=True, name="again.jsonl")
    assert len(bench.asked) == 6
    assert sorted(each.text for each in first) == sorted(each.text for each in again)
    assert len({each.text for each in first}) == 6
    ended = ends_of(bench.folder / "again.jsonl")[0]
    assert (ended.cached, ended.spent_picodollars) == (6, 0)
    await bench.run(TESTS.replace("repeat: 2", "repeat: 3"), cache=True, name="more.jsonl")
    assert len(bench.asked) == 9
    await bench.run(TESTS.replace("model: chat", "model: chat\nconfig: {temperature: 0}"), cache=True, name="c.jsonl")
    assert len(bench.asked) == 15
    await bench.run(TESTS.replace("model: chat", "model: other"), cache=True, name="m.jsonl")
    assert len(bench.asked) == 21


async def test_failures_are_told_and_not_kept(bench: Bench) -> None:
    def fail(call: Call) -> None:
        if "2" in call.request.tree["messages"][0]["content"]:
            raise ServerError("the vendor answered 500")

    bench.before = fail
    results = await bench.run(cache=True)
    errors = [each for each in results if each.error]
    assert [(each.case, each.passed, each.error) for each in errors] == [
        ("b", None, "server_error: the vendor answered 500")
    ] * 2
    assert {place[2]: each.verdict for place, each in Sums.of(results).cases.items()} == {
        "a": "pass",
        "b": "error",
        "c": "pass",
    }
    bench.before = lambda call: None
    asked = len(bench.asked)
    healed = await bench.run(cache=True, resume=True)
    assert len(bench.asked) - asked == 2
    assert {place[2]: each.verdict for place, each in Sums.of(healed).cases.items()} == {
        "a": "pass",
        "b": "fail",
        "c": "pass",
    }


async def test_a_killed_run_goes_on_where_its_file_ends(bench: Bench) -> None:
    await bench.run()
    file = bench.folder / "run.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:4]) + lines[4][:40])
    bench.asked.clear()
    results = await bench.run(resume=True)
    assert len(bench.asked) == 3
    assert Counter((each.case, each.repeat) for each in results) == {(case, at): 1 for case in "abc" for at in (0, 1)}
    bench.asked.clear()
    await bench.run(TESTS.replace("number: 3", "number: 4"), resume=True)
    assert [call.request.tree["messages"][0]["content"] for call in bench.asked] == ["What is 4?"] * 2


async def test_a_run_that_is_stopped_has_an_end(bench: Bench) -> None:
    running = asyncio.ensure_future(bench.run(TESTS.replace("repeat: 2", "repeat: 500")))
    while len(bench.asked) < 5:
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert [each.why for each in ends_of(bench.folder / "run.jsonl")] == ["interrupted"]


async def test_a_case_that_is_decided_is_asked_no_more(bench: Bench) -> None:
    results = await bench.run(TESTS.replace("repeat: 2", "repeat: {of: 9, at_least: 3, stop: decided}"))
    assert Counter(each.case for each in results) == {"a": 3, "b": 7, "c": 3}
    cases = Sums.of(results).cases.values()
    assert [each.verdict for each in cases] == ["pass", "fail", "pass"]
    assert [each.outcomes for each in cases] == [[1.0], [0.0], [1.0]]


async def test_a_run_ends_once_it_is_precise(bench: Bench) -> None:
    (bench.folder / "many.jsonl").write_text("".join(f'{{"inputs": {{"number": {at}}}}}\n' for at in range(400)))
    tests = TESTS[: TESTS.index("tests:")].replace("repeat: 2", "") + "dataset: many.jsonl\n"
    results = await bench.run(tests, options=Options(concurrency=1, precision=0.1))
    assert 30 <= len(results) < 200
    assert ends_of(bench.folder / "run.jsonl")[0].why == "precision"
    assert [int(each.case, 16) for each in results] != sorted(int(each.case, 16) for each in results)


async def test_a_budget_is_never_overrun(bench: Bench) -> None:
    tests = TESTS.replace("repeat: 2", "repeat: 40\nconfig: {max_completion_tokens: 100}")
    results = await bench.run(tests, budget="0.0005")
    ended = ends_of(bench.folder / "run.jsonl")[0]
    assert ended.why == "budget"
    assert 0 < len(results) < 120
    assert 0 < ended.spent_picodollars <= 500_000_000
    assert {each.verdict for each in Sums.of(results).cases.values()} <= {"unfinished", "fail"}


async def test_judges_and_vectors_are_paid_from_the_same_budget(bench: Bench) -> None:
    bench.config = read_config(
        f"{CONFIG}  vectors: {{targets: [sim/text-embedding-3-small]}}\n", "h.yaml", {}, bench.folder
    )
    tests = TESTS.replace(
        "repeat: 2", "repeat: 40\njudge: chat\nembeddings: vectors\nconfig: {max_completion_tokens: 100}"
    )
    tests = tests.replace("contains: simulated", "rubric: Is it kind?}, {similar: simulated")
    for options in (Options(concurrency=1), Options(concurrency=30)):
        file = f"{options.concurrency}.jsonl"
        results = await bench.run(tests, budget="0.001", name=file, options=options)
        (ended,) = ends_of(bench.folder / file)
        assert ended.why == "budget"
        paid = sum((each.cost_picodollars or 0) + each.judged_picodollars for each in results)
        assert 0 < paid <= ended.spent_picodollars <= 1_000_000_000


async def test_models_there_are_not_are_told_before_anything_is_asked(bench: Bench) -> None:
    with pytest.raises(BadTests, match=r"x\.test\.yaml:2:1: there is no model 'nope'"):
        await bench.run(TESTS.replace("model: chat", "model: nope"))
    assert bench.asked == []


async def test_run_files_are_never_overwritten(bench: Bench) -> None:
    await bench.run()
    with pytest.raises(CannotEvaluate, match="is there already"):
        await bench.run()
    (bench.folder / "no.jsonl").write_text("{}\n")
    with pytest.raises(CannotEvaluate, match="is no run"):
        list(results_of(bench.folder / "no.jsonl"))


async def test_what_a_changed_function_looked_at_is_looked_at_again(bench: Bench) -> None:
    own = bench.folder / "own.py"
    own.write_text("def short(answer, case):\n    return False\n")
    tests = TESTS.replace("repeat: 2", "").replace("contains: simulated", "python: 'own.py:short'")
    first = await bench.run(tests)
    assert {each.passed for each in first} == {False}
    own.write_text("def short(answer, case):\n    return bool(answer.text)\n")
    bench.asked.clear()
    sums = Sums.of(await bench.run(tests, resume=True))
    assert len(bench.asked) == 3
    assert [each.verdict for each in sums.cases.values()] == ["pass", "fail", "pass"]
    bench.asked.clear()
    await bench.run(tests, resume=True)
    assert bench.asked == []


async def test_each_cell_is_asked_until_it_is_precise_itself(bench: Bench) -> None:
    (bench.folder / "many.jsonl").write_text("".join(f'{{"inputs": {{"number": {at}}}}}\n' for at in range(200)))
    tests = TESTS[: TESTS.index("tests:")].replace("repeat: 2", "") + "dataset: many.jsonl\n"
    tests = tests.replace("model: chat", "models: [chat, other]")
    results = await bench.run(tests, options=Options(concurrency=1, precision=0.1))
    counts = Counter(each.cell for each in results)
    assert counts["chat"] == counts["other"] == 40
    assert ends_of(bench.folder / "run.jsonl")[0].why == "precision"


async def test_models_that_assertions_name_are_looked_for(bench: Bench) -> None:
    tests = TESTS.replace("contains: simulated", "similar: x, model: nope")
    with pytest.raises(BadTests, match=r"x\.test\.yaml:5:10: there is no model 'nope'"):
        await bench.run(tests)


async def test_vectors_of_before_are_known_too(bench: Bench) -> None:
    tests = TESTS.replace("repeat: 2", "").replace("contains: simulated", "similar: it is simulated, threshold: 0.01")
    tests = f"embeddings: vectors\n{tests}"
    bench.config = read_config(
        f"{CONFIG}  vectors: {{targets: [sim/text-embedding-3-small]}}\n", "h.yaml", {}, bench.folder
    )
    first = await bench.run(tests, cache=True)
    assert [each.judged_picodollars > 0 for each in first] == [True] * 3
    bench.asked.clear()
    again = await bench.run(tests, cache=True, name="again.jsonl")
    assert bench.asked == []
    assert [(each.case, each.score) for each in sorted(again, key=lambda each: each.case)] == [
        (each.case, each.score) for each in sorted(first, key=lambda each: each.case)
    ]
    assert ends_of(bench.folder / "again.jsonl")[0].cached == 3


async def test_the_words_of_a_refusal_are_looked_at(bench: Bench) -> None:
    message = {"role": "assistant", "content": None, "refusal": "I'm sorry, but I cannot help."}
    answer = {"choices": [{"index": 0, "finish_reason": "stop", "message": message}]}

    async def handle(call: Call) -> Reply:
        return Reply(payload=Payload("openai_chat", json.dumps(answer).encode()))

    found = await GatewayModels(handle, bench.config).chat({"model": "chat", "messages": []}, 0)
    assert (found.text, found.refused) == ("I'm sorry, but I cannot help.", True)
