"""Asking every case of every cell as often as it says, many at once, and writing down what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import msgspec

from headgate.errors import HeadgateError
from headgate.evals.answer import Answer
from headgate.evals.case import Assertion, Case, Cell, Suite
from headgate.evals.graders import code_of, graders_of, models_of, written
from headgate.evals.grading import graded
from headgate.evals.models import AskedModels, Spent
from headgate.evals.problems import Place
from headgate.evals.runs import Result, Results
from headgate.evals.subjects import Request, Subjects, Unrenderable
from headgate.stats.clustered import running_reach

MOST_SHOWN = 20_000
"""Characters of an answer that a run file keeps."""

LOOKED_EVERY = 10
"""Cases between two looks at how precise the share is by now."""

Key = tuple[str, str, str, int]
"""Suite, cell, case and repeat."""


class Done(NamedTuple):
    """A result of before."""

    key: str
    passed: bool | None
    error: str


class Job(NamedTuple):
    """A case to ask at a cell, for these repeats: one, or several one after the other."""

    suite: Suite
    cell: Cell
    case: Case
    repeats: range


class Run:
    """One run of suites."""

    def __init__(
        self,
        suites: Sequence[Suite],
        subjects: Subjects,
        models: AskedModels,
        file: Results,
        *,
        concurrency: int = 16,
        done: Mapping[Key, Done] | None = None,
        precision: float | None = None,
        seed: int = 0,
        told: Callable[[Result, bool], None] | None = None,
    ) -> None:
        """`told` hears of each result, and whether it is one of before. With `precision` cases come in a drawn order,
        and of each suite no more are asked at a cell once the share that passes there is known to so much on either
        side.
        """
        self._suites = suites
        self._subjects = subjects
        self._models = models
        self._file = file
        self._concurrency = concurrency
        self._done = done or {}
        self._precision = precision
        self._seed = seed
        self._told = told or _unheard
        self._over = ""
        self.told = ""
        """Why the budget had no room."""
        self._shares: dict[tuple[str, str], list[float]] = {}
        """Of cases that passed, by suite and cell."""
        self._precise: set[tuple[str, str]] = set()
        self._spared = False

    @property
    def planned(self) -> int:
        """How many answers there will be at the most."""
        return sum(len(suite.cells) * sum(case.repeat.of for case in suite.cases) for suite in self._suites)

    async def run(self) -> str:
        """Ask until everything is asked; why it ended: `complete`, `budget` or `precision`.

        Raises:
            CannotEvaluate: the run file cannot be written.
        """
        jobs = self._jobs()
        async with asyncio.TaskGroup() as group:
            for _ in range(self._concurrency):
                group.create_task(self._work(jobs))
        return self._over or ("precision" if self._spared else "complete")

    def _jobs(self) -> Iterator[Job]:
        of = [(suite, cell, case) for suite in self._suites for case in suite.cases for cell in suite.cells]
        if self._precision is not None:
            Random(self._seed).shuffle(of)  # noqa: S311
        for suite, cell, case in of:
            repeats = range(case.repeat.of)
            if case.repeat.decided or self._precision is not None:
                yield Job(suite, cell, case, repeats)
            else:
                for repeat in repeats:
                    yield Job(suite, cell, case, range(repeat, repeat + 1))

    async def _work(self, jobs: Iterator[Job]) -> None:
        for job in jobs:
            if self._over:
                return
            try:
                await self._asked(job)
            except Spent as error:
                self._over, self.told = "budget", str(error)
                return

    async def _asked(self, job: Job) -> None:
        where = job.suite.name, job.cell.name
        if where in self._precise:
            self._spared = True
            return
        passes = failures = 0
        needed, of = job.case.repeat.needed, job.case.repeat.of
        for repeat in job.repeats:
            passed = await self._answered(job, repeat)
            passes += passed is True
            failures += passed is False
            await asyncio.sleep(0)  # answers of before wait for nothing: let others have their turn
            if job.case.repeat.decided and (passes >= needed or failures > of - needed):
                break
        if self._precision is not None and passes + failures:
            shares = self._shares.setdefault(where, [])
            shares.append(passes / (passes + failures))
            if not len(shares) % LOOKED_EVERY and running_reach(shares) <= self._precision:
                self._precise.add(where)

    async def _answered(self, job: Job, repeat: int) -> bool | None:
        suite, cell, case, _ = job
        try:
            request = self._subjects.request(cell, case)
        except Unrenderable as error:
            self._add(_result(job, repeat, "", error=f"input: {error}", prompt=self._subjects.place(cell)))
            return None
        fingerprint = self._models.fingerprint(request.body.get("model", ""))
        key = key_of_result(request, case, [fingerprint, self._marked_by(suite, case)])
        before = self._done.get((suite.name, cell.name, case.id, repeat))
        if before is not None and before.key == key and not before.error:
            self._told(_result(job, repeat, key, passed=before.passed), True)
            return before.passed
        try:
            answer = await self._models.chat(request.body, repeat, request.version, said=request.said)
        except HeadgateError as error:
            self._add(self._failed(job, repeat, key, request, f"{error.code}: {error.message}"))
            return None
        result = await self._looked(job, repeat, key, request, answer)
        self._add(result)
        return result.passed

    def _marked_by(self, suite: Suite, case: Case) -> Any:
        """All that marks depend on beside an answer: who judges, and code."""
        asked = [[model, self._models.fingerprint(model)] for model in models_of(case, suite)]
        return [graders_of(case, suite), asked, code_of(case, suite)]

    async def _looked(self, job: Job, repeat: int, key: str, request: Request, answer: Answer) -> Result:
        suite, cell, case, _ = job
        grade = await graded(answer, case, suite, self._models, request.seen or request.body, _folder(suite))
        unsaid = next((mark for mark in grade.marks if mark.error), None)
        return _result(
            job,
            repeat,
            key,
            passed=grade.passed,
            score=round(grade.score, 6),
            marks=grade.marks,
            error=f"{unsaid.kind}: {unsaid.error}" if grade.passed is None and unsaid is not None else "",
            text=answer.text[:MOST_SHOWN],
            tools=[f"{call.name} {call.arguments}"[:MOST_SHOWN] for call in answer.tool_calls],
            stop=answer.stop,
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
            cost_picodollars=answer.cost_picodollars,
            answered_by=answer.answered_by,
            judged_picodollars=sum(mark.cost_picodollars for mark in grade.marks),
            latency_ms=answer.latency_ms,
            target=answer.target,
            model=request.body["model"],
            version=_version(request, cell, answer),
            served=answer.served,
            prompt=self._subjects.place(cell),
        )

    def _failed(self, job: Job, repeat: int, key: str, request: Request, error: str) -> Result:
        return _result(
            job, repeat, key, error=error[:1_000], model=request.body.get("model", ""), version=request.version,
            prompt=self._subjects.place(job.cell),
        )  # fmt: skip

    def _add(self, result: Result) -> None:
        self._file.add(result)
        self._told(result, False)


def _version(request: Request, cell: Cell, answer: Answer) -> str:
    """The version that was tested; of a prompt that is rendered elsewhere where that is known to be the one here."""
    name, _, digits = answer.served.rpartition("@")
    same = bool(digits) and name == cell.full_name and request.here.startswith(digits)
    return request.version or (request.here if same else "")


def _folder(suite: Suite) -> str:
    return str(Path(suite.file).parent)


def _unheard(result: Result, again: bool) -> None:
    """Tell nobody."""


def key_of_result(request: Request, case: Case, fingerprint: Any) -> str:
    """A digest of all a result depends on."""
    said = None if request.said is None else [request.said.inputs, request.said.context]
    return _digest([request.body, said, request.version, fingerprint, _asserted(case)])


def _result(job: Job, repeat: int, key: str, *, prompt: Place | None = None, **found: Any) -> Result:
    suite, cell, case, _ = job
    return Result(
        suite=suite.name,
        cell=cell.name,
        case=case.id,
        repeat=repeat,
        of=case.repeat.of,
        needed=case.repeat.needed,
        decided=case.repeat.decided,
        key=key,
        subject=_digest([case.inputs, case.context, case.messages, _asserted(case), *graders_of(case, suite)]),
        file=case.place.file,
        line_number=case.place.line,
        prompt_file=prompt.file if prompt is not None else "",
        prompt_line=prompt.line if prompt is not None else 1,
        **found,
    )


def _asserted(case: Case) -> Any:
    """What is asked of an answer, without where it stands."""
    return [case.threshold, [_plain(each) for each in case.assertions]]


def _plain(assertion: Assertion) -> Any:
    members = [_plain(each) for each in assertion.members]
    plain = [assertion.kind, assertion.value, assertion.negated, assertion.weight, assertion.threshold]
    return [*plain, assertion.options, members]


def _digest(value: Any) -> str:
    raw = msgspec.json.encode(value, order="deterministic", enc_hook=_told)
    return sha256(raw).hexdigest()[:16]


def _told(value: Any) -> str:
    """What JSON does not know: functions, of which where they are in memory differs from run to run."""
    return written(value) if callable(value) else type(value).__qualname__
