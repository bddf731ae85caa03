"""What came of tests of released prompts and of models, each held against what came of the same before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from headgate.administration.acting import Act, Actor, Acts, Ports, within_organisation
from headgate.administration.problems import invalid
from headgate.administration.prompt_failures import tested
from headgate.administration.register import page
from headgate.administration.requests import CaseTold, NewTest, TestListing
from headgate.administration.values import microseconds, moment
from headgate.administration.views import Page
from headgate.config import Config
from headgate.errors import NotFound
from headgate.evals.comparison import CellComparison, compare
from headgate.evals.runs import Result
from headgate.evals.tally import Sums
from headgate.prompts.reference import DIGEST
from headgate.stats.intervals import Interval
from headgate.storage.records import PromptTest
from headgate.storage.tables import PROMPT_TESTS, PROMPT_VERSIONS, Reader

WHAT = "what came of tests"

ALPHA = 0.005
"""How likely a run is told to be worse where nothing has changed. A nightly run is told so twice a year at the most."""

MOST_WORSE = 10
"""Cases that are named."""

KNOWN_DAYS = 90
"""Days after which a test is not told of as the newest any more."""

PRUNE_US = 3_600 * 1_000_000
"""How often tests that are too old are looked for."""

_DAY_US = 86_400_000_000

Reason = Literal["posted", "released", "model_changed", "retiring", "suite_changed", "schedule"]
"""Why something was tested."""


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """What the server knows of a run of its own."""

    reason: Reason
    suite: str
    """The digest of the suite."""
    models: str
    """A digest of what the configuration says of the models that were asked."""
    answering: dict[str, list[str]]
    """By target, what the vendor called the models that answered."""
    retiring: list[str]
    """The last days of models it is answered by, those that were near."""


class WorseView(msgspec.Struct, frozen=True, kw_only=True):
    """A case that came out worse."""

    case: str
    before: float
    """The share of answers that passed."""
    after: float
    reason: str


class SidesView(msgspec.Struct, frozen=True, kw_only=True):
    """One suite at one cell, as its newest tests of two versions came out."""

    suite: str
    cell: str
    before: TestView | None
    """Null where that version was not tested so."""
    after: TestView | None
    verdict: Literal["no_difference", "regression", "improvement", "not_comparable"] | None
    """Of the second against the first, case by case; null where one is missing."""
    pairs: int
    """Cases that are the same in both."""
    difference: float | None
    """In the share that passes, over those."""
    difference_low: float | None
    difference_high: float | None


class TestView(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one suite at one cell."""

    id: str
    prompt: str | None
    """Null where a model was tested."""
    version: str | None
    model: str | None
    suite: str
    cell: str
    run: str
    at: datetime
    cases: int
    passed: int
    failed: int
    undecided: int
    """Cases without a verdict: there was no answer."""
    pass_rate: float | None
    """The share of answers that passed, averaged over cases."""
    low: float | None
    """With 95 % confidence, for cases like these."""
    high: float | None
    cost_usd: str | None
    p95_ms: float | None
    answered_by: list[str]
    """Models that answered, as vendors call them."""
    reason: Reason
    """Why it was tested: `posted` where somebody did, else what made the server test it."""
    verdict: Literal["baseline", "no_difference", "regression", "improvement", "not_comparable"]
    baseline: str | None
    """The id of what it was held against."""
    difference: float | None
    """In the share that passes, against the baseline."""
    difference_low: float | None
    difference_high: float | None
    chance: float | None
    """How likely so large a drop would be if nothing had changed."""
    worse: list[WorseView]
    """The worst cases first."""
    posted_by: str


