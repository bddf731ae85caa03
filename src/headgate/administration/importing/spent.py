"""What was spent before, as rows of the ledger that budgets begin with."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from headgate.administration import keyring
from headgate.administration.acting import Act
from headgate.administration.importing.ids import Ids, hashed
from headgate.administration.importing.requests import ImportedSpend
from headgate.administration.importing.tally import Tally
from headgate.ids import counted_subject, end_user_id
from headgate.ledger.sink import LedgerSink
from headgate.ledger.table import encode
from headgate.limits.calendar import Calendar
from headgate.limits.pots import Pot
from headgate.money import from_decimal
from headgate.storage.counters import Claim
from headgate.storage.records import Budget, Key, LedgerRow
from headgate.storage.tables import BUDGETS, KEYS
from headgate.types import Usage

NOBODY = "import"
"""In place of a key, for what was spent by no key that there is."""

Sums = Sequence[tuple[Sequence[str], int]]
"""Rows there are: the counters each is charged to, and its picodollars."""

_AT_ONCE = 500
"""Accounts in one statement."""


class Spent:
    """Every import says anew what was spent, and the ledger is brought to that: each of a subject's counters, in the
    period under way, and the whole of it.
    """

    def __init__(self, act: Act, ids: Ids, source: str, calendar: Calendar, tally: Tally, ledger: LedgerSink) -> None:
        self._act = act
        self._ledger = ledger
        self._ids = ids
        self._source = source
        self._calendar = calendar
        self._tally = tally
        self._budgets: dict[str, Budget] = {}
        self._keys: dict[str, Key] = {}
        self.charged = Counter[Claim]()
        """What was added to the counters of periods, each as a claim of nothing."""

    async def take(self, asked: Sequence[ImportedSpend]) -> None:
        if not asked:
            return
        transaction, organisation = self._act.transaction, self._ids.organisation
        budgets = (self._ids.of("budget", name) for each in asked for name in each.budgets)
        keys = (self._ids.of("key", _name(each)) for each in asked if each.subject.startswith("key:"))
        self._budgets = {row.id: row for row in await keyring.of_ids(transaction, BUDGETS, organisation, budgets)}
        self._keys = {row.id: row for row in await keyring.of_ids(transaction, KEYS, organisation, keys)}
        before = await self._before([self._ids.account(each.subject) for each in asked])
        rows: list[LedgerRow] = []
        for each in asked:
            found = before[self._ids.account(each.subject)]
            made = list(self._rows(each, found))
            self._tally.made["spend"] += len(made)
            self._tally.known["spend"] += bool(found and not made)
            rows += made
            if each.counted:
                self._tally.spent_picodollars += sum(row.cost_picodollars or 0 for row in made)
            else:
                rows += map(_balance, made)
        if rows:
            await self._ledger.store(transaction, [encode(row) for row in rows])

    async def _before(self, accounts: Sequence[str]) -> dict[str, list[tuple[Sequence[str], int]]]:
        """The rows that imports before this one made, by account."""
        found: dict[str, list[tuple[Sequence[str], int]]] = defaultdict(list)
        for start in range(0, len(accounts), _AT_ONCE):
            some = accounts[start : start + _AT_ONCE]
            places = ", ".join(f"${number}" for number in range(2, len(some) + 2))
            rows = await self._act.transaction.fetch(
                f"SELECT call_id, charged, cost_picodollars FROM ledger "  # noqa: S608 - numbers of places
                f"WHERE organisation = $1 AND call_id IN ({places})",
                self._ids.organisation,
                *some,
            )
            for account, charged, cost in rows:
                found[account].append((msgspec.json.decode(charged, type=list[str]), cost))
        return found

    def _rows(self, asked: ImportedSpend, found: Sums) -> Iterator[LedgerRow]:
        claims = self._claims(asked)
        account = self._ids.account(asked.subject)
        for counters, picodollars in changes(found, list(claims), from_decimal(asked.cost_usd)):
            for counter in counters:
                self.charged[claims[counter]] += picodollars
            named = f"imp_{hashed(account, str(len(found)), *counters)}"
            yield self._row(asked, named, account, counters, picodollars)

    def _claims(self, asked: ImportedSpend) -> dict[str, Claim]:
        """The counters that what was spent belongs to now. A budget that was not made has none."""
        rows = [self._budgets.get(self._ids.of("budget", each)) for each in asked.budgets]
        subject = counted_subject(self._ids.organisation, self._ids.subject(asked.subject))
        pots = [Pot.of_budget(row, self._counted(row, subject)) for row in rows if row is not None]
        claims = (replace(pot.claim(self._calendar)[0], ceiling=None) for pot in pots)
        return {claim.counter: claim for claim in sorted(claims, key=lambda claim: claim.counter)}

    def _counted(self, row: Budget, subject: str) -> str:
        """Whom a budget counts something for: of `customer:*`, the customer."""
        if row.subject.endswith(":*") and subject.startswith(row.subject[:-1]):
            return subject
        return counted_subject(self._ids.organisation, row.subject)

    def _row(
        self, asked: ImportedSpend, id: str, account: str, charged: tuple[str, ...], picodollars: int
    ) -> LedgerRow:
        kind, _, name = asked.subject.partition(":")
        key = self._keys.get(self._ids.of("key", name)) if kind == "key" else None
        tags = (tuple(name.partition("=")[::2]),) if kind == "tag" else tuple(key.tags.items()) if key else ()
        return LedgerRow(
            id=id,
            call_id=account,
            organisation=self._ids.organisation,
            key_id=NOBODY if key is None else key.id,
            **self._whose(kind, name, key),
            model=self._source,
            target=f"{self._source}/before",
            operation="chat",
            cause="correction",
            payer="caller" if key is not None else "internal",
            started_us=self._act.at_us,
            duration_us=0,
            status=0,
            code=None,
            usage=Usage(),
            usage_source="reported",
            cost_picodollars=picodollars,
            streamed=False,
            vendor_request_id=None,
            tags=tags,  # pyright: ignore[reportArgumentType] - pairs, as a partition makes them
            charged=charged,
        )

    def _whose(self, kind: str, name: str, key: Key | None) -> dict[str, Any]:
        if key is not None:
            return {"team_id": key.team_id, "project_id": key.project_id, "user_id": key.user_id}
        if kind == "customer":
            return {"end_user": end_user_id(self._ids.organisation, name)}
        return {f"{kind}_id": self._ids.of(kind, name)} if kind in ("team", "project", "user") else {}


def changes(found: Sums, counters: Sequence[str], picodollars: int) -> list[tuple[tuple[str, ...], int]]:
    """What has to be added to rows there are, so that they come to an amount, and each of some counters does: by the
    counters it is charged to. What is charged to none brings the whole right.
    """
    missing: dict[int, list[str]] = defaultdict(list)
    for counter in counters:
        there = sum(cost for charged, cost in found if counter in charged)
        if there != picodollars:
            missing[picodollars - there].append(counter)
    made = [(tuple(names), amount) for amount, names in missing.items()]
    rest = picodollars - sum(cost for _, cost in found) - sum(amount for _, amount in made)
    return [*made, ((), rest)] if rest else made


def _name(asked: ImportedSpend) -> str:
    return asked.subject.partition(":")[2]


def _balance(row: LedgerRow) -> LedgerRow:
    """What takes a row's cost off the whole again."""
    assert row.cost_picodollars is not None
    return replace(
        row,
        id=f"{row.id}b",
        call_id=f"{row.call_id}b",
        team_id=None,
        project_id=None,
        user_id=None,
        end_user=None,
        cost_picodollars=-row.cost_picodollars,
        tags=(),
        charged=(),
    )
