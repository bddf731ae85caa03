"""Credentials that expire: renewed ahead, once at a time, and never waited for while the old one works."""

from __future__ import annotations

import asyncio
import threading

import pytest

from headgate.clock import ManualClock
from headgate.errors import UpstreamAuth
from headgate.providers.auth.renewal import Lease, Renewal

MINUTE_US = 60_000_000


class Issuer:
    """Issues leases that last ten minutes and want renewing after five; waits for its gate before each."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.asked = 0
        self.threads: set[int] = set()
        self.gate = threading.Event()
        self.gate.set()
        self.error: Exception | None = None

    def __call__(self) -> Lease[str]:
        self.asked += 1
        number = self.asked
        self.threads.add(threading.get_ident())
        assert self.gate.wait(5)
        if self.error is not None:
            raise self.error
        now = self.clock.now_us()
        return Lease(f"token-{number}", now + 5 * MINUTE_US, now + 10 * MINUTE_US)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def issuer(clock: ManualClock) -> Issuer:
    return Issuer(clock)


@pytest.fixture
def renewal(issuer: Issuer, clock: ManualClock) -> Renewal[str]:
    return Renewal("unit", issuer, clock)


async def under_way(renewal: Renewal[str]) -> None:
    """Wait for a renewal in the background."""
    if renewal._fetching is not None:
        await asyncio.wait([renewal._fetching])


async def test_one_fetch_serves_everybody_who_waits(renewal: Renewal[str], issuer: Issuer) -> None:
    issuer.gate.clear()
    waiting = [asyncio.create_task(renewal.get()) for _ in range(20)]
    await asyncio.sleep(0)
    issuer.gate.set()
    assert set(await asyncio.gather(*waiting)) == {"token-1"}
    assert issuer.asked == 1


async def test_fetching_happens_off_the_event_loop(renewal: Renewal[str], issuer: Issuer) -> None:
    await renewal.get()
    assert threading.get_ident() not in issuer.threads


async def test_a_credential_is_kept_until_it_wants_renewing(
    renewal: Renewal[str], issuer: Issuer, clock: ManualClock
) -> None:
    await renewal.get()
    clock.advance(299)
    assert await renewal.get() == "token-1"
    assert issuer.asked == 1


async def test_renewing_ahead_makes_nobody_wait(renewal: Renewal[str], issuer: Issuer, clock: ManualClock) -> None:
    await renewal.get()
    clock.advance(301)
    issuer.gate.clear()
    assert [await renewal.get() for _ in range(5)] == ["token-1"] * 5
    issuer.gate.set()
    await under_way(renewal)
    assert await renewal.get() == "token-2"
    assert issuer.asked == 2


async def test_an_expired_credential_is_never_used(renewal: Renewal[str], clock: ManualClock) -> None:
    await renewal.get()
    clock.advance(601)
    assert await renewal.get() == "token-2"


async def test_a_failed_renewal_is_tried_again_later_while_the_old_one_works(
    renewal: Renewal[str], issuer: Issuer, clock: ManualClock
) -> None:
    await renewal.get()
    clock.advance(301)
    issuer.error = OSError("metadata server is away")
    assert await renewal.get() == "token-1"
    await under_way(renewal)
    assert await renewal.get() == "token-1"
    assert issuer.asked == 2
    issuer.error = None
    clock.advance(11)
    assert await renewal.get() == "token-1"
    await under_way(renewal)
    assert await renewal.get() == "token-3"


async def test_without_any_credential_the_error_names_the_provider_and_the_cause(
    renewal: Renewal[str], issuer: Issuer
) -> None:
    issuer.error = RuntimeError("no role\nwith a long tail")
    with pytest.raises(UpstreamAuth, match=r"'unit': no role$"):
        await renewal.get()
    issuer.error = None
    assert await renewal.get() == "token-2"


async def test_a_cancelled_caller_does_not_take_the_fetch_from_the_others(
    renewal: Renewal[str], issuer: Issuer
) -> None:
    issuer.gate.clear()
    first, second = asyncio.create_task(renewal.get()), asyncio.create_task(renewal.get())
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    issuer.gate.set()
    assert await second == "token-1"