class PromptTests:
    def __init__(self, ports: Ports, acts: Acts, config: Callable[[], Config]) -> None:
        self._ports = ports
        self._acts = acts
        self._config = config
        self._pruned_us = 0

    async def list(self, actor: Actor, request: TestListing) -> Page[TestView]:
        """From the oldest on."""
        filters: dict[str, str | int | None] = {}
        for kind in ("prompt", "model"):
            if (name := getattr(request, kind)) is not None:
                filters["subject"] = f"{kind}:{name}"
        rows, cursor = await page(
            PROMPT_TESTS, self._ports.database, actor.organisation, request, filters, request.cursor
        )
        return Page([_view(row) for row in rows], cursor)

    async def standing(self, actor: Actor, kind: Literal["prompt", "model"], since_us: int = 0) -> Sequence[TestView]:
        """The newest of each suite at each cell and of each version, of all prompts or of all models, by their names;
        of those alone that were kept since some time.
        """
        since = () if since_us == 0 else (since_us,)
        statement = _STANDING.format("AND created_us >= $3" if since else "")
        rows = await self._ports.database.fetch(statement, actor.organisation, kind, *since)
        return [_view(PROMPT_TESTS.decode(row)) for row in rows]

    async def sides(self, actor: Actor, name: str, before: str, after: str) -> Sequence[SidesView]:
        """What came of the newest tests of two versions, side by side.

        Args:
            before, after: whole versions of the prompt.
        """
        one, two = [await self._by_place(actor, f"prompt:{name}", digest) for digest in (before, after)]
        places = sorted({*one, *two})[:MOST_SIDES]
        return await asyncio.to_thread(lambda: [_sides(*at, one.get(at), two.get(at)) for at in places])

    async def _by_place(self, actor: Actor, subject: str, digest: str) -> Mapping[tuple[str, str], PromptTest]:
        """The newest tests of a version, by suite and cell."""
        rows = await self._ports.database.fetch(_OF_VERSION, actor.organisation, subject, digest)
        return {(row.suite, row.cell): row for row in map(PROMPT_TESTS.decode, rows)}

    async def latest(self, actor: Actor, subject: str, most: int) -> Sequence[TestView]:
        """The newest of a prompt or model, from the oldest of them on."""
        rows = await self._ports.database.fetch(
            f"SELECT {_WITHOUT_CASES} FROM prompt_tests "  # noqa: S608
            "WHERE organisation = $1 AND subject = $2 ORDER BY created_us DESC, id DESC LIMIT $3",
            actor.organisation,
            subject,
            most,
        )
        return [_view(PROMPT_TESTS.decode(row)) for row in reversed(rows)]

    async def keep(self, actor: Actor, request: NewTest, ran: Ran | None = None) -> TestView:
        """Keep what came of tests. The first of a version at a cell is the baseline of those that follow. What is kept
        already stays as it is, but may become the baseline. `ran` says that the server ran them itself.

        Raises:
            Invalid: no such version is published.
        """
        within_organisation(actor, WHAT)
        subject = f"prompt:{request.prompt}" if request.prompt is not None else f"model:{request.cell}"
        sums = await asyncio.to_thread(_sums, request.suite, request.cell, request.cases)
        async with self._acts.begin(actor) as act:
            digest = await self._digest(act.transaction, actor, request)
            of = {"subject": subject, "digest": digest, "suite": request.suite, "cell": request.cell}
            same, _ = await PROMPT_TESTS.list(act.transaction, actor.organisation, {**of, "run": request.run}, limit=1)
            if same:
                return _view(await self._again(act, same[0], baseline=request.baseline))
            before = None if request.baseline else await self._baseline(act.transaction, actor, of)
            found = None if before is None else await asyncio.to_thread(_held, before, request, sums)
            if before is not None and found is not None and _is_another(before, found, ran):
                before = found = None
            row = _row(act, request, of, sums, before, found, ran)
            await PROMPT_TESTS.insert(act.transaction, row)
            await tested(act.transaction, actor.organisation, **of)
            await self._prune(act)
            _record(act, row)
        return _view(row)

    async def accept(self, actor: Actor, id: str) -> TestView:
        """Hold later tests against this one: it is accepted that answers are as it found them.

        Raises:
            NotFound: there is none of that id.
        """
        within_organisation(actor, WHAT)
        async with self._acts.begin(actor) as act:
            row = await PROMPT_TESTS.get(act.transaction, actor.organisation, id)
            if row is None:
                raise NotFound(f"There is no test '{id[:100]}'.")
            return _view(await self._again(act, row, baseline=True))

    async def _prune(self, act: Act) -> None:
        """Delete what is too old, now and then."""
        if act.at_us - self._pruned_us >= PRUNE_US:
            self._pruned_us = act.at_us
            await act.transaction.execute(_PRUNE, act.at_us - self._config().prompts.keep_tests_days * _DAY_US)

    async def _again(self, act: Act, row: PromptTest, *, baseline: bool) -> PromptTest:
        """What is kept already, which may be the baseline from now on."""
        if not baseline or row.verdict == "baseline":
            return row
        changed = act.changed(row, verdict="baseline", baseline=None, comparison={})
        changed = await PROMPT_TESTS.update(act.transaction, changed)
        _record(act, changed)
        return changed

    async def _digest(self, reader: Reader, actor: Actor, request: NewTest) -> str:
        """The whole version that was tested; empty for a model."""
        if request.prompt is None or request.version is None:
            return ""
        whole = DIGEST.fullmatch(request.version)
        at = {"name": request.prompt, "digest": "" if whole is None else whole[1]}
        if not (await PROMPT_VERSIONS.list(reader, actor.organisation, at, limit=1))[0]:
            what = f"'{request.prompt[:100]}@{request.version[:12]}'"
            raise invalid("version", f"is none that is published: there is no {what}; publish it first", "not_found")
        return at["digest"]

    async def _baseline(self, reader: Reader, actor: Actor, of: Mapping[str, str]) -> PromptTest | None:
        rows = await reader.fetch(
            f"SELECT {', '.join(PROMPT_TESTS.columns)} FROM prompt_tests "  # noqa: S608
            "WHERE organisation = $1 AND subject = $2 AND digest = $3 AND suite = $4 AND cell = $5 "
            "AND verdict = 'baseline' ORDER BY updated_us DESC, created_us DESC, id DESC LIMIT 1",
            actor.organisation,
            *of.values(),
        )
        return PROMPT_TESTS.decode(rows[0]) if rows else None


