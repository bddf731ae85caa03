"""A cell as columns of the table `rollups`, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headgate.stats.sketch import Sketch
from headgate.telemetry.rollups.cell import Cell, decode_counts, decode_sketches, encode_counts, encode_sketches

COLUMNS = ("counts", "duration", "sketches")
"""`duration` is a sketch on its own: most of what is read needs no other."""

LISTED = ", ".join(COLUMNS)


def columns_of(cell: Cell) -> tuple[bytes, bytes | None, bytes]:
    """What is written of a cell."""
    others = dict(cell.sketches)
    duration = others.pop("duration", None)
    return encode_counts(cell.counts), None if duration is None else duration.encode(), encode_sketches(others)


def cell_of(columns: Sequence[Any]) -> Cell:
    """The cell whose columns these are."""
    counts, duration, others = columns
    cell = Cell()
    cell.counts = decode_counts(bytes(counts))
    cell.sketches = {name: Sketch.decode(data) for name, data in decode_sketches(bytes(others)).items()}
    if duration is not None:
        cell.sketches["duration"] = Sketch.decode(bytes(duration))
    return cell
