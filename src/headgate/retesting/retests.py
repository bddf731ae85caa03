"""The loop of one process: who leads tests what is due, one thing after the other, and keeps what comes of it."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import NamedTuple

import msgspec

from headgate.administration import Administration
from headgate.administration.acting import Actor
from headgate.administration.prompt_failures import failed, failures, tested
from headgate.administration.prompt_tests import Ran, Reason, last
from headgate.alerts.config import PromptRule
from headgate.alerts.retiring import going
from headgate.alerts.rules import configured
from headgate.config import Config
from headgate.config.retirements import Retiring
from headgate.errors import HeadgateError, StoreUnavailable
from headgate.evals.fingerprints import fingerprint_of, label_of
from headgate.evals.publishing import Published
from headgate.prompts.config import TestsConfig
from headgate.prompts.upkeep import Upkeeps
from headgate.retesting.apart import Apart, Handle
from headgate.retesting.asking import MOST_MESSAGE, CannotTest, Found, Job, asked
from headgate.retesting.due import Failed, Last, Now, due, last_of
from headgate.retesting.wanted import Label, Suite, Wanted, suite_of, wanted
from headgate.storage.lease import leads
from headgate.storage.records import PromptTestFailure
from headgate.storage.tables import MAX_PAGE, PROMPT_SUITE_OUTLINES, PROMPT_SUITES, PROMPT_VERSIONS
from headgate.telemetry.metrics import Level
from headgate.types import Identity

log = logging.getLogger("headgate.tests")

EVERY_S = 30.0
"""How often it is looked what is due."""

LEASE_US = 60 * 1_000_000
"""How long another process waits for one that runs tests and says nothing."""

RENEWED_S = 15.0

LONGEST_S = 3_600.0
"""Longest time one suite may take at one cell."""

ORDER: Sequence[Reason] = ("released", "suite_changed", "model_changed", "retiring", "schedule")
"""What is tested first."""

SYSTEM = "system"
"""Who acts, in the audit log."""

Answering = Callable[[], Mapping[str, AbstractSet[str]]]
"""By target, what its vendor called the models that answered lately."""


class Due(NamedTuple):
    """Something that is to be tested now."""

    wanted: Wanted
    reason: Reason
    now: Now


class Retests:
    """The server's own running of tests, for one process."""

    def __init__(
        self,
        administration: Administration,
        owner: str,
        ask: Handle,
        answering: Answering,
        ready: Callable[[], bool],
    ) -> None:
        """`ask` makes calls; `ready` says whether this process still is to begin anything."""
        self._administration = administration
        self._database = administration.ports.database
        self._clock = administration.ports.clock
        self._owner = owner
        self._ask = ask
        self._answering = answering
        self._ready = ready
        self._upkeeps = Upkeeps()
        self._until_us = 0
        """Until when this process leads."""
        self.ran = 0
        self.worse = 0
        self.failed = 0
        self.due = 0

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                await self.turn()
            except StoreUnavailable as error:
                log.debug("tests wait for the database: %s", error.message)
            except Exception:
                log.exception("tests cannot be run, it is tried again")

    async def turn(self) -> int:
        """Test all that is due, if this process is the one to; how much that was.

        Raises:
            StoreUnavailable: the database cannot be reached.
        """
        tests = self._config.prompts.tests
        if tests is None or not self._ready() or not await self._leads():
            self.due = 0
            return 0
        work = asyncio.create_task(self._round())
        try:
            while not (await asyncio.wait([work], timeout=RENEWED_S))[0]:
                if not await self._still_leads():
                    log.warning("another process runs the tests from now on")
                    return 0
            return work.result()
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    def levels(self) -> list[Level]:
        """How it is doing, for Prometheus."""
        return [
            Level("headgate_prompt_tests_run_total", "Suites this process has run at a version and model", self.ran),
            Level("headgate_prompt_tests_worse_total", "Of these, those that came out worse, beyond noise", self.worse),
            Level("headgate_prompt_tests_failed_total", "Suites this process could not run", self.failed),
            Level("headgate_prompt_tests_due", "Suites, each at a version and model, that are to be run now", self.due),
        ]

    @property
    def _config(self) -> Config:
        return self._administration.config()

    # ── who ──

    async def _leads(self) -> bool:
        now_us = self._clock.now_us()
        if not await leads(self._database, "prompt_test_lease", self._owner, now_us, now_us + LEASE_US):
            return False
        self._until_us = now_us + LEASE_US
        return True

    async def _still_leads(self) -> bool:
        """Whether nobody else does. While the database is away, nobody else can before the lease is over."""
        try:
            return await self._leads()
        except StoreUnavailable:
            return self._clock.now_us() < self._until_us

    # ── what ──

    async def _round(self) -> int:
        number = 0
        tried: set[tuple[str, str, str, str, str]] = set()
        while self._ready() and (tests := self._config.prompts.tests) is not None:
            found = [each for each in await self._all_due(tests) if each.wanted.place not in tried]
            self.due = len(found)
            if not found:
                break
            tried.add(found[0].wanted.place)  # whatever comes of it, once in a round
            number += await self._test(found[0], tests)
        return number

    async def _all_due(self, tests: TestsConfig) -> list[Due]:
        """What is to be tested, the most pressing first."""
        config, rules = self._config, _rules(self._config)
        suites = await self._suites()
        labels = await self._database.fetch(_LABELS)
        released = {label for rule in rules for label in rule.labels}
        every = list(wanted(suites, [Label(*row) for row in labels], released, config))
        failing = await self._failures({each.place for each in every})
        answering, found, known = self._answering(), list[tuple[int, int, Due]](), dict[str, str]()
        for each in every:
            row = await last(self._database, *each.place)
            standing = Last() if row is None else last_of(row.figures, row.ran_us)
            now = await self._now(each, rules, standing, answering, known)
            reason = due(
                "\0".join(each.place), standing, failing.get(each.place), now,
                every_s=tests.every_s, on_change=tests.on_change,
            )  # fmt: skip
            if reason is not None:
                found.append((ORDER.index(reason), standing.ran_us or 0, Due(each, reason, now)))
        return [each for *_, each in sorted(found, key=lambda one: one[:2])]

    async def _suites(self) -> list[Suite]:
        found: list[Suite] = []
        cursor: str | None = None
        while True:
            rows, cursor = await PROMPT_SUITE_OUTLINES.list(self._database, None, cursor=cursor, limit=MAX_PAGE)
            found += [suite_of(row) for row in rows]
            if cursor is None:
                return found

    async def _failures(self, places: AbstractSet[tuple[str, str, str, str, str]]) -> Mapping[tuple[str, ...], Failed]:
        """What could not be tested, by where tests of it are kept. What is not wanted any more is forgotten."""
        found: dict[tuple[str, ...], Failed] = {}
        for each in await failures(self._database):
            place = each.organisation, each.subject, each.digest, each.suite, each.cell
            if place in places:
                found[place] = Failed(each.at_us, each.times, each.state)
            else:
                async with self._database.transaction() as transaction:
                    await tested(transaction, *place)
        return found

    async def _now(
        self,
        each: Wanted,
        rules: Sequence[PromptRule],
        standing: Last,
        answering: Mapping[str, AbstractSet[str]],
        known: dict[str, str],
    ) -> Now:
        """How things stand. `known` has the digests of models that were asked for before."""
        models = await self._models(each)
        targets = {target for model in models for target in _targets(self._config, model)}
        names = {*models, *targets, *(name for said in standing.answering.values() for name in said)}
        now_us = self._clock.now_us()
        today, known_days = datetime.fromtimestamp(now_us / 1e6, UTC).date(), Retiring(self._config)
        return Now(
            us=now_us,
            suite=each.suite.digest,
            models=_digest(self._config, models, known),
            answering=answering,
            retiring=sorted({day for rule in rules for day in _retiring(names, rule, known_days, today)}),
        )

    async def _models(self, each: Wanted) -> list[str]:
        """The models that something asks: what is tested, the prompt's own where that may answer, judges."""
        found = [] if each.cell.model is None else [each.cell.model]
        asked = self._config.models.get(each.cell.model or "")
        if each.prompt is not None and (asked is None or not asked.targets):
            sources: Mapping[str, str] | None = None
            if self._upkeeps.missing(each.prompt, each.digest):
                sources = await self._sources(each)
            upkeep = await asyncio.to_thread(self._upkeeps.of, each.prompt, each.digest, sources)
            found += [upkeep.model] if upkeep.model is not None else []
        return [*found, *each.suite.asks]

    async def _sources(self, each: Wanted) -> Mapping[str, str] | None:
        at = {"name": each.prompt, "digest": each.digest}
        versions, _ = await PROMPT_VERSIONS.list(self._database, each.suite.organisation, at, limit=1)
        return versions[0].sources if versions else None

    # ── testing ──

    async def _test(self, one: Due, tests: TestsConfig) -> int:
        """Test one thing, and keep what comes of it. Of a process that is about to stop nothing is kept: what fails
        then tells nothing, and whoever leads next begins anew.
        """
        try:
            found = await self._found(one, tests)
            if not self._ready():
                return 0
            await self._keep(one, found)
        except StoreUnavailable:
            raise
        except (CannotTest, HeadgateError) as error:
            await self._failed(one, error.message if isinstance(error, HeadgateError) else str(error))
        except Exception as error:  # whatever goes wrong with one of them, it is told, and the others have their turn
            log.exception("%s could not be tested", one.wanted.told)
            await self._failed(one, f"{type(error).__name__}, which the server's log explains")
        return 1

    async def _found(self, one: Due, tests: TestsConfig) -> Found:
        each = one.wanted
        row = await PROMPT_SUITES.get(self._database, each.suite.organisation, each.suite.id)
        if row is None or row.digest != each.suite.digest:
            raise CannotTest("the suite has been published anew meanwhile")
        sources = None if each.prompt is None else await self._sources(each)
        if each.prompt is not None and sources is None:
            raise CannotTest("the version is not there any more")
        job = Job(
            id=f"srv-{datetime.fromtimestamp(one.now.us / 1e6, UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(4)}",
            began_us=one.now.us,
            wanted=each,
            suite=Published(name=row.name, file=row.file, beside=row.beside, sources=row.sources),
            prompt=sources,
            config=self._config,
            tests=tests,
        )
        log.info("testing %s: %s", each.told, one.reason)
        try:
            async with asyncio.timeout(LONGEST_S):
                return await Apart(self._ask, lambda handle: asked(job, handle)).run()
        except TimeoutError:
            raise CannotTest(f"it took longer than {LONGEST_S / 60:g} minutes; divide the suite") from None

    async def _keep(self, one: Due, found: Found) -> None:
        ran = Ran(
            reason=one.reason,
            suite=one.now.suite,
            models=one.now.models,
            answering=found.answering,
            retiring=list(one.now.retiring),
        )
        kept = await self._administration.prompt_tests.keep(self._actor(one), found.test, ran)
        self.ran += 1
        self.worse += kept.verdict == "regression"
        log.log(
            logging.WARNING if kept.verdict == "regression" else logging.INFO,
            "tested %s: %s",
            one.wanted.told,
            kept.verdict,
        )

    async def _failed(self, one: Due, message: str) -> None:
        if not self._ready():
            return
        self.failed += 1
        log.warning("%s could not be tested: %s", one.wanted.told, message)
        organisation, subject, digest, suite, cell = one.wanted.place
        now_us = self._clock.now_us()
        failure = PromptTestFailure(
            organisation=organisation,
            suite=suite,
            subject=subject,
            digest=digest,
            cell=cell,
            message=message[:MOST_MESSAGE],
            reason=one.reason,
            state=one.now.state,
            times=1,
            since_us=now_us,
            at_us=now_us,
        )
        async with self._database.transaction() as transaction:
            await failed(transaction, failure)

    @staticmethod
    def _actor(one: Due) -> Actor:
        organisation = one.wanted.suite.organisation
        identity = Identity(key_id=SYSTEM, organisation=organisation)
        return Actor(identity=identity, organisation=organisation, name=SYSTEM)


