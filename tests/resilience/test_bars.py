"""The bars of reliability, in short: `make resilience` plays the same scenes in full."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from resilience import one_dead, outage, overload
from resilience.findings import Finding, missed
from resilience.flaky import flaky
from resilience.soak import soak
from resilience.tail import tail

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks at the gateway through /proc"),
]


TAKES = 3


def silent(what: str) -> None:
    """Nobody watches a test."""


async def hold(folder: Path, play: Callable[[Path], Awaitable[Sequence[Finding]]]) -> None:
    """Play a scene, and hold it against its bars. One that misses is played again: in short it is a small sample, and the
    machine may have been busy.
    """
    for take in range(TAKES):
        place = folder / str(take)
        place.mkdir()
        findings = await play(place)
        if not missed(findings):
            return
    pytest.fail("\n".join(f"{each.what}: {each.seen:g} {each.unit}, not {each.bar}" for each in missed(findings)))


async def test_two_targets_that_fail_three_calls_in_ten_answer_nearly_all(tmp_path: Path):
    await hold(tmp_path, lambda folder: flaky(folder, 600, silent))


async def test_a_dead_target_is_hardly_touched_and_comes_back(tmp_path: Path):
    plan = one_dead.Plan(rate=150, well_s=1, dead_s=3.5, healed_s=2.5, open_s=1)
    await hold(tmp_path, lambda folder: one_dead.refusing(folder, plan, silent))


async def test_retries_do_not_multiply_an_outage(tmp_path: Path):
    plan = outage.Plan(rate=40, well_s=1, dead_s=3, healed_s=6.5)
    await hold(tmp_path, lambda folder: outage.stopped(folder, plan, silent))


async def test_hedging_cuts_the_tail(tmp_path: Path):
    await hold(tmp_path, lambda folder: tail(folder, 1000, silent, rate=300))


@pytest.mark.parametrize("config", [overload.DEFAULT, overload.LIMITED], ids=["defaults", "limited"])
async def test_a_vendor_asked_for_too_much_still_does_what_it_can(tmp_path: Path, config: str):
    plan = overload.Plan(peak_s=1, over_s=3, after_s=2.5)
    await hold(tmp_path, lambda folder: overload.of_vendor(folder, plan, "overload", config, silent))


async def test_nothing_leaks_and_every_attempt_is_accounted_for(tmp_path: Path):
    await hold(tmp_path, lambda folder: soak(folder, 10, silent))
