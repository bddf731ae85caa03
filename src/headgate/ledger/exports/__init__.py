"""Ledger rows as files: CSV, JSON Lines, Parquet, and FOCUS."""

from __future__ import annotations

from headgate.ledger.exports.columns import COLUMNS, Column, plain
from headgate.ledger.exports.encoder import Encoder, encoded, encoded_batches
from headgate.ledger.exports.focus import Focus
from headgate.ledger.exports.lines import Lines
from headgate.ledger.exports.parquet import Parquet
from headgate.ledger.exports.sheet import Sheet

FORMATS: dict[str, type[Sheet | Lines | Parquet]] = {"csv": Sheet, "jsonl": Lines, "parquet": Parquet}
"""Formats of plain rows. `focus` needs to know prices and is made by hand."""

__all__ = [
    "COLUMNS",
    "FORMATS",
    "Column",
    "Encoder",
    "Focus",
    "Lines",
    "Parquet",
    "Sheet",
    "encoded",
    "encoded_batches",
    "plain",
]
