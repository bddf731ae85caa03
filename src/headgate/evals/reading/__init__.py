"""Test files and datasets, read whole: every mistake in them is told at once, with file, line and column."""

from __future__ import annotations

from headgate.evals.reading.files import read

__all__ = ["read"]
