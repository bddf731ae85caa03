"""Requests, tokens and calls under way are reserved before a call and settled after it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from calls import call
from governing import Governing, limit
from headgate.errors import RateLimited, ServerError, StoreUnavailable
from headgate.limits.stage import BYTES_PER_TOKEN, OUTPUT_TOKENS
from headgate.routing.config import OnceConfig
from headgate.routing.once import Answers, Once
from headgate.storage.counters import Claim
from headgate.types import Account, Attempt, Call, Chunks, Frame, Payload, Reply, Usage

NUMBERS = iter(range(10**9))


def fresh(**changes: Any) -> Call:
    return call(id=f"req_{next(NUMBERS)}", account=Account(), **changes)


NOTHING = Usage()


def answered(usage: Usage = NOTHING):
    async def answer(call: Call) -> Reply:
        call.account.attempts.append(
            Attempt(id=call.id, target="sim/a", started_us=0, started=0.0, sent=True, usage=usage, settled=True)
        )
        return Reply(payload=Payload("openai_chat", b"{}"))

    return answer


async def refused_at_once(call: Call) -> Reply:
    raise ServerError("no attempt was made")


async def failed(call: Call) -> Reply:
    call.account.attempts.append(
        Attempt(id=call.id, target="sim/a", started_us=0, started=0.0, sent=True, settled=True)
    )
    raise ServerError("the vendor")


async def test_as_many_requests_pass_as_are_allowed_and_no_more():
    governing = Governing([limit(requests=3)])
    for _ in range(3):
        await governing.stage(fresh(), answered())
    with pytest.raises(RateLimited, match="limit of 3 requests per minute for this key") as refused:
        await governing.stage(fresh(), answered())
    assert refused.value.retry_after_s == pytest.approx(61, abs=1.1)


async def test_after_the_time_it_was_told_a_call_passes_and_not_before():
    governing = Governing([limit(requests=1)])
    await governing.stage(fresh(), answered())
    with pytest.raises(RateLimited) as refused:
        await governing.stage(fresh(), answered())
    wait_s = refused.value.retry_after_s
    assert wait_s is not None
    governing.clock.advance(wait_s - 0.001)
    with pytest.raises(RateLimited):
        await governing.stage(fresh(), answered())
    governing.clock.advance(0.002)
    await governing.stage(fresh(), answered())


async def test_a_call_that_asked_nothing_of_a_vendor_was_no_request():
    governing = Governing([limit(requests=1)])
    for _ in range(5):
        with pytest.raises(ServerError):
            await governing.stage(fresh(), refused_at_once)


async def test_a_call_that_failed_at_a_vendor_was_one():
    governing = Governing([limit(requests=1)])
    with pytest.raises(ServerError):
        await governing.stage(fresh(), failed)
    with pytest.raises(RateLimited):
        await governing.stage(fresh(), answered())


async def test_tokens_are_reserved_and_what_was_not_used_is_given_back():
    one = fresh()
    reserved = len(one.request.encode()) // BYTES_PER_TOKEN + 1 + OUTPUT_TOKENS
    governing = Governing([limit(tokens=reserved)])
    await governing.stage(one, answered(Usage(input_tokens=5, output_tokens=5)))
    with pytest.raises(RateLimited):
        await governing.stage(fresh(), answered())
    governing = Governing([limit(tokens=reserved + 10)])
    await governing.stage(fresh(), answered(Usage(input_tokens=5, output_tokens=5)))
    await governing.stage(fresh(), answered())


async def test_what_was_used_beyond_the_reservation_counts():
    governing = Governing([limit(output_tokens=3000)])
    await governing.stage(fresh(), answered(Usage(output_tokens=2500)))
    with pytest.raises(RateLimited, match="output tokens"):
        await governing.stage(fresh(), answered())


async def test_a_request_larger_than_its_limit_is_told_that_waiting_does_not_help():
    governing = Governing([limit(tokens=100)])
    with pytest.raises(RateLimited, match="more than the 100 tokens per minute") as refused:
        await governing.stage(fresh(), answered())
    assert refused.value.retry_after_s is None


async def test_no_more_calls_are_under_way_than_may_be():
    governing = Governing([limit(per="total", concurrent=2)])
    inside: list[Exception] = []

    async def nested(call: Call) -> Reply:
        async def deeper(call: Call) -> Reply:
            with pytest.raises(RateLimited, match="limit of 2 concurrent"):
                await governing.stage(fresh(), answered())
            inside.append(RateLimited(""))
            return await answered()(call)

        await governing.stage(fresh(), deeper)
        return await answered()(call)

    await governing.stage(fresh(), nested)
    assert inside
    await governing.stage(fresh(), nested)


async def test_a_stream_holds_its_place_until_its_end_and_is_settled_then():
    governing = Governing([limit(per="total", concurrent=1)])
    one = fresh(stream=True)

    async def streamed(call: Call) -> Reply:
        async def chunks() -> Chunks:
            yield [Frame(b"a")]
            yield [Frame(b"b")]

        return Reply(chunks=chunks())

    reply = await governing.stage(one, streamed)
    assert reply.chunks is not None
    await anext(reply.chunks)
    with pytest.raises(RateLimited):
        await governing.stage(fresh(), answered())
    async for _ in reply.chunks:
        pass
    await governing.stage(fresh(), answered())


async def test_a_stream_that_is_left_gives_its_place_back():
    governing = Governing([limit(per="total", concurrent=1)])

    async def streamed(call: Call) -> Reply:
        async def chunks() -> Chunks:
            yield [Frame(b"a")]
            yield [Frame(b"b")]

        return Reply(chunks=chunks())

    reply = await governing.stage(fresh(stream=True), streamed)
    assert reply.chunks is not None
    await anext(reply.chunks)
    await reply.chunks.aclose()
    await governing.stage(fresh(), answered())


@pytest.mark.parametrize("keyed", [True, False], ids=["goes on", "is given up"])
async def test_what_its_client_left_holds_its_place_until_it_is_over_and_is_settled_then(keyed: bool):
    governing = Governing([limit(concurrent=1, id="a"), limit(tokens=10_000, id="b")])
    once, over = Once(OnceConfig(coalesce=True), Answers()), asyncio.Event()

    async def slow(call: Call) -> Reply:
        attempt = Attempt(id=call.id, target="sim/a", started_us=0, started=0.0, sent=True)
        call.account.attempts.append(attempt)
        try:
            await over.wait()
        finally:
            attempt.usage, attempt.settled = Usage(input_tokens=30), True
        return Reply(payload=Payload("openai_chat", b"{}"))

    one = fresh(headers={"idempotency-key": "k"} if keyed else {})
    left = asyncio.ensure_future(governing.stage(one, lambda call: once(call, slow)))
    while not one.account.attempts:
        await asyncio.sleep(0)
    left.cancel()
    await asyncio.wait([left])
    if keyed:
        with pytest.raises(RateLimited):
            await governing.stage(fresh(), answered())
        over.set()
    for _ in range(5):
        await asyncio.sleep(0)
    reply = fresh()
    await governing.stage(reply, answered())
    taken = reply.account.remaining["tokens"]
    assert taken.limit - taken.left == 30 + len(reply.request.encode()) // BYTES_PER_TOKEN + 1 + OUTPUT_TOKENS


async def test_a_day_ends_at_midnight_where_it_is_counted():
    governing = Governing([limit(per="day", requests=1, timezone="Asia/Tokyo")])
    await governing.stage(fresh(), answered())
    with pytest.raises(RateLimited, match="per day") as refused:
        await governing.stage(fresh(), answered())
    assert refused.value.retry_after_s is not None
    governing.clock.advance(refused.value.retry_after_s - 1)
    with pytest.raises(RateLimited):
        await governing.stage(fresh(), answered())
    governing.clock.advance(1)
    await governing.stage(fresh(), answered())


async def test_all_limits_have_to_have_room_and_what_is_refused_counts_for_none():
    governing = Governing([limit("key:k", id="a", requests=5), limit("team:t", id="b", requests=1)])
    await governing.stage(fresh(), answered())
    for _ in range(10):
        with pytest.raises(RateLimited, match="this team"):
            await governing.stage(fresh(), answered())
    one = fresh()
    limits, budgets = governing.rules.applied
    governing.rules.applied = limits[:1], budgets
    await governing.stage(one, answered())
    assert one.account.remaining["requests"].left == 3


async def test_what_is_left_is_told_by_the_nearest_limit():
    governing = Governing([limit(id="a", requests=100), limit("team:t", id="b", per="hour", requests=3)])
    one = fresh()
    await governing.stage(one, answered())
    left = one.account.remaining["requests"]
    assert (left.limit, left.left, left.reset_s) == (3, 2, pytest.approx(3660))


async def test_counters_that_cannot_be_reached_refuse_or_let_pass_as_configured():
    async def away(holder: str, claims: list[Claim]) -> Any:
        raise StoreUnavailable("away")

    strict, lenient = Governing([limit(requests=1)]), Governing([limit(requests=1)], store_unavailable="allow")
    strict.counters.reserve = lenient.counters.reserve = away
    with pytest.raises(StoreUnavailable):
        await strict.stage(fresh(), answered())
    await lenient.stage(fresh(), answered())


async def test_who_has_no_limits_is_not_held_up():
    governing = Governing()
    governing.counters.reserve = None
    await governing.stage(fresh(), answered())


async def test_an_end_user_is_known_by_a_digest_that_differs_between_organisations():
    governing = Governing()
    one = fresh(request=Payload("openai_chat", tree={"model": "chat", "messages": [], "user": "jo@example.com"}))
    await governing.stage(one, answered())
    assert one.account.end_user is not None
    assert len(one.account.end_user) == 32
    assert "jo" not in one.account.end_user
