"""Every attempt becomes one row, however it ends."""

from __future__ import annotations

import asyncio
from fractions import Fraction

import pytest

from calls import call
from headgate.catalog import Price
from headgate.clock import ManualClock
from headgate.errors import ServerError, Unsupported
from headgate.ledger import MemoryLedger, Settle
from headgate.types import Call, Chunks, Frame, Payload, Reply, Usage


def settle(ledger: MemoryLedger, rate: int | None = 2) -> Settle:
    def price(model: str) -> Price | None:
        assert model == "gpt"
        return None if rate is None else Price("sim/gpt", {"input_tokens": Fraction(rate)})

    return Settle("sim/gpt", price, ledger, ManualClock())


async def whole(call: Call) -> Reply:
    assert call.attempt is not None
    call.attempt.sent = True
    call.attempt.usage = Usage(input_tokens=3)
    call.attempt.status = 200
    return Reply(payload=Payload("openai_chat", b"{}"))


async def stream(call: Call) -> Reply:
    attempt = call.attempt
    assert attempt is not None
    attempt.sent = True

    async def chunks() -> Chunks:
        try:
            yield [Frame(b"a")]
            yield [Frame(b"b")]
        finally:
            attempt.usage = Usage(input_tokens=5)

    return Reply(chunks=chunks())


async def test_a_whole_answer_is_settled_before_it_goes_on():
    ledger, one = MemoryLedger(), call()
    await settle(ledger)(one, whole)
    [row] = ledger.rows(one.id)
    assert (row.cost_picodollars, row.status, row.code, row.target) == (6, 200, None, "sim/gpt")
    assert one.account.cost_picodollars == 6


async def test_a_stream_is_settled_at_its_end():
    ledger, one = MemoryLedger(), call(stream=True)
    reply = await settle(ledger)(one, stream)
    assert reply.chunks is not None
    await anext(reply.chunks)
    assert ledger.rows(one.id) == []
    async for _ in reply.chunks:
        pass
    [row] = ledger.rows(one.id)
    assert (row.cost_picodollars, row.code) == (10, None)


async def test_a_stream_that_is_closed_is_settled_with_what_it_used():
    ledger, one = MemoryLedger(), call(stream=True)
    reply = await settle(ledger)(one, stream)
    assert reply.chunks is not None
    await anext(reply.chunks)
    await reply.chunks.aclose()
    [row] = ledger.rows(one.id)
    assert (row.cost_picodollars, row.code) == (10, "cancelled")


async def test_an_error_is_settled_with_its_code():
    async def fail(call: Call) -> Reply:
        assert call.attempt is not None
        call.attempt.sent = True
        raise ServerError("boom", upstream_status=500)

    ledger, one = MemoryLedger(), call()
    with pytest.raises(ServerError):
        await settle(ledger)(one, fail)
    [row] = ledger.rows(one.id)
    assert (row.code, row.status, row.usage) == ("server_error", 500, Usage())
    assert one.account.events


async def test_a_cancelled_call_is_settled_too():
    async def wait(call: Call) -> Reply:
        assert call.attempt is not None
        call.attempt.sent = True
        await asyncio.Event().wait()
        raise AssertionError

    ledger, one = MemoryLedger(), call()
    task = asyncio.ensure_future(settle(ledger)(one, wait))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [row.code for row in ledger.rows(one.id)] == ["cancelled"]


async def test_attempts_of_one_call_have_rows_of_their_own():
    ledger, one = MemoryLedger(), call()
    stage = settle(ledger)
    await stage(one, whole)
    await stage(one, whole)
    assert len({row.id for row in ledger.rows(one.id)}) == 2


async def test_an_unknown_price_is_unknown_and_not_nothing():
    ledger, one = MemoryLedger(), call()
    await settle(ledger, rate=None)(one, whole)
    assert ledger.rows(one.id)[0].cost_picodollars is None
    assert one.account.cost_picodollars is None


async def test_an_answer_without_usage_costs_nobody_knows_what():
    async def silent(call: Call) -> Reply:
        assert call.attempt is not None
        call.attempt.sent = True
        return Reply(payload=Payload("opaque", b"sound"))

    ledger, one = MemoryLedger(), call()
    await settle(ledger)(one, silent)
    assert ledger.rows(one.id)[0].cost_picodollars is None


async def test_what_was_refused_before_anything_was_sent_is_no_attempt():
    async def refuse(_: Call) -> Reply:
        raise Unsupported("no", param="x")

    ledger, one = MemoryLedger(), call()
    with pytest.raises(Unsupported):
        await settle(ledger)(one, refuse)
    assert ledger.rows(one.id) == []
    assert one.account.attempts == []
    assert one.account.events == []
