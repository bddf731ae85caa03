"""What is to be tested now: what is published and released, held against what was tested, and how models are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import NamedTuple

import msgspec

from headgate.administration.prompt_failures import failures, tested
from headgate.administration.prompt_tests import Reason, last
from headgate.alerts.config import PromptRule
from headgate.alerts.retiring import going
from headgate.alerts.rules import configured
from headgate.clock import Clock
from headgate.config import Config
from headgate.config.retirements import Retiring
from headgate.evals.fingerprints import fingerprint_of, label_of
from headgate.prompts.config import TestsConfig
from headgate.prompts.upkeep import Upkeeps
from headgate.retesting.due import Failed, Last, Now, due, last_of
from headgate.retesting.wanted import Label, Suite, Wanted, suite_of, wanted
from headgate.storage.database import Database
from headgate.storage.tables import MAX_PAGE, PROMPT_SUITE_OUTLINES, PROMPT_VERSIONS

ORDER: Sequence[Reason] = ("released", "suite_changed", "model_changed", "retiring", "schedule")
"""What is tested first."""

Answering = Mapping[str, AbstractSet[str]]
"""By target, what its vendor called the models that answered lately."""

_LABELS = "SELECT organisation, name, label, digest FROM prompt_labels WHERE archived_us IS NULL ORDER BY 1, 2, 3"
_ORGANISATIONS = "SELECT 'default' UNION SELECT id FROM organisations WHERE archived_us IS NULL"


class Due(NamedTuple):
    """Something that is to be tested now."""

    wanted: Wanted
    reason: Reason
    now: Now


class Pending:
    """Finds it in one database."""

    def __init__(
        self, database: Database, clock: Clock, config: Callable[[], Config], answering: Callable[[], Answering]
    ) -> None:
        self._database = database
        self._clock = clock
        self._config = config
        self._answering = answering
        self._upkeeps = Upkeeps()

    async def all(self, tests: TestsConfig) -> list[Due]:
        """All of it, the most pressing first.

        Raises:
            StoreUnavailable: the database cannot be reached.
        """
        config, rules = self._config(), _rules(self._config())
        labels = [Label(*row) for row in await self._database.fetch(_LABELS)]
        released = {label for rule in rules for label in rule.labels}
        every = list(wanted(await self._suites(), labels, released, config))
        failing = await self._failures({each.place for each in every})
        models = _Models(config, rules, self._answering())
        found: list[tuple[int, int, Due]] = []
        for each in every:
            row = await last(self._database, *each.place)
            standing = Last() if row is None else last_of(row.figures, row.ran_us)
            asked = await self._asked(each, config)
            now = models.now(each, asked, standing, self._clock.now_us())
            reason = due(
                "\0".join(each.place), standing, failing.get(each.place), now,
                every_s=tests.every_s, on_change=tests.on_change,
            )  # fmt: skip
            if reason is not None:
                found.append((ORDER.index(reason), standing.ran_us or 0, Due(each, reason, now)))
        return [each for *_, each in sorted(found, key=lambda one: one[:2])]

    async def sources(self, each: Wanted) -> Mapping[str, str] | None:
        """The files of a version; None where it is not there any more."""
        at = {"name": each.prompt, "digest": each.digest}
        versions, _ = await PROMPT_VERSIONS.list(self._database, each.suite.organisation, at, limit=1)
        return versions[0].sources if versions else None

    async def _suites(self) -> list[Suite]:
        organisations = {id_ for (id_,) in await self._database.fetch(_ORGANISATIONS)}
        found: list[Suite] = []
        cursor: str | None = None
        while True:
            rows, cursor = await PROMPT_SUITE_OUTLINES.list(self._database, None, cursor=cursor, limit=MAX_PAGE)
            found += [suite_of(row) for row in rows if row.organisation in organisations]
            if cursor is None:
                return found

    async def _failures(self, places: AbstractSet[tuple[str, ...]]) -> Mapping[tuple[str, ...], Failed]:
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

    async def _asked(self, each: Wanted, config: Config) -> list[str]:
        """The models that something asks: what is tested, the prompt's own where that may answer, judges."""
        found = [] if each.cell.model is None else [each.cell.model]
        asked = config.models.get(each.cell.model or "")
        if each.prompt is not None and (asked is None or not asked.targets):
            if self._upkeeps.missing(each.prompt, each.digest):
                sources = await self.sources(each)
                await asyncio.to_thread(self._upkeeps.of, each.prompt, each.digest, sources)
            own = self._upkeeps.of(each.prompt, each.digest).model
            found += [own] if own is not None else []
        return [*found, *each.suite.asks]


class _Models:
    """How the models of a configuration are, at one time."""

    def __init__(self, config: Config, rules: Sequence[PromptRule], answering: Answering) -> None:
        self._config = config
        self._rules = rules
        self._retiring = Retiring(config)
        self._answering = answering
        self._digests: dict[str, str] = {}

    def now(self, each: Wanted, asked: Sequence[str], standing: Last, now_us: int) -> Now:
        """How things stand with something that asks these models."""
        targets = {target for model in asked for target in self._targets(model)}
        names = {*asked, *targets, *(name for said in standing.answering.values() for name in said)}
        today = datetime.fromtimestamp(now_us / 1e6, UTC).date()
        return Now(
            us=now_us,
            suite=each.suite.digest,
            models=sha256("\0".join(self._digest(model) for model in asked).encode()).hexdigest()[:32],
            answering=self._answering,
            retiring=sorted({day for rule in self._rules for day in _retiring(names, rule, self._retiring, today)}),
        )

    def _targets(self, model: str) -> list[str]:
        """The targets of a model; a target itself."""
        block = self._config.models.get(label_of(self._config, model))
        return [model] if block is None else [each.target for each in block.targets]

    def _digest(self, model: str) -> str:
        """Of all the configuration says of a model that matters."""
        if model not in self._digests:
            said = msgspec.json.encode(fingerprint_of(self._config, model), order="deterministic")
            self._digests[model] = sha256(said).hexdigest()
        return self._digests[model]


def _rules(config: Config) -> list[PromptRule]:
    """What is told of prompts: it says what counts as released, and what retires."""
    return [rule.config.prompt for rule in configured(config.alerts) if rule.config.prompt is not None] or [
        PromptRule()
    ]


def _retiring(names: AbstractSet[str], rule: PromptRule, known: Retiring, today: date) -> list[str]:
    """The days, of those that are near, of models that are about to go."""
    days = (day for _, day in going(names, rule.retiring, known).values())
    return [day.isoformat() for day in days if day <= today + timedelta(days=rule.retire_days)]
