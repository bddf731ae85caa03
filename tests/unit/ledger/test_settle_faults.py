"""Settling when something breaks: no attempt is free for it, and none is made that nothing stands for."""

from __future__ import annotations

from fractions import Fraction

import pytest

from calls import call
from headgate.catalog import Price
from headgate.clock import ManualClock
from headgate.errors import StoreUnavailable
from headgate.ledger import MemoryLedger, Settle
from headgate.storage.records import LedgerRow
from headgate.types import Attempt, Call, Payload, Reply, Usage

RESERVED = 70


async def reserve(call: Call, attempt: Attempt) -> Call:
    attempt.reserved_picodollars = RESERVED
    return call


def settle(ledger: MemoryLedger, *, lenient: bool = False) -> Settle:
    price = Price("sim/gpt", {"input_tokens": Fraction(2)})
    return Settle("sim/gpt", lambda model: price, ledger, ManualClock(), reserve, lenient=lenient)


def asked(*, governed: bool) -> Call:
    one = call()
    one.account.pots = governed or None
    return one


async def whole(call: Call) -> Reply:
    assert call.attempt is not None
    call.attempt.sent = True
    call.attempt.usage = Usage(input_tokens=3)
    return Reply(payload=Payload("openai_chat", b"{}"))


async def broken(call: Call) -> Reply:
    assert call.attempt is not None
    call.attempt.sent = True
    raise AttributeError("of a stage of somebody's own")


class Full(MemoryLedger):
    """Cannot keep what stands for an attempt."""

    def open(self, row: LedgerRow) -> None:
        raise OSError("no space left on device")


@pytest.mark.parametrize(("governed", "cost"), [(True, RESERVED), (False, None)])
async def test_a_defect_does_not_make_an_attempt_free(governed: bool, cost: int | None):
    ledger, one = MemoryLedger(), asked(governed=governed)
    with pytest.raises(AttributeError):
        await settle(ledger)(one, broken)
    [row] = ledger.rows(one.id)
    assert (row.code, row.usage_source, row.cost_picodollars) == ("internal_error", "estimated", cost)


async def test_an_attempt_that_nothing_can_stand_for_is_not_made():
    ledger, one = Full(), asked(governed=True)
    with pytest.raises(StoreUnavailable):
        await settle(ledger)(one, whole)
    assert ledger.rows(one.id) == []


async def test_it_is_made_where_that_is_allowed():
    ledger, one = Full(), asked(governed=True)
    await settle(ledger, lenient=True)(one, whole)
    assert [row.cost_picodollars for row in ledger.rows(one.id)] == [6]
