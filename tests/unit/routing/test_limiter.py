"""No more calls are under way than the limit; who waits is served in turn, and who would wait too long is refused."""

from __future__ import annotations

import asyncio
from math import inf

import pytest

from headgate.errors import Overloaded
from headgate.routing.config import QueueConfig
from headgate.routing.limiter import CUT, FORGET_S, IN_TIME, LEAST, SPAN_S, Limiter
from virtual_time import now, virtual

QUEUE = QueueConfig(length=100, wait_s=10)


class Place:
    """A limiter whose places are taken one after the other, and who took them."""

    def __init__(self, most: int = 1, queue: QueueConfig = QUEUE) -> None:
        self.limiter = Limiter(most)
        self.served: list[str] = []
        self._queue = queue

    async def take(self, name: str, key: str = "a", seconds: float = 1.0, deadline: float = inf) -> None:
        """Hold a place for a while, after a wait if need be."""
        if not self.limiter.free:
            await self.limiter.turn(key, deadline, self._queue, "sim/x")
        self.limiter.enter()
        assert self.limiter.in_flight <= self.limiter.limit
        self.served.append(name)
        try:
            await asyncio.sleep(seconds)
        finally:
            self.limiter.leave(seconds)

    async def start(self, *names: str, **settings: float) -> list[asyncio.Task[None]]:
        """Have several come one after the other; the first character of a name is its key."""
        tasks = []
        for name in names:
            tasks.append(asyncio.ensure_future(self.take(name, name[0], **settings)))
            await asyncio.sleep(0)
        return tasks

    def check_is_empty(self) -> None:
        assert (self.limiter.in_flight, self.limiter.waiting, self.limiter._woken) == (0, 0, 0)
        assert self.limiter.free


# ── the limit ──


def test_it_begins_with_all_places() -> None:
    limiter = Limiter(3)
    for _ in range(3):
        assert limiter.free
        limiter.enter()
    assert not limiter.free
    limiter.leave(0.1)
    assert limiter.free


NOW = 26 * SPAN_S
"""The end of a span of answers, the beginning of the next."""


def answered(limiter: Limiter, rate: float, seconds: float) -> Limiter:
    """A limiter that has seen so many answers a second, of so many seconds each."""
    count = int(rate * SPAN_S)
    for number in range(count):
        limiter.went_well(NOW - SPAN_S + SPAN_S * number / count, seconds)
    return limiter


def pressed(limiter: Limiter) -> Limiter:
    """A limiter whose calls have shown signs of overload before, none of which cut its limit."""
    limiter._cut_at = inf
    for _ in range(50):
        limiter.overloaded(0, NOW)
    limiter._cut_at = 0.0
    return limiter


def filled(most: int, served: float, in_flight: int | None = None) -> Limiter:
    """A limiter with all its places taken, at a target that was seen to serve so many at a time."""
    limiter = pressed(answered(Limiter(most), served, 1.0))
    for _ in range(most if in_flight is None else in_flight):
        limiter.enter()
    return limiter


def test_signs_of_overload_cut_the_limit() -> None:
    limiter = filled(100, served=50)
    limiter.overloaded(NOW - 1, NOW)
    assert limiter.limit == 100 * CUT


def test_a_rare_sign_cuts_nothing() -> None:
    limiter = Limiter(100)
    for time in range(1, 1000):
        limiter.enter()
        if time % 10:
            limiter.went_well(time, 0.1)
        else:
            limiter.overloaded(time, time)
        limiter.leave(0.1)
    assert limiter.limit == 100


def test_a_few_signs_in_a_row_do() -> None:
    limiter = Limiter(100)
    for _ in range(40):
        limiter.enter()
    for time in range(1, 6):
        limiter.overloaded(time, time)
    assert limiter.limit < 40


def test_a_burst_of_signs_cuts_it_once() -> None:
    limiter = filled(100, served=50)
    for _ in range(20):
        limiter.overloaded(NOW - 1, NOW)
    assert limiter.limit == 100 * CUT
    limiter.overloaded(NOW, NOW + 1)
    assert limiter.limit == 100 * CUT * CUT


def test_it_is_cut_from_what_is_under_way() -> None:
    limiter = filled(4096, served=20, in_flight=40)
    limiter.overloaded(NOW - 1, NOW)
    assert limiter.limit == 40 * CUT


def test_it_is_not_cut_below_what_the_target_serves() -> None:
    limiter = filled(100, served=90)
    limiter.overloaded(NOW - 1, NOW)
    assert limiter.limit == pytest.approx(90)


