"""Counters in Redis: shared by processes that die, in a server that is stopped, started again and set to another time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from math import inf

import pytest

import services
from headgate.clock import ManualClock, SystemClock
from headgate.errors import StoreUnavailable
from headgate.storage import redis_counters
from headgate.storage.counters import LEASE_S, Claim, Granted, Outcome, Refused, Unseeded
from headgate.storage.redis_counters import MOST, RedisCounters, _Reservation
from redis_clock import BEGIN_US, age
from redis_proxy import Proxy, proxied
from waiting import eventually

MINUTE = 60_000_000
HOUR_S = 3_600
DAY_MS = 86_400_000

Make = Callable[..., RedisCounters]


class ServerTime:
    """A server's clock that is set by hand."""

    def __init__(self) -> None:
        self.us = BEGIN_US

    def __call__(self) -> int:
        return self.us

    def advance(self, seconds: float) -> None:
        self.us += round(seconds * 1e6)


@pytest.fixture
async def make(redis_url: str) -> AsyncIterator[Make]:
    """Counters of as many processes as are made."""
    made: list[RedisCounters] = []

    def one(owner: str = "me", url: str = redis_url, time_us: Callable[[], int] | None = None) -> RedisCounters:
        made.append(RedisCounters(url, SystemClock(), owner, time_us=time_us))
        return made[-1]

    yield one
    for each in made:
        await each.close()


def sliding(amount: int, ceiling: int | None = None, counter: str = "a") -> Claim:
    return Claim(counter, amount, ceiling, "sliding", MINUTE)


def period(amount: int, ceiling: int | None = None, counter: str = "p", ends_us: int = 0) -> Claim:
    return Claim(counter, amount, ceiling, "period", 0, ends_us)


def lease(ceiling: int, counter: str = "l") -> Claim:
    return Claim(counter, 1, ceiling, "lease")


async def held_by(counters: RedisCounters, holder: str, *claims: Claim) -> Granted:
    granted = await counters.reserve(holder, claims)
    assert isinstance(granted, Granted)
    return granted


async def total(counters: RedisCounters, counter: str = "a") -> int:
    granted = await counters.reserve(f"look{random.random()}", [sliding(0, None, counter)])
    assert isinstance(granted, Granted)
    return granted.totals[0]


async def die(counters: RedisCounters) -> None:
    """What is left of a process that was killed: nothing."""
    if counters._timer is not None:
        counters._timer.cancel()
    counters._open.clear()
    counters._leases.clear()


# ── between processes ──


async def test_a_holder_nobody_knows_changes_nothing(make: Make):
    counters = make()
    await counters.seed("p", 10, 0)
    counters.settle("nobody", [period(10)], Granted([0], [0]), [0])
    await counters.flush()
    assert await counters.read(["p"]) == [10]


async def test_two_hundred_at_once_over_four_processes_never_pass_a_ceiling(make: Make):
    replicas = [make(f"replica{number}") for number in range(4)]
    await replicas[0].seed("p", 0, 0)
    claims = [sliding(7, 70), period(7, 70), lease(10)]

    async def one(number: int) -> bool:
        counters = replicas[number % 4]
        outcome = await counters.reserve(f"h{number}", claims)
        if not isinstance(outcome, Granted):
            return False
        assert max(outcome.totals) <= 70
        await asyncio.sleep(0)
        counters.settle(f"h{number}", claims, outcome, [7, 7, 1])
        return True

    outcomes = await asyncio.gather(*(one(number) for number in range(200)))
    for each in replicas:
        await each.flush()
    assert sum(outcomes) == 10
    assert await replicas[1].read(["p"]) == [70]
    assert await total(replicas[2]) == 70
    assert isinstance(await replicas[3].reserve("after", [lease(1)]), Granted)


