"""Rows into a table, many with one statement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from headgate.storage.database import Row, Statement

VALUES = 3_000
"""Most values of one statement: either database takes ten times as many, and reading them would cost as much."""


def insertions(table: str, columns: tuple[str, ...], rows: Sequence[Row]) -> Iterator[Statement]:
    """Statements that add rows, but for those whose ids are there already. In portions of powers of two: few statements
    that are all well known.
    """
    start, size = 0, 1 << (VALUES // len(columns)).bit_length() - 1
    while start < len(rows):
        while size > len(rows) - start:
            size //= 2
        yield _insertion(table, columns, size), [_clean(value) for row in rows[start : start + size] for value in row]
        start += size


@cache
def _insertion(table: str, columns: tuple[str, ...], rows: int) -> str:
    width = len(columns)
    places = ", ".join(
        f"({', '.join(f'${row * width + column + 1}' for column in range(width))})" for row in range(rows)
    )
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {places} ON CONFLICT (id) DO NOTHING"  # noqa: S608


def _clean(value: Any) -> Any:
    """A value without the character U+0000, which PostgreSQL keeps in no text: names may be a client's own."""
    if isinstance(value, str) and "\0" in value:
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return value
