"""Two runs held against each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from headgate.evals.comparison import compare
from headgate.evals.runs import Result
from headgate.evals.tally import Sums


def results(
    outcomes: dict[str, Sequence[bool | None]],
    *,
    suite: str = "s",
    cell: str = "chat",
    subject: str = "",
    score: float = 1.0,
    of: int | None = None,
    needed: int | None = None,
    decided: bool = False,
) -> Iterator[Result]:
    for case, tries in outcomes.items():
        for repeat, passed in enumerate(tries):
            yield Result(
                suite=suite, cell=cell, case=case, repeat=repeat, of=of or len(tries),
                needed=needed or of or len(tries), decided=decided, key="", subject=subject, passed=passed, score=score if passed else 0.0, error="" if passed is not None else "timeout",
                file="s.test.yaml", prompt_file="s.prompt", prompt_line=4,
            )  # fmt: skip


def runs(*given: Iterator[Result]) -> Sums:
    return Sums.of(each for results_of in given for each in results_of)


GOOD = {str(case): [True] * 3 for case in range(10)}
WORSE = {**GOOD, "1": [False] * 3, "4": [False] * 3}


def test_two_cases_broken_for_good_are_a_regression() -> None:
    found = compare(runs(results(GOOD)), runs(results(WORSE)))
    cell = found.cells[0]
    assert found.regressed
    assert (cell.verdict, cell.pairs, cell.worse, cell.better) == ("regression", 10, 2, 0)
    assert [each.case for each in cell.cases] == ["1", "4"]
    assert cell.difference is not None
    assert cell.difference.estimate == pytest.approx(-0.2)
    assert (cell.prompt_file, cell.prompt_line) == ("s.prompt", 4)


def test_a_drop_may_be_tolerated() -> None:
    assert not compare(runs(results(GOOD)), runs(results(WORSE)), tolerate=0.2).regressed
    assert compare(runs(results(GOOD)), runs(results(WORSE)), tolerate=0.1).regressed


def test_one_answer_that_fails_is_noise() -> None:
    found = compare(runs(results(GOOD)), runs(results({**GOOD, "1": [True, False, True]})))
    assert found.cells[0].verdict == "no_difference"


def test_an_improvement_is_none() -> None:
    found = compare(runs(results(WORSE)), runs(results(GOOD)))
    assert (found.regressed, found.cells[0].verdict) == (False, "improvement")


def test_too_few_cases_decide_nothing_and_say_so() -> None:
    found = compare(runs(results({"a": [True]})), runs(results({"a": [False]})))
    assert (found.cells[0].verdict, found.cells[0].decides) == ("no_difference", False)


def test_only_what_is_the_same_test_is_compared() -> None:
    before = runs(results({"same": [True], "gone": [True], "lost": [True]}), results({"other": [True]}, subject="x"))
    after = runs(results({"same": [True], "new": [True], "lost": [None]}), results({"other": [False]}, subject="y"))
    cell = compare(before, after).cells[0]
    assert (cell.pairs, cell.changed, cell.only_before, cell.only_after, cell.without_answer) == (1, 1, 1, 1, 1)


def test_nothing_in_common_is_no_comparison() -> None:
    found = compare(runs(results(GOOD)), runs(results(GOOD, suite="t")))
    assert (found.regressed, found.comparable) == (False, False)


def test_another_model_may_be_compared_where_there_is_one_each() -> None:
    found = compare(runs(results(GOOD, cell="old")), runs(results(WORSE, cell="new")))
    assert (found.cells[0].cell, found.cells[0].before_cell, found.regressed) == ("new", "old", True)


def test_what_could_be_told_of_one_cell_may_not_of_many() -> None:
    few = {str(case): [True] * 3 for case in range(2)}
    alone = compare(runs(results(few)), runs(results(few)))
    many = [runs(*(results(few, cell=f"m{at}") for at in range(20))) for _ in range(2)]
    assert alone.cells[0].decides
    assert not any(each.decides for each in compare(*many).cells)


def test_of_several_cells_the_chances_are_made_up_for() -> None:
    good = [results(GOOD, cell=f"m{at}") for at in range(20)]
    one = compare(runs(results(GOOD)), runs(results({**GOOD, "1": [False] * 3, "2": [False] * 2 + [True]})))
    worse = [results(WORSE if at == 0 else GOOD, cell=f"m{at}") for at in range(20)]
    many = compare(runs(*good), runs(*worse))
    assert one.cells[0].chance < 0.02
    assert many.cells[0].chance == pytest.approx(20 / 400, abs=0.03)


def test_scores_may_be_compared_in_place_of_passes() -> None:
    before, after = results(GOOD, score=1.0), results(GOOD, score=0.8)
    sums = runs(before), runs(after)
    assert compare(*sums, on="score").regressed
    assert not compare(*sums).regressed


def test_what_only_one_run_has_is_told_and_makes_nothing_up_for() -> None:
    alone = [results(GOOD, suite=f"new{at}") for at in range(20)]
    found = compare(runs(results(GOOD), results(GOOD, suite="gone")), runs(results(WORSE), *alone))
    assert [(each.suite, each.verdict) for each in found.cells[:2]] == [("s", "regression"), ("new0", "not_comparable")]
    assert [(each.suite, each.only_before, each.only_after) for each in found.cells[-1:]] == [("gone", 10, 0)]
    assert found.comparable


def test_a_run_of_which_most_has_no_answer_is_no_verdict() -> None:
    broken = {case: [None] * 3 if int(case) > 3 else tries for case, tries in GOOD.items()}
    found = compare(runs(results(GOOD)), runs(results(broken)))
    assert (found.cells[0].verdict, found.cells[0].without_answer, found.comparable) == ("not_comparable", 6, False)
    few = {**GOOD, "1": [None] * 3}
    assert compare(runs(results(GOOD)), runs(results(few))).comparable


def test_a_drop_of_just_what_is_tolerated_is_tolerated() -> None:
    good = {str(case): [True] * 3 for case in range(50)}
    worse = {case: [False] * 3 if int(case) < 5 else tries for case, tries in good.items()}
    before = {case: [False] * 3 if int(case) < 1 else tries for case, tries in good.items()}
    assert compare(runs(results(before)), runs(results(worse))).regressed
    assert not compare(runs(results(before)), runs(results(worse)), tolerate=0.08).regressed


def test_verdicts_of_other_rules_are_not_held_against_each_other() -> None:
    """Two of three pass: enough for two of three, too few for three of three."""
    tries = [True, True]
    easy = runs(results({str(case): tries for case in range(40)}, of=3, needed=2, decided=True))
    hard = runs(results({str(case): [*tries, False] for case in range(40)}, of=3, needed=3, decided=True))
    assert {each.verdict for each in easy.cases.values()} == {"pass"}
    assert {each.verdict for each in hard.cases.values()} == {"fail"}
    assert compare(easy, hard).cells[0].verdict == "no_difference"
    whole = runs(results({str(case): [*tries, False] for case in range(40)}, of=3, needed=2))
    assert compare(easy, whole).cells[0].after == 1.0


def test_a_cell_that_falls_from_all_to_nothing_is_told_among_others_where_cases_are_asked_until_decided() -> None:
    def run(broken: bool) -> Sums:
        found = Sums()
        for cell in "abcd":
            tries = {str(case): [not (broken and cell == "a")] * 2 for case in range(7)}
            for each in results(tries, cell=cell, of=3, needed=2, decided=True):
                found.add(each)
        return found

    verdicts = {each.cell: each.verdict for each in compare(run(broken=False), run(broken=True)).cells}
    assert verdicts == {"a": "regression", "b": "no_difference", "c": "no_difference", "d": "no_difference"}
