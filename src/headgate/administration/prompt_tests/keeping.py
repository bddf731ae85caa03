"""Keeping what came of tests, and what later ones are held against."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import msgspec

from headgate.administration.acting import Act, Actor, Acts, within_organisation
from headgate.administration.problems import invalid
from headgate.administration.prompt_failures import tested
from headgate.administration.prompt_tests.outcomes import figures_of, held, sums_of, told
from headgate.administration.prompt_tests.views import Reason, TestView, test_view
from headgate.administration.requests import NewTest
from headgate.administration.values import microseconds
from headgate.config import Config
from headgate.errors import NotFound
from headgate.evals.comparison import CellComparison
from headgate.evals.tally import Sums
from headgate.prompts.reference import DIGEST
from headgate.storage.records import PromptTest
from headgate.storage.tables import PROMPT_TESTS, PROMPT_VERSIONS, Reader

WHAT = "what came of tests"

PRUNE_US = 3_600 * 1_000_000
"""How often tests that are too old are looked for."""

_DAY_US = 86_400_000_000

_PRUNE = (
    "DELETE FROM prompt_tests WHERE created_us < $1 AND NOT (verdict = 'baseline' AND (digest = '' OR EXISTS ("
    "SELECT 1 FROM prompt_labels l WHERE l.organisation = prompt_tests.organisation AND l.digest = prompt_tests.digest "
    "AND 'prompt:' || l.name = prompt_tests.subject AND l.archived_us IS NULL)) AND NOT EXISTS ("
    "SELECT 1 FROM prompt_tests b WHERE b.organisation = prompt_tests.organisation "
    "AND b.subject = prompt_tests.subject AND b.digest = prompt_tests.digest AND b.suite = prompt_tests.suite "
    "AND b.cell = prompt_tests.cell AND b.verdict = 'baseline' AND b.updated_us > prompt_tests.updated_us))"
)
"""All that is too old, but for what is held against: the baselines of models, and of versions that labels stand for."""


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


class Keeping:
    def __init__(self, acts: Acts, config: Callable[[], Config]) -> None:
        self._acts = acts
        self._config = config
        self._pruned_us = 0

    async def keep(self, actor: Actor, request: NewTest, ran: Ran | None = None) -> TestView:
        """Keep what came of tests. The first of a version at a cell is the baseline of those that follow. What is kept
        already stays as it is, but may become the baseline. `ran` says that the server ran them itself.

        Raises:
            Invalid: no such version is published.
        """
        within_organisation(actor, WHAT)
        subject = f"prompt:{request.prompt}" if request.prompt is not None else f"model:{request.cell}"
        sums = await asyncio.to_thread(sums_of, request.suite, request.cell, request.cases)
        async with self._acts.begin(actor) as act:
            digest = await self._digest(act.transaction, actor, request)
            of = {"subject": subject, "digest": digest, "suite": request.suite, "cell": request.cell}
            same, _ = await PROMPT_TESTS.list(act.transaction, actor.organisation, {**of, "run": request.run}, limit=1)
            if same:
                return test_view(await self._again(act, same[0], baseline=request.baseline))
            before = None if request.baseline else await self._baseline(act.transaction, actor, of)
            found = None if before is None else await asyncio.to_thread(held, before, request, sums)
            if before is not None and found is not None and _is_another(before, found, ran):
                before = found = None
            row = _row(act, request, of, sums, before, found, ran)
            await PROMPT_TESTS.insert(act.transaction, row)
            await tested(act.transaction, actor.organisation, **of)
            await self._prune(act)
            _record(act, row)
        return test_view(row)

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
            return test_view(await self._again(act, row, baseline=True))

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


def _is_another(before: PromptTest, found: CellComparison, ran: Ran | None) -> bool:
    """Whether a suite was published with other cases since its baseline, which there is no holding it against."""
    return ran is not None and found.verdict == "not_comparable" and before.figures.get("suite") != ran.suite


def _record(act: Act, row: PromptTest) -> None:
    said = {"run": row.run, "suite": row.suite, "cell": row.cell, "verdict": row.verdict}
    if (reason := row.figures.get("reason")) is not None:
        said["reason"] = reason
    act.record("prompts.test", row.subject, {**said, **({"version": row.digest} if row.digest else {})})


def _row(
    act: Act,
    request: NewTest,
    of: Mapping[str, str],
    sums: Sums,
    before: PromptTest | None,
    found: CellComparison | None,
    ran: Ran | None,
) -> PromptTest:
    return PromptTest(
        **act.common("test"),
        subject=of["subject"],
        digest=of["digest"],
        suite=of["suite"],
        cell=of["cell"],
        run=request.run,
        ran_us=microseconds(request.at),
        figures={**figures_of(request, sums), **({} if ran is None else msgspec.to_builtins(ran))},
        verdict="baseline" if found is None else found.verdict,
        baseline=None if before is None else before.id,
        comparison={} if found is None else told(found),
        cases=[msgspec.to_builtins(each) for each in request.cases],
        posted_by=act.actor.name,
    )