async def newest(reader: Reader, organisation: str, now_us: int) -> Sequence[TestView]:
    """The newest test of every suite, version and cell, but for those of long ago."""
    rows = await reader.fetch(_NEWEST, organisation, now_us - KNOWN_DAYS * _DAY_US)
    return [_view(PROMPT_TESTS.decode(row)) for row in rows]


async def last(
    reader: Reader, organisation: str, subject: str, digest: str, suite: str, cell: str
) -> PromptTest | None:
    """The newest test of one suite at one version and cell, without its cases."""
    rows = await reader.fetch(_LAST, organisation, subject, digest, suite, cell)
    return PROMPT_TESTS.decode(rows[0]) if rows else None


# ruff: disable[S608] nothing of these comes from anywhere else
_LISTED = ", ".join("'[]' AS cases" if column == "cases" else column for column in PROMPT_TESTS.columns)
_LAST = (
    f"SELECT {_LISTED} FROM prompt_tests WHERE organisation = $1 AND subject = $2 AND digest = $3 AND suite = $4 "
    "AND cell = $5 ORDER BY created_us DESC, id DESC LIMIT 1"
)
_NEWEST = (
    f"SELECT {', '.join(PROMPT_TESTS.columns)} FROM (SELECT {_LISTED}, row_number() OVER (PARTITION BY subject, "
    "digest, suite, cell ORDER BY created_us DESC, id DESC) AS place FROM prompt_tests WHERE organisation = $1 "
    "AND created_us >= $2) AS ranked WHERE place = 1 ORDER BY subject, suite, cell, created_us"
)
# ruff: enable[S608]

_PRUNE = (
    "DELETE FROM prompt_tests WHERE created_us < $1 AND NOT (verdict = 'baseline' AND (digest = '' OR EXISTS ("
    "SELECT 1 FROM prompt_labels l WHERE l.organisation = prompt_tests.organisation AND l.digest = prompt_tests.digest "
    "AND 'prompt:' || l.name = prompt_tests.subject AND l.archived_us IS NULL)) AND NOT EXISTS ("
    "SELECT 1 FROM prompt_tests b WHERE b.organisation = prompt_tests.organisation "
    "AND b.subject = prompt_tests.subject AND b.digest = prompt_tests.digest AND b.suite = prompt_tests.suite "
    "AND b.cell = prompt_tests.cell AND b.verdict = 'baseline' AND b.updated_us > prompt_tests.updated_us))"
)
"""All that is too old, but for what is held against: the baselines of models, and of versions that labels stand for."""


def _is_another(before: PromptTest, found: CellComparison, ran: Ran | None) -> bool:
    """Whether a suite was published with other cases since its baseline, which there is no holding it against."""
    return ran is not None and found.verdict == "not_comparable" and before.figures.get("suite") != ran.suite


def _record(act: Act, row: PromptTest) -> None:
    told = {"run": row.run, "suite": row.suite, "cell": row.cell, "verdict": row.verdict}
    if (reason := row.figures.get("reason")) is not None:
        told["reason"] = reason
    act.record("prompts.test", row.subject, {**told, **({"version": row.digest} if row.digest else {})})


def _sums(suite: str, cell: str, cases: Sequence[CaseTold]) -> Sums:
    """What came of cases, as runs have it."""
    sums = Sums()
    for each in cases:
        common: dict[str, Any] = {
            "suite": suite, "cell": cell, "case": each.case, "of": each.of, "needed": each.needed,
            "decided": each.decided, "key": "", "subject": each.subject, "file": "",
        }  # fmt: skip
        for repeat, passed in enumerate(each.tries):
            sums.add(Result(repeat=repeat, passed=passed, score=float(passed), **common))
        if not each.tries:
            sums.add(Result(repeat=0, error=each.reason, **common))
        elif each.reason:
            sums.cases[suite, cell, each.case].reasons = [each.reason]
    return sums


def _held(before: PromptTest, request: NewTest, sums: Sums) -> CellComparison:
    cases = msgspec.convert(before.cases, list[CaseTold])
    return compare(_sums(request.suite, request.cell, cases), sums, alpha=ALPHA).cells[0]


MOST_SIDES = 20
"""Suites at a cell that are held against each other at once."""