_LABELS = "SELECT organisation, name, label, digest FROM prompt_labels WHERE archived_us IS NULL ORDER BY 1, 2, 3"


def _rules(config: Config) -> list[PromptRule]:
    """What is told of prompts: it says what counts as released, and what retires."""
    return [rule.config.prompt for rule in configured(config.alerts) if rule.config.prompt is not None] or [
        PromptRule()
    ]


def _targets(config: Config, model: str) -> list[str]:
    """The targets of a model, as far as they are known without asking; a target itself."""
    block = config.models.get(label_of(config, model))
    return [model] if block is None else [each.target for each in block.targets]


def _digest(config: Config, models: Sequence[str], known: dict[str, str]) -> str:
    """Of all a configuration says of models."""
    for each in models:
        if each not in known:
            said = msgspec.json.encode(fingerprint_of(config, each), order="deterministic")
            known[each] = sha256(said).hexdigest()
    return sha256("\0".join(known[each] for each in models).encode()).hexdigest()[:32]


def _retiring(names: AbstractSet[str], rule: PromptRule, known: Retiring, today: date) -> list[str]:
    """The days, of those that are near, of models that are about to go."""
    days = (day for _, day in going(names, rule.retiring, known).values())
    return [day.isoformat() for day in days if day <= today + timedelta(days=rule.retire_days)]
