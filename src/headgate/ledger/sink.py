"""From the journal into the table `ledger`, and what it adds to the budgets' counters."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import cache
from typing import Any, get_args, get_type_hints

import msgspec

from headgate.ledger.table import COLUMNS, LISTED, USAGE, flatten
from headgate.storage.database import Statement, Transaction
from headgate.storage.journal import LEDGER
from headgate.storage.records import LedgerRow

ROWS = 128
"""Most rows of one statement: its text is still one that SQLite's driver remembers (16 KB)."""

MOST_PICODOLLARS = 2**63 - 1
"""Where a counter stays."""

Stored = Callable[[Transaction, Sequence[LedgerRow]], Awaitable[None]]

_decode = msgspec.json.Decoder(LedgerRow).decode_lines
_decode_all = msgspec.json.Decoder(list[LedgerRow]).decode
_names = msgspec.json.Decoder(list[str]).decode


class LedgerSink:
    """Stores rows, each id once, and adds what they cost to the counters they are charged to, in one go.

    Statements are few and large: with one for each row, whoever runs them and the event loop would spend their time
    handing the interpreter to each other.
    """

    kind = LEDGER

    def __init__(self, stored: Stored | None = None) -> None:
        """`stored` is told of the rows that were not there before."""
        self._stored = stored

    async def store(self, transaction: Transaction, payloads: Sequence[bytes]) -> None:
        rows = await (_store_rows if transaction.kind == "sqlite" else _store_records)(transaction, payloads)
        if self._stored is not None and rows:
            await self._stored(transaction, rows)


# ── SQLite: in this process, so what counts is that it takes little time of the interpreter ──


_NEWEST = "SELECT coalesce(max(rowid), 0) FROM ledger"


async def _store_rows(transaction: Transaction, payloads: Sequence[bytes]) -> Sequence[LedgerRow]:
    rows: list[LedgerRow] = []

    def statements() -> Iterator[Statement]:
        yield _NEWEST, ()
        for some in _portions(payloads):
            values: list[Any] = []
            decoded = _decode(_cleaned(b"\n".join(some)))
            if len(decoded) != len(some):
                raise ValueError("a record is empty")
            for row in decoded:
                values += flatten(row)
            rows.extend(decoded)
            yield _insertion(len(some)), values
        yield _NEWEST, ()

    [[before]], *_, [[after]] = await transaction.fetch_each(statements())
    # Rows are numbered one by one, and nobody else adds any.
    if after - before != len(rows):
        rows = await _stored_after(transaction, before, rows)
    costs = _costs(rows)
    if costs:
        charges = [(counter, min(cost, MOST_PICODOLLARS)) for counter, cost in costs.items()]
        await transaction.execute(_charge(len(charges)), *(value for charge in charges for value in charge))
    return rows


async def _stored_after(transaction: Transaction, before: int, rows: Sequence[LedgerRow]) -> list[LedgerRow]:
    """Those of `rows` that are among the rows with numbers above `before`: of the same id the first."""
    found = await transaction.fetch("SELECT json_group_array(id) FROM ledger WHERE rowid > $1", before)
    return _first(rows, set(_names(found[0][0])))


