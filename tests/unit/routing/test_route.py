"""A call finds its target, and recovers from failures for as long as nothing has gone to the client."""

from __future__ import annotations

import asyncio
from math import inf
from typing import Any

import pytest

from calls import call
from headgate.errors import (
    BadRequest,
    ConnectionFailed,
    ContentFiltered,
    ContextTooLong,
    HeadgateError,
    MalformedOutput,
    NotFound,
    Overloaded,
    QuotaExhausted,
    RateLimited,
    ServerError,
    Timeout,
    Unsupported,
    UpstreamAuth,
)
from headgate.events import BreakerProbed, Queued, Retried, RetryDenied, Routed, Shed
from headgate.routing.config import BreakerConfig, QueueConfig, RetryConfig
from headgate.routing.option import Option
from headgate.routing.resting import Resting
from headgate.routing.retry import RetryBudget
from headgate.routing.route import MAX_KEYS, Route
from headgate.types import Call, Identity, Reply
from targets import Vendor, answers, breaks, fails, hangs, option, options, read, refuses, route
from virtual_time import now, virtual

BOTH = pytest.mark.parametrize("stream", [False, True])
AGAIN = [RateLimited, Overloaded, Timeout, ConnectionFailed, ServerError, MalformedOutput]
ELSEWHERE = [UpstreamAuth, QuotaExhausted, NotFound]
HOPELESS = [BadRequest, ContextTooLong, ContentFiltered, HeadgateError]


async def failure_of(going: Route, made: Call) -> HeadgateError:
    with pytest.raises(HeadgateError) as caught:
        await going(made)
    return caught.value


def counts(*vendors: Vendor) -> list[int]:
    """How often each was asked."""
    return [len(vendor.asked) for vendor in vendors]


def events(made: Call, kind: type[Any]) -> list[Any]:
    return [event for event in made.account.events if isinstance(event, kind)]


# ── what is tried again ──


@BOTH
@pytest.mark.parametrize("kind", AGAIN)
@virtual
async def test_what_may_go_better_is_tried_again(kind: type[HeadgateError], stream: bool) -> None:
    only, made = Vendor("a/x", fails(kind), answers()), call(stream=stream)
    assert await read(await route(options(only))(made)) == "a/x"
    assert [each.cause for each in only.asked] == ["primary", "retry"]
    [event] = events(made, Retried)
    assert event.target == "a/x"


@BOTH
@pytest.mark.parametrize("kind", ELSEWHERE + HOPELESS)
@virtual
async def test_what_cannot_go_better_is_not(kind: type[HeadgateError], stream: bool) -> None:
    only, made = Vendor("a/x", fails(kind)), call(stream=stream)
    assert type(await failure_of(route(options(only)), made)) is kind
    assert counts(only) == [1]


@BOTH
@pytest.mark.parametrize("kind", AGAIN + ELSEWHERE)
@virtual
async def test_what_may_go_better_elsewhere_goes_there_at_once(kind: type[HeadgateError], stream: bool) -> None:
    first, second = Vendor("a/x", fails(kind)), Vendor("b/x")
    began = now()
    assert await read(await route(options(first, second))(call(stream=stream))) == "b/x"
    assert second.times == [began]


@pytest.mark.parametrize("kind", HOPELESS)
@virtual
async def test_what_is_wrong_everywhere_goes_nowhere_else(kind: type[HeadgateError]) -> None:
    first, second = Vendor("a/x", fails(kind)), Vendor("b/x")
    assert type(await failure_of(route(options(first, second)), call())) is kind
    assert counts(first, second) == [1, 0]


@virtual
async def test_a_stream_that_breaks_after_content_is_not_tried_again() -> None:
    first, second = Vendor("a/x", breaks(ConnectionFailed)), Vendor("b/x")
    reply = await route(options(first, second))(call(stream=True))
    with pytest.raises(ConnectionFailed):
        await read(reply)
    assert counts(first, second) == [1, 0]


@virtual
async def test_each_target_gets_so_many_attempts_and_no_more() -> None:
    vendors = Vendor("a/x", fails(ServerError)), Vendor("b/x", fails(ServerError))
    await failure_of(route(options(*vendors), retry=RetryConfig(attempts=3)), call())
    assert counts(*vendors) == [3, 3]


