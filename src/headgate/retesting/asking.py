"""One suite at one version and model, from its texts to what is kept of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from headgate.administration.requests import NewTest
from headgate.config import Config
from headgate.evals.case import Case, Cell
from headgate.evals.models import EVALUATING, GatewayModels
from headgate.evals.problems import BadTests, CannotEvaluate, Place
from headgate.evals.prompting import Prompts
from headgate.evals.publishing import Published
from headgate.evals.running import Run
from headgate.evals.runs import Result
from headgate.evals.subjects import PlainModels, Request, Subjects
from headgate.evals.tally import Sums
from headgate.evals.telling import clean, told_of
from headgate.evals.trusting import all_examined
from headgate.limits.pots import internal_pots
from headgate.prompts.config import TestsConfig
from headgate.prompts.dotprompt import PromptsInvalid, load_sources
from headgate.prompts.reference import Reference
from headgate.prompts.serving import Served, Unservable, served
from headgate.retesting.apart import Handle
from headgate.retesting.wanted import Wanted
from headgate.types import Call, Prompting, Reply

MOST_UNDECIDED = 0.1
"""The share of cases that may have no verdict: of a run with more of them nothing can be told."""

MOST_MESSAGE = 600


class CannotTest(Exception):
    """There is nothing to be told of a suite; the message says why."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What a run needs."""

    id: str
    began_us: int
    wanted: Wanted
    suite: Published
    prompt: Mapping[str, str] | None
    """The sources of the version; None for a model."""
    config: Config
    tests: TestsConfig


class Found(msgspec.Struct, frozen=True):
    """What came of it."""

    test: NewTest
    answering: dict[str, list[str]]
    """By target, what its vendor called the models that answered."""


async def asked(job: Job, handle: Handle) -> Found:
    """Ask all cases, and look at the answers.

    Raises:
        CannotTest: that cannot be done, or too few cases have a verdict.
    """
    try:
        return _found(job, await _results(job, handle))
    except (BadTests, CannotEvaluate, PromptsInvalid, Unservable) as error:
        raise CannotTest(_line(error)) from error
    except BaseExceptionGroup as group:
        known = group.subgroup(CannotEvaluate)
        if known is None:
            raise
        raise CannotTest(_line(known.exceptions[0])) from group


async def _results(job: Job, handle: Handle) -> list[Result]:
    tests = job.tests
    suite = replace(job.suite.suite(), cells=(job.wanted.cell,))
    models = GatewayModels(_paid(job, handle), job.config)
    gated = {name: judge for name, judge in suite.judges.items() if judge.kappa is not None}
    for trust in await all_examined([replace(suite, judges=gated)], models, job.suite.held):
        if not trust.trusted:
            raise CannotTest(f"the {trust.told()}")
    kept = _Kept()
    run = Run([suite], _subjects(job), models, kept, concurrency=tests.concurrency)
    if await run.run() == "budget":
        raise CannotTest(_no_room(tests, run.told))
    return kept.results


def _paid(job: Job, handle: Handle) -> Handle:
    """Calls as the server's own tests make them: so many at once, judges' included, and paid out of their budget."""
    room = asyncio.Semaphore(job.tests.concurrency)
    pots = internal_pots("tests", "prompts", job.tests.budget_usd, job.tests.period)
    identity = replace(EVALUATING, organisation=job.wanted.suite.organisation)

    async def asked(call: Call) -> Reply:
        call = replace(call, identity=identity)
        call.account.pots = pots
        async with room:
            return await handle(call)

    return asked


class _Kept:
    """Results in memory, without what was said, and with no more of what holds than that it does."""

    def __init__(self) -> None:
        self.results: list[Result] = []

    def add(self, line: Result) -> None:
        failed = [mark for mark in line.marks if not mark.passed]
        self.results.append(replace(line, text="", tools=[], marks=failed))


def _subjects(job: Job) -> Subjects:
    if job.prompt is None:
        return PlainModels()
    library = load_sources(job.prompt)
    made = Prompts(library, Path())
    if not job.wanted.served:
        return made
    cell = job.wanted.cell
    return _AsServed(made, served(library.get(cell.prompt or "", cell.variant)), alone=cell.model is None)


class _AsServed:
    """A version of a prompt, rendered by the model that is asked, as it does for clients."""

    def __init__(self, prompts: Prompts, found: Served, *, alone: bool) -> None:
        self._prompts = prompts
        self._found = found
        self._alone = alone

    def request(self, cell: Cell, case: Case) -> Request:
        request = self._prompts.request(cell, case)
        body = {**case.config, "model": request.body["model"], "messages": list(case.messages)}
        found = self._found
        asked = Reference(found.name, digest=found.version)
        said = Prompting(inputs=case.inputs, context=case.context, found=found, reference=asked, alone=self._alone)
        return request._replace(body=body, said=said, seen=request.body)

    def place(self, cell: Cell) -> Place | None:
        return self._prompts.place(cell)


def _found(job: Job, results: list[Result]) -> Found:
    (summary,) = Sums.of(results).summaries()
    undecided = summary.errors + summary.unfinished
    if undecided > MOST_UNDECIDED * summary.cases:
        why = Counter(clean(each.error, 300) for each in results if each.error).most_common(1)
        raise CannotTest(
            f"{undecided} of {summary.cases} cases have no verdict{f': {why[0][0]}' if why else ''}"[:MOST_MESSAGE]
        )
    (told,) = told_of(job.id, job.began_us, results)
    answering: dict[str, set[str]] = {}
    for each in results:
        if each.answered_by:
            answering.setdefault(each.target, set()).add(each.answered_by)
    try:
        test: Any = msgspec.convert(told, NewTest, strict=False)
    except msgspec.ValidationError as error:
        raise CannotTest(f"what came of it cannot be kept: {error}") from None
    return Found(test, {target: sorted(names) for target, names in answering.items()})


def _no_room(tests: TestsConfig, told: str) -> str:
    budget = f"${tests.budget_usd} {'in all' if tests.period == 'total' else f'a {tests.period}'}"
    return f"the budget of tests, {budget}, has no room for a call: {told} It is prompts.tests.budget_usd."


def _line(error: BaseException) -> str:
    return clean(str(error), MOST_MESSAGE)