def _portions(payloads: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """In portions of `ROWS` and of powers of two below it: few statements that are all well known."""
    start, size = 0, ROWS
    while start < len(payloads):
        while size > len(payloads) - start:
            size //= 2
        yield payloads[start : start + size]
        start += size


@cache
def _insertion(rows: int) -> str:
    """A statement that fails ends its transaction: one that could be undone alone would note down what it changes."""
    row = f"({','.join('?' * len(COLUMNS))})"
    return f"INSERT OR ROLLBACK INTO ledger ({LISTED}) VALUES {','.join([row] * rows)} ON CONFLICT (id) DO NOTHING"  # noqa: S608


def _costs(rows: Sequence[LedgerRow]) -> Counter[str]:
    """What rows cost, by the counters they are charged to; one of unknown cost what was set aside for it."""
    costs = Counter[str]()
    for row in rows:
        cost = row.reserved_picodollars if row.cost_picodollars is None else row.cost_picodollars
        if cost:
            for counter in row.charged:
                costs[counter] += cost
    return costs


def _charge(counters: int) -> str:
    return (
        f"INSERT INTO spend (counter, picodollars) VALUES {','.join(['(?,?)'] * counters)} "  # noqa: S608
        "ON CONFLICT (counter) DO UPDATE SET picodollars = CASE "
        f"WHEN excluded.picodollars > 0 AND spend.picodollars > {MOST_PICODOLLARS} - excluded.picodollars "
        f"THEN {MOST_PICODOLLARS} ELSE spend.picodollars + excluded.picodollars END"
    )


# ── PostgreSQL: another process's work, so it is given the records as they are ──


async def _store_records(transaction: Transaction, payloads: Sequence[bytes]) -> Sequence[LedgerRow]:
    records = b"[%b]" % _cleaned(b",".join(payloads))
    [[ids]] = await transaction.fetch(_STORE_JSON, records.decode())
    return _first(_decode_all(records), set(_names(ids))) if ids else []


def _store_json() -> str:
    """One statement for any number of records, in a JSON array. It gives the ids of those that were not there."""
    types = {str: "text", int: "bigint", bool: "boolean"}
    hints = get_type_hints(LedgerRow)
    members = [f"{name} {types.get(_plain(hints[name]), 'json')}" for name in LedgerRow.__struct_fields__]
    values = {name: f"r.{name}" for name in COLUMNS}
    values |= {name: f"coalesce(u.{name}, 0)" for name in USAGE}
    values |= {
        "payer": "coalesce(r.payer, 'caller')",
        "streamed": "CAST(r.streamed AS int)",
        "tags": "coalesce((SELECT '{' || string_agg(CAST(tag -> 0 AS text) || ':' || CAST(tag -> 1 AS text), ',') "
        "|| '}' FROM json_array_elements(r.tags) AS tag), '{}')",
        "charged": "coalesce(CAST(r.charged AS text), '[]')",
    }
    # ruff: disable[S608] nothing of it comes from anywhere else
    return (
        f"WITH stored AS (INSERT INTO ledger ({LISTED}) SELECT {', '.join(values.values())} "
        f"FROM json_to_recordset(CAST($1 AS json)) AS r({', '.join(members)}) "
        f"LEFT JOIN LATERAL json_to_record(r.usage) AS u({', '.join(f'{name} bigint' for name in USAGE)}) ON true "
        "ON CONFLICT (id) DO NOTHING "
        "RETURNING id, coalesce(cost_picodollars, reserved_picodollars) AS picodollars, charged), "
        "costs AS (SELECT counter, sum(picodollars) AS cost "
        "FROM stored, json_array_elements_text(CAST(charged AS json)) AS counter "
        "WHERE picodollars <> 0 GROUP BY counter ORDER BY counter), "  # in one order, or replicas block each other
        "paid AS (INSERT INTO spend (counter, picodollars) "
        f"SELECT counter, CAST(least(cost, {MOST_PICODOLLARS}) AS bigint) "
        "FROM costs ON CONFLICT (counter) DO UPDATE SET picodollars = CAST(least("
        f"CAST(spend.picodollars AS numeric) + excluded.picodollars, {MOST_PICODOLLARS}) AS bigint)) "
        "SELECT CAST(json_agg(id) AS text) FROM stored"
    )
    # ruff: enable[S608]


def _plain(hint: Any) -> Any:
    """The type of a member that may be None; of a Literal its values'."""
    options = [each for each in get_args(hint) or (hint,) if each is not type(None)]
    return type(options[0]) if isinstance(options[0], str) else options[0] if len(options) == 1 else None


_STORE_JSON = _store_json()


# ── both ──


def _first(rows: Sequence[LedgerRow], stored: AbstractSet[str]) -> list[LedgerRow]:
    """Those whose ids were stored: of the same id the first."""
    first: dict[str, LedgerRow] = {}
    for row in rows:
        if row.id in stored:
            first.setdefault(row.id, row)
    return list(first.values())


_ESCAPED_NUL = re.compile(rb"((?<!\\)(?:\\\\)*)\\u0000")


def _cleaned(records: bytes) -> bytes:
    """JSON without the character U+0000, which PostgreSQL keeps in no text."""
    if b"\\" in records and b"\\u0000" in records:  # the first of these alone is quick
        return _ESCAPED_NUL.sub(rb"\1\\ufffd", records)
    return records
