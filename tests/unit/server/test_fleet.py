"""The figures of several workers come together, whatever one of them does."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator
from time import monotonic

import pytest

from headgate.errors import Overloaded
from headgate.server.fleet import frames, member
from headgate.server.fleet.frames import ASK, FIGURES, MAX_BYTES, WANT, packed
from headgate.server.fleet.hub import ANSWER_S, Hub
from headgate.server.fleet.member import DESCRIPTOR, Member
from headgate.telemetry.metrics import Metrics
from headgate.telemetry.snapshot import Snapshot, encode, taken


class Worker:
    """One of them, in this process."""

    def __init__(self, end: Member) -> None:
        self.metrics = Metrics()
        self.member = end
        self.task = asyncio.ensure_future(end.run(self.taken))

    def taken(self) -> Snapshot:
        return taken(self.metrics)

    async def end(self) -> None:
        self.task.cancel()
        await self.member.leave(self.taken)


async def joined(hub: Hub) -> Worker:
    found = await Member.joined({DESCRIPTOR: str((await hub.begin()).detach())})
    assert found is not None
    return Worker(found)


def shed(snapshot: Snapshot) -> float:
    return of(snapshot, "headgate_shed_calls_total", "loop")


def of(snapshot: Snapshot, name: str, *labels: str) -> float:
    [family] = [each for each in snapshot if each.name == name]
    return dict(family.values)[labels]


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    yield (made := Hub())
    await made.close()


async def test_any_of_them_tells_what_all_come_to_as_it_is_now(hub: Hub):
    workers = [await joined(hub) for _ in range(3)]
    for turn in range(3):
        for number, worker in enumerate(workers):
            worker.metrics.shed["loop"] += 10**number
        told = [shed(await worker.member.total()) for worker in workers]
        assert told == [111 * (turn + 1)] * 3
    for worker in workers:
        await worker.end()


async def test_what_one_has_counted_stays_counted_to_its_last_call(hub: Hub):
    stays, goes = await joined(hub), await joined(hub)
    goes.metrics.shed["loop"] = 5
    goes.metrics.in_flight = 2
    await goes.end()
    async with asyncio.timeout(5):
        while of(await stays.member.total(), "headgate_workers_ended_total") != 1:
            await asyncio.sleep(0)
    comes = await joined(hub)
    comes.metrics.shed["loop"] = 1
    told = await stays.member.total()
    assert (shed(told), of(told, "headgate_calls_in_flight"), of(told, "headgate_workers")) == (6, 0, 2)
    for worker in (stays, comes):
        await worker.end()


async def test_one_that_is_stuck_is_waited_for_once_and_not_longer_than_it_may(hub: Hub):
    worker = await joined(hub)
    with await hub.begin() as stuck:
        stuck.sendall(packed(FIGURES, 0, encode(taken(counted(7)))))
        worker.metrics.shed["loop"] = 1
        began = monotonic()
        told = await worker.member.total()
        assert shed(told) == 8
        assert of(told, "headgate_workers_silent") == 1
        assert ANSWER_S <= monotonic() - began < ANSWER_S + 0.4
        began = monotonic()
        for _ in range(5):
            assert shed(await worker.member.total()) == 8
        assert monotonic() - began < 0.3
        message = stuck.recv(4096)
        number = int.from_bytes(message[5:9], "big")
        assert message == packed(ASK, number), "it was asked once"
        stuck.sendall(packed(FIGURES, number, encode(taken(counted(9)))))
        async with asyncio.timeout(5):
            while shed(await worker.member.total()) != 10:
                await asyncio.sleep(0)
        assert stuck.recv(4096)[4:5] == ASK, "and is asked again"
    await worker.end()


def counted(number: int) -> Metrics:
    metrics = Metrics()
    metrics.shed["loop"] = number
    return metrics


@pytest.mark.parametrize(
    "sent",
    [
        packed(FIGURES, 0, b"{]"),
        packed(FIGURES, 0, b'[["headgate_x", "counter"]]'),
        (MAX_BYTES + 1).to_bytes(4, "big") + b"f\0\0\0\0",
    ],
)
async def test_what_cannot_be_read_is_not_taken_and_does_no_harm_to_others(
    hub: Hub, sent: bytes, caplog: pytest.LogCaptureFixture
):
    worker = await joined(hub)
    worker.metrics.shed["loop"] = 1
    with await hub.begin() as broken, caplog.at_level(logging.ERROR):
        broken.sendall(packed(FIGURES, 0, encode(taken(counted(2)))) + sent)
        broken.settimeout(5)
        while await asyncio.to_thread(broken.recv, 4096):
            pass  # until it is hung up on
    told = await worker.member.total()
    assert (shed(told), of(told, "headgate_workers")) == (3, 1), "what it told before counts"
    assert "not taken any more" in caplog.text
    await worker.end()


async def test_figures_that_are_too_long_are_not_sent_and_that_is_said_once(
    monkeypatch: pytest.MonkeyPatch, hub: Hub, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(frames, "MAX_BYTES", 1000)
    monkeypatch.setattr(member, "EVERY_S", 0.01)
    worker = await joined(hub)
    told = await worker.member.total()
    assert (of(told, "headgate_workers"), of(told, "headgate_workers_silent")) == (1, 1)
    assert "headgate_calls_total" not in {family.name for family in told}
    assert len([record for record in caplog.records if "bytes of figures are more than 1000" in record.message]) == 1
    await worker.end()


async def test_where_nobody_tells_the_scrape_is_refused_in_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(member, "TOTAL_S", 0.05)
    theirs, ours = socket.socketpair()
    found = await Member.joined({DESCRIPTOR: str(ours.detach())})
    assert found is not None
    with theirs, pytest.raises(Overloaded):
        await found.total()
    worker = Worker(found)
    async with asyncio.timeout(5):
        await worker.task  # the other end is closed
    await found.leave(worker.taken)


async def test_who_gave_up_a_moment_ago_does_no_harm_to_those_who_ask_later(hub: Hub):
    worker = await joined(hub)
    worker.member._wanted[7] = gone = asyncio.get_running_loop().create_future()
    gone.cancel()  # and has had no turn to say so
    worker.member._writer.write(packed(WANT, 7))
    for _ in range(2):
        assert shed(await worker.member.total()) == 0
    assert not worker.task.done()
    await worker.end()


async def test_figures_that_cannot_be_taken_cost_no_later_ones(
    hub: Hub, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(member, "EVERY_S", 0.02)
    worker = await joined(hub)
    await worker.member.total()
    worker.metrics.shed, kept = None, worker.metrics.shed  # type: ignore[assignment]
    await worker.member.total()
    worker.metrics.shed = kept
    async with asyncio.timeout(5):
        while of(await worker.member.total(), "headgate_workers_silent"):
            await asyncio.sleep(0.01)
    kept["loop"] = 3
    assert shed(await worker.member.total()) == 3, "it is asked again"
    assert "this worker's figures are missing" in caplog.text
    await worker.end()


async def test_the_socket_is_the_two_sides_own(hub: Hub):
    """No path, so nothing anybody else could open; and not inherited by what a worker runs."""
    end = await hub.begin()
    assert end.getsockname() in ("", b"")
    descriptor = end.detach()
    os.set_inheritable(descriptor, True)
    found = await Member.joined({DESCRIPTOR: str(descriptor)})
    assert found is not None
    assert not os.get_inheritable(descriptor)
    assert await Member.joined({}) is None
    await found.leave(list)
