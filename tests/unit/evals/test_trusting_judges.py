"""Judges held against people."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from evaluated_answers import Said, suite_of
from headgate.evals.answer import Answer
from headgate.evals.case import Judging
from headgate.evals.models import Spent
from headgate.evals.problems import BadTests, Place
from headgate.evals.trusting import all_examined, examined, read_labels
from headgate.types import JSON


def labels(tmp_path: Path, good: int = 15, bad: int = 15) -> Path:
    file = tmp_path / "labels.jsonl"
    rows = [
        {
            "messages": "Where?",
            "answer": f"{'kind' if passes else 'rude'} {at}",
            "rubric": "Is it kind?",
            "pass": passes,
        }
        for passes, count in ((True, good), (False, bad))
        for at in range(count)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def says(right: float) -> Said:
    """A judge that is right about answers whose number is below a share of ten."""

    def say(body: JSON) -> str:
        answer = body["messages"][1]["content"].partition(" answer\n")[2].partition("\n")[0]
        kind, number = answer.split()
        good = (kind == "kind") == (int(number) % 10 < 10 * right)
        return f'{{"score": {5 if good else 1}}}'

    return Said(say)


def judging(kappa: float | None) -> Judging:
    return Judging(model="clever", kappa=kappa, place=Place("x"))


async def test_a_judge_that_agrees_is_trusted(tmp_path: Path) -> None:
    found = await examined("kind", judging(0.7), read_labels(labels(tmp_path)), says(1.0))
    assert (found.trusted, found.agreement.kappa.estimate, found.agreement.things) == (True, 1.0, 30)
    assert "kappa 1.00" in found.told()


async def test_a_judge_that_agrees_less_than_it_has_to_is_refused(tmp_path: Path) -> None:
    read = read_labels(labels(tmp_path))
    found = await examined("kind", judging(0.7), read, says(0.7))
    assert not found.trusted
    assert found.agreement.kappa.estimate == pytest.approx(0.6, abs=0.25)
    assert (await examined("kind", judging(None), read, says(0.7))).trusted


async def test_a_few_labels_prove_nothing(tmp_path: Path) -> None:
    found = await examined("kind", judging(0.1), read_labels(labels(tmp_path, 9, 9)), says(1.0))
    assert not found.trusted
    assert "20 labels with a verdict are needed" in found.told()


async def test_answers_it_gives_no_verdict_of_are_counted(tmp_path: Path) -> None:
    found = await examined("kind", judging(0.1), read_labels(labels(tmp_path)), Said(lambda body: "Hm."))
    assert (found.unreadable, found.trusted) == (30, False)


async def test_judges_of_test_files_have_labels_beside_them(tmp_path: Path) -> None:
    labels(tmp_path)
    tests = "model: c\njudge: {model: clever, labels: labels.jsonl, kappa: 0.7}\ntests: [{messages: a, assert: [{rubric: k}]}]"
    found = await all_examined([suite_of(tmp_path, tests)], says(1.0))
    assert [(each.judge, each.model, each.trusted) for each in found] == [("judge", "clever", True)]


def test_mistakes_in_labels_have_their_lines(tmp_path: Path) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_text(
        '{"answer": "x", "rubric": "y"}\n{no\n{"answer": 1, "pass": true, "rubric": "y"}\n{"answer": "x", "pass": true}\n'
    )
    with pytest.raises(BadTests) as raised:
        read_labels(file)
    assert [each.place.line for each in raised.value.problems] == [1, 2, 3, 4]


async def test_a_judge_that_likes_long_answers_is_told(tmp_path: Path) -> None:
    file = tmp_path / "labels.jsonl"
    rows = [{"answer": "word " * (at + 1), "rubric": "r", "pass": at % 2 == 0} for at in range(40)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def say(body: JSON) -> str:
        return f'{{"score": {5 if body["messages"][1]["content"].count("word") > 20 else 1}}}'

    found = await examined("long", judging(None), read_labels(file), Said(say))
    assert found.leanings.longer == pytest.approx(1.0)
    assert found.leanings.longer_chance < 0.001
    assert "kinder to long answers, by 100 points" in found.told()
    assert (
        "long answers" not in (await examined("kind", judging(None), read_labels(labels(tmp_path)), says(1.0))).told()
    )


async def test_a_judge_that_likes_what_comes_first_is_told(tmp_path: Path) -> None:
    file = tmp_path / "labels.jsonl"
    rows = [{"answer": f"a {at}", "pairwise": "b", "pass": at % 2 == 0} for at in range(4)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = await examined("first", judging(None), read_labels(file), Said(lambda body: '{"better": "A"}'))
    assert (found.leanings.pairs, found.leanings.first, found.leanings.last) == (4, 4, 0)
    assert "prefers what it reads first in 4 and last in 0 of 4 pairs" in found.told()


async def test_the_most_that_any_suite_asks_of_a_judge_is_what_it_has_to_reach(tmp_path: Path) -> None:
    labels(tmp_path)
    tests = "model: c\njudge: {{model: clever, labels: labels.jsonl, kappa: {}}}\ntests: [{{messages: a, assert: [{{rubric: k}}]}}]"
    suites = [suite_of(tmp_path, tests.format(kappa), f"x{kappa}") for kappa in (0.5, 0.9, 0.2)]
    found = await all_examined(suites, says(0.7))
    assert [(each.required, each.trusted) for each in found] == [(0.9, False)]


async def test_where_all_verdicts_are_the_same_there_is_no_kappa(tmp_path: Path) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_text('{"answer": "x", "rubric": "r", "pass": true}\n' * 30)
    found = await examined("same", judging(0.1), read_labels(file), Said(lambda body: '{"score": 5}'))
    assert not found.trusted
    assert "no kappa, since all verdicts are the same" in found.told()
    silent = await examined("silent", judging(0.1), read_labels(file), Said(lambda body: "Hm."))
    assert "no verdict on anything" in silent.told()


async def test_where_the_budget_ends_nothing_more_is_asked(tmp_path: Path) -> None:
    asked = 0

    class Poor(Said):
        async def chat(self, body: JSON, repeat: int, version: str = "", cause: str = "primary") -> Answer:
            nonlocal asked
            asked += 1
            await asyncio.sleep(0)
            raise Spent("nothing is left")

    with pytest.raises(Spent):
        await examined("poor", judging(None), read_labels(labels(tmp_path)), Poor(), concurrency=2)
    before = asked
    await asyncio.sleep(0.01)
    assert asked == before < 30
