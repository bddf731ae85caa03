"""A slow attempt gets a second one beside it, the first answer counts, and nothing is left of the other."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from calls import call
from headgate.errors import Overloaded, ServerError, Timeout
from headgate.events import Hedged
from headgate.ledger import MemoryLedger
from headgate.routing.config import HedgeConfig, RetryConfig
from headgate.routing.hedge import RESERVE, Hedge, race
from headgate.routing.latency import FRESH
from headgate.types import Call, Chunks, Frame, Payload, Reply
from targets import Vendor, answers, fails, hangs, option, options, read, route
from virtual_time import now, virtual

AFTER = HedgeConfig(after_s=1.0, budget=1.0)
NO_RETRY = RetryConfig(attempts=1)
BOTH = pytest.mark.parametrize("stream", [False, True])


async def raced(
    first: Vendor, second: Vendor, stream: bool = False, hedge: Any = AFTER, **changes: Any
) -> tuple[str, Call]:
    """What a call over two targets was answered, and the call."""
    made = call(stream=stream, **changes)
    answered = await read(await route(options(first, second), hedge=hedge)(made))
    assert first.under_way == second.under_way == 0
    return answered, made


# ── two attempts ──


@BOTH
@virtual
async def test_a_call_that_is_answered_in_time_gets_no_second_attempt(stream: bool) -> None:
    first, second = Vendor("a/x", answers(0.9)), Vendor("b/x")
    answered, _ = await raced(first, second, stream)
    assert (answered, len(second.asked)) == ("a/x", 0)


@BOTH
@virtual
async def test_a_slow_call_gets_a_second_attempt_and_the_slow_one_is_cancelled(stream: bool) -> None:
    first, second = Vendor("a/x", answers(60)), Vendor("b/x", answers(0.5))
    began = now()
    answered, made = await raced(first, second, stream)
    assert answered == "b/x"
    assert second.times == [began + 1]
    assert first.cancelled == 1
    assert Hedged("b/x", 1.0) in made.account.events
    assert [each.cause for each in second.asked] == ["hedge"]


@BOTH
@virtual
async def test_a_first_attempt_that_answers_after_all_wins(stream: bool) -> None:
    first, second = Vendor("a/x", answers(1.5)), Vendor("b/x", answers(60))
    answered, _ = await raced(first, second, stream)
    assert (answered, second.cancelled) == ("a/x", 1)


@BOTH
@virtual
async def test_of_two_answers_in_the_same_moment_one_counts_and_one_is_closed(stream: bool) -> None:
    first, second = Vendor("a/x", answers(3)), Vendor("b/x", answers(2))
    answered, _ = await raced(first, second, stream)
    assert answered in ("a/x", "b/x")


@virtual
async def test_both_attempts_are_settled_before_the_answer_is_told() -> None:
    ledger, made = MemoryLedger(), call()
    choices = options(Vendor("a/x", answers(60)), Vendor("b/x", answers(1)), ledger=ledger)
    await route(choices, hedge=AFTER)(made)
    assert [(row.target, row.cause, row.code) for row in ledger.rows(made.id)] == [
        ("b/x", "hedge", None),
        ("a/x", "primary", "cancelled"),
    ]
    assert all(each.target.limiter.in_flight == 0 for each in choices)


@BOTH
@virtual
async def test_where_both_fail_it_is_told_what_the_first_failed_of(stream: bool) -> None:
    first, second = Vendor("a/x", fails(ServerError, 3)), Vendor("b/x", fails(Overloaded, 1))
    made = call(stream=stream)
    with pytest.raises(ServerError):
        await race((first, made), lambda: (second, made), 1.0, lambda seconds, answered: None)
    assert (len(first.asked), len(second.asked)) == (1, 1)


@virtual
async def test_a_second_attempt_that_fails_first_ends_nothing() -> None:
    first, second = Vendor("a/x", answers(3)), Vendor("b/x", fails(ServerError))
    assert (await raced(first, second))[0] == "a/x"


@BOTH
@virtual
async def test_a_first_attempt_that_fails_does_not_end_the_second(stream: bool) -> None:
    first, second = Vendor("a/x", fails(ServerError, 2)), Vendor("b/x", answers(4))
    answered, made = await raced(first, second, stream)
    assert answered == "b/x"
    assert [type(event) for event in made.account.events].count(Hedged) == 1


@virtual
async def test_an_attempt_that_fails_in_time_gets_none_beside_it() -> None:
    first, second = Vendor("a/x", fails(ServerError, 0.5)), Vendor("b/x", answers(5))
    answered, made = await raced(first, second)
    assert answered == "b/x"
    assert [each.cause for each in second.asked] == ["retry"]
    assert not any(isinstance(event, Hedged) for event in made.account.events)


@pytest.mark.parametrize("at_s", [0.5, 1.5])
@BOTH
@virtual
async def test_a_client_that_leaves_cancels_both(stream: bool, at_s: float) -> None:
    first, second = Vendor("a/x", answers(60)), Vendor("b/x", answers(60))
    choices = options(first, second)
    task = asyncio.ensure_future(route(choices, hedge=AFTER)(call(stream=stream)))
    await asyncio.sleep(at_s)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert first.under_way == second.under_way == 0
    assert all(each.target.limiter.in_flight == 0 for each in choices)


@BOTH
@virtual
async def test_a_client_that_leaves_as_the_second_answers_leaves_nothing_open(stream: bool) -> None:
    first, second = Vendor("a/x", answers(60)), Vendor("b/x", answers(1))
    choices = options(first, second)
    task = asyncio.ensure_future(route(choices, hedge=AFTER)(call(stream=stream)))
    await asyncio.sleep(2)
    while len(second.asked) and not task.done():
        task.cancel()
        await asyncio.sleep(0)
    assert task.cancelled()
    assert task.cancelling() > 0
    assert first.under_way == second.under_way == 0
    assert all(each.target.limiter.in_flight == 0 for each in choices)


class Stubborn(Vendor):
    """Takes its time to be cancelled."""

    async def __call__(self, call: Call) -> Reply:
        try:
            return await super().__call__(call)
        except asyncio.CancelledError:
            self.under_way += 1
            await asyncio.sleep(5)
            self.under_way -= 1
            raise


@BOTH
@virtual
async def test_a_client_that_leaves_while_the_loser_is_settled_leaves_nothing_open(stream: bool) -> None:
    first, second = Vendor("a/x", answers(1.5)), Stubborn("b/x", answers(60))
    choices = options(first, second)
    task = asyncio.ensure_future(route(choices, hedge=AFTER)(call(stream=stream)))
    await asyncio.sleep(3)
    assert not task.done()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert first.under_way == second.under_way == 0
    assert all(each.target.limiter.in_flight == 0 for each in choices)


@BOTH
@virtual
async def test_an_answer_that_comes_though_it_was_given_up_is_closed(stream: bool) -> None:
    async def deaf(vendor: Vendor, made: Call) -> Reply:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            pass
        return await answers()(vendor, made)

    first, second = Vendor("a/x", answers(2)), Vendor("b/x", deaf)
    choices = options(first, second)
    assert await read(await route(choices, hedge=AFTER)(call(stream=stream))) == "a/x"
    assert second.under_way == 0
    assert all(each.target.limiter.in_flight == 0 for each in choices)


@BOTH
@virtual
async def test_a_cancellation_that_was_swallowed_is_not_left_behind(stream: bool) -> None:
    async def deaf(vendor: Vendor, made: Call) -> Reply:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            pass
        return await answers()(vendor, made)

    first, second = Vendor("a/x", deaf), Vendor("b/x", answers(1))
    answered, _ = await raced(first, second, stream)
    task = asyncio.current_task()
    assert task is not None
    assert (answered, task.cancelling()) == ("a/x", 0)


@virtual
async def test_a_stream_that_nobody_reads_is_closed_however_it_is_wrapped() -> None:
    closed = []

    async def chunks() -> Chunks:
        try:
            yield [Frame(b"a")]
        finally:
            closed.append(True)

    async def deaf(made: Call) -> Reply:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            pass
        return Reply(chunks=chunks())

    await route([option(Vendor("a/x", answers(2))), option(deaf, "b/x")], hedge=AFTER)(call())
    assert closed == [True]


@virtual
async def test_the_only_target_there_is_gets_the_second_attempt_too() -> None:
    only = Vendor("a/x", answers(60), answers(1))
    assert await read(await route(options(only), hedge=AFTER)(call())) == "a/x"
    assert (len(only.asked), only.cancelled) == (2, 1)


@virtual
async def test_a_target_without_room_gets_none() -> None:
    first, second = Vendor("a/x", answers(5)), Vendor("b/x")
    one, other = option(first, limits={"max_concurrent": 1}), option(second, limits={"max_concurrent": 1})
    other.target.limiter.enter()
    assert await read(await route([one, other], hedge=AFTER)(call())) == "a/x"
    assert (len(first.asked), len(second.asked)) == (1, 0)


@virtual
async def test_many_calls_in_one_moment_keep_the_limit_though_each_may_be_hedged() -> None:
    vendors = Vendor("a/x", answers(2)), Vendor("b/x", answers(2))
    choices = options(*vendors, limits={"max_concurrent": 4})
    going = route(choices, hedge=HedgeConfig(after_s=0.5, budget=1.0))
    await asyncio.gather(*(going(call()) for _ in range(20)))
    assert [vendor.most for vendor in vendors] == [4, 4]


@virtual
async def test_many_calls_in_one_moment_send_one_probe_though_each_may_be_hedged() -> None:
    sick, well = Vendor("a/x", answers(0.5)), Vendor("b/x", answers(0.5))
    choices = options(sick, well)
    choices[0].target.breaker.open(0, now())
    going = route(choices, hedge=AFTER)
    await asyncio.gather(*(going(call()) for _ in range(20)))
    assert (len(sick.asked), len(well.asked)) == (1, 19)


@virtual
async def test_no_second_attempt_begins_after_the_deadline() -> None:
    first, second = Vendor("a/x", hangs), Vendor("b/x")
    with pytest.raises(Timeout):
        await route(options(first, second), hedge=AFTER, retry=NO_RETRY)(call(deadline=now() + 0.8))
    assert second.asked == []


# ── when, and how often ──


@virtual
async def test_the_delay_is_what_calls_have_taken_lately() -> None:
    hedge = Hedge(HedgeConfig(quantile=0.5, budget=1.0))
    first, second = Vendor("a/x", *[answers(0.4)] * FRESH, answers(60)), Vendor("b/x")
    going = route([option(first)], hedge=hedge)
    for _ in range(FRESH):
        assert hedge.after_s(call()) is None
        await going(call())
    assert hedge.after_s(call()) == pytest.approx(0.4)
    assert hedge.after_s(call(stream=True)) is None, "streams are known apart"
    began = now()
    await route(options(first, second), hedge=hedge)(call())
    assert second.times == [pytest.approx(began + 0.4)]


def known(hedge: Hedge, seconds: float) -> None:
    for _ in range(FRESH):
        hedge.observe(False, seconds, answered=True)


def test_one_that_was_given_up_counts_with_its_age() -> None:
    hedge = Hedge(HedgeConfig(quantile=0.5))
    known(hedge, 1.0)
    for _ in range(2 * FRESH):
        hedge.observe(False, 5.0, answered=False)
    assert hedge.after_s(call()) == 5


def test_one_that_was_given_up_sooner_than_usual_tells_nothing() -> None:
    hedge = Hedge(HedgeConfig(quantile=0.5))
    known(hedge, 1.0)
    for _ in range(2 * FRESH):
        hedge.observe(False, 0.01, answered=False)
    assert hedge.after_s(call()) == 1


@virtual
async def test_failing_fast_makes_no_second_attempts_sooner() -> None:
    hedge = Hedge(HedgeConfig(quantile=0.9))
    known(hedge, 1.0)
    going = route(options(Vendor("a/x", fails(ServerError, 0.001))), hedge=hedge, retry=NO_RETRY)
    for _ in range(2 * FRESH):
        with pytest.raises(ServerError):
            await going(call())
    assert hedge.after_s(call()) == 1


@virtual
async def test_losers_count_with_their_age() -> None:
    hedge = Hedge(HedgeConfig(quantile=0.5, budget=1.0))
    known(hedge, 1.0)
    for _ in range(2 * FRESH):
        await raced(Vendor("a/x", answers(60)), Vendor("b/x", answers(2)), hedge=hedge)
    after_s = hedge.after_s(call())
    assert after_s is not None
    assert after_s >= 2, "neither the losers' ages nor the winners' times are less"


@virtual
async def test_without_a_budget_there_is_no_second_attempt() -> None:
    first, second = Vendor("a/x", answers(60)), Vendor("b/x")
    await raced(first, second, hedge=HedgeConfig(after_s=1.0, budget=0.0))
    assert second.asked == []


def test_second_attempts_are_a_share_of_the_calls() -> None:
    hedge = Hedge(HedgeConfig(budget=0.1))
    made = 0
    for _ in range(1000):
        hedge.deposit()
        made += hedge.allowed()
    assert made <= 0.1 * 1000 + RESERVE + 1


# ── side effects ──


def asked(dialect: str, operation: str = "chat", **members: Any) -> Call:
    return call(operation=operation, request=Payload(dialect, tree={"model": "m", **members}))


FUNCTION = {"type": "function", "function": {"name": "f"}}
HARMLESS = [
    asked("openai_chat"),
    asked("openai_chat", tools=[FUNCTION, {"type": "custom", "custom": {"name": "c"}}], store=False),
    asked("anthropic_messages"),
    asked("anthropic_messages", tools=[{"name": "f", "input_schema": {}}, {"type": "bash_20250124", "name": "bash"}]),
    asked("openai_responses", store=False),
    asked("openai_responses", store=False, tools=[{"type": "function", "name": "f"}]),
    asked("openai_embeddings", "embed", input="x"),
    asked("opaque", "moderate"),
]
EFFECTS = [
    asked("openai_chat", store=True),
    asked("openai_chat", web_search_options={}),
    asked("openai_chat", tools=[FUNCTION, {"type": "mcp"}]),
    asked("anthropic_messages", tools=[{"type": "web_search_20250305", "name": "web_search"}]),
    asked("anthropic_messages", mcp_servers=[{"url": "https://x"}]),
    asked("anthropic_messages", container="c_1"),
    asked("openai_responses"),
    asked("openai_responses", store=True),
    asked("openai_responses", store=False, background=True),
    asked("openai_responses", store=False, tools=[{"type": "web_search"}]),
    asked("opaque", "image"),
    asked("opaque", "batches"),
    asked("openai_responses", "responses", store=False),
]


@pytest.mark.parametrize("made", HARMLESS, ids=lambda made: f"{made.request.dialect} {made.request._tree}")
def test_what_only_answers_may_be_asked_twice(made: Call) -> None:
    assert Hedge(AFTER).after_s(made) == 1


@pytest.mark.parametrize(
    "made", EFFECTS, ids=lambda made: f"{made.operation} {made.request.dialect} {made.request._tree}"
)
def test_what_does_something_may_not_unless_that_is_allowed(made: Call) -> None:
    assert Hedge(AFTER).after_s(made) is None
    assert Hedge(HedgeConfig(after_s=1.0, side_effects=True)).after_s(made) == 1


@virtual
async def test_a_call_that_does_something_is_asked_once_however_slow_it_is() -> None:
    first, second = Vendor("a/x", answers(60)), Vendor("b/x")
    await raced(first, second, request=EFFECTS[0].request)
    assert second.asked == []
