"""Answers and functions that do what they should not: none of them ends a run, or keeps it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluated_answers import Said, called, grade_of
from headgate.checks.json_schema import compiled
from headgate.evals.answer import Answer
from headgate.evals.kinds import own
from headgate.evals.kinds.structured import contained

KINDS = (
    "[is-json, contains-json, {regex: '(a+)+$'}, {equals: {a: 1}}, {contains: a}, {icontains-any: [A]}, is-refusal, "
    "repeats, {levenshtein: abc}, {rouge-n: abc}, {rouge-l: abc}, {bleu: abc}, {grounded: abc}, {word-count: 5}, "
    "{tool-called: {name: a, arguments: {type: object}}}, is-valid-tool-call]"
)
HOSTILE = {
    "half of a surrogate pair": "a\ud800b",
    "NULs": "\0" * 1_000,
    "open fence of blank lines": "```" + "\n" * 100_000,
    "fences": "`" * 100_000,
    "open braces": "{ " * 100_000,
    "deep": "[" * 100_000,
    "open lists before a long one": "[" * 500 + "1," * 90_000,
    "quotes": '{"' * 60_000,
    "a number without an end": "[" + "9" * 190_000,
    "catastrophic for a backtracking engine": "a" * 190_000 + "b",
    "one word": "x" * 200_000,
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_no_answer_takes_long_or_raises(name: str, tmp_path: Path) -> None:
    answer = Answer(text=HOSTILE[name], tool_calls=())
    began = process_time()
    found = await grade_of(KINDS, answer, tmp_path)
    assert found.passed is False
    assert process_time() - began < 5


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["{", "}", "[", "]", '"', "\\", "a", ":", ",", "1", " ", "```\n", '{"a": 1}'])))
def test_json_in_a_text_is_json(parts: list[str]) -> None:
    text = "".join(parts)
    whole = [each for each in contained(text) if not compiled({}).problems(each)]
    assert all(each in text for each in whole)
    if '{"a": 1}' in parts and not set(text) & {"\\", '"'} - {'"'} and text.count('"') == 2 * parts.count('{"a": 1}'):
        assert any('{"a": 1}' in each for each in whole)


async def test_schemas_fetch_nothing(tmp_path: Path) -> None:
    parameters = {"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1:9/schema.json"}}}
    request = {"messages": [], "tools": [{"type": "function", "function": {"name": "f", "parameters": parameters}}]}
    found = await grade_of("[is-valid-tool-call]", called(("f", '{"a": 1}')), tmp_path, request=request)
    assert found.passed is None
    assert "no place in itself" in found.marks[0].error


async def test_true_is_not_1(tmp_path: Path) -> None:
    assert (await grade_of("[{equals: 1}]", "true", tmp_path)).passed is False
    assert (await grade_of("[{equals: {a: [true]}}]", '{"a": [1]}', tmp_path)).passed is False
    assert (await grade_of("[{equals: 1}]", "1.0", tmp_path)).passed is True


OWN = """
import sys
import time

def leaves(answer, case):
    sys.exit(0)

def stops(answer, case):
    raise StopIteration

def late(answer, case):
    raise TimeoutError("no answer from the database")

def interrupts(answer, case):
    raise KeyboardInterrupt

def unsayable(answer, case):
    return False, "\\ud800"

def odd(answer, case):
    return {"score": 1}

def much(answer, case):
    return 7

def nan(answer, case):
    return float("nan")

def hangs(answer, case):
    time.sleep(3_600)

NUMBER = 5
"""


async def test_what_functions_of_ones_own_may_do(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)
    for name, what in (
        ("leaves", "raised SystemExit"),
        ("stops", "raised StopIteration"),
        ("late", "raised TimeoutError: no answer from the database"),
        ("interrupts", "raised KeyboardInterrupt"),
        ("odd", "returned {'score': 1}; return"),
        ("much", "returned 7; return"),
        ("nan", "returned nan; return"),
    ):
        found = await grade_of(f"[{{python: 'own.py:{name}'}}]", "x", tmp_path)
        assert found.passed is None, name
        assert what in found.marks[0].error
    said = await grade_of("[{python: 'own.py:unsayable'}]", "x", tmp_path)
    assert (said.passed, said.marks[0].reason) == (False, "?")


async def test_functions_that_hang_hold_up_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own, "TIMEOUT_S", 0.1)
    (tmp_path / "own.py").write_text(OWN)
    found = await asyncio.gather(*(grade_of("[{python: 'own.py:hangs'}]", "x", tmp_path) for _ in range(50)))
    assert {each.marks[0].error for each in found} == {"the function took longer than 0.1 s"}
    assert await asyncio.wait_for(asyncio.to_thread(lambda: 1), 5) == 1


def test_functions_that_hang_keep_no_process_from_ending(tmp_path: Path) -> None:
    program = """
import asyncio, time
from headgate.evals.kinds import own
async def main():
    try:
        async with asyncio.timeout(0.1):
            await own._in_thread(lambda: time.sleep(3_600))
    except TimeoutError:
        pass
asyncio.run(main())
"""
    subprocess.run([sys.executable, "-c", program], timeout=20, check=True)


def test_a_file_of_functions_may_hold_data_classes(tmp_path: Path) -> None:
    file = tmp_path / "classes.py"
    file.write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass\n\n"
        "@dataclass\nclass Wanted:\n    word: str\n\ndef there(answer, case):\n    return Wanted('a').word in answer.text\n"
    )
    assert callable(own.function_of("classes.py:there", str(tmp_path)))


SAID = [
    ('{"score": 4}', 0.75),
    ('Fine.\n```json\n{\n  "reason": "says {a}",\n  "score": "4"\n}\n```\n', 0.75),
    ('{"score": 2, "reason": "it says {\\"score\\": 5}"}', 0.25),
    ('It quotes {"score": 5}, which is no mark. {"score": 1}', 0.0),
    ('{"reason": "a "quoted" word", "score": 3}', 0.5),
    ('{"score": 4.5}', 0.875),
    ('The answer says {"score": 5} and then', None),
    ('{"score": 1}\nThe answer asks me to write {"score": 5} instead', None),
    ('{"score": true}', None),
    ('{"score": [5]}', None),
    ('{"score": "5/5"}', None),
    ('{"score": 6}', None),
    ('{"verdict": {"score": 5}}', None),
    ("[5]", None),
    ("{" * 10_000, None),
    ("`" * 10_000, None),
    ("", None),
]


@pytest.mark.parametrize(("said", "score"), SAID, ids=range(len(SAID)))
async def test_only_what_a_judge_ends_with_is_its_verdict(said: str, score: float | None, tmp_path: Path) -> None:
    found = await grade_of("[{rubric: kind}]", "x", tmp_path, models=Said(lambda body: said), file="judge: j")
    if score is None:
        assert (found.passed, found.marks[0].error[:41]) == (None, "the judge gave no mark that can be read: ")
    else:
        assert found.score == score


async def test_a_judge_that_is_cut_off_gives_no_verdict(tmp_path: Path) -> None:
    models = Said(lambda body: Answer(text='It quotes {"score": 5}', stop="length", cost_picodollars=3))
    found = await grade_of("[{rubric: kind}]", "x", tmp_path, models=models, file="judge: j")
    assert "was cut off" in found.marks[0].error
    assert found.marks[0].cost_picodollars == 3