@virtual
async def test_one_attempt_is_one_at_each_target() -> None:
    vendors = Vendor("a/x", fails(ServerError)), Vendor("b/x", fails(ServerError))
    await failure_of(route(options(*vendors), retry=RetryConfig(attempts=1)), call())
    assert counts(*vendors) == [1, 1]


@virtual
async def test_a_rule_for_one_kind_of_failure_is_for_that_kind_only() -> None:
    config = RetryConfig(attempts=2, rules={"timeout": 1, "rate_limited": 5})
    for kind, attempts in ((Timeout, 1), (RateLimited, 5), (ServerError, 2)):
        only = Vendor("a/x", fails(kind))
        await failure_of(route(options(only), retry=config), call())
        assert counts(only) == [attempts]


@virtual
async def test_a_target_that_will_not_do_is_not_asked_again_though_others_may_be() -> None:
    first, second = Vendor("a/x", fails(UpstreamAuth)), Vendor("b/x", fails(ServerError))
    await failure_of(route(options(first, second), retry=RetryConfig(attempts=3)), call())
    assert counts(first, second) == [1, 3]


# ── how long it waits ──


@virtual
async def test_the_same_target_is_asked_again_after_a_growing_random_while() -> None:
    only = Vendor("a/x", fails(ServerError))
    config = RetryConfig(attempts=4, base_s=1.0, max_s=2.0, max_wait_s=60)
    began = now()
    await failure_of(route(options(only), retry=config), call())
    bounds = (1.0, 2.0, 2.0)
    waits = [later - sooner for sooner, later in zip(only.times, only.times[1:], strict=False)]
    assert only.times[0] == began
    assert all(0 <= wait <= bound for wait, bound in zip(waits, bounds, strict=True))
    assert sum(waits) > 0


@virtual
async def test_a_target_that_says_when_is_asked_then() -> None:
    only, made = Vendor("a/x", fails(RateLimited, retry_after_s=7), answers()), call()
    began = now()
    await route(options(only))(made)
    first, second = only.times
    assert first == began
    assert began + 7 <= second <= began + 7 + RetryConfig().base_s, "all who were told so must not come at once"
    assert events(made, Retried)[0].wait_s == pytest.approx(second - first)
    assert made.account.upstream_s == pytest.approx(second - first)


@virtual
async def test_of_two_that_say_when_the_sooner_is_asked() -> None:
    first, second = (
        Vendor("a/x", fails(RateLimited, retry_after_s=9)),
        Vendor("b/x", fails(RateLimited, retry_after_s=4), answers()),
    )
    assert await read(await route(options(first, second))(call())) == "b/x"
    assert counts(first, second) == [1, 2]


@virtual
async def test_a_target_that_says_too_late_is_not_waited_for() -> None:
    only = Vendor("a/x", fails(RateLimited, retry_after_s=20))
    began = now()
    error = await failure_of(route(options(only), retry=RetryConfig(max_wait_s=15)), call())
    assert (now(), error.retry_after_s) == (began, 20)
    assert counts(only) == [1]


@virtual
async def test_no_wait_goes_beyond_the_deadline() -> None:
    only, made = Vendor("a/x", fails(RateLimited, retry_after_s=7)), call(deadline=now() + 6)
    began = now()
    await failure_of(route(options(only)), made)
    assert now() == began
    assert events(made, RetryDenied) == [RetryDenied("a/x", "deadline")]


@virtual
async def test_nothing_is_tried_once_the_deadline_has_passed() -> None:
    first, second = Vendor("a/x", hangs), Vendor("b/x")
    made = call(deadline=now() + 5)
    assert isinstance(await failure_of(route(options(first, second)), made), Timeout)
    assert counts(first, second) == [1, 0]
    assert events(made, RetryDenied) == [RetryDenied("a/x", "deadline")]


@virtual
async def test_a_target_that_began_to_rest_meanwhile_is_left_alone() -> None:
    config = RetryConfig(base_s=8.0, max_s=8.0)
    only = Vendor("a/x", fails(ServerError))
    [choice] = options(only)
    task = asyncio.ensure_future(failure_of(route([choice], retry=config), call()))
    await asyncio.sleep(0)
    choice.target.breaker.open(now(), now() + 60)
    assert isinstance(await task, ServerError)
    assert counts(only) == [1]