async def test_whatever_is_used_and_cancelled_nothing_reserved_is_left_behind(make: Make):
    replicas = [make(f"replica{number}") for number in range(4)]
    await replicas[0].seed("p", 0, 0)
    spent = 0

    async def one(number: int) -> None:
        nonlocal spent
        counters, claims = replicas[number % 4], [period(10, 200), lease(50)]
        outcome = await counters.reserve(f"h{number}", claims)
        if isinstance(outcome, Granted):
            used = number % 11
            try:
                await asyncio.sleep(0.001 * (number % 3))
            finally:
                counters.settle(f"h{number}", claims, outcome, [used, 0])
                spent += used

    tasks = [asyncio.create_task(one(number)) for number in range(400)]
    for number in range(len(tasks)):
        await asyncio.sleep(0)
        if number % 3 == 0:
            tasks[number // 2].cancel()
    await asyncio.wait(tasks)
    for each in replicas:
        await each.flush()
        await each.flush()  # what a cancelled one got is given back when its answer has come
    assert await replicas[0].read(["p"]) == [spent]
    for each in replicas:
        assert (each._open, each._leases, await each.holders(each.owner)) == ({}, {}, [])
    assert (await held_by(replicas[0], "after", lease(50))).totals == [1]


async def test_reservations_of_one_turn_are_one_write_and_one_command_each(make: Make):
    counters = make()
    await counters.link.connect()
    wire = counters.link._wire
    assert wire is not None
    writes: list[int] = []
    send = wire.send
    wire.send = lambda commands, packed: (writes.append(len(commands)), send(commands, packed))[1]
    await asyncio.gather(*(counters.reserve(f"h{number}", [sliding(1), lease(99)]) for number in range(64)))
    assert writes == [64]


@pytest.mark.parametrize("turns", [0, 1, 2])
async def test_a_reservation_nobody_waits_for_any_more_is_given_back(make: Make, turns: int):
    counters = make()
    await counters.seed("p", 0, 0)
    task = asyncio.create_task(counters.reserve("h", [sliding(5), period(5), lease(1)]))
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    await counters.flush()
    await counters.flush()
    assert await counters.read(["p"]) == [0]
    assert await total(counters) == 0
    assert isinstance(await counters.reserve("g", [lease(1)]), Granted)


async def test_a_reservation_cancelled_between_its_answer_and_its_task_is_given_back(make: Make):
    counters = make()
    await counters.seed("p", 0, 0)
    granted = counters.granted

    def cancelled_soon(reservation: _Reservation) -> None:
        asyncio.get_running_loop().call_soon(task.cancel)
        granted(reservation)

    counters.granted = cancelled_soon
    task = asyncio.create_task(counters.reserve("h", [period(5)]))
    await asyncio.wait([task])
    assert task.cancelled()
    await counters.flush()
    assert await counters.read(["p"]) == [0]
    assert counters.held() == {}


async def test_names_may_be_anything(make: Make):
    counters = make()
    odd = 'tag:a="b"\nc\r\n*:ü:\x00'
    await counters.seed(odd, 1, 0)
    claims = [sliding(5, 10, odd), period(5, 10, odd), lease(1, odd)]
    granted = await held_by(counters, odd, *claims)
    assert await counters.holders("me") == [odd]
    counters.settle(odd, claims, granted, [1, 2, 1])
    await counters.flush()
    assert await counters.read([odd]) == [3]


async def test_no_counter_goes_beyond_what_redis_can_hold(make: Make):
    counters = make()
    await counters.seed("p", MOST - 5, 0)
    assert await counters.reserve("h", [period(6)]) == Refused(0, MOST - 5, inf)
    claims = [period(5, 2**70)]
    granted = await held_by(counters, "h", *claims)
    counters.settle("h", claims, granted, [100])
    await counters.flush()
    assert await counters.read(["p"]) == [MOST]
    assert await counters.holders("me") == []


# ── owners that die ──


async def test_a_dead_owners_leases_are_gone_after_a_while_and_a_living_ones_are_not(make: Make):
    time_us = ServerTime()
    dead, living = make("dead", time_us=time_us), make("living", time_us=time_us)
    await held_by(dead, "d", lease(2))
    await held_by(living, "l", lease(2))
    await die(dead)
    for _ in range(2):
        time_us.advance(LEASE_S / 3)
        living._keep()
        await living.flush()
        assert await living.reserve("x", [lease(2)]) == Refused(0, 2, inf)
    time_us.advance(LEASE_S / 3)
    assert (await held_by(living, "y", lease(2))).totals == [2]
    assert await living.reserve("z", [lease(2)]) == Refused(0, 2, inf)


async def test_many_leases_are_renewed_in_several_commands(make: Make, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(redis_counters, "RENEWED", 2)
    time_us = ServerTime()
    counters = make(time_us=time_us)
    for number in range(5):
        await held_by(counters, f"h{number}", lease(9))
    for _ in range(4):
        time_us.advance(LEASE_S / 3)
        counters._keep()
    assert (await held_by(counters, "x", lease(9))).totals == [6]


async def test_what_a_dead_owner_has_reserved_can_be_settled_by_another(make: Make):
    dead, other = make("dead"), make("other")
    await other.seed("p", 0, 0)
    await other.seed("q", 50, 0)
    await held_by(dead, "h1", period(10), period(10, None, "q"), sliding(3))
    await held_by(dead, "h2", period(7))
    await die(dead)
    assert await other.holders("dead") == ["h1", "h2"]
    assert await other.owners() == {"dead", "other"}
    assert await other.adopt("h1", "dead", 4)
    assert await other.read(["p", "q"]) == [11, 54]
    assert not await other.adopt("h1", "dead", 0), "once"
    assert await other.adopt("h2", None, 8)
    assert await other.read(["p"]) == [12]
    assert not await other.adopt("h3", None, 0)
    assert await other.holders("dead") == []


async def test_what_is_adopted_without_an_amount_stays_as_it_was_reserved(make: Make):
    counters = make()
    await counters.seed("p", 0, 0)
    await held_by(counters, "h", period(10))
    assert await counters.adopt("h", "me", None)
    assert await counters.read(["p"]) == [10]
    assert await counters.holders("me") == []


async def test_an_owner_that_was_not_dead_after_all_settles_nothing_twice(make: Make):
    slow, other = make("slow"), make("other")
    await other.seed("p", 0, 0)
    claims = [period(10), sliding(5), lease(1)]
    granted = await held_by(slow, "h", *claims)
    assert await other.adopt("h", "slow", 4)
    slow.settle("h", claims, granted, [9, 0, 0])
    await slow.flush()
    assert await other.read(["p"]) == [4]
    assert await total(other) == 5
    assert isinstance(await other.reserve("g", [lease(1)]), Granted), "its place it gives back"


# ── Redis away ──


async def test_while_redis_hangs_reserving_fails_soon_and_settling_is_kept(make: Make, private_redis: services.Redis):
    counters = make(url=private_redis.url())
    await counters.seed("p", 0, 0)
    claims = [sliding(10), period(10), lease(1)]
    granted = await held_by(counters, "h", *claims)
    private_redis.pause()
    started = asyncio.get_running_loop().time()
    outcomes = await asyncio.gather(
        *(counters.reserve(f"x{number}", [period(1)]) for number in range(20)), return_exceptions=True
    )
    assert all(isinstance(outcome, StoreUnavailable) for outcome in outcomes)
    assert asyncio.get_running_loop().time() - started < 1.5
    counters.settle("h", claims, granted, [3, 4, 0])
    with pytest.raises(StoreUnavailable):
        await counters.reserve("y", [period(1)])
    private_redis.resume()
    await eventually(counters.flush)
    assert await counters.read(["p"]) == [4], "and those that got no answer are given back"
    assert await total(counters) == 3
    assert await counters.holders("me") == []
    assert isinstance(await counters.reserve("z", [lease(1)]), Granted)


async def test_what_was_done_while_redis_hung_is_counted_when_it_is_back(make: Make, private_redis: services.Redis):
    counters = make(url=private_redis.url())
    await counters.seed("p", 10, 0)
    private_redis.pause()
    with pytest.raises(StoreUnavailable):
        await counters.reserve("x", [period(1)])
    for _ in range(3):
        counters.owe([period(0)])(7)
    late = counters.owe([period(0)])
    private_redis.resume()
    await eventually(counters.flush)
    assert await counters.read(["p"]) == [31]
    late(7)
    await counters.flush()
    assert await counters.read(["p"]) == [38]


async def test_what_was_done_while_redis_was_away_and_lost_everything_is_left_to_the_ledger(
    make: Make, private_redis: services.Redis
):
    counters = make(url=private_redis.url())
    await counters.seed("p", 10, 0)
    private_redis.kill()
    counters.owe([period(0)])(7)
    late, later = counters.owe([period(0)]), counters.owe([period(0)])
    private_redis.start()
    await eventually(counters.link.connect)
    late(7)
    assert counters.carry_held() == {"p": 0}
    later(7)
    await counters.flush()
    await counters.seed("p", 24, 0)
    assert await counters.read(["p"]) == [31], "what came to its end after the ledger was read is counted beside it"


async def lost_answer(proxy: Proxy) -> None:
    """Wait until Redis has answered and the answer is lost, and end the connection."""

    async def answered() -> bool:
        return proxy.answers > 0

    await eventually(answered)
    proxy.cut()
    proxy.mute, proxy.answers = False, 0


async def test_what_was_settled_with_the_answer_lost_is_settled_once(make: Make, redis_url: str):
    async with proxied(redis_url) as proxy:
        counters, look = make(url=proxy.url), make("look")
        await counters.seed("p", 0, 0)
        claims = [sliding(10), period(10)]
        granted = await held_by(counters, "h", *claims)
        await held_by(counters, "other", *claims)
        proxy.mute = True
        counters.settle("h", claims, granted, [3, 4])
        await lost_answer(proxy)
        await eventually(counters.flush)
        assert await look.read(["p"]) == [14]
        assert await total(look) == 13
        assert await look.holders("me") == ["other"]
        await counters.close()


async def test_what_cannot_be_known_to_be_settled_gives_windows_too_little_back_rather_than_too_much(
    make: Make, redis_url: str
):
    async with proxied(redis_url) as proxy:
        counters, look = make(url=proxy.url), make("look")
        claims = [sliding(10)]
        granted = [await held_by(counters, f"h{number}", *claims) for number in range(3)]
        proxy.mute = True
        counters.settle("h0", claims, granted[0], [3])
        await lost_answer(proxy)
        await eventually(counters.flush)
        assert await total(look) == 23
        await counters.close()


async def test_a_reservation_whose_answer_was_lost_is_taken_back(make: Make, redis_url: str):
    async with proxied(redis_url) as proxy:
        counters, look = make(url=proxy.url), make("look")
        await counters.seed("p", 0, 0)
        proxy.mute = True
        reserving = asyncio.ensure_future(counters.reserve("h", [lease(1), period(10)]))
        await lost_answer(proxy)
        with pytest.raises(StoreUnavailable):
            await reserving
        await eventually(counters.flush)
        assert await look.read(["p"]) == [0]
        assert (await look.holders("me"), counters.held()) == ([], {})
        assert isinstance(await look.reserve("g", [lease(1)]), Granted)
        await counters.close()


async def test_what_is_carried_over_with_the_answer_lost_is_carried_once(make: Make, private_redis: services.Redis):
    async with proxied(private_redis.url()) as proxy:
        counters = make(url=proxy.url)
        await counters.seed("p", 0, 0)
        await held_by(counters, "h", period(10))
        proxy.cut()
        await started_again(private_redis, counters)
        proxy.mute = True
        counters.carry_held()
        await lost_answer(proxy)
        await eventually(counters.flush)
        await counters.seed("p", 0, 0)
        assert await counters.read(["p"]) == [10]
        await counters.close()


async def test_closing_while_redis_is_away_neither_waits_nor_fails(private_redis: services.Redis):
    counters = RedisCounters(private_redis.url(), SystemClock(), "me")
    claims = [lease(1)]
    granted = await held_by(counters, "h", *claims)
    private_redis.kill()
    with pytest.raises(StoreUnavailable):
        await counters.reserve("g", claims)
    counters.settle("h", claims, granted, [0])
    async with asyncio.timeout(2):
        await counters.close()
    counters.settle("h", claims, granted, [0])
    with pytest.raises(StoreUnavailable):
        await counters.reserve("i", claims)


# ── Redis started again ──


async def started_again(server: services.Redis, *all_counters: RedisCounters) -> None:
    server.kill()
    server.start()
    for each in all_counters:
        await eventually(each.link.connect)


async def test_a_redis_started_again_knows_no_period_and_says_so(make: Make, private_redis: services.Redis):
    counters = make(url=private_redis.url())
    told: list[str] = []
    counters.on_new_space = lambda: told.append(counters.space)
    await counters.seed("p", 5, 0)
    await counters.acknowledge("me")
    await counters.set_ready()
    assert (await counters.acknowledged(), await counters.is_ready()) == ({"me"}, True)
    await started_again(private_redis, counters)
    assert await counters.reserve("h", [period(1)]) == Unseeded(["p"])
    assert await counters.read(["p"]) == [None]
    assert (await counters.acknowledged(), await counters.is_ready()) == (set(), False)
    assert len(told) == 2
    assert told[0] != told[1] == counters.space


async def test_what_is_held_is_carried_over_and_settled_in_the_new_space(make: Make, private_redis: services.Redis):
    counters = make(url=private_redis.url(), time_us=ServerTime())
    await counters.seed("p", 100, 0)
    claims = [period(10), sliding(10), lease(3)]
    held = {holder: await held_by(counters, holder, *claims) for holder in ("before", "early", "late")}
    await started_again(private_redis, counters)
    assert counters.held() == {"p": 30}
    counters.settle("before", claims, held["before"], [4, 4, 0])  # the ledger has it
    assert counters.held() == {"p": 20}
    assert counters.carry_held() == {"p": 0}
    assert counters.carry_held() == {}
    await held_by(counters, "new", sliding(10))
    await counters.carry("p", 4)
    counters.settle("early", claims, held["early"], [5, 5, 0])
    await counters.flush()
    assert await counters.reserve("x", [period(1)]) == Unseeded(["p"])
    await counters.seed("p", 100, 0)
    assert await counters.read(["p"]) == [100 + 4 + 5 + 10]
    counters.settle("late", claims, held["late"], [6, 6, 0])
    await counters.carry("p", 1)
    await counters.flush()
    assert await counters.read(["p"]) == [100 + 4 + 5 + 6 + 1]
    assert await total(counters) == 10
    assert await counters.holders("me") == []


async def test_what_was_not_carried_over_is_not_settled_in_the_new_space(make: Make, private_redis: services.Redis):
    counters = make(url=private_redis.url())
    await counters.seed("p", 0, 0)
    claims = [period(10), sliding(10)]
    queued, later = await held_by(counters, "queued", *claims), await held_by(counters, "later", *claims)
    private_redis.kill()
    counters.settle("queued", claims, queued, [2, 2])
    private_redis.start()
    await eventually(counters.link.connect)
    await counters.seed("p", 50, 0)
    counters.settle("later", claims, later, [30, 30])
    await counters.flush()
    assert await counters.read(["p"]) == [50]
    assert await total(counters) == 0


async def test_windows_of_a_redis_started_again_hear_nothing_of_what_was_counted_before(
    make: Make, private_redis: services.Redis
):
    counters = make(url=private_redis.url(), time_us=ServerTime())
    claims = [sliding(10)]
    less, more = await held_by(counters, "less", *claims), await held_by(counters, "more", *claims)
    await started_again(private_redis, counters)
    await held_by(counters, "new", *claims)
    counters.settle("less", claims, less, [0])
    counters.settle("more", claims, more, [25])
    await counters.flush()
    assert await total(counters) == 10


async def test_carrying_over_again_counts_nothing_twice(make: Make, private_redis: services.Redis):
    counters = make(url=private_redis.url())
    await counters.seed("p", 0, 0)
    granted = await held_by(counters, "h", period(10))
    await started_again(private_redis, counters)
    counters.carry_held()
    counters.carry_held()
    await counters.flush()
    await counters.seed("p", 0, 0)
    assert await counters.read(["p"]) == [10]
    await started_again(private_redis, counters)
    counters.carry_held()
    await counters.seed("p", 3, 0)
    counters.settle("h", [period(10)], granted, [1])
    await counters.flush()
    assert await counters.read(["p"]) == [4]


async def test_leases_are_taken_again_in_a_redis_started_again(make: Make, private_redis: services.Redis):
    counters = make(url=private_redis.url())
    granted = await held_by(counters, "h", lease(1))
    private_redis.kill()
    private_redis.start()
    outcome: Outcome = await eventually(lambda: counters.reserve("g", [lease(1)]))
    assert outcome == Refused(0, 1, inf)
    counters.settle("h", [lease(1)], granted, [0])
    assert isinstance(await counters.reserve("i", [lease(1)]), Granted)


async def test_what_is_meant_for_one_space_is_done_in_no_other(make: Make, private_redis: services.Redis):
    counters = make(url=private_redis.url())
    await counters.link.connect()
    old = counters.space
    await started_again(private_redis, counters)
    attempts: Sequence[Callable[[], Awaitable[None]]] = [
        lambda: counters.seed("p", 1, 0, space=old),
        lambda: counters.carry("p", 1, space=old),
        lambda: counters.acknowledge("me", space=old),
        lambda: counters.set_ready(space=old),
    ]
    for attempt in attempts:
        with pytest.raises(StoreUnavailable):
            await attempt()
    assert await counters.read(["p"]) == [None]
    assert (await counters.acknowledged(), await counters.is_ready()) == (set(), False)
    await counters.seed("p", 1, 0, space=counters.space)
    assert await counters.read(["p"]) == [1]


async def test_a_counter_found_missing_in_one_space_is_begun_in_no_other(make: Make, private_redis: services.Redis):
    counters = make(url=private_redis.url())
    assert await counters.reserve("h", [period(1), period(1, None, "q")]) == Unseeded(["p", "q"])
    await counters.seed("q", 7, 0)
    await started_again(private_redis, counters)
    assert await counters.reserve("h", [period(1)]) == Unseeded(["p"])
    with pytest.raises(StoreUnavailable):
        await counters.seed("p", 5, 0)
    assert await counters.reserve("h", [period(1)]) == Unseeded(["p"])
    await counters.seed("p", 6, 0)
    assert await counters.read(["p"]) == [6]


async def test_who_comes_too_late_to_carry_anything_over_is_told_so(make: Make):
    early, late = make("early"), make("late")
    assert await early.join("early")
    await early.set_ready()
    assert await early.join("early"), "its answer may have been lost"
    assert not await late.join("late")
    assert await late.acknowledged() == {"early"}


async def test_a_space_that_was_given_up_is_given_up_for_all_and_once(make: Make):
    one, other = make("one"), make("other")
    await one.seed("p", 5, 0)
    await one.set_ready()
    assert await other.is_ready()
    before = one.space
    await one.abandon(space=before)
    await eventually(one.link.connect)
    assert one.space != before
    assert not await other.is_ready()
    await one.seed("p", 6, 0)
    with pytest.raises(StoreUnavailable):
        await other.abandon(space=before)
    await eventually(other.link.connect)
    assert one.space == other.space
    assert await other.read(["p"]) == [6]


async def test_a_redis_that_was_emptied_is_noticed_by_the_next_reservation(make: Make):
    counters = make()
    await counters.seed("p", 5, 0)
    before = counters.space
    services.redis().flush()
    assert await counters.reserve("h", [period(1)]) == Unseeded(["p"]), "in the next space"
    assert counters.space != before


# ── the server's clock ──


async def test_an_hour_back_neither_blocks_a_key_for_an_hour_nor_lets_it_pass_its_limit(make: Make):
    time_us = ServerTime()
    counters = make(time_us=time_us)
    await held_by(counters, "h", sliding(10, 10), lease(1))
    time_us.advance(-HOUR_S)
    refused = await counters.reserve("g", [sliding(1, 10)])
    assert isinstance(refused, Refused)
    assert 60 <= refused.retry_after_s <= 61
    time_us.advance(refused.retry_after_s - 0.001)
    assert isinstance(await counters.reserve("i", [sliding(1, 10)]), Refused)
    time_us.advance(0.001)
    assert isinstance(await counters.reserve("k", [sliding(10, 10)]), Granted)


async def test_what_was_counted_before_the_clock_was_set_back_is_given_back_all_the_same(make: Make):
    time_us = ServerTime()
    counters = make(time_us=time_us)
    claims = [sliding(10, 10)]
    granted = await held_by(counters, "h", *claims)
    time_us.advance(-HOUR_S)
    counters.settle("h", claims, granted, [4])
    assert await total(counters) == 4
    granted = await held_by(counters, "g", sliding(6, 10))
    time_us.advance(30)
    counters.settle("g", [sliding(6, 10)], granted, [1])
    assert await total(counters) == 5


async def test_a_dead_owners_lease_does_not_last_because_the_clock_was_set_back(make: Make):
    time_us = ServerTime()
    dead, living = make("dead", time_us=time_us), make("living", time_us=time_us)
    await held_by(dead, "h", lease(1))
    await die(dead)
    time_us.advance(-HOUR_S)
    assert isinstance(await living.reserve("g", [lease(1)]), Refused)
    time_us.advance(LEASE_S)
    assert isinstance(await living.reserve("g", [lease(1)]), Granted)


async def test_an_hour_forward_lets_windows_slide_and_no_more(make: Make):
    time_us = ServerTime()
    counters = make(time_us=time_us)
    await held_by(counters, "h", sliding(10, 10))
    time_us.advance(HOUR_S)
    await held_by(counters, "g", sliding(10, 10))
    time_us.advance(-HOUR_S)
    assert isinstance(await counters.reserve("i", [sliding(1, 10)]), Refused)
    time_us.advance(61)
    assert isinstance(await counters.reserve("k", [sliding(10, 10)]), Granted)


# ── what Redis keeps, and how long ──


async def lives_ms(counters: RedisCounters) -> dict[str, int]:
    """How long each key has to live, by its name without the space."""
    space = await counters.link.connect()
    keys = await counters.link.call(lambda _: ("KEYS", "*"))
    lives = {key.decode(): await counters.link.call(lambda _, key=key: ("PTTL", key)) for key in keys}
    return {key.removeprefix(space.prefix): life for key, life in lives.items()}


async def test_every_key_is_forgotten_some_day(make: Make):
    counters = make()
    ends_us = SystemClock().now_us() + 3 * DAY_MS * 1000
    await counters.seed("month", 0, ends_us)
    await counters.seed("total", 0, 0)
    await counters.seed("over", 0, 1)
    await counters.carry("other", 5)
    await counters.acknowledge("me")
    await counters.set_ready()
    claims = [sliding(5), period(5, None, "month", ends_us), period(5, None, "total"), lease(5)]
    granted = await held_by(counters, "h", *claims)
    await held_by(counters, "g", *claims)
    counters.settle("h", claims, granted, [2, 2, 2, 0])
    counters._keep()
    await counters.flush()
    lives = await lives_ms(counters)
    assert {name.partition(":")[0] for name in lives} == {
        "w", "p", "l", "c", "h", "owners", "acknowledged", "ready", "headgate",
    }  # fmt: skip
    assert all(0 < life <= 400 * DAY_MS for life in lives.values()), lives
    assert lives["p:month"] == pytest.approx(4 * DAY_MS, abs=60_000)
    assert lives["p:over"] == pytest.approx(DAY_MS, abs=60_000)
    assert lives["p:total"] == pytest.approx(400 * DAY_MS, abs=60_000)
    assert 61_000 < lives["w:60000000:a"] <= 65_000


async def test_what_is_used_is_not_forgotten(make: Make):
    counters = make()
    await counters.seed("total", 0, 0)
    await counters.acknowledge("me")
    await counters.set_ready()
    space = counters.space
    for number in range(3):
        await held_by(counters, f"h{number}", period(5, None, "total"))
        counters._keep()
        await counters.flush()
        await age(counters.link, 300 * 86_400)
    assert await counters.read(["total"]) == [15]
    assert (await counters.is_ready(), await counters.acknowledged()) == (True, {"me"})
    assert await counters.holders("me") == ["h0", "h1", "h2"]
    assert counters.space == space


async def test_a_window_lasts_as_long_as_it_is_counted_however_it_is_used(make: Make):
    time_us = ServerTime()
    counters = make(time_us=time_us)
    for number in range(4):
        await held_by(counters, f"h{number}", sliding(1))
        time_us.advance(30)
        await age(counters.link, 30)
    assert await total(counters) == 2
    time_us.advance(60.999)
    await age(counters.link, 60.999)
    assert await total(counters) == 0
    lives = await lives_ms(counters)
    await age(counters.link, 70)
    assert any(name.startswith("w:") for name in lives)
    assert not any(name.startswith("w:") for name in await lives_ms(counters))


async def test_a_key_costs_redis_a_kilobyte_or_so(make: Make):
    time_us = ServerTime()
    counters = make(time_us=time_us)
    for number in range(200):
        await held_by(counters, f"h{number}", sliding(1_000_000))
        time_us.advance(0.5)
    space = await counters.link.connect()
    name = f"{space.prefix}w:{MINUTE}:a"
    assert await counters.link.call(lambda _: ("OBJECT", "ENCODING", name)) == b"listpack"
    assert await counters.link.call(lambda _: ("MEMORY", "USAGE", name)) < 1_500


def test_it_needs_no_event_loop_to_be_made():
    assert RedisCounters("redis://localhost", ManualClock(), "me").space == ""
