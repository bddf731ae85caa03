"""What results come to: verdicts of cases, shares with intervals, costs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from headgate.evals.marks import Mark, shortened
from headgate.evals.runs import Result
from headgate.stats.clustered import share_of_clusters
from headgate.stats.intervals import Interval, quantile

Verdict = Literal["pass", "fail", "error", "unfinished"]
Place = tuple[str, str, str]
"""Suite, cell and case."""

MOST_REASONS = 3
"""Reasons that are told of a case."""


class CaseTally:
    """What came of one case at one cell."""

    __slots__ = (
        "_metrics", "_told_of", "_tries", "decided", "errors", "file", "line", "needed", "of", "prompt", "reasons",
        "served", "subject", "text", "version",
    )  # fmt: skip

    def __init__(self, result: Result) -> None:
        self._tries: dict[int, tuple[bool, float]] = {}
        self._metrics: dict[int, list[tuple[str, float]]] = {}
        self._told_of = -1
        self.errors: dict[int, str] = {}
        self.reasons: list[str] = []
        """Why an answer failed: the first one that did."""
        self.text = ""
        self.subject = result.subject
        self.version = result.version
        self.served: set[str] = set()
        self._see(result)

    def _see(self, result: Result) -> None:
        """Of a run that was gone on with, what its test file says by now."""
        self.of, self.needed, self.decided = result.of, result.needed, result.decided
        self.file, self.line = result.file, result.line_number
        self.prompt = (result.prompt_file, result.prompt_line)
        self.version = result.version or self.version
        if result.served:
            self.served.add(result.served)

    def add(self, result: Result) -> None:
        """Take in a result. It takes the place of one of the same repeat: what was made again was of something else."""
        self._see(result)
        repeat = result.repeat
        self._forget(repeat)
        if result.passed is None:
            self.errors[repeat] = result.error
            return
        self._tries[repeat] = (result.passed, result.score)
        self._metrics[repeat] = list(_measured(result.marks))
        if not result.passed and not self.reasons:
            self._told_of = repeat
            self.reasons = _reasons(result)
            self.text = shortened(result.text, 300)

    def _forget(self, repeat: int) -> None:
        self.errors.pop(repeat, None)
        self._tries.pop(repeat, None)
        self._metrics.pop(repeat, None)
        if self._told_of == repeat:
            self._told_of, self.reasons, self.text = -1, [], ""

    @property
    def passes(self) -> int:
        return sum(passed for passed, _ in self._tries.values())

    @property
    def tries(self) -> int:
        return len(self._tries)

    @property
    def verdict(self) -> Verdict:
        if self.passes >= self.needed:
            return "pass"
        if self.passes + self.of - self.tries < self.needed:
            return "fail"
        return "error" if self.errors else "unfinished"

    @property
    def outcomes(self) -> list[float]:
        """Of each try, in order; of a case that is asked no more once it is decided only the verdict: how often it was
        asked depends on what came of it.
        """
        if self.decided:
            return [float(self.verdict == "pass")] if self.verdict in ("pass", "fail") else []
        return [float(self._tries[repeat][0]) for repeat in sorted(self._tries)]

    @property
    def scores(self) -> list[float]:
        """Of each try that is made whatever comes of the others, in order: of a case that is asked no more once it is
        decided the others are there because of what came before, and would make the mean look surer than it is.
        """
        return [self._tries[repeat][1] for repeat in self._always()]

    @property
    def certain(self) -> int:
        """How many tries are made whatever comes of the others: the first ones."""
        return min(self.needed, self.of - self.needed + 1) if self.decided else self.of

    def first_outcomes(self, tries: int) -> list[float]:
        """Of each of the first tries, whether it passed."""
        return [float(self._tries[repeat][0]) for repeat in sorted(self._tries) if repeat < tries]

    @property
    def metrics(self) -> dict[str, list[float]]:
        """The scores of the same tries by the names of metrics."""
        found: dict[str, list[float]] = {}
        for repeat in self._always():
            for name, score in self._metrics[repeat]:
                found.setdefault(name, []).append(score)
        return found

    def _always(self) -> list[int]:
        return [repeat for repeat in sorted(self._tries) if repeat < self.certain]


def _measured(marks: Sequence[Mark]) -> Iterator[tuple[str, float]]:
    """What an answer scored, by metric; those in sets too where they have a name."""
    for mark in marks:
        if not mark.error:
            yield mark.metric or mark.kind, mark.score
        yield from ((each.metric, each.score) for each in _within(mark) if each.metric and not each.error)


def _within(mark: Mark) -> Iterator[Mark]:
    for each in mark.members:
        yield each
        yield from _within(each)


def _reasons(result: Result) -> list[str]:
    failed = [mark for mark in result.marks if not mark.passed and not mark.error]
    told = [f"{mark.kind}: {mark.reason}" if mark.reason else mark.kind for mark in failed[:MOST_REASONS]]
    return told or [f"the score is {result.score:.2f}"]


class CellSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One suite at one cell."""

    suite: str
    cell: str
    cases: int
    passed: int
    failed: int
    errors: int
    unfinished: int
    answers: int
    pass_rate: Interval
    """Of answers, averaged over cases; 95 % confidence for cases like these."""
    case_rate: Interval
    """Of cases whose verdict is a pass."""
    score: Interval
    metrics: dict[str, Interval]
    cost_picodollars: int | None
    """Of answers, as they cost when they were asked; None where a price is not known."""
    judged_picodollars: int
    input_tokens: int
    output_tokens: int
    latency_ms: dict[str, float]
    """`p50` and `p95`."""
    versions: list[str]
    """Of the prompt."""
    served: list[str]
    """What the model was, where it is a prompt itself: `support/triage@0123456789ab`."""