def test_one_that_was_far_too_high_is_right_at_once() -> None:
    limiter = filled(4096, served=50)
    limiter.overloaded(NOW - 1, NOW)
    assert limiter.limit == pytest.approx(100)


@pytest.mark.parametrize(("most", "least"), [(100, LEAST), (2, 2)])
def test_it_is_never_cut_to_nothing(most: int, least: float) -> None:
    limiter = filled(most, served=0)
    for time in range(100):
        limiter.overloaded(NOW + time, NOW + time)
    assert limiter.limit == least


def test_it_grows_by_one_in_a_round_of_calls_that_go_well() -> None:
    limiter = filled(100, served=50)
    limiter.overloaded(NOW - 1, NOW)
    for _ in range(75):
        limiter.went_well(NOW + 1, 1.0)
    assert limiter.limit == pytest.approx(76, abs=0.01)


def test_it_grows_to_what_it_was_and_no_further() -> None:
    limiter = filled(10, served=5)
    limiter.overloaded(NOW - 1, NOW)
    for _ in range(1000):
        limiter.went_well(NOW + 1, 1.0)
    assert limiter.limit == 10


def test_it_does_not_grow_while_it_holds_nothing_back() -> None:
    limiter = filled(100, served=50)
    limiter.overloaded(NOW - 1, NOW)
    for _ in range(80):
        limiter.leave(0.1)
    limiter.went_well(NOW + 1, 1.0)
    assert limiter.limit == 75


def test_an_overload_that_is_long_over_is_forgotten() -> None:
    limiter = filled(100, served=50)
    limiter.overloaded(NOW - 1, NOW)
    limiter.went_well(NOW + FORGET_S - 1, 1.0)
    assert limiter.limit < 100
    limiter.went_well(NOW + FORGET_S + 1, 1.0)
    assert limiter.limit == 100


def test_a_target_that_is_back_begins_anew() -> None:
    limiter = filled(100, served=50)
    limiter.overloaded(NOW - 1, NOW)
    limiter.forgive()
    assert limiter.limit == 100
    limiter.overloaded(NOW, NOW)
    assert limiter.limit == 100, "one sign is not many"


@pytest.mark.parametrize(
    ("in_flight", "left_s", "late"),
    [
        (1000, 2.0, True),  # a thousand before it at 200 a second: 5 s
        (100, 2.0, False),  # half a second
        (30, 0.1, False),  # no more than are served side by side: no queue
        (1000, 60.0, False),  # time enough
    ],
)
def test_a_call_that_would_be_answered_too_late_is_known(in_flight: int, left_s: float, late: bool) -> None:
    limiter = answered(Limiter(4096), 200, 0.1)
    for _ in range(in_flight):
        limiter.enter()
    limiter.service_s = 1.0
    assert limiter.too_late(NOW, NOW + left_s) == late


def test_of_a_target_that_seldom_answers_nothing_is_said() -> None:
    limiter = answered(Limiter(4096), 2, 0.1)
    for _ in range(1000):
        limiter.enter()
    limiter.service_s = 1.0
    assert not limiter.too_late(NOW, NOW + 2)


@virtual
async def test_places_are_given_in_the_order_they_were_asked_for() -> None:
    place = Place()
    await asyncio.gather(*await place.start("a1", "a2", "a3", "a4"))
    assert place.served == ["a1", "a2", "a3", "a4"]
    place.check_is_empty()


@virtual
async def test_a_busy_key_does_not_keep_others_out() -> None:
    place = Place(queue=QueueConfig(wait_s=100))
    await asyncio.gather(*await place.start("a1", "a2", "a3", "a4", "a5", "b1", "c1", "b2"))
    assert place.served == ["a1", "a2", "b1", "c1", "a3", "b2", "a4", "a5"]


@virtual
async def test_who_comes_while_others_wait_does_not_overtake_them() -> None:
    place = Place()
    tasks = await place.start("a1", "a2")
    await asyncio.sleep(1)
    assert not place.limiter.free, "the place is given already, though not taken"
    tasks += await place.start("b1")
    await asyncio.gather(*tasks)
    assert place.served == ["a1", "a2", "b1"]


@virtual
async def test_no_one_waits_past_the_deadline() -> None:
    place = Place()
    [first] = await place.start("a1", seconds=5)
    began = now()
    with pytest.raises(Overloaded) as caught:
        await place.take("b1", "b", deadline=began + 2)
    assert now() == began + 2
    assert caught.value.retry_after_s
    await first
    place.check_is_empty()


