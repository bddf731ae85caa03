"""The exact record of what every attempt used and cost."""

from __future__ import annotations

from headgate.ledger.journalled import JournalledLedger
from headgate.ledger.port import Ledger, MemoryLedger
from headgate.ledger.seeds import LedgerSeeds
from headgate.ledger.sink import LedgerSink
from headgate.ledger.stage import Settle

__all__ = ["JournalledLedger", "Ledger", "LedgerSeeds", "LedgerSink", "MemoryLedger", "Settle"]
