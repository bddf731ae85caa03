"""The loop of one process: who leads tests what is due, one thing after the other, and keeps what comes of it."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from math import inf
from time import monotonic

from headgate.administration import Administration
from headgate.administration.acting import Actor
from headgate.administration.prompt_failures import failed
from headgate.administration.prompt_tests import Ran, TestView
from headgate.errors import HeadgateError, StoreUnavailable
from headgate.evals.publishing import Published
from headgate.prompts.config import TestsConfig
from headgate.retesting.apart import Apart, Handle
from headgate.retesting.asking import MOST_MESSAGE, CannotTest, Found, Job, asked
from headgate.retesting.pending import Answering, Due, Pending
from headgate.storage.lease import leads
from headgate.storage.records import PromptTestFailure
from headgate.storage.tables import PROMPT_SUITES
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

SYSTEM = "system"
"""Who acts, in the audit log."""

AGAIN_S = 2.0
"""How often it is tried to keep what came of tests, where the database is away."""


class Retests:
    """The server's own running of tests, for one process."""

    def __init__(
        self,
        administration: Administration,
        owner: str,
        ask: Handle,
        answering: Callable[[], Answering],
        ready: Callable[[], bool],
    ) -> None:
        """`ask` makes calls; `ready` says whether this process still is to begin anything."""
        self._administration = administration
        self._database = administration.ports.database
        self._clock = administration.ports.clock
        self._owner = owner
        self._ask = ask
        self._ready = ready
        self._pending = Pending(self._database, self._clock, administration.config, answering)
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
        if self._tests is None or not self._ready() or not await self._leads():
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
    def _tests(self) -> TestsConfig | None:
        return self._administration.config().prompts.tests

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
        """Test all there is, the most pressing first, also of what comes up meanwhile. Whatever comes of it, each thing
        has its turn once.
        """
        number, looked = 0, -inf
        found: list[Due] = []
        tried: set[tuple[str, ...]] = set()
        while self._ready() and (tests := self._tests) is not None:
            if not found or monotonic() - looked > EVERY_S:
                found = [each for each in await self._pending.all(tests) if each.wanted.place not in tried]
                looked = monotonic()
            self.due = len(found)
            if not found:
                break
            one = found.pop(0)
            tried.add(one.wanted.place)
            number += await self._test(one, tests)
        return number

    # ── testing ──

    async def _test(self, one: Due, tests: TestsConfig) -> int:
        """Test one thing, and keep what comes of it. Of a process that is about to stop nothing is kept: what fails
        then tells nothing, and whoever leads next begins anew.
        """
        try:
            found = await self._found(one, tests)
            if found is None or not self._ready():
                return 0
            kept = await self._keep(one, found)
            self.ran += 1
            self.worse += kept.verdict == "regression"
        except StoreUnavailable:
            raise
        except (CannotTest, HeadgateError) as error:
            await self._failed(one, error.message if isinstance(error, HeadgateError) else str(error))
        except Exception as error:  # whatever goes wrong with one of them, it is told, and the others have their turn
            log.exception("%s could not be tested", one.wanted.told)
            await self._failed(one, f"{type(error).__name__}, which the server's log explains")
        return 1

    async def _found(self, one: Due, tests: TestsConfig) -> Found | None:
        """What comes of it; None where it is not what it was any more."""
        each = one.wanted
        row = await PROMPT_SUITES.get(self._database, each.suite.organisation, each.suite.id)
        sources = None if each.prompt is None else await self._pending.sources(each)
        if row is None or row.digest != each.suite.digest or (sources is None and each.prompt is not None):
            return None
        job = Job(
            id=f"srv-{datetime.fromtimestamp(one.now.us / 1e6, UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(4)}",
            began_us=one.now.us,
            wanted=each,
            suite=Published(name=row.name, file=row.file, prompts=row.prompts, sources=row.sources),
            prompt=sources,
            config=self._administration.config(),
            tests=tests,
        )
        log.info("testing %s: %s", each.told, one.reason)
        try:
            async with asyncio.timeout(LONGEST_S):
                return await Apart(self._ask, lambda handle: asked(job, handle)).run()
        except TimeoutError:
            raise CannotTest(f"it took longer than {LONGEST_S / 60:g} minutes; divide the suite") from None

    async def _keep(self, one: Due, found: Found) -> TestView:
        """Keep it, as soon as there is a database: it has been paid for."""
        ran = Ran(
            reason=one.reason,
            suite=one.now.suite,
            models=one.now.models,
            answering=found.answering,
            retiring=list(one.now.retiring),
        )
        while True:
            try:
                kept = await self._administration.prompt_tests.keep(self._actor(one), found.test, ran)
            except StoreUnavailable as error:
                log.info("what came of tests waits for the database: %s", error.message)
                await asyncio.sleep(AGAIN_S)
            else:
                level = logging.WARNING if kept.verdict == "regression" else logging.INFO
                log.log(level, "tested %s: %s", one.wanted.told, kept.verdict)
                return kept

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
