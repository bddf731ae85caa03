"""Limits and budgets that are taken over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from headgate.administration import budgets, keyring, limits, subjects
from headgate.administration.acting import Act
from headgate.administration.importing.ids import OWNED, Ids
from headgate.administration.importing.requests import ImportedBudget, ImportedLimit, NewImport
from headgate.administration.importing.tally import Tally
from headgate.administration.problems import invalid
from headgate.administration.register import Register
from headgate.money import from_decimal
from headgate.storage.records import Budget, Limit

Rule = TypeVar("Rule", Limit, Budget)


class Rules:
    def __init__(self, act: Act, ids: Ids, tally: Tally) -> None:
        self._act = act
        self._ids = ids
        self._tally = tally

    async def take(self, asked: NewImport) -> None:
        shown = ["subject", "amount_picodollars", "period", "timezone", "hard"]
        await self._rules("limits", limits.register, asked.limits, self._limit, ["subject", "per"], ("per",))
        await self._rules("budgets", budgets.register, asked.budgets, self._budget, shown, ("period", "hard"))

    async def check_subjects(self, asked: NewImport) -> None:
        """Raise `Invalid` for subjects that are not there."""
        places = [
            ((name, index, "subject"), each.subject.partition(":"))
            for name, every in (("limits", asked.limits), ("budgets", asked.budgets), ("spend", asked.spend))
            for index, each in enumerate(every)
        ]
        for kind in sorted(OWNED):
            named = {place: self._ids.of(kind, at[2]) for place, at in places if at[0] == kind and at[2] != "*"}
            table = subjects.REGISTERS[kind].table
            rows = await keyring.of_ids(self._act.transaction, table, self._ids.organisation, named.values())
            there = {row.id for row in rows}
            for place, ours in named.items():
                if ours not in there:
                    raise invalid(place, f"names no {kind} that was imported", "not_found")

    async def _rules(
        self,
        name: str,
        register: Register[Rule],
        asked: Sequence[Any],
        make: Callable[[Any], Rule],
        shown: Sequence[str],
        same: Sequence[str],
    ) -> None:
        """`same` are the members, beside the subject, that no two rules in use have alike."""
        transaction, organisation = self._act.transaction, self._ids.organisation
        rows = [make(each) for each in asked]
        ids = [row.id for row in rows]
        known = {row.id for row in await keyring.of_ids(transaction, register.table, organisation, ids)}
        others = await keyring.rules_of(transaction, register.table, organisation, (row.subject for row in rows))
        for each, row in zip(asked, rows, strict=True):
            if row.id in known:
                self._tally.known[name] += 1
                continue
            there = others.setdefault(row.subject, [])
            other = next((one for one in there if all(getattr(one, at) == getattr(row, at) for at in same)), None)
            if other is not None:
                what = f"{register.noun} of {each.subject}: there is one of that kind already, '{other.id}'"
                self._tally.left.append(what)
                continue
            await register.add(self._act, row, shown)
            there.append(row)
            self._tally.made[name] += 1

    def _limit(self, asked: ImportedLimit) -> Limit:
        return Limit(
            **self._act.common("limit", self._ids.of("limit", asked.id)),
            subject=self._ids.subject(asked.subject),
            per=asked.per or "total",
            timezone=asked.timezone,
            **limits.values_of(asked),
        )

    def _budget(self, asked: ImportedBudget) -> Budget:
        return Budget(
            **self._act.common("budget", self._ids.of("budget", asked.id)),
            subject=self._ids.subject(asked.subject),
            amount_picodollars=from_decimal(asked.amount_usd),
            period=asked.period,
            timezone=asked.timezone,
            hard=asked.hard,
        )
