"""Feedback on its way from the journal into the table `feedback` and the sums."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import NamedTuple

import msgspec
from msgspec.structs import asdict, replace

from headgate.quality.aging import Aging
from headgate.quality.called import cell_at, find
from headgate.quality.table import columns_of, record_of, row_of
from headgate.storage.database import Transaction
from headgate.storage.inserting import insertions
from headgate.storage.records import Feedback
from headgate.telemetry.calls import UNKNOWN
from headgate.telemetry.rollups.cell import Cells

KIND = b"f"
"""Of the journal's records."""

COLUMNS = columns_of(Feedback)
LISTED = ", ".join(COLUMNS)

LOCK = 0x68656164_66656564
"""PostgreSQL's advisory lock of who stores feedback: of two replicas, one after the other."""

Count = Callable[[Transaction, Cells], Awaitable[None]]
"""Adds to the sums, as a part of a transaction."""

encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Feedback).decode

_OF_CALL = f"SELECT {LISTED} FROM feedback WHERE organisation = $1 AND call_id = $2"  # noqa: S608
_REPLACE = "UPDATE feedback SET replaced = 1 WHERE organisation = $1 AND call_id = $2 AND rater = $3 AND id <> $4"


class FeedbackSink:
    """Stores feedback, each id once. What is counted is what each user's words about a call come to, in the order they
    were said in, whatever order they come in.
    """

    kind = KIND

    def __init__(self, count: Count, aging: Aging) -> None:
        self._count = count
        self._aging = aging

    async def store(self, transaction: Transaction, payloads: Sequence[bytes]) -> None:
        rows = sorted((_decode(payload) for payload in payloads), key=_age)
        if transaction.kind == "postgres":
            await transaction.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        cells: Cells = {}
        for row in rows:
            if not await transaction.fetch("SELECT 1 FROM feedback WHERE id = $1", row.id):
                await _store(transaction, await _joined(transaction, row), cells)
        if cells:
            await self._count(transaction, cells)
        await self._aging.delete(transaction, "feedback", rows[-1].at_us)


async def _joined(transaction: Transaction, row: Feedback) -> Feedback:
    """Feedback about a call nobody knew, with the call, if it is known by now and its giver's own or his team's."""
    if row.model != UNKNOWN:
        return row
    found = await find(transaction, row.organisation, row.call_id)
    if found is None or not is_own(found.at.key_id, found.at.team_id, row.key_id, row.team_id):
        return row
    return replace(row, **asdict(found.at))


def is_own(made_by: str, made_in: str | None, key_id: str, team_id: str | None) -> bool:
    """Whether a call made by a key of a team is that key's, or another one's of its team."""
    return made_by == key_id or (team_id is not None and made_in == team_id)


class Opinion(NamedTuple):
    """What one user's words about a call come to: of each kind the last."""

    thumb: str | None = None
    score: int | None = None
    label: str | None = None
    comment: str | None = None
    correction: str | None = None

    @property
    def rates(self) -> bool:
        """Whether it says how satisfied somebody is."""
        return self.thumb is not None or self.score is not None


def opinion(words: Iterable[Feedback]) -> Opinion:
    """What words come to, whatever order they are in. A thumb takes a score's place, and the other way round."""
    whole = Opinion()
    for word in sorted(words, key=_age):
        own = _said(word)
        kept = whole._replace(thumb=None, score=None) if own.rates else whole
        whole = kept._replace(**{name: value for name, value in own._asdict().items() if value is not None})
    return whole


async def _store(transaction: Transaction, row: Feedback, cells: Cells) -> None:
    found = await transaction.fetch(_OF_CALL, row.organisation, row.call_id)
    known = [record_of(Feedback, columns) for columns in found]
    own = sorted((each for each in known if each.rater == row.rater), key=_age)
    if own and _said(own[-1]) == _said(row) and _age(own[-1]) < _age(row):
        return  # said again
    newest = max([*own, row], key=_age)
    await transaction.fetch_each(insertions("feedback", COLUMNS, [row_of(row)]))
    if own:
        await transaction.execute(_REPLACE, row.organisation, row.call_id, row.rater, newest.id)
    before, after = opinion(own), opinion([*own, row])
    if own:
        _add(cells, own[-1], before, -1)
    _add(cells, newest, after, 1)
    others = {each.rater for each in known} - {row.rater}
    if before.rates != after.rates and not any(
        opinion(each for each in known if each.rater == rater).rates for rater in others
    ):
        cell_at(cells, row.organisation, newest).count("rated")


def _said(row: Feedback) -> Opinion:
    return Opinion(row.thumb, row.score, row.label, row.comment, row.correction)


def _age(row: Feedback) -> tuple[int, str]:
    return row.at_us, row.id


def _add(cells: Cells, row: Feedback, said: Opinion, number: int) -> None:
    """Count an opinion, or that it is one no longer."""
    cell = cell_at(cells, row.organisation, row)
    if said.thumb is not None:
        cell.count(f"feedback.{said.thumb}", number)
    if said.score is not None:
        cell.count(f"feedback.score_{said.score}", number)
    if said.label is not None:
        cell.count(f"feedback_label.{said.label}", number)
    if said.comment is not None:
        cell.count("feedback.comments", number)
    if said.correction is not None:
        cell.count("feedback.corrections", number)
