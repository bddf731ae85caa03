"""A database with administered things in it, and who follows it: for tests."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from headgate.access.directory import Directory
from headgate.access.keys import KeyAuthenticator
from headgate.access.minting import digest
from headgate.access.roles import Roles
from headgate.clock import ManualClock
from headgate.storage.database import Database
from headgate.storage.records import Entity, Key
from headgate.storage.tables import TABLES, next_revision
from headgate.types import Identity

ROWS = {table.struct: table for table in TABLES}


class Place:
    """An administered database, the directory that follows it, and an authenticator over that."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = ManualClock()
        self.directory = Directory(database, Roles())
        self.failures: list[tuple[str, str, str]] = []
        self.keys = KeyAuthenticator(
            "hg-admin", self.directory, clock=self.clock, failed=lambda *failure: self.failures.append(failure)
        )

    async def write(self, *rows: Entity) -> None:
        """Add rows, or put them in the place of those of their id, as an administrative act does."""
        async with self.database.transaction() as transaction:
            revision = await next_revision(transaction)
            for row in rows:
                table, row = ROWS[type(row)], replace(row, revision=revision)
                held = await table.get(transaction, row.organisation, row.id)
                if held is None:
                    await table.insert(transaction, row)
                else:
                    await table.update(transaction, replace(row, version=held.version))

    async def put(self, *rows: Entity) -> None:
        """Write rows and have the directory take them over."""
        await self.write(*rows)
        await self.directory.refresh()

    def identify(self, key: str, address: str = "127.0.0.1") -> Identity:
        return self.keys.identify({b"x-api-key": key.encode()}, address)


def key_row(key: str, **changes: Any) -> Key:
    """A row for a key; its id is `key_` and the key."""
    fields: dict[str, Any] = {
        "id": f"key_{key}",
        "organisation": "default",
        "name": key,
        "digest": digest(key.encode()).hex(),
        "hint": key[-4:],
    }
    return Key(**{**fields, **changes})
