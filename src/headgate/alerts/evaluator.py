"""Looks at the rules, minute by minute."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from headgate.alerts import book
from headgate.alerts.config import AlertsConfig, RuleConfig
from headgate.alerts.habits import HabitKeeping
from headgate.alerts.judged import Judged
from headgate.alerts.kinds import KINDS, Look
from headgate.alerts.notices import tell
from headgate.alerts.objectives import NO_OBJECTIVES
from headgate.alerts.rules import OBJECTIVES, Rule, configured, made
from headgate.alerts.traffic import Past, Traffic
from headgate.audit import AuditLog, audit_id
from headgate.catalog.retirements import NothingRetires, RetiringNames
from headgate.clock import Clock
from headgate.errors import StoreUnavailable
from headgate.storage.database import Database
from headgate.storage.records import AuditRecord

log = logging.getLogger("headgate.alerts")

EVERY_S = 15.0
LEASE_US = 60 * 1_000_000
"""How long another process waits for one that looks at the rules and says nothing."""

SELDOM = {"unusual": 5, "budget": 5, "prompt": 5}
"""Kinds that are looked at every so many minutes."""


class Evaluator:
    """Looks at the rules while no other process does."""

    def __init__(
        self, database: Database, audit: AuditLog, clock: Clock, owner: str, summed_up: Callable[[], Awaitable[None]]
    ) -> None:
        self.config = AlertsConfig()
        self.objectives = NO_OBJECTIVES
        self.retiring: RetiringNames = NothingRetires()
        self.failed = 0
        """Rules, and organisations' rules, that could not be looked at, since the start."""
        self.rounds = 0
        self._database = database
        self._audit = audit
        self._clock = clock
        self._owner = owner
        self._summed_up = summed_up
        self._past = Past(database)
        self._habits = HabitKeeping(database)
        self._minute = 0
        """The last one at which rules were looked at."""

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                await self.turn()
            except StoreUnavailable as error:
                log.debug("rules wait for the database: %s", error.message)
            except Exception:
                log.exception("rules cannot be looked at, it is tried again")

    async def turn(self) -> bool:
        """Look at the rules if this process is to, and a minute is over since it last did. Whether it did.

        Raises:
            StoreUnavailable: the database cannot be reached.
        """
        now_us = self._clock.now_us()
        minute = now_us // 60_000_000
        if not await book.leads(self._database, self._owner, now_us, now_us + LEASE_US) or minute == self._minute:
            return False
        await self._summed_up()
        self._past.timezone = self.config.timezone
        rules = await self.rules()
        organisations = [id_ for (id_,) in await self._database.fetch(_ORGANISATIONS)]
        for organisation in organisations:
            own = [rule for rule in rules if rule.organisation in (None, organisation)]
            try:
                await self._look(organisation, own, minute, now_us)
            except StoreUnavailable:
                raise
            except Exception:  # one organisation that cannot be looked after keeps no other from it
                self.failed += 1
                log.exception("the rules of the organisation %s cannot be looked at", organisation)
        self._minute = minute
        self.rounds += 1
        return True

    async def rules(self) -> list[Rule]:
        """All there are, those of people included.

        Raises:
            StoreUnavailable: the database cannot be reached.
        """
        return [*configured(self.config), *self._of_objectives(), *made(await book.every_rule(self._database))]

    def _of_objectives(self) -> list[Rule]:
        if not self.objectives.by_model:
            return []
        return [
            Rule(f"{OBJECTIVES}:{severity}", OBJECTIVES, RuleConfig(severity=severity), OBJECTIVES, None)
            for severity in ("page", "ticket")
        ]

    async def _look(self, organisation: str, rules: Sequence[Rule], minute: int, now_us: int) -> None:
        """One organisation's rules: judged one by one, taken over together."""
        traffic = Traffic(self._database, self._past, organisation, now_us // 1_000_000)
        look = Look(traffic, self._database, self._habits, now_us, self.objectives, self.retiring)
        results: list[tuple[Rule, Sequence[Judged]]] = []
        for rule in rules:
            every = SELDOM.get(rule.kind, 1)
            if minute // every == self._minute // every:
                continue
            try:
                results.append((rule, await KINDS[rule.kind](rule, look)))
            except StoreUnavailable:
                raise
            except Exception:  # one rule that cannot be looked at keeps no other from it
                self.failed += 1
                log.exception("the rule %s cannot be looked at", rule.name)
            await asyncio.sleep(0)
        silenced = await book.every_silence(self._database, organisation, now_us)
        async with self._database.transaction() as transaction:
            await book.lock(transaction)
            states, changed = await book.take(
                transaction, organisation, results, [rule.id for rule in rules], silenced, now_us
            )
            if changed:
                await self._audit.append(transaction, [_record(each, now_us) for each in changed])
            await tell(transaction, organisation, states, {rule.id: rule for rule in rules}, self.config, now_us)


_ORGANISATIONS = "SELECT 'default' UNION SELECT id FROM organisations WHERE archived_us IS NULL ORDER BY 1"


def _record(changed: book.Changed, now_us: int) -> AuditRecord:
    state = changed.state
    return AuditRecord(
        id=audit_id(),
        at_us=now_us,
        organisation=state.organisation,
        actor="system",
        action="alerts.fire" if changed.change == "fired" else "alerts.resolve",
        subject=f"alert:{state.rule}",
        detail={
            "rule": state.rule_name,
            "series": state.series[:200],
            "severity": state.severity,
            "incident": state.incident,
            "summary": state.summary[:300],
        },
    )
