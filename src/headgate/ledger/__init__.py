"""The exact record of what every attempt used and cost."""

from __future__ import annotations

from headgate.ledger.port import Ledger, MemoryLedger
from headgate.ledger.stage import Settle

__all__ = ["Ledger", "MemoryLedger", "Settle"]
