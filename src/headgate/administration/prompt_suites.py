"""Suites of tests that the server runs by itself: published, listed with how they stand, withdrawn."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from headgate.administration.acting import Act, Actor, Acts, Ports, within_organisation
from headgate.administration.problems import Invalid, invalid, problem
from headgate.administration.prompt_failures import failures, withdrawn
from headgate.administration.prompt_tests import TestView, newest
from headgate.administration.register import page
from headgate.administration.requests import NewSuite, SuiteListing
from headgate.administration.values import moment
from headgate.administration.views import Page
from headgate.errors import Conflict, NotFound
from headgate.evals.case import Suite
from headgate.evals.problems import BadTests
from headgate.storage.records import PromptSuite, PromptSuiteOutline, PromptTestFailure
from headgate.storage.tables import PROMPT_SUITE_OUTLINES, PROMPT_SUITES

if TYPE_CHECKING:
    from headgate.evals.publishing import Published

WHAT = "what is tested"

MAX_SUITES = 1_000
"""Of one organisation."""


class TestedView(msgspec.Struct, frozen=True, kw_only=True):
    """What a suite tests: a prompt at a model, or a model."""

    prompt: str | None
    """With its variant; null where a model is tested."""
    model: str | None
    """Null for the prompt's own."""


class FailureView(msgspec.Struct, frozen=True, kw_only=True):
    """What could not be tested, and has not been since."""

    prompt: str | None
    version: str | None
    model: str | None
    cell: str
    message: str
    reason: str
    """Why it was to be tested."""
    times: int
    since: datetime
    at: datetime
    """When it was tried last."""


class SuiteView(msgspec.Struct, frozen=True, kw_only=True):
    """One suite."""

    id: str
    name: str
    file: str
    digest: str
    """SHA-256 of all it is made of."""
    tests: list[TestedView]
    cases: int
    bytes: int
    """Of its texts, data included."""
    git_commit: str | None
    published_by: str
    published_at: datetime
    """When it last was another one."""
    newest: list[TestView]
    """What came of it last, for each version and model."""
    failures: list[FailureView]


