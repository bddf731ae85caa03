"""What a person used: for the person's own eyes, so that nothing in it is of anybody else's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import msgspec
from msgspec.structs import replace

from headgate.administration import keyring
from headgate.administration.values import Time, Usd, moment, usd_of
from headgate.clock import Clock
from headgate.ledger.queries import Filters, LedgerQueries, Totals
from headgate.limits import Calendar, Rules
from headgate.limits.pots import Pot
from headgate.money import format_usd
from headgate.storage.database import Database
from headgate.storage.records import Budget, Limit
from headgate.storage.tables import KEYS, USERS
from headgate.types import Identity

DAYS = 14
"""Days told one by one, in UTC."""
LATEST = 20
"""Calls told one by one."""

_OWN = ("key:", "user:")
"""Subjects that are one person; a team's budget would tell what others spend."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """What was used of one model, or on one day."""

    name: str
    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: Usd


class OwnBudget(msgspec.Struct, frozen=True, kw_only=True):
    """A budget of one's own, in the period under way."""

    period: str
    amount_usd: Usd
    spent_usd: Usd
    left_usd: Usd
    hard: bool
    spent_share: float
    """Of the amount, from 0 to 1."""
    ends_at: Time | None


class LatestCall(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt."""

    at: Time
    model: str
    input_tokens: int
    output_tokens: int
    cost_usd: Usd | None
    payer: str
    code: str | None


class OwnUsageView(msgspec.Struct, frozen=True, kw_only=True):
    """This month, by the caller's own time zone."""

    name: str
    """Of the person or the key."""
    from_: Time = msgspec.field(name="from")
    to: Time
    timezone: str
    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: Usd
    """What counts for budgets."""
    own_cost_usd: Usd
    """What went to the client's own credential at a vendor."""
    unpriced: int
    """Attempts whose cost is not known."""
    budgets: list[OwnBudget]
    limits: list[str]
    """In words."""
    by_model: list[Line]
    by_day: list[Line]
    latest: list[LatestCall]


class OwnUsage:
    """Looks up what one caller used."""

    def __init__(
        self, database: Database, rules: Rules, clock: Clock, caught_up: Callable[[], Awaitable[object]]
    ) -> None:
        self._database = database
        self._queries = LedgerQueries(database)
        self._rules = rules
        self._clock = clock
        self._calendar = Calendar(clock)
        self._caught_up = caught_up

    async def of(self, identity: Identity) -> OwnUsageView:
        """What a key and those it was rotated from used; of somebody who is signed in, what all of his keys did."""
        await self._caught_up()
        name, filters = await self._filters(identity)
        from_us, _ = self._calendar.bounds("month", identity.timezone)
        now_us = self._clock.now_us()
        month = [replace(each, from_us=from_us, until_us=now_us) for each in filters]
        whole = _added([each for some in month for each in await self._queries.totals(some)])
        own = [each for some in month for each in await self._queries.totals(replace(some, payer="client"))]
        own_cost = sum(each.cost_picodollars for each in own)
        since_us = now_us - DAYS * 86_400_000_000
        days = await self._lines([replace(each, from_us=since_us, until_us=now_us) for each in filters], "day")
        rules = self._rules.applying(identity, "", (), None) or ((), ())
        return OwnUsageView(
            name=name,
            from_=moment(from_us),
            to=moment(now_us),
            timezone=identity.timezone,
            calls=whole.calls,
            input_tokens=whole.input_tokens,
            output_tokens=whole.output_tokens,
            cost_usd=format_usd(whole.cost_picodollars - own_cost),
            own_cost_usd=format_usd(own_cost),
            unpriced=whole.unpriced,
            budgets=[await self._budget(*each) for each in rules[1] if each[1].startswith(_OWN)],
            limits=[words for rule, subject in rules[0] if subject.startswith(_OWN) for words in _limits(rule)],
            by_model=sorted(await self._lines(month, "model"), key=lambda line: (-line.calls, line.name)),
            by_day=self._every_day(days),
            latest=await self._latest(filters),
        )

    async def _filters(self, identity: Identity) -> tuple[str, list[Filters]]:
        """A name for whoever asks, and what picks his rows."""
        organisation = identity.organisation
        if identity.key_id.startswith("user:") and identity.user_id is not None:
            user = await USERS.get(self._database, organisation, identity.user_id)
            name = identity.user_id if user is None else user.name
            return name, [Filters(organisation=organisation, user_id=identity.user_id)]
        key = await KEYS.get(self._database, organisation, identity.key_id)
        line = await keyring.lineage(self._database, organisation, identity.key_id) or [identity.key_id]
        name = identity.key_id if key is None else f"{key.name} (…{key.hint})"
        return name, [Filters(organisation=organisation, key_id=each) for each in line]

    async def _lines(self, filters: Sequence[Filters], by: str) -> list[Line]:
        groups: dict[str, list[Totals]] = defaultdict(list)
        for some in filters:
            for each in await self._queries.totals(some, [by]):
                groups[each.group[by] or ""].append(each)
        return [_line(name, _added(found)) for name, found in groups.items()]

    def _every_day(self, found: Sequence[Line]) -> list[Line]:
        """The newest days, those without calls too."""
        known = {line.name: line for line in found}
        today = moment(self._clock.now_us()).date()
        names = [(today - timedelta(days=ago)).isoformat() for ago in reversed(range(DAYS))]
        none = Line(name="", calls=0, input_tokens=0, output_tokens=0, cost_usd="0")
        return [known.get(name) or replace(none, name=name) for name in names]

    async def _budget(self, budget: Budget, subject: str) -> OwnBudget:
        claim, (_, ends_us) = Pot.of_budget(budget, subject).claim(self._calendar)
        spent = await self._queries.spent(claim.counter)
        amount = budget.amount_picodollars
        return OwnBudget(
            period=budget.period,
            amount_usd=format_usd(amount),
            spent_usd=format_usd(spent),
            left_usd=format_usd(max(0, amount - spent)),
            hard=budget.hard,
            spent_share=min(1.0, spent / amount) if amount else 1.0,
            ends_at=moment(ends_us) if budget.period != "total" else None,
        )

    async def _latest(self, filters: Sequence[Filters]) -> list[LatestCall]:
        rows = [row for some in filters for row in (await self._queries.page(some, limit=LATEST))[0]]
        rows.sort(key=lambda row: row.started_us, reverse=True)
        return [
            LatestCall(
                at=moment(row.started_us),
                model=row.model,
                input_tokens=row.usage.total_input_tokens,
                output_tokens=row.usage.total_output_tokens,
                cost_usd=usd_of(row.cost_picodollars),
                payer=row.payer,
                code=row.code,
            )
            for row in rows[:LATEST]
        ]


class _Sum(msgspec.Struct, frozen=True, kw_only=True):
    """What several totals come to."""

    calls: int
    input_tokens: int
    output_tokens: int
    cost_picodollars: int
    unpriced: int


def _added(found: Sequence[Totals]) -> _Sum:
    return _Sum(
        calls=sum(each.calls for each in found),
        input_tokens=sum(each.usage.total_input_tokens for each in found),
        output_tokens=sum(each.usage.total_output_tokens for each in found),
        cost_picodollars=sum(each.cost_picodollars for each in found),
        unpriced=sum(each.unpriced for each in found),
    )


def _line(name: str, added: _Sum) -> Line:
    return Line(
        name=name,
        calls=added.calls,
        input_tokens=added.input_tokens,
        output_tokens=added.output_tokens,
        cost_usd=format_usd(added.cost_picodollars),
    )


def _limits(limit: Limit) -> list[str]:
    """What a limit allows, each thing in words."""
    counts = [
        (limit.requests, "requests"), (limit.tokens, "tokens"), (limit.input_tokens, "input tokens"),
        (limit.output_tokens, "output tokens"),
    ]  # fmt: skip
    words = [f"{count:,} {what} per {limit.per}" for count, what in counts if count is not None]
    if limit.cost_picodollars is not None:
        words.append(f"${format_usd(limit.cost_picodollars)} per {limit.per}")
    if limit.concurrent is not None:
        words.append(f"{limit.concurrent:,} calls at once")
    return words
