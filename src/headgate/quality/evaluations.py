"""What evaluators found, on its way from the journal into the table `evaluations` and the sums."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import asdict, replace

from headgate.quality.aging import Aging
from headgate.quality.called import LISTED_CALL, cell_at, place_of
from headgate.quality.feedback import Count
from headgate.quality.table import columns_of, row_of
from headgate.storage.database import Transaction
from headgate.storage.inserting import insertions
from headgate.storage.records import Evaluation
from headgate.telemetry.rollups.cell import Cells

KIND = b"e"
"""Of the journal's records."""

COLUMNS = columns_of(Evaluation)
LISTED = ", ".join(COLUMNS)

encode = msgspec.json.Encoder().encode
_FIND = "SELECT 1 FROM evaluations WHERE id = $1"

_decode = msgspec.json.Decoder(Evaluation).decode


class EvaluationSink:
    """Stores what evaluators found, each id once, and counts it then."""

    kind = KIND

    def __init__(self, count: Count, aging: Aging) -> None:
        self._count = count
        self._aging = aging

    async def store(self, transaction: Transaction, payloads: Sequence[bytes]) -> None:
        rows = {row.id: row for row in map(_decode, payloads)}
        # a journal is drained by one process at a time: nobody else adds these meanwhile
        found = await transaction.fetch_each((_FIND, [row.id]) for row in rows.values())
        new = [row for row, there in zip(rows.values(), found, strict=True) if not there]
        if not new:
            return
        new = await _placed(transaction, new)
        await transaction.fetch_each(insertions("evaluations", COLUMNS, [row_of(row) for row in new]))
        cells: Cells = {}
        for row in new:
            _add(cells, row)
        await self._count(transaction, cells)
        await self._aging.delete(transaction, "evaluations", max(row.at_us for row in new))


async def _placed(transaction: Transaction, rows: Sequence[Evaluation]) -> list[Evaluation]:
    """The rows where their calls are, of those that are listed: they were drained before. The others are where the
    evaluator saw them.
    """
    calls = list({(row.organisation, row.call_id) for row in rows})
    found = await transaction.fetch_each((LISTED_CALL, [call_id, organisation]) for organisation, call_id in calls)
    places = {call: place_of(columns[0][:-1]) for call, columns in zip(calls, found, strict=True) if columns}
    return [
        row if (place := places.get((row.organisation, row.call_id))) is None else replace(row, **asdict(place))
        for row in rows
    ]


def _add(cells: Cells, row: Evaluation) -> None:
    cell = cell_at(cells, row.organisation, row)
    cell.count(f"evaluation.{row.evaluator}.{row.outcome}")
    if row.score is not None and row.outcome != "skip":
        cell.count(f"evaluation.{row.evaluator}.scored")
        cell.count(f"evaluation.{row.evaluator}.thousandths", round(row.score * 1000))
