"""The ledger against a vendor's own account of what was used and what it costs."""

from __future__ import annotations

from headgate.ledger.reconcile.comparison import Comparing, Comparison, MoneyCell, UsageCell, compare
from headgate.ledger.reconcile.corrections import corrections
from headgate.ledger.reconcile.export import Bucket, Export, UnreadableExport
from headgate.ledger.reconcile.reading import read, read_all
from headgate.ledger.reconcile.report import shown, text

__all__ = [
    "Bucket",
    "Comparing",
    "Comparison",
    "Export",
    "MoneyCell",
    "UnreadableExport",
    "UsageCell",
    "compare",
    "corrections",
    "read",
    "read_all",
    "shown",
    "text",
]