class Sums:
    """Results on their way to summaries. Holds little for each case and nothing of what was said but of failures."""

    def __init__(self) -> None:
        self.cases: dict[Place, CaseTally] = {}
        self._costs: dict[tuple[str, str], list[Any]] = {}
        self._latencies: dict[tuple[str, str], list[float]] = {}

    @classmethod
    def of(cls, results: Iterable[Result]) -> Sums:
        sums = cls()
        for each in results:
            sums.add(each)
        return sums

    def add(self, result: Result) -> None:
        tally = self.cases.get(result.place)
        if tally is None or tally.subject != result.subject:
            tally = self.cases[result.place] = CaseTally(result)
        tally.add(result)
        cost = self._costs.setdefault((result.suite, result.cell), [0, 0, 0, 0, False])
        if result.cost_picodollars is None:
            cost[4] = True
        for place, amount in enumerate(
            (result.cost_picodollars or 0, result.judged_picodollars, result.input_tokens, result.output_tokens)
        ):
            cost[place] += amount
        if result.passed is not None:
            self._latencies.setdefault((result.suite, result.cell), []).append(result.latency_ms)

    def summaries(self) -> list[CellSummary]:
        """One for each suite and cell, in the order they came."""
        grouped: dict[tuple[str, str], list[CaseTally]] = {}
        for (suite, cell, _), tally in self.cases.items():
            grouped.setdefault((suite, cell), []).append(tally)
        return [self._summary(*key, tallies) for key, tallies in grouped.items()]

    def _summary(self, suite: str, cell: str, tallies: list[CaseTally]) -> CellSummary:
        verdicts = [each.verdict for each in tallies]
        cost = self._costs[suite, cell]
        latencies = sorted(self._latencies.get((suite, cell), []))
        decided = [[float(each == "pass")] for each in verdicts if each in ("pass", "fail")]
        return CellSummary(
            suite=suite,
            cell=cell,
            cases=len(tallies),
            passed=verdicts.count("pass"),
            failed=verdicts.count("fail"),
            errors=verdicts.count("error"),
            unfinished=verdicts.count("unfinished"),
            answers=sum(each.tries for each in tallies),
            pass_rate=share_of_clusters([each.outcomes for each in tallies]),
            case_rate=share_of_clusters(decided),
            score=share_of_clusters([each.scores for each in tallies]),
            metrics=_metrics(tallies),
            cost_picodollars=None if cost[4] else cost[0],
            judged_picodollars=cost[1],
            input_tokens=cost[2],
            output_tokens=cost[3],
            latency_ms={"p50": quantile(latencies, 0.5), "p95": quantile(latencies, 0.95)} if latencies else {},
            versions=sorted({each.version for each in tallies if each.version}),
            served=sorted({name for each in tallies for name in each.served}),
        )


def _metrics(tallies: list[CaseTally]) -> dict[str, Interval]:
    found: dict[str, list[list[float]]] = {}
    for tally in tallies:
        for name, scores in tally.metrics.items():
            found.setdefault(name, []).append(scores)
    return {name: share_of_clusters(clusters) for name, clusters in found.items()}


def exit_verdicts(cases: Mapping[Place, CaseTally]) -> tuple[int, int]:
    """How many cases failed, and of how many there is no verdict."""
    verdicts = [each.verdict for each in cases.values()]
    return verdicts.count("fail"), verdicts.count("error") + verdicts.count("unfinished")
