"""What marks depend on beside answers."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from evaluated_answers import suite_of
from headgate.evals.case import Suite
from headgate.evals.graders import code_of, graders_of, models_of, written
from headgate.evals.reading import read
from headgate.evals.running import Job, _result

JUDGED = """
model: c
embeddings: {embeddings}
judge: {{model: {judge}, config: {{temperature: {temperature}}}}}
tests: [{{messages: a, assert: [{{rubric: r}}, {{similar: b}}, {{assert-set: [{{contains: c}}, {{pairwise: d}}]}}]}}]
"""


def subject(suite: Suite) -> str:
    job = Job(suite, suite.cells[0], suite.cases[0], range(1))
    return _result(job, 0, "").subject


def test_another_judge_makes_another_test(tmp_path: Path) -> None:
    given = {"embeddings": "e", "judge": "j", "temperature": 0}
    changed = [{}, {"embeddings": "f"}, {"judge": "k"}, {"temperature": 1}]
    suites = [suite_of(tmp_path, JUDGED.format(**{**given, **each})) for each in changed]
    assert len({subject(each) for each in suites}) == 4
    assert models_of(suites[0].cases[0], suites[0]) == ["e", "j"]
    plain = suite_of(tmp_path, "model: c\ntests: [{messages: a, assert: [{contains: a}, {latency: 5}]}]")
    assert (graders_of(plain.cases[0], plain), models_of(plain.cases[0], plain), code_of(plain.cases[0], plain)) == (
        [],
        [],
        [],
    )


PYTHON = """
def polite(answer, case):
    return {good}

def other(answer, case):
    return {other}

suite = {{"model": "c", "tests": [{{"messages": "a", "assert": [polite]}}]}}
"""


def test_the_same_function_in_another_folder_is_the_same_test(tmp_path: Path) -> None:
    def of(folder: str, good: str, other: str) -> tuple[str, list[str]]:
        file = tmp_path / folder / "x.test.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(PYTHON.format(good=good, other=other))
        (suite,) = read([file])
        return subject(suite), code_of(suite.cases[0], suite)

    here, there = of("here", "True", "1"), of("there", "True", "1")
    assert here == there
    beside = of("beside", "True", "0")
    assert beside[0] == here[0]
    assert beside[1] != here[1]  # what it calls may be another one
    assert of("changed", "False", "1")[0] != here[0]


def test_functions_that_differ_in_what_they_were_made_with_differ() -> None:
    def having(word: str) -> object:
        return lambda answer, case: word in answer.text

    def long(answer: object, case: object, *, most: int) -> bool:
        return True

    made = [having("a"), having("b"), partial(long, most=1), partial(long, most=2), len, str.upper]
    assert len({written(each) for each in made}) == len(made)  # type: ignore[arg-type]
    assert written(having("a")) == written(having("a"))  # type: ignore[arg-type]
    assert all("0x" not in written(each) for each in made)  # type: ignore[arg-type]
