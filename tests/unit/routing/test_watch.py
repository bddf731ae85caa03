"""Whatever becomes of an attempt, its target knows."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from calls import call
from headgate.errors import (
    BadRequest,
    ConnectionFailed,
    ContextTooLong,
    HeadgateError,
    NotFound,
    Overloaded,
    QuotaExhausted,
    RateLimited,
    ServerError,
    Timeout,
    Unsupported,
    UpstreamAuth,
)
from headgate.events import BreakerClosed, BreakerOpened, BreakerProbed
from headgate.routing.config import BreakerConfig
from headgate.routing.option import Option
from headgate.routing.watch import MAX_COOLING_S
from headgate.types import Allowance, Call, Payload, Reply, Usage
from targets import Outcome, Vendor, answers, breaks, fails, hangs, option, read, refuses
from virtual_time import now, virtual

SOON = BreakerConfig(min_calls=2, open_s=5)


def watched(*script: Outcome, **settings: Any) -> Option:
    return option(Vendor("a/x", *script), **settings)


async def attempted(one: Option, **changes: Any) -> Call:
    """A call that went there, whatever came of it."""
    made = call(**changes)
    try:
        await read(await one.attempt(made))
    except HeadgateError:
        pass
    return made


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "outcome", [answers(), fails(ServerError), fails(BadRequest), refuses(Unsupported), breaks(ServerError)]
)
@virtual
async def test_every_attempt_gives_its_place_back(outcome: Outcome, stream: bool) -> None:
    one = watched(outcome)
    await attempted(one, stream=stream)
    assert one.target.limiter.in_flight == 0


@virtual
async def test_a_stream_is_under_way_until_it_is_over() -> None:
    one = watched(answers())
    reply = await one.attempt(call(stream=True))
    assert one.target.limiter.in_flight == 1
    await read(reply)
    assert one.target.limiter.in_flight == 0


@virtual
async def test_a_stream_that_is_closed_is_over_and_no_failure() -> None:
    one = watched(answers(), breaker=SOON)
    for _ in range(5):
        reply = await one.attempt(call(stream=True))
        assert reply.chunks is not None
        await anext(reply.chunks)
        await reply.chunks.aclose()
    assert one.target.limiter.in_flight == 0
    assert one.target.breaker.failure_rate == 0


@virtual
async def test_an_attempt_that_is_cancelled_gives_its_place_back() -> None:
    one = watched(hangs)
    task = asyncio.ensure_future(one.attempt(call(deadline=now() + 60)))
    await asyncio.sleep(1)
    assert one.target.limiter.in_flight == 1
    task.cancel()
    await asyncio.wait([task])
    assert one.target.limiter.in_flight == 0


@virtual
async def test_a_request_that_cannot_be_written_gives_its_place_back() -> None:
    one = watched(answers(), limits={"tpm": 100})
    with pytest.raises(UnicodeEncodeError):
        await one.attempt(call(request=Payload("openai_chat", tree={"user": "\ud800"})))
    assert one.target.limiter.in_flight == 0


@pytest.mark.parametrize(
    "kind", [RateLimited, Overloaded, Timeout, ConnectionFailed, ServerError, UpstreamAuth, QuotaExhausted]
)
@virtual
async def test_what_is_the_targets_fault_counts_against_it(kind: type[HeadgateError]) -> None:
    one = watched(fails(kind), breaker=SOON)
    await attempted(one)
    made = await attempted(one)
    assert one.target.breaker.state == "open"
    assert BreakerOpened("a/x", "errors") in made.account.events


@pytest.mark.parametrize("kind", [BadRequest, NotFound, ContextTooLong])
@virtual
async def test_what_is_the_callers_fault_does_not(kind: type[HeadgateError]) -> None:
    one = watched(fails(kind), breaker=SOON)
    for _ in range(5):
        await attempted(one)
    assert one.target.breaker.state == "closed"


@virtual
async def test_a_refused_key_does_not_where_there_is_another() -> None:
    one = watched(fails(RateLimited, retry_after_s=60, fresh_key=True), breaker=SOON)
    for _ in range(5):
        await attempted(one)
    assert one.target.rested(now())


@virtual
async def test_streams_that_all_break_open_the_breaker_though_each_began_well() -> None:
    one = watched(breaks(ConnectionFailed), breaker=BreakerConfig(min_calls=10))
    await asyncio.gather(*(attempted(one, stream=True) for _ in range(12)))
    assert one.target.breaker.state == "open"


@virtual
async def test_a_probe_that_goes_well_closes_it() -> None:
    one = watched(fails(ServerError), fails(ServerError), answers(), breaker=SOON)
    for _ in range(2):
        await attempted(one)
    await asyncio.sleep(5)
    made = await attempted(one)
    assert made.account.events == [BreakerProbed("a/x"), BreakerClosed("a/x")]


@virtual
async def test_a_client_that_is_impatient_tells_nothing_of_the_target() -> None:
    one = watched(hangs, breaker=SOON)
    for _ in range(5):
        await attempted(one, deadline=now() + 0.5)
    assert one.target.breaker.state == "closed"
    assert one.target.limiter.limit == 4096


@virtual
async def test_clients_that_wait_twice_as_long_as_usual_in_vain_are_a_sign_of_overload() -> None:
    one = watched(answers(0.1), hangs, limits={"max_concurrent": 100})
    await attempted(one)
    for _ in range(5):
        await attempted(one, deadline=now() + 0.15)
    assert one.target.limiter.limit == 100
    for _ in range(5):
        await attempted(one, deadline=now() + 0.25)
    assert one.target.limiter.limit < 100


@virtual
async def test_a_target_that_lets_a_patient_client_wait_has_failed() -> None:
    one = watched(hangs, breaker=SOON)
    for _ in range(2):
        await attempted(one, deadline=now() + 5)
    assert one.target.breaker.state == "open"
    assert one.target.cause == "timeout"


@virtual
async def test_a_target_that_has_gone_silent_is_not_taken_for_a_slow_one() -> None:
    one = watched(answers(4), hangs, breaker=SOON)
    await attempted(one)
    for _ in range(4):
        await attempted(one, deadline=now() + 5)
    assert one.target.breaker.state == "open"


@pytest.mark.parametrize(("asked_s", "rest_s"), [(7, 7), (1e9, MAX_COOLING_S)])
@virtual
async def test_it_is_left_alone_for_as_long_as_it_asks(asked_s: float, rest_s: float) -> None:
    one = watched(fails(RateLimited, retry_after_s=asked_s))
    await attempted(one)
    assert one.target.ready_at(now()) == now() + rest_s
    assert not one.target.free(now())


@virtual
async def test_a_shorter_rest_told_later_does_not_end_a_longer_one() -> None:
    one = watched(fails(RateLimited, retry_after_s=60), fails(RateLimited, retry_after_s=1), fails(ServerError))
    began = now()
    for _ in range(3):
        await attempted(one)
    assert one.target.ready_at(now()) == began + 60


@pytest.mark.parametrize("kind", [RateLimited, Overloaded])
@virtual
async def test_signs_of_overload_cut_the_limit(kind: type[HeadgateError]) -> None:
    one = watched(fails(kind), limits={"max_concurrent": 100})
    for _ in range(5):
        await attempted(one)
    assert one.target.limiter.limit < 100


@virtual
async def test_other_failures_do_not() -> None:
    one = watched(fails(ServerError), limits={"max_concurrent": 100})
    for _ in range(5):
        await attempted(one)
    assert one.target.limiter.limit == 100


# ── latency ──


@virtual
async def test_answers_and_first_contents_are_known_apart() -> None:
    one = watched(answers(3), answers(1))
    await attempted(one)
    await attempted(one, stream=True)
    assert (one.target.whole.seconds, one.target.first_token.seconds) == (3, 1)


@virtual
async def test_a_failure_before_an_answer_makes_a_target_look_slow() -> None:
    one = watched(answers(0.2), fails(ServerError, 0.001))
    await attempted(one)
    await attempted(one)
    assert one.target.whole.at(now()) == pytest.approx(0.6)


@virtual
async def test_a_target_that_is_back_is_judged_by_its_answers() -> None:
    one = watched(*[fails(ServerError)] * 30, answers(0.05), breaker=BreakerConfig(min_calls=30, open_s=5))
    for _ in range(30):
        await attempted(one, stream=True)
    await asyncio.sleep(5)
    await attempted(one, stream=True)
    assert one.target.first_token.at(now()) < 0.05


@virtual
async def test_an_attempt_that_was_given_up_took_at_least_its_age() -> None:
    one = watched(hangs)
    task = asyncio.ensure_future(attempted(one, deadline=now() + 60))
    await asyncio.sleep(4)
    task.cancel()
    await asyncio.wait([task])
    assert (one.target.whole.at(now()), one.target.whole.seconds) == (4, 0)


@virtual
async def test_what_was_answered_here_tells_nothing_of_the_target() -> None:
    async def counted(made: Call) -> Reply:
        return Reply(payload=Payload("openai_chat", b"{}"))

    one = option(counted)
    await one.attempt(call())
    assert one.target.whole.seconds == 0


# ── quota ──


@virtual
async def test_what_it_says_is_left_is_kept() -> None:
    async def says(made: Call) -> Reply:
        assert made.attempt is not None
        made.attempt.sent = True
        made.attempt.allowance = Allowance(requests=0, reset_requests_s=60)
        raise ServerError("and fails besides")

    one = option(says)
    await attempted(one)
    assert one.target.ready_at(now()) == now() + 6


@virtual
async def test_tokens_are_counted_as_expected_and_then_as_used() -> None:
    async def uses(made: Call) -> Reply:
        assert made.attempt is not None
        made.attempt.sent = True
        made.attempt.usage = Usage(input_tokens=40, output_tokens=50)
        await asyncio.sleep(1)
        return Reply(payload=Payload("openai_chat", b"{}"))

    one = option(uses, limits={"tpm": 100})
    big = Payload("openai_chat", b" " * 400)
    first = asyncio.ensure_future(one.attempt(call(request=big)))
    await asyncio.sleep(0)
    assert not one.target.rested(now())
    await first
    assert one.target.rested(now())


@virtual
async def test_a_stream_that_flows_until_its_client_has_no_more_time_is_nobodys_failure() -> None:
    one = watched(answers(), breaker=SOON)
    for _ in range(20):
        await attempted(one, stream=True, deadline=now() + 1.5)
    assert one.target.breaker.state == "closed"
    assert one.target.limiter.limit == 4096


@virtual
async def test_a_probe_that_its_client_gives_up_makes_room_for_the_next() -> None:
    one = watched(hangs, answers(0.2), breaker=SOON)
    one.target.breaker.open(now(), now() + 1)
    await asyncio.sleep(1)
    await attempted(one, deadline=now() + 0.05)
    assert one.target.rested(now())
    await attempted(one)
    assert one.target.breaker.state == "closed"


@virtual
async def test_what_a_failed_call_was_expected_to_use_is_given_back() -> None:
    one = watched(fails(BadRequest), limits={"tpm": 1000})
    request = Payload("openai_chat", b'{"model": "m", "pad": "%s"}' % (b"x" * 8000))
    await attempted(one, request=request)
    assert one.target.rested(now())
