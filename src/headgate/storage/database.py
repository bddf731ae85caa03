"""A database of records: what SQLite and PostgreSQL are to everything above them.

Statements are PostgreSQL's, with `$1 …` for parameters, in words both understand. Rows are tuples.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, Protocol

Row = tuple[Any, ...]

Statement = tuple[str, Sequence[Any]]
"""With its parameters."""


class Transaction(Protocol):
    """Statements that happen all or not at all."""

    @property
    def kind(self) -> Literal["sqlite", "postgres"]: ...

    async def fetch(self, sql: str, *parameters: Any) -> list[Row]:
        """The rows a statement gives; of a change too, with RETURNING."""
        ...

    async def execute(self, sql: str, *parameters: Any) -> None: ...

    async def fetch_each(self, statements: Iterable[Statement]) -> list[list[Row]]:
        """The rows of statements that are run one after the other, made as they are needed: in SQLite's thread, so
        large ones hold up no event loop.
        """
        ...


class Database(Protocol):
    """One database. Every method raises `StoreUnavailable` where it cannot be reached."""

    @property
    def kind(self) -> Literal["sqlite", "postgres"]: ...

    async def fetch(self, sql: str, *parameters: Any) -> list[Row]:
        """Read, beside whatever is being written."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """A transaction that is committed at the block's end, and rolled back where that raises. SQLite has one at a
        time; in PostgreSQL those that change the same rows wait for each other.
        """
        ...

    async def close(self) -> None: ...
