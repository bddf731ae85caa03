"""What results come to."""

from __future__ import annotations

from itertools import product
from random import Random

import pytest

from headgate.evals.marks import Mark
from headgate.evals.runs import Result
from headgate.evals.tally import Sums


def result(repeat: int, passed: bool | None, **more: object) -> Result:
    given = {"of": 3, "needed": 3, "score": float(bool(passed)), "key": "k", "subject": "", "file": "x", **more}
    return Result(suite="s", cell="c", case="a", repeat=repeat, passed=passed, **given)  # type: ignore[arg-type]


def test_what_was_made_again_takes_the_place_of_what_was_before() -> None:
    bad = [Mark(kind="contains", passed=False, score=0.0, reason="'x' is not in it")]
    good = [Mark(kind="contains", passed=True, score=1.0)]
    (tally,) = Sums.of([
        result(0, False, marks=bad, text="old"), result(1, True, marks=good), result(2, None, error="timeout"),
        result(0, True, marks=good), result(2, True, marks=good),
    ]).cases.values()  # fmt: skip
    assert (tally.verdict, tally.outcomes, tally.reasons, tally.text) == ("pass", [1.0] * 3, [], "")
    assert tally.metrics == {"contains": [1.0] * 3}
    (stale,) = Sums.of([result(0, True), result(0, None, error="timeout")]).cases.values()
    assert (stale.tries, stale.errors) == (0, {0: "timeout"})


def test_a_run_that_was_gone_on_with_has_the_rules_of_its_end() -> None:
    (tally,) = Sums.of([result(0, True, of=1, needed=1), result(1, False, of=2, needed=2)]).cases.values()
    assert (tally.of, tally.verdict) == (2, "fail")


def test_metrics_of_what_is_in_sets_are_summed_up_too() -> None:
    inner = (Mark(kind="contains", score=0.0, metric="tone"), Mark(kind="is-json", score=1.0, passed=True))
    marks = [Mark(kind="assert-set", passed=True, score=0.5, members=inner)]
    (summary,) = Sums.of([result(0, True, marks=marks)]).summaries()
    assert {name: found.estimate for name, found in summary.metrics.items()} == {"assert-set": 0.5, "tone": 0.0}


@pytest.mark.parametrize(("of", "needed"), [(3, 2), (5, 5), (5, 1), (4, 3)])
def test_stopping_once_a_case_is_decided_makes_no_mean_look_better(of: int, needed: int) -> None:
    """Over all that may come of a case: the mean of the tries that count is the chance with which one passes."""
    for chance in (0.2, 0.5, 0.9):
        mean = whole = 0.0
        for tries in product((True, False), repeat=of):
            weight = 1.0
            for passed in tries:
                weight *= chance if passed else 1 - chance
            (tally,) = Sums.of(_decided(tries, of, needed)).cases.values()
            mean += weight * sum(tally.scores) / len(tally.scores)
            whole += weight
        assert (mean, whole) == (pytest.approx(chance), pytest.approx(1.0))


def _decided(tries: tuple[bool, ...], of: int, needed: int) -> list[Result]:
    found: list[Result] = []
    for repeat, passed in enumerate(tries):
        found.append(result(repeat, passed, of=of, needed=needed, decided=True))
        passes = sum(bool(each.passed) for each in found)
        if passes >= needed or len(found) - passes > of - needed:
            break
    return found


def test_nothing_and_one_of_a_kind_have_honest_intervals() -> None:
    (none,) = Sums.of([result(0, None, error="timeout")]).summaries()
    assert (none.pass_rate.low, none.pass_rate.high, none.errors) == (0.0, 1.0, 1)
    assert none.pass_rate.estimate != none.pass_rate.estimate
    (one,) = Sums.of([result(at, True) for at in range(3)]).summaries()
    assert (one.pass_rate.estimate, one.pass_rate.high) == (1.0, 1.0)
    assert one.pass_rate.low == pytest.approx(0.2065, abs=1e-4)  # of one case, however often it was tried
    (never,) = Sums.of([result(0, False)]).summaries()
    assert (never.pass_rate.low, never.pass_rate.estimate) == (0.0, 0.0)
    assert never.pass_rate.high == pytest.approx(0.7935, abs=1e-4)


def test_the_order_of_results_does_not_matter() -> None:
    results = [result(at, at != 1, marks=[Mark(kind="k", score=at / 3)]) for at in range(3)]
    shuffled = list(results)
    Random(3).shuffle(shuffled)
    one, other = Sums.of(results).summaries(), Sums.of(shuffled).summaries()
    assert one == other