@virtual
async def test_no_one_waits_longer_than_configured() -> None:
    place = Place(queue=QueueConfig(wait_s=3))
    [first] = await place.start("a1", seconds=5)
    began = now()
    with pytest.raises(Overloaded):
        await place.take("b1")
    assert now() == began + 3
    await first
    place.check_is_empty()


@virtual
async def test_who_would_wait_too_long_is_refused_at_once_and_told_how_long() -> None:
    place = Place(queue=QueueConfig(wait_s=3))
    await place.take("known", seconds=2.0)
    tasks = await place.start("a1", "a2", seconds=2.0)
    began = now()
    with pytest.raises(Overloaded) as caught:
        await place.take("b1")
    assert now() == began
    assert caught.value.retry_after_s == pytest.approx(4)
    await asyncio.gather(*tasks)


@virtual
async def test_who_has_no_time_left_for_an_answer_is_refused_before_the_deadline() -> None:
    place = Place()
    await place.take("known", seconds=2.0)
    [first] = await place.start("a1", seconds=8)
    began = now()
    with pytest.raises(Overloaded):
        await place.take("b1", deadline=began + 6)
    assert now() == began + 6 - 2 * IN_TIME
    await first
    place.check_is_empty()


@virtual
async def test_more_places_make_the_wait_shorter() -> None:
    limiter = Limiter(10)
    limiter.service_s = 2.0
    assert limiter.expected_wait_s() == 0.2


@pytest.mark.parametrize("deadline", [0.0, -5.0])
@virtual
async def test_a_deadline_that_has_passed_is_refused_at_once(deadline: float) -> None:
    limiter = filled(1, served=1)
    with pytest.raises(Overloaded):
        await limiter.turn("a", now() + deadline, QUEUE, "sim/x")
    assert limiter.waiting == 0


@virtual
async def test_no_more_wait_than_the_queue_is_long() -> None:
    place = Place(queue=QueueConfig(length=2))
    tasks = await place.start("a1", "a2", "b1")
    assert place.limiter.waiting == 2
    with pytest.raises(Overloaded):
        await place.take("c1", "c")
    await asyncio.gather(*tasks)
    place.check_is_empty()


@virtual
async def test_a_queue_of_no_length_refuses_at_once() -> None:
    limiter = filled(1, served=1)
    with pytest.raises(Overloaded):
        await limiter.turn("a", inf, QueueConfig(length=0), "sim/x")


@virtual
async def test_who_gives_up_waiting_leaves_the_queue() -> None:
    place = Place()
    tasks = await place.start("a1", "a2", "b1")
    tasks[1].cancel()
    await asyncio.wait(tasks)
    assert place.served == ["a1", "b1"]
    place.check_is_empty()


@virtual
async def test_who_gives_up_with_a_place_in_hand_passes_it_on() -> None:
    place = Place()
    place.limiter.enter()
    tasks = await place.start("a1", "b1", "c1")
    place.limiter.leave(1.0)
    tasks[0].cancel()
    await asyncio.sleep(0)
    tasks[1].cancel()
    await asyncio.wait(tasks)
    assert [task.cancelled() for task in tasks] == [True, True, False]
    assert place.served == ["c1"]
    place.check_is_empty()


@virtual
async def test_who_cannot_use_a_place_passes_it_on() -> None:
    place = Place()
    tasks = await place.start("a1", "b1")

    async def changes_its_mind() -> None:
        await place.limiter.turn("c", inf, QUEUE, "sim/x")
        place.limiter.wake()

    tasks.insert(1, asyncio.ensure_future(changes_its_mind()))
    tasks += await place.start("d1")
    await asyncio.gather(*tasks)
    assert place.served == ["a1", "b1", "d1"]
    place.check_is_empty()


@virtual
async def test_a_limit_that_was_cut_is_kept_by_those_who_wait() -> None:
    place = Place(8)
    tasks = await place.start(*(f"a{number}" for number in range(20)))
    place.limiter.limit = 4.5
    for task in tasks[8:]:
        assert not task.done()
    await asyncio.sleep(1)
    assert place.limiter.in_flight <= 5
    await asyncio.gather(*tasks)
    place.check_is_empty()


@virtual
async def test_time_in_service_is_learnt() -> None:
    limiter = Limiter(4)
    limiter.enter()
    limiter.leave(2.0)
    assert limiter.service_s == 2
    limiter.enter()
    limiter.leave(1.0)
    assert limiter.service_s == pytest.approx(1.9)
