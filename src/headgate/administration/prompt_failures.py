"""What the server could not test: kept until it could."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import astuple

from headgate.storage.database import Transaction
from headgate.storage.records import PromptTestFailure
from headgate.storage.tables import Reader

_COLUMNS = PromptTestFailure.__struct_fields__
_LISTED = ", ".join(_COLUMNS)
# ruff: disable[S608] nothing of these comes from anywhere else
_ALL = f"SELECT {_LISTED} FROM prompt_test_failures"
_OF = f"{_ALL} WHERE organisation = $1"
_PUT = (
    f"INSERT INTO prompt_test_failures ({_LISTED}) "
    f"VALUES ({', '.join(f'${at}' for at in range(1, len(_COLUMNS) + 1))}) "
    "ON CONFLICT (organisation, suite, subject, digest, cell) DO UPDATE SET message = excluded.message, "
    "reason = excluded.reason, state = excluded.state, times = prompt_test_failures.times + 1, at_us = excluded.at_us"
)
# ruff: enable[S608]
_OVER = (
    "DELETE FROM prompt_test_failures WHERE organisation = $1 AND suite = $2 AND subject = $3 AND digest = $4 "
    "AND cell = $5"
)
_WITHDRAWN = "DELETE FROM prompt_test_failures WHERE organisation = $1 AND suite = $2"


async def failures(reader: Reader, organisation: str | None = None) -> Sequence[PromptTestFailure]:
    """All there are, of one organisation or of every one."""
    rows = await (reader.fetch(_ALL) if organisation is None else reader.fetch(_OF, organisation))
    return [PromptTestFailure(**dict(zip(_COLUMNS, row, strict=True))) for row in rows]


async def failed(transaction: Transaction, failure: PromptTestFailure) -> None:
    """Note that something could not be tested, once more where it could not before."""
    await transaction.execute(_PUT, *astuple(failure))


async def tested(transaction: Transaction, organisation: str, subject: str, digest: str, suite: str, cell: str) -> None:
    """Note that something has been tested after all."""
    await transaction.execute(_OVER, organisation, suite, subject, digest, cell)


async def withdrawn(transaction: Transaction, organisation: str, suite: str) -> None:
    """Forget what could not be tested of a suite."""
    await transaction.execute(_WITHDRAWN, organisation, suite)