# ruff: disable[S608] nothing of these comes from anywhere else
_WITHOUT_CASES = ", ".join("'[]' AS cases" if name == "cases" else name for name in PROMPT_TESTS.columns)
"""What views are made of: cases are by far the most of a row, and only what is held against it needs them."""

_STANDING = (
    f"SELECT {_WITHOUT_CASES} FROM prompt_tests WHERE id IN (SELECT id FROM (SELECT id, row_number() OVER ("
    "PARTITION BY subject, digest, suite, cell ORDER BY created_us DESC, id DESC) AS place FROM prompt_tests "
    "WHERE organisation = $1 AND substr(subject, 1, length($2)) = $2 {}) AS ranked WHERE place = 1) "
    "ORDER BY subject, suite, cell, created_us DESC"
)
"""By ids first, which an index has: rows are large, and most of them are old."""

_OF_VERSION = (
    f"SELECT {', '.join(PROMPT_TESTS.columns)} FROM prompt_tests WHERE id IN (SELECT id FROM (SELECT id, row_number() "
    "OVER (PARTITION BY suite, cell ORDER BY created_us DESC, id DESC) AS place FROM prompt_tests "
    "WHERE organisation = $1 AND subject = $2 AND digest = $3) AS ranked WHERE place = 1)"
)
# ruff: enable[S608]


def _sides(suite: str, cell: str, before: PromptTest | None, after: PromptTest | None) -> SidesView:
    found: CellComparison | None = None
    if before is not None and after is not None:
        one, two = (_sums(suite, cell, msgspec.convert(each.cases, list[CaseTold])) for each in (before, after))
        found = compare(one, two).cells[0]
    difference = _interval(None if found is None else found.difference)
    return SidesView(
        suite=suite,
        cell=cell,
        before=None if before is None else _view(before),
        after=None if after is None else _view(after),
        verdict=None if found is None else found.verdict,
        pairs=0 if found is None else found.pairs,
        difference=difference[0],
        difference_low=difference[1],
        difference_high=difference[2],
    )


def _row(
    act: Act,
    request: NewTest,
    of: Mapping[str, str],
    sums: Sums,
    before: PromptTest | None,
    found: CellComparison | None,
    ran: Ran | None,
) -> PromptTest:
    summary = sums.summaries()[0]
    return PromptTest(
        **act.common("test"),
        subject=of["subject"],
        digest=of["digest"],
        suite=of["suite"],
        cell=of["cell"],
        run=request.run,
        ran_us=microseconds(request.at),
        figures={
            "cases": summary.cases,
            "passed": summary.passed,
            "failed": summary.failed,
            "undecided": summary.errors + summary.unfinished,
            "pass_rate": _interval(summary.pass_rate),
            "cost_usd": request.cost_usd,
            "p95_ms": request.p95_ms,
            "answered_by": sorted(set(request.answered_by)),
            **({} if ran is None else msgspec.to_builtins(ran)),
        },
        verdict="baseline" if found is None else found.verdict,
        baseline=None if before is None else before.id,
        comparison={} if found is None else _told(found),
        cases=[msgspec.to_builtins(each) for each in request.cases],
        posted_by=act.actor.name,
    )


def _told(found: CellComparison) -> dict[str, Any]:
    return {
        "difference": _interval(found.difference),
        "chance": found.chance,
        "worse": [
            {"case": each.case, "before": each.before, "after": each.after, "reason": "; ".join(each.reasons)[:1000]}
            for each in found.cases[:MOST_WORSE]
        ],
    }


def _interval(found: Interval | None) -> list[float | None]:
    """The estimate and its bounds; None for what is not known."""
    values = (None, None, None) if found is None else (found.estimate, found.low, found.high)
    return [None if each is None or each != each else each for each in values]


def _view(row: PromptTest) -> TestView:
    kind, _, name = row.subject.partition(":")
    figures, comparison = row.figures, row.comparison
    rate, difference = figures["pass_rate"], comparison.get("difference") or (None, None, None)
    return TestView(
        id=row.id,
        prompt=name if kind == "prompt" else None,
        version=row.digest or None,
        model=name if kind == "model" else None,
        suite=row.suite,
        cell=row.cell,
        run=row.run,
        at=moment(row.ran_us),
        cases=figures["cases"],
        passed=figures["passed"],
        failed=figures["failed"],
        undecided=figures["undecided"],
        pass_rate=rate[0],
        low=rate[1],
        high=rate[2],
        cost_usd=figures.get("cost_usd"),
        p95_ms=figures.get("p95_ms"),
        answered_by=figures.get("answered_by", []),
        reason=figures.get("reason", "posted"),
        verdict=row.verdict,
        baseline=row.baseline,
        difference=difference[0],
        difference_low=difference[1],
        difference_high=difference[2],
        chance=comparison.get("chance"),
        worse=[WorseView(**each) for each in comparison.get("worse", ())],
        posted_by=row.posted_by,
    )
