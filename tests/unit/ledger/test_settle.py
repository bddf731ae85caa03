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
from headgate.stage import Next
from headgate.types import OPAQUE, Attempt, Call, Chunks, Frame, Payload, Reply, Usage


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


async def test_what_is_free_costs_nothing_whatever_it_used():
    async def untold(call: Call) -> Reply:
        assert call.attempt is not None
        call.attempt.sent = True
        return Reply(payload=Payload(OPAQUE, b"{}"))

    free = Price("sim/gpt", {"input_tokens": Fraction(0), "output_tokens": Fraction(0)})
    ledger, one = MemoryLedger(), call()
    await Settle("sim/gpt", lambda model: free, ledger, ManualClock())(one, untold)
    await settle(ledger)(one, untold)
    assert [row.cost_picodollars for row in ledger.rows(one.id)] == [0, None]


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


def in_its_way(tier: str | None) -> Next:
    """A vendor that says how it processed a request."""
    usage = Usage(input_tokens=3)

    async def answered(call: Call) -> Reply:
        attempt = call.attempt
        assert attempt is not None
        attempt.sent, attempt.status, attempt.usage, attempt.tier = True, 200, usage, tier
        if not call.stream:
            return Reply(payload=Payload("openai_chat", b"{}"))

        async def chunks() -> Chunks:
            attempt.usage = attempt.tier = None
            yield [Frame(b"a")]
            attempt.usage, attempt.tier = usage, tier

        return Reply(chunks=chunks())

    return answered


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("tier", "cost", "version"),
    [
        (None, 6, "v:sim/gpt"),
        ("priority", 15, "v:sim/gpt#priority"),
        ("flex", 3, "v:sim/gpt#flex"),
        ("scale", None, None),
    ],
)
async def test_an_attempt_costs_what_its_way_of_processing_does(
    stream: bool, tier: str | None, cost: int | None, version: str | None
):
    def made(rate: int, how: str = "", variants: dict[str, Price] | None = None) -> Price:
        rates = {"input_tokens": Fraction(rate)}
        return Price(f"sim/gpt{how}", rates, version=f"v:sim/gpt{how}", variants=variants)

    price = made(2, variants={"priority": made(5, "#priority"), "flex": made(1, "#flex")})
    ledger, one = MemoryLedger(), call(stream=stream)
    reply = await Settle("sim/gpt", lambda model: price, ledger, ManualClock())(one, in_its_way(tier))
    if reply.chunks is not None:
        async for _ in reply.chunks:
            pass
    [row] = ledger.rows(one.id)
    assert (row.cost_picodollars, row.price_version) == (cost, version)
    assert one.account.cost_picodollars == cost


async def test_a_way_without_a_price_keeps_what_was_set_aside():
    settled: list[int | None] = []

    class Held:
        charged = ("b:1",)

        def settle(self, picodollars: int | None) -> None:
            settled.append(picodollars)

    async def reserve(call: Call, attempt: Attempt) -> Call:
        attempt.hold, attempt.reserved_picodollars = Held(), 100
        return call

    ledger, one = MemoryLedger(), call()
    one.account.pots = object()
    price = Price("sim/gpt", {"input_tokens": Fraction(2)})
    await Settle("sim/gpt", lambda model: price, ledger, ManualClock(), reserve)(one, in_its_way("scale"))
    assert settled == [None]
    assert ledger.rows(one.id)[0].cost_picodollars is None
