"""Budgets: how much a subject may spend in a period."""

from __future__ import annotations

from collections.abc import Sequence

from headgate.administration import subjects
from headgate.administration.acting import Act, Actor, Acts, Ports
from headgate.administration.bounds import spoken
from headgate.administration.limits import check_key
from headgate.administration.register import given
from headgate.administration.requests import BudgetChange, NewBudget, RuleListing
from headgate.administration.standing import Standings
from headgate.administration.views import BudgetView, Page
from headgate.errors import Conflict
from headgate.money import from_decimal
from headgate.storage.records import Budget
from headgate.storage.tables import BUDGETS, Reader

register = subjects.RuleRegister(BUDGETS, "budget")


class Budgets:
    def __init__(self, ports: Ports, acts: Acts, standings: Standings) -> None:
        self._database = ports.database
        self._acts = acts
        self._standings = standings

    async def list(self, actor: Actor, request: RuleListing) -> Page[BudgetView]:
        rows, cursor = await register.of_subject(self._database, actor, request)
        return Page(await self.views(self._database, rows), cursor)

    async def get(self, actor: Actor, id: str) -> BudgetView:
        return await self._view(self._database, await register.get(self._database, actor, id))

    async def create(self, actor: Actor, request: NewBudget) -> BudgetView:
        async with self._acts.begin(actor) as act:
            subject = await subjects.resolve(act.transaction, actor, request.subject)
            await subjects.check_actor(act, subject, BUDGETS)
            row = await add(act, request, subject, request.timezone)
            await check_key(act, row.subject)
            return await self._view(act.transaction, row)

    async def change(self, actor: Actor, id: str, request: BudgetChange, version: int | None) -> BudgetView:
        async with self._acts.begin(actor) as act:
            row = await register.get(act.transaction, actor, id)
            await subjects.check_actor(act, row.subject, BUDGETS)
            names = {"amount_usd": "amount_picodollars", "hard": "hard", "alert_percent": "alert_percent"}
            fields = given(request, names)
            if "amount_picodollars" in fields:
                fields["amount_picodollars"] = from_decimal(fields["amount_picodollars"])
            if fields.get("hard", row.hard) != row.hard:
                await _check_only(act, row.subject, row.period, fields["hard"])
            row = await register.change(act, row, version, fields)
            await check_key(act, row.subject)
            return await self._view(act.transaction, row)

    async def archive(self, actor: Actor, id: str, version: int | None) -> BudgetView:
        """Take a budget off."""
        async with self._acts.begin(actor) as act:
            row = await register.get(act.transaction, actor, id)
            await subjects.check_actor(act, row.subject, BUDGETS)
            row = await register.archive(act, row, version)
            await check_key(act, row.subject)
            return await self._view(act.transaction, row)

    async def views(self, reader: Reader, rows: Sequence[Budget]) -> list[BudgetView]:
        """Budgets with what is left of them."""
        return [
            BudgetView.of(row, standing)
            for row, standing in zip(rows, await self._standings.of(reader, rows), strict=True)
        ]

    async def _view(self, reader: Reader, row: Budget) -> BudgetView:
        [view] = await self.views(reader, [row])
        return view


async def add(act: Act, body: NewBudget, subject: str, timezone: str | None) -> Budget:
    """Give a subject a budget, whose periods begin by `timezone`, or as its team's do.

    Raises:
        Conflict: it has one for the same period already, as hard or soft.
    """
    await _check_only(act, subject, body.period, body.hard)
    row = Budget(
        **act.common("budget"),
        subject=subject,
        amount_picodollars=from_decimal(body.amount_usd),
        period=body.period,
        timezone=timezone or await subjects.timezone(act.transaction, act.actor, subject),
        hard=body.hard,
        alert_percent=sorted(set(body.alert_percent)),
    )
    return await register.add(act, row, ["subject", "amount_picodollars", "period", "timezone", "hard"])


async def _check_only(act: Act, subject: str, period: str, hard: bool) -> None:
    filters = {"subject": subject, "period": period, "hard": hard}
    found, _ = await BUDGETS.list(act.transaction, act.actor.organisation, filters, limit=1)
    if found:
        kind = "hard" if hard else "soft"
        raise Conflict(
            f"There is a {kind} budget of '{subject}' {spoken(period)} already: '{found[0].id}'. Change that.",
            param="period",
        )
