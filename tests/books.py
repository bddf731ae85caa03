"""What a database has, held against what the vendor and the clients know."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from asking import Questions
from billing import Vendor
from cluster import Key, Replica
from headgate.ledger.queries import Filters, LedgerQueries
from headgate.money import from_decimal
from headgate.storage.opening import connect
from headgate.storage.records import LedgerRow
from waiting import eventually

Rows = Mapping[str, Sequence[LedgerRow]]
"""By mark."""


class Books:
    """The database of one URL, read beside whoever serves from it."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def fetch(self, sql: str) -> list[Any]:
        database = await connect(self.url, lock=False)
        try:
            return list(await database.fetch(sql))
        finally:
            await database.close()

    async def rows(self) -> Rows:
        """The ledger."""
        database = await connect(self.url, lock=False)
        try:
            found: dict[str, list[LedgerRow]] = {}
            async for row in LedgerQueries(database).every(Filters()):
                found.setdefault(dict(row.tags)["mark"], []).append(row)
            return found
        finally:
            await database.close()

    async def complete(self, vendor: Vendor, questions: Questions) -> Rows:
        """The ledger, once all that the vendor was asked is in it."""
        asked = {each.mark for each in vendor.bill}

        async def all_there() -> Rows | bool:
            rows = await self.rows()
            return False if asked - rows.keys() else rows

        rows = await eventually(all_there)
        check(rows, vendor, questions)
        return rows

    async def check_budget(self, replica: Replica, key: Key) -> int:
        """Whether a key's budget has spent what the ledger has of that key, and nothing is set aside. What it spent."""

        async def at_rest() -> Any:
            [found] = json.loads((await replica.ask("GET", f"/admin/keys/{key.id}")).body)["budgets"]
            return found if found["reserved_usd"] == "0" else False

        budget = await eventually(at_rest)
        spent = sum(row.cost_picodollars or 0 for (row,) in (await self.rows()).values() if row.key_id == key.id)
        assert from_decimal(Decimal(budget["spent_usd"])) == spent
        assert spent <= from_decimal(Decimal(budget["amount_usd"]))
        return spent

    async def audited(self, action: str) -> list[str]:
        """The subjects of an action in the audit log."""
        leaves = await self.fetch("SELECT leaf FROM audit_records ORDER BY position")
        return [record["subject"] for (leaf,) in leaves if (record := json.loads(leaf))["action"] == action]


def check(rows: Rows, vendor: Vendor, questions: Questions) -> None:
    """No row is missing or there twice, and none is cheaper than what the vendor did for it."""
    bill = {each.mark: each for each in vendor.bill}
    assert len(bill) == len(vendor.bill), "each question is asked once"
    lost = bill.keys() - rows.keys()
    assert not lost, f"{len(lost)} rows are lost: {sorted(lost)[:10]}"
    for mark, some in rows.items():
        assert len(some) == 1, f"{mark} has {len(some)} rows: {some}"
        (row,) = some
        assert row.cost_picodollars is not None and row.reserved_picodollars is not None
        billed = bill[mark].picodollars if mark in bill else 0
        assert billed <= row.cost_picodollars <= row.reserved_picodollars, row
        assert row.cost_picodollars == billed or row.usage_source == "estimated", row
    settled = {mark for mark, (row,) in rows.items() if row.code is None}
    assert not questions.answered - settled
