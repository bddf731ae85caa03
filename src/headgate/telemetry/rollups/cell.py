"""What calls come to: counts by name, and sketches of how long they took."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from headgate.stats.sketch import Sketch
from headgate.storage.records import CallRow, LedgerRow
from headgate.telemetry.rollups.failures import failure_of, kinds
from headgate.types import Usage

MINUTE_US = 60_000_000

MOST = 2**62
"""Where a count stays: what is written down takes 64 bits."""


class Place(NamedTuple):
    """What the calls of a cell have in common. A name is empty where there is none."""

    minute: int
    """Minutes since 1970, UTC, in which they began."""
    organisation: str
    model: str
    target: str
    operation: str
    key: str
    team: str
    project: str
    prompt: str
    arm: str
    tags: tuple[tuple[str, str], ...]


class Cell:
    """Sums of some calls and attempts."""

    __slots__ = ("counts", "sketches")

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        """`calls`, `failed`, `streamed`, `attempts`, `attempts_failed`, `cost_picodollars`, `saving_picodollars`,
        `unpriced` (attempts of unknown cost); by name `error.…`, `attempt_error.…`, `event.…`, `tokens.…`, what
        `failures.py` has of calls, and `cost_picodollars.…` of who pays, where that is not the caller. Of what is
        known of answers' quality `rated` (calls somebody rated), `feedback.…`, `feedback_label.…` and
        `evaluation.NAME.…`; feedback that is taken back counts below 0.
        """
        self.sketches: dict[str, Sketch] = {}
        """In microseconds: of calls `duration`, `first_token`, `per_token`, `overhead`, `queued`; of attempts
        `attempt_duration`, `attempt_first_token`.
        """

    def count(self, name: str, number: int = 1) -> None:
        counts = self.counts
        counts[name] = counts.get(name, 0) + number

    def observe(self, name: str, value_us: float) -> None:
        sketch = self.sketches.get(name)
        if sketch is None:
            sketch = self.sketches[name] = Sketch()
        sketch.add(value_us)

    def merge(self, other: Cell) -> None:
        """Add another's calls and attempts."""
        counts = self.counts
        for name, number in other.counts.items():
            counts[name] = counts.get(name, 0) + number
        for name, sketch in other.sketches.items():
            own = self.sketches.get(name)
            if own is None:
                own = self.sketches[name] = Sketch()
            own.merge(sketch)


Cells = dict[Place, Cell]

NO_ATTEMPTS = ("cache_hit", "correction")
"""Causes of ledger rows for which nobody was asked."""


