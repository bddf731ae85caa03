"""Every ledger behaves alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from headgate.ledger import Ledger, MemoryLedger
from headgate.ledger.journalled import JournalledLedger
from headgate.storage.journal import Journal, MemoryJournal
from headgate.storage.records import LedgerRow
from headgate.types import Usage

Make = Callable[[], Ledger]


@pytest.fixture(params=["memory", "journal in memory", "journal"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    journals: list[Journal] = []

    def on_disk() -> Ledger:
        journals.append(Journal(tmp_path))
        return JournalledLedger(journals[-1])

    yield {
        "memory": MemoryLedger,
        "journal in memory": lambda: JournalledLedger(MemoryJournal()),
        "journal": on_disk,
    }[request.param]
    for journal in journals:
        journal.close()


def row(**changes: Any) -> LedgerRow:
    fields: dict[str, Any] = {
        "id": "req_1-0", "call_id": "req_1", "organisation": "default", "key_id": "k", "model": "chat",
        "target": "sim/a", "operation": "chat", "cause": "primary", "started_us": 1, "duration_us": 2, "status": 200,
        "code": None, "usage": Usage(input_tokens=1), "usage_source": "reported", "cost_picodollars": 5,
        "streamed": False, "vendor_request_id": None, "tags": (),
    }  # fmt: skip
    return LedgerRow(**{**fields, **changes})


def test_a_calls_rows_come_back_in_order(make: Make):
    ledger = make()
    ledger.record(row(id="req_1-0"))
    ledger.record(row(id="req_2-0", call_id="req_2"))
    ledger.record(row(id="req_1-1", cause="fallback"))
    assert [each.id for each in ledger.rows("req_1")] == ["req_1-0", "req_1-1"]
    assert ledger.rows("req_3") == []


def test_the_same_id_again_changes_nothing(make: Make):
    ledger = make()
    ledger.record(row(cost_picodollars=5))
    ledger.record(row(cost_picodollars=7))
    assert [each.cost_picodollars for each in ledger.rows("req_1")] == [5]


def test_an_unknown_cost_stays_unknown(make: Make):
    ledger = make()
    ledger.record(row(cost_picodollars=None))
    assert ledger.rows("req_1")[0].cost_picodollars is None


def test_what_is_opened_is_no_row_yet(make: Make):
    ledger = make()
    ledger.open(row(id="req_1-0", code="interrupted"))
    ledger.open(row(id="req_1-1", code="interrupted"))
    assert ledger.rows("req_1") == []
    ledger.record(row(id="req_1-0"))
    ledger.void("req_1-1")
    ledger.void("req_1-1")
    ledger.void("never opened")
    assert [(each.id, each.code) for each in ledger.rows("req_1")] == [("req_1-0", None)]


def test_a_ledger_that_works_says_so(make: Make):
    assert make().writable


@pytest.mark.parametrize("make", [MemoryLedger, lambda capacity: JournalledLedger(MemoryJournal(), capacity)])
def test_the_ledger_in_memory_is_bounded(make: Callable[[int], Ledger]):
    ledger = make(10)
    for number in range(100):
        ledger.record(row(id=f"r{number}", call_id="c"))
    assert [each.id for each in ledger.rows("c")] == [f"r{number}" for number in range(90, 100)]