class SuitePublishedView(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a suite that was published."""

    name: str
    digest: str
    tests: list[TestedView]
    cases: int
    created: bool
    """Whether there was none of that name."""
    changed: bool
    """False where it was that very one already."""


class PromptSuites:
    def __init__(self, ports: Ports, acts: Acts) -> None:
        self._ports = ports
        self._acts = acts

    async def list(self, actor: Actor, request: SuiteListing) -> Page[SuiteView]:
        """From the oldest on."""
        database = self._ports.database
        filters = {} if request.name is None else {"name": request.name}
        rows, cursor = await page(PROMPT_SUITE_OUTLINES, database, actor.organisation, request, filters, request.cursor)
        tests: dict[str, list[TestView]] = {}
        for each in await newest(database, actor.organisation, self._ports.clock.now_us()):
            tests.setdefault(each.suite, []).append(each)
        failing: dict[str, list[PromptTestFailure]] = {}
        for failure in await failures(database, actor.organisation):
            failing.setdefault(failure.suite, []).append(failure)
        found = [_view(row, tests.get(row.name, ()), failing.get(row.name, ())) for row in rows]
        return Page(found, cursor)

    async def publish(self, actor: Actor, request: NewSuite) -> SuitePublishedView:
        """Have a suite run by the server from now on, in place of the one of that name.

        Raises:
            Invalid: with every mistake in it, and what of it would run code.
            Conflict: there are too many.
        """
        within_organisation(actor, WHAT)
        wanted, suite = await asyncio.to_thread(_read, request)
        async with self._acts.begin(actor) as act:
            named = {"name": wanted.name}
            there, _ = await PROMPT_SUITE_OUTLINES.list(
                act.transaction, actor.organisation, named, limit=1, archived=True
            )
            before = there[0] if there else None
            created = before is None or before.archived_us is not None
            changed = created or before is None or before.digest != wanted.digest
            if created:
                await self._check_room(act)
            if changed:
                await _put(act, before, _row(act, wanted, suite, request.git_commit))
            return SuitePublishedView(
                name=wanted.name,
                digest=wanted.digest,
                tests=_tested(_cells(suite)),
                cases=len(suite.cases),
                created=created,
                changed=changed,
            )

    async def withdraw(self, actor: Actor, id: str) -> SuiteView:
        """Have a suite run no more. What came of it stays.

        Raises:
            NotFound: there is none of that id.
        """
        within_organisation(actor, WHAT)
        async with self._acts.begin(actor) as act:
            row = await PROMPT_SUITE_OUTLINES.get(act.transaction, actor.organisation, id)
            if row is None or row.archived_us is not None:
                raise NotFound(f"There is no suite '{id[:100]}'.")
            row = await PROMPT_SUITE_OUTLINES.update(act.transaction, act.changed(row, archived_us=act.at_us))
            await withdrawn(act.transaction, actor.organisation, row.name)
            act.record("prompts.suite.withdraw", f"suite:{row.name}", {"digest": row.digest})
        return _view(row, (), ())

    async def _check_room(self, act: Act) -> None:
        rows = await act.transaction.fetch(
            "SELECT count(*) FROM prompt_suites WHERE organisation = $1 AND archived_us IS NULL",
            act.actor.organisation,
        )
        if rows[0][0] >= MAX_SUITES:
            raise Conflict(
                f"There are {MAX_SUITES:,} suites already; withdraw one, or put cases into one that is there."
            )


async def _put(act: Act, before: PromptSuiteOutline | None, row: PromptSuite) -> None:
    """Keep a suite, in the place of the one that was there."""
    if before is None:
        await PROMPT_SUITES.insert(act.transaction, row)
    else:
        await PROMPT_SUITES.update(act.transaction, replace(row, id=before.id, version=before.version))
    told = {"digest": row.digest, "git_commit": row.git_commit, "cases": row.cases}
    act.record("prompts.suite.publish", f"suite:{row.name}", {name: each for name, each in told.items() if each})


def _row(act: Act, wanted: Published, suite: Suite, git_commit: str | None) -> PromptSuite:
    asks = {judge.model for judge in suite.judges.values()} | ({suite.embeddings} if suite.embeddings else set())
    return PromptSuite(
        **act.common("suite"),
        name=wanted.name,
        digest=wanted.digest,
        file=wanted.file,
        prompts=wanted.prompts,
        sources=wanted.sources,
        bytes=wanted.bytes,
        cells=_cells(suite),
        asks=sorted(asks),
        cases=len(suite.cases),
        git_commit=git_commit,
        published_by=act.actor.name,
    )


def _read(request: NewSuite) -> tuple[Published, Suite]:
    """A suite as it can be run.

    Raises:
        Invalid: it cannot be.
    """
    from headgate.evals.publishing import ENDINGS, MAX_BYTES, Published, places_of  # tests are for who publishes some

    problems = [
        problem(("sources", place), "invalid_value", "is no place of a file; write folder/name")
        for place in places_of(request.sources)
    ]
    if problems:
        raise Invalid(problems)
    if request.file not in request.sources or not request.file.endswith(ENDINGS):
        raise invalid("file", "is none of the sources, or no test file, whose name ends in .test.yaml")
    made = Published(name=request.name, file=request.file, prompts=request.prompts, sources=request.sources)
    if made.bytes > MAX_BYTES:
        raise invalid("sources", f"are {made.bytes:,} bytes, and {MAX_BYTES:,} at the most; name fewer cases")
    try:
        return made, made.suite()
    except BadTests as error:
        raise Invalid(
            [
                problem(
                    ("sources", each.place.file),
                    "invalid_value",
                    f"at {each.place.line}:{each.place.column}: {each.message}",
                )
                for each in error.problems
            ]
        ) from None


def _cells(suite: Suite) -> list[Any]:
    return [msgspec.to_builtins(each) for each in suite.cells]


def _tested(cells: Sequence[Any]) -> list[TestedView]:
    return [
        TestedView(
            prompt=".".join(each[part] for part in ("prompt", "variant") if each[part]) or None, model=each["model"]
        )
        for each in cells
    ]


def _view(row: PromptSuiteOutline, tests: Sequence[TestView], failing: Sequence[PromptTestFailure]) -> SuiteView:
    return SuiteView(
        id=row.id,
        name=row.name,
        file=row.file,
        digest=row.digest,
        tests=_tested(row.cells),
        cases=row.cases,
        bytes=row.bytes,
        git_commit=row.git_commit,
        published_by=row.published_by,
        published_at=moment(row.updated_us),
        newest=list(tests),
        failures=[_failure(each) for each in failing],
    )


def _failure(row: PromptTestFailure) -> FailureView:
    kind, _, name = row.subject.partition(":")
    return FailureView(
        prompt=name if kind == "prompt" else None,
        version=row.digest or None,
        model=name if kind == "model" else None,
        cell=row.cell,
        message=row.message,
        reason=row.reason,
        times=row.times,
        since=moment(row.since_us),
        at=moment(row.at_us),
    )
