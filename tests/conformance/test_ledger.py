"""Every ledger behaves alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from headgate.ledger import Ledger, MemoryLedger
from headgate.storage.records import LedgerRow
from headgate.types import Usage

Make = Callable[[], Ledger]


@pytest.fixture(params=[MemoryLedger], ids=["memory"])
def make(request: pytest.FixtureRequest) -> Make:
    return request.param


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


def test_the_ledger_in_memory_is_bounded():
    ledger = MemoryLedger(capacity=10)
    for number in range(100):
        ledger.record(row(id=f"r{number}", call_id="c"))
    assert [each.id for each in ledger.rows("c")] == [f"r{number}" for number in range(90, 100)]
