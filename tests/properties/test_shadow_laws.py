"""Which calls are mirrored, and how many at a time, whatever comes."""

from __future__ import annotations

import asyncio
from math import inf

from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.clock import ManualClock
from headgate.errors import ServerError
from headgate.observing.kept import Kept
from headgate.observing.passing import drawn
from headgate.shadow.config import ShadowConfig
from headgate.shadow.mirror import Job, Shadows
from headgate.shadow.pair import Side
from headgate.types import Account, Call, Identity, Payload, Reply

shares = st.floats(0, 1)


@given(st.binary(max_size=40), shares, shares)
def test_who_is_drawn_is_drawn_for_every_larger_share_and_each_time(unit: bytes, one: float, other: float):
    less, more = sorted((one, other))
    assert drawn(less, b"shadow", "chat", unit) <= drawn(more, b"shadow", "chat", unit)
    assert drawn(one, b"shadow", "chat", unit) == drawn(one, b"shadow", "chat", unit)
    assert drawn(1, b"shadow", "chat", unit)
    assert not drawn(0, b"shadow", "chat", unit)


def test_as_many_are_drawn_as_the_share_says():
    """Of 20,000 within four standard errors; and other ones for another model."""
    units = [f"req_{number:024x}".encode() for number in range(20_000)]
    for share in (0.01, 0.05, 0.5):
        found = sum(drawn(share, b"shadow", "chat", unit) for unit in units)
        assert abs(found - share * 20_000) < 4 * (share * (1 - share) * 20_000) ** 0.5
    both = sum(drawn(0.5, b"shadow", "chat", unit) and drawn(0.5, b"shadow", "other", unit) for unit in units)
    assert abs(both - 5_000) < 4 * (0.25 * 0.75 * 20_000) ** 0.5


def call(number: int) -> Call:
    return Call(
        id=f"req_{number}-shadow",
        operation="chat",
        model="m",
        request=Payload("openai_chat", b"{}"),
        stream=False,
        identity=Identity(),
        account=Account(),
        headers={},
        deadline=inf,
    )


Fate = st.sampled_from(["answer", "fail", "break", "wait"])


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 4),
    st.integers(0, 4),
    st.lists(st.one_of(Fate, st.just("settle")), max_size=30),
    st.integers(10, 100),
    st.booleans(),
)
def test_no_more_than_allowed_are_under_way_or_wait_and_every_call_is_accounted_for(
    concurrency: int, queue: int, steps: list[str], room: int, stop: bool
):
    asyncio.run(_checked(concurrency, queue, steps, room, stop))


async def _checked(concurrency: int, queue: int, steps: list[str], room: int, stop: bool) -> None:
    shadows = Shadows(ManualClock())
    shadows.room.free = room
    config = ShadowConfig(to="new/m", share=1, concurrency=concurrency, queue=queue)
    mirror = shadows.mirror("chat", config)
    running = most = offered = 0
    released = asyncio.Event()

    def job(fate: str, number: int) -> Job:
        async def made(call: Call) -> Reply:
            nonlocal running, most
            running += 1
            most = max(most, running)
            try:
                if fate == "wait":
                    await released.wait()
                await asyncio.sleep(0)
                if fate == "fail":
                    raise ServerError("no")
                if fate == "break":
                    raise RuntimeError("a defect")
                return Reply(payload=Payload("openai_chat", b"{}"))
            finally:
                running -= 1

        side = Side(Kept(shadows.room))
        return Job(call(number), f"req_{number}", "default", made, side, False, 60, 10)

    for number, step in enumerate(steps):
        if step == "settle":
            await asyncio.sleep(0)
            continue
        offered += 1
        mirror.offer(job(step, number))
        assert mirror.under_way <= concurrency
        assert mirror.waiting <= queue
        assert 0 <= shadows.room.free <= room
    if stop:
        shadows.only(())
    released.set()
    await shadows.idle()
    await shadows.close()
    assert most <= concurrency
    assert shadows.compared + shadows.dropped.total() == offered
    written = [each for each in shadows.latest if each.dropped is not None]
    assert sum(each.calls for each in written) == shadows.dropped.total()
    assert shadows.room.free == room