def add_calls(cells: Cells, rows: Iterable[CallRow]) -> None:
    """Count calls in their cells."""
    for row in rows:
        cell = _at(cells, row, row.arm)
        cell.count("calls")
        cell.observe("duration", row.duration_us)
        cell.observe("overhead", row.overhead_us)
        cell.observe("queued", row.queued_us)
        if row.code is not None:
            cell.count("failed")
            cell.count(f"error.{row.code}")
            cell.count(failure_of(row))
        if row.streamed:
            cell.count("streamed")
        if row.first_token_us is not None:
            cell.observe("first_token", row.first_token_us)
            if row.code is None and row.output_tokens > 1:
                cell.observe("per_token", (row.duration_us - row.first_token_us) / (row.output_tokens - 1))
        for name, *_ in row.events:
            cell.count(f"event.{name}")
        coarse = _cell_at(cells, Place(row.started_us // MINUTE_US, row.organisation, row.model, *_NOWHERE))
        for name in kinds(row):
            coarse.count(name)


def add_attempts(cells: Cells, rows: Iterable[LedgerRow]) -> None:
    """Count attempts, and what corrects them later, in their cells."""
    for row in rows:
        cell = _at(cells, row, None)
        if row.cause not in NO_ATTEMPTS:
            cell.count("attempts")
            cell.observe("attempt_duration", row.duration_us)
            if row.first_token_us is not None:
                cell.observe("attempt_first_token", row.first_token_us)
        if row.code is not None:
            cell.count("attempts_failed")
            cell.count(f"attempt_error.{row.code}")
        cost = row.cost_picodollars
        if cost is None:
            cell.count("unpriced")
        elif cost:
            cell.count("cost_picodollars", cost)
            if row.payer != "caller":
                cell.count(f"cost_picodollars.{row.payer}", cost)
        if row.saving_picodollars:
            cell.count("saving_picodollars", row.saving_picodollars)
        usage = row.usage
        for member, name in _TOKENS:
            number = getattr(usage, member)
            if number:
                cell.count(name, number)


_TOKENS = [(member, f"tokens.{member}") for member in Usage.__struct_fields__]


_NOWHERE = ("", "", "", "", "", "", "", ())
"""A place's target and what follows it, where calls are counted by model only."""


def _at(cells: Cells, row: CallRow | LedgerRow, arm: str | None) -> Cell:
    place = Place(
        row.started_us // MINUTE_US,
        row.organisation,
        row.model,
        row.target,
        row.operation,
        row.key_id,
        row.team_id or "",
        row.project_id or "",
        row.prompt_version or "",
        arm or "",
        row.tags,
    )
    return _cell_at(cells, place)


def _cell_at(cells: Cells, place: Place) -> Cell:
    cell = cells.get(place)
    if cell is None:
        cell = cells[place] = Cell()
    return cell


# ── as bytes ──

_encode = msgspec.msgpack.Encoder().encode
_Plain = tuple[int, dict[int, int]]
"""A sketch's zeros and its other counts: most are of few values, and bytes of its own would take far longer."""

_decode_cells = msgspec.msgpack.Decoder(list[tuple[Place, dict[str, int], dict[str, _Plain]]]).decode
_decode_counts = msgspec.msgpack.Decoder(dict[str, int]).decode
_decode_sketches = msgspec.msgpack.Decoder(dict[str, bytes]).decode


def encode_cells(cells: Cells) -> bytes:
    """A batch's cells as one value of the inbox."""
    return _encode([(place, _bounded(cell.counts), _plain(cell.sketches)) for place, cell in cells.items()])


def decode_cells(data: bytes) -> Iterator[tuple[Place, Cell]]:
    """What `encode_cells` wrote, cell by cell: there may be hundreds, and others want their turn.

    Raises:
        msgspec.MsgspecError: it did not write that.
    """
    return ((place, _cell(counts, sketches)) for place, counts, sketches in _decode_cells(data))


def encode_counts(counts: dict[str, int]) -> bytes:
    """The counts of a cell as a column has them."""
    return _encode(_bounded(counts))


def decode_counts(data: bytes) -> dict[str, int]:
    return _decode_counts(data)


def encode_sketches(sketches: dict[str, Sketch]) -> bytes:
    """The sketches of a cell as a column has them."""
    return _encode(_encoded(sketches))


def decode_sketches(data: bytes) -> dict[str, bytes]:
    """Sketches, still in bytes, by name."""
    return _decode_sketches(data)


def _cell(counts: dict[str, int], sketches: dict[str, _Plain]) -> Cell:
    cell = Cell()
    cell.counts = counts
    for name, (zeros, others) in sketches.items():
        sketch = cell.sketches[name] = Sketch()
        sketch.zeros, sketch.counts, sketch.total = zeros, others, zeros + sum(others.values())
    return cell


def _plain(sketches: dict[str, Sketch]) -> dict[str, _Plain]:
    return {name: (sketch.zeros, sketch.counts) for name, sketch in sketches.items()}


def _bounded(counts: dict[str, int]) -> dict[str, int]:
    return {name: max(-MOST, min(number, MOST)) for name, number in counts.items()}


def _encoded(sketches: dict[str, Sketch]) -> dict[str, bytes]:
    return {name: sketch.encode() for name, sketch in sketches.items()}