@virtual
async def test_a_target_without_quota_by_then_is_waited_for() -> None:
    only = Vendor("a/x", fails(ServerError), answers())
    choice = option(only, limits={"rpm": 2})
    going = route([choice], retry=RetryConfig(base_s=5.0, max_s=5.0, max_wait_s=100))
    task = asyncio.ensure_future(going(call()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert choice.target.quota is not None
    choice.target.quota.began(now(), 0)
    await task
    assert only.times[1] - only.times[0] >= 60


# ── what limits it ──


@virtual
async def test_a_budget_that_is_used_up_ends_it() -> None:
    vendors = Vendor("a/x", fails(ServerError)), Vendor("b/x")
    made = call()
    going = route(options(*vendors), budget=RetryBudget(0.0, 10))
    assert isinstance(await failure_of(going, made), ServerError)
    assert events(made, RetryDenied) == [RetryDenied("a/x", "budget")]
    assert counts(*vendors) == [1, 0]


@virtual
async def test_in_an_outage_targets_get_little_more_than_the_calls() -> None:
    vendors = Vendor("a/x", fails(ServerError)), Vendor("b/x", fails(ServerError))
    patient = BreakerConfig(min_calls=1_000_000)
    going = route(options(*vendors, breaker=patient), budget=RetryBudget(0.2, 10))
    for _ in range(500):
        await failure_of(going, call())
    waited_s = now() - vendors[0].times[0]
    assert sum(counts(*vendors)) <= 500 * 1.2 + 10 + waited_s / 5


@virtual
async def test_a_call_a_target_does_not_do_goes_elsewhere_without_a_budget() -> None:
    first, second = Vendor("a/x", refuses(Unsupported)), Vendor("b/x")
    assert await read(await route(options(first, second), budget=RetryBudget(0.0, 10))(call())) == "b/x"


@virtual
async def test_a_call_no_target_does_is_refused() -> None:
    vendors = Vendor("a/x", refuses(Unsupported)), Vendor("b/x", refuses(Unsupported))
    assert isinstance(await failure_of(route(options(*vendors)), call()), Unsupported)
    assert counts(*vendors) == [1, 1]


# ── keys ──


@pytest.mark.parametrize("kind", [RateLimited, UpstreamAuth, QuotaExhausted])
@virtual
async def test_another_key_is_tried_at_once_before_another_target(kind: type[HeadgateError]) -> None:
    first, second = Vendor("a/x", fails(kind, retry_after_s=60, fresh_key=True), answers()), Vendor("b/x")
    began = now()
    going = route(options(first, second), retry=RetryConfig(attempts=1))
    assert await read(await going(call())) == "a/x"
    assert first.times == [began, began]
    assert counts(second) == [0]


@virtual
async def test_keys_that_are_all_refused_lead_elsewhere() -> None:
    first, second = Vendor("a/x", fails(UpstreamAuth, fresh_key=True), fails(UpstreamAuth)), Vendor("b/x")
    assert await read(await route(options(first, second))(call())) == "b/x"
    assert counts(first, second) == [2, 1]


@virtual
async def test_a_vendor_that_refuses_key_after_key_is_not_asked_for_ever() -> None:
    only = Vendor("a/x", fails(RateLimited, retry_after_s=0.001, fresh_key=True))
    await failure_of(route(options(only), retry=RetryConfig(attempts=3)), call())
    assert len(only.asked) <= MAX_KEYS + 3


@virtual
async def test_another_key_does_not_go_beyond_the_targets_quota() -> None:
    first, second = Vendor("a/x", fails(RateLimited, fresh_key=True)), Vendor("b/x")
    choices = [option(first, limits={"rpm": 1}), option(second)]
    assert await read(await route(choices)(call())) == "b/x"
    assert counts(first, second) == [1, 1]


# ── where it goes ──


@virtual
async def test_targets_of_the_lowest_number_come_first() -> None:
    first, second = Vendor("a/x"), Vendor("b/x")
    going = route([option(second, priority=2), option(first, priority=1)])
    for _ in range(20):
        await going(call())
    assert counts(first, second) == [20, 0]


@virtual
async def test_what_is_paid_for_anyway_comes_first_and_then_the_others_of_its_priority() -> None:
    paid, other, later = Vendor("a/x", fails(ServerError)), Vendor("b/x", fails(ServerError)), Vendor("c/x")
    made = call()
    choices = [option(later, priority=2), option(other), option(paid, provisioned=True)]
    await route(choices)(made)
    assert [attempt.target for attempt in made.account.attempts] == ["a/x", "b/x", "c/x"]


@virtual
async def test_a_tier_without_quota_leaves_the_call_to_the_next() -> None:
    paid, other = Vendor("a/x"), Vendor("b/x")
    going = route([option(paid, provisioned=True, limits={"rpm": 3}), option(other)])
    for _ in range(10):
        await going(call())
    assert counts(paid, other) == [3, 7]


@virtual
async def test_a_tier_without_room_leaves_the_call_to_the_next() -> None:
    paid, other = Vendor("a/x", answers(1)), Vendor("b/x", answers(1))
    going = route([option(paid, provisioned=True, limits={"max_concurrent": 2}), option(other)])
    await asyncio.gather(*(going(call()) for _ in range(5)))
    assert counts(paid, other) == [2, 3]


@virtual
async def test_a_call_of_several_targets_says_which_it_went_to() -> None:
    first, second = Vendor("a/x"), Vendor("b/x")
    made = call()
    await route([option(first), option(second, priority=2)])(made)
    assert events(made, Routed) == [Routed("chat", "a/x")]


# ── pinned calls ──


@virtual
async def test_a_pinned_call_goes_to_what_holds_it_and_to_nothing_else() -> None:
    first, second = Vendor("a/x"), Vendor("b/x", fails(ServerError))
    going = route(options(first, second), retry=RetryConfig(attempts=3))
    await failure_of(going, call(pinned="b/x"))
    assert counts(first, second) == [0, 3]


@virtual
async def test_a_pinned_call_of_a_wildcard_is_known_by_what_the_star_stands_for() -> None:
    first, second = Vendor("a/*"), Vendor("b/*")
    await route(options(first, second))(call(pinned="b/x", matched="x"))
    assert counts(first, second) == [0, 1]


@virtual
async def test_a_pinned_call_whose_target_is_not_there_is_told() -> None:
    first, second = Vendor("a/x"), Vendor("b/x")
    assert isinstance(await failure_of(route(options(first, second)), call(pinned="c/x")), NotFound)
    assert isinstance(await failure_of(route(options(first)), call(pinned="c/x")), NotFound)
    assert counts(first, second) == [0, 0]


@virtual
async def test_a_pinned_call_waits_for_its_target_alone() -> None:
    first, second = Vendor("a/x"), Vendor("b/x")
    choices = options(first, second)
    choices[1].target.breaker.open(now(), now() + 3)
    assert isinstance(await failure_of(route(choices), call(pinned="b/x")), Resting)
    assert counts(first, second) == [0, 0]


# ── targets that rest ──


def resting(*seconds: float, vendors: list[Vendor] | None = None) -> list[Option]:
    """Targets whose breakers are open for so long."""
    made = options(*(vendors or [Vendor(f"{name}/x") for name in "abc"[: len(seconds)]]))
    for choice, each in zip(made, seconds, strict=True):
        choice.target.breaker.open(now(), now() + each)
        choice.target.cause = "server_error"
    return made


@pytest.mark.parametrize("seconds", [(3,), (9, 3), (4, 3, 8)])
@virtual
async def test_where_all_rest_the_client_is_told_when_the_soonest_is_back(seconds: tuple[float, ...]) -> None:
    error = await failure_of(route(resting(*seconds)), call())
    assert isinstance(error, Resting)
    assert (error.retry_after_s, error.cause) == (3, "server_error")
    assert "3 s" in error.shown


@virtual
async def test_a_target_that_rests_is_not_asked_while_another_is_well() -> None:
    vendors = [Vendor("a/x"), Vendor("b/x")]
    going = route(resting(60, 0, vendors=vendors))
    for _ in range(5):
        await going(call())
    assert counts(*vendors) == [0, 5]


@virtual
async def test_one_that_is_due_is_asked_first_and_by_one_call_only() -> None:
    vendors = [Vendor("a/x", answers(1)), Vendor("b/x", answers(1))]
    choices = options(*vendors)
    choices[1].target.breaker.open(0, now())
    going = route(choices)
    made = [call() for _ in range(5)]
    await asyncio.gather(*(going(each) for each in made))
    assert counts(*vendors) == [4, 1]
    assert events(made[0], BreakerProbed) == [BreakerProbed("b/x")]
    assert choices[1].target.breaker.state == "closed"


@virtual
async def test_a_probe_that_fails_costs_its_call_nothing() -> None:
    vendors = [Vendor("a/x", fails(ServerError)), Vendor("b/x")]
    choices = options(*vendors)
    choices[0].target.breaker.open(0, now())
    assert await read(await route(choices)(call())) == "b/x"
    assert choices[0].target.breaker.open_until == now() + 5


@virtual
async def test_a_target_that_is_left_alone_for_a_moment_is_waited_for() -> None:
    only = Vendor("a/x")
    [choice] = options(only)
    began = now()
    choice.target.cool(began + 4)
    made = call()
    await route([choice])(made)
    [asked] = only.times
    assert began + 4 <= asked <= began + 4 + RetryConfig().base_s
    assert made.account.upstream_s == pytest.approx(asked - began)


@pytest.mark.parametrize(("rest_s", "left_s"), [(20, 60), (4, 3), (4, 4)])
@virtual
async def test_one_that_is_left_alone_for_long_is_not(rest_s: float, left_s: float) -> None:
    only = Vendor("a/x", fails(RateLimited))
    [choice] = options(only)
    choice.target.cause = "rate_limited"
    choice.target.cool(now() + rest_s)
    began = now()
    error = await failure_of(route([choice]), call(deadline=began + left_s))
    assert isinstance(error, RateLimited)
    assert (now(), error.retry_after_s, counts(only)) == (began, rest_s, [0])


@virtual
async def test_many_that_wait_for_a_quota_are_told_in_time() -> None:
    only = Vendor("a/x")
    choice = option(only, limits={"rpm": 10})
    going = route([choice], retry=RetryConfig(max_wait_s=90))
    began = now()
    done = await asyncio.gather(*(going(call()) for _ in range(40)), return_exceptions=True)
    assert len(only.asked) == 20
    assert now() <= began + 90
    assert sum(isinstance(each, RateLimited) for each in done) == 20


@virtual
async def test_what_rests_of_overload_is_not_called_rate_limited() -> None:
    [choice] = options(Vendor("a/x"))
    choice.target.cause = "overloaded"
    choice.target.cool(now() + 60)
    error = await failure_of(route([choice]), call())
    assert (type(error), error.retry_after_s) == (Resting, 60)


@virtual
async def test_a_target_whose_health_check_fails_is_not_asked() -> None:
    vendors = [Vendor("a/x"), Vendor("b/x")]
    choices = options(*vendors)
    choices[0].target.down = True
    await route(choices)(call())
    assert counts(*vendors) == [0, 1]
    choices[1].target.down = True
    error = await failure_of(route(choices), call())
    assert isinstance(error, Resting)
    assert error.retry_after_s is not None
    assert error.retry_after_s < inf


# ── the queue ──


@virtual
async def test_a_call_waits_for_a_place() -> None:
    only = Vendor("a/x", answers(2))
    going = route([option(only, limits={"max_concurrent": 1})])
    made = [call() for _ in range(3)]
    began = now()
    await asyncio.gather(*(going(each) for each in made))
    assert only.times == [began, began + 2, began + 4]
    assert (only.most, events(made[2], Queued)) == (1, [Queued("a/x", 4)])


@virtual
async def test_a_stream_holds_its_place_to_its_end() -> None:
    only = Vendor("a/x")
    going = route([option(only, limits={"max_concurrent": 1})])

    async def whole() -> None:
        await read(await going(call(stream=True)))

    await asyncio.gather(*(whole() for _ in range(3)))
    assert only.most == 1


@virtual
async def test_a_call_that_would_wait_too_long_is_refused_at_once() -> None:
    only, made = Vendor("a/x", answers(2)), call(deadline=now() + 1)
    choice = option(only, limits={"max_concurrent": 1})
    choice.target.limiter.service_s = 2.0
    going = route([choice])
    first = asyncio.ensure_future(going(call()))
    await asyncio.sleep(0)
    began = now()
    assert isinstance(await failure_of(going, made), Overloaded)
    assert (now(), events(made, Shed)) == (began, [Shed("a/x")])
    await first


@virtual
async def test_those_who_wait_for_a_target_that_begins_to_rest_are_told_at_once() -> None:
    only = Vendor("a/x", fails(ServerError, 2))
    choice = option(only, limits={"max_concurrent": 2}, breaker=BreakerConfig(min_calls=2))
    going = route([choice], retry=RetryConfig(attempts=1))
    began = now()
    errors = await asyncio.gather(*(failure_of(going, call()) for _ in range(20)))
    assert [type(error) for error in errors] == [ServerError] * 2 + [Resting] * 18
    assert now() == began + 2
    assert choice.target.limiter.free


@virtual
async def test_a_retry_waits_for_a_place_too() -> None:
    only = Vendor("a/x", fails(ServerError), answers(1))
    going = route([option(only, limits={"max_concurrent": 1})], queue=QueueConfig(wait_s=60))
    await asyncio.gather(*(going(call()) for _ in range(10)))
    assert only.most == 1


@virtual
async def test_a_retry_that_cannot_use_its_place_passes_it_on() -> None:
    only = Vendor("a/x", fails(ServerError))
    choice = option(only, limits={"max_concurrent": 1})
    limiter = choice.target.limiter
    retrying = asyncio.ensure_future(failure_of(route([choice]), call()))
    while not only.asked or limiter.in_flight:
        await asyncio.sleep(0)
    limiter.enter()
    await asyncio.sleep(1)
    other = asyncio.ensure_future(limiter.turn("other", inf, QueueConfig(), "a/x"))
    await asyncio.sleep(0)
    assert limiter.waiting == 2
    choice.target.breaker.open(now(), now() + 60)
    limiter.leave(1)
    await asyncio.wait_for(other, 1)
    assert isinstance(await retrying, ServerError)


@virtual
async def test_keys_take_turns() -> None:
    only = Vendor("a/x", answers(1))
    going = route([option(only, limits={"max_concurrent": 1})])
    keys = ["a", "a", "a", "a", "b"]
    await asyncio.gather(*(going(call(id=key, identity=Identity(key_id=key))) for key in keys))
    assert [each.id for each in only.asked] == ["a", "a", "b", "a", "a"]


# ── what is told ──


@virtual
async def test_the_error_tells_the_attempts() -> None:
    vendors = Vendor("a/x", fails(Overloaded)), Vendor("b/x", fails(ConnectionFailed))
    error = await failure_of(route(options(*vendors), retry=RetryConfig(attempts=2)), call())
    assert error.tried == "Tried a/x (overloaded, 2 times), b/x (connection_failed, 2 times)."
    assert error.shown.endswith(error.tried)


@virtual
async def test_one_attempt_is_not_worth_telling() -> None:
    assert (await failure_of(route(options(Vendor("a/x", fails(BadRequest)))), call())).tried == ""


@virtual
async def test_an_error_without_any_attempt_has_nothing_to_tell() -> None:
    error = await failure_of(route(options(Vendor("a/x", refuses(Unsupported)))), call())
    assert (error.tried, type(error)) == ("", Unsupported)


@virtual
async def test_attempts_at_many_targets_are_told_in_short() -> None:
    vendors = [Vendor(f"v{number}/x", fails(ServerError)) for number in range(10)]
    error = await failure_of(route(options(*vendors), retry=RetryConfig(attempts=1)), call())
    assert error.tried.count("/x") == 6
    assert error.tried.endswith("and 4 more.")


@virtual
async def test_an_error_of_our_own_is_nobodys_to_mend() -> None:
    async def defect(made: Call) -> Reply:
        raise ValueError("a defect")

    second = Vendor("b/x")
    with pytest.raises(ValueError, match="a defect"):
        await route([option(defect), option(second)])(call())
    assert counts(second) == [0]
