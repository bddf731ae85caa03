"""The bars of reliability, in short: `make resilience` plays the same scenes in full."""

from __future__ import annotations

import sys
from collections.abc import Sequence
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


def silent(what: str) -> None:
    """Nobody watches a test."""


def assert_held(findings: Sequence[Finding]) -> None:
    assert not missed(findings), "\n".join(
        f"{each.what}: {each.seen:g} {each.unit}, not {each.bar}" for each in missed(findings)
    )


async def test_two_targets_that_fail_three_calls_in_ten_answer_nearly_all(tmp_path: Path):
    assert_held(await flaky(tmp_path, 600, silent))


async def test_a_dead_target_is_hardly_touched_and_comes_back(tmp_path: Path):
    plan = one_dead.Plan(rate=150, well_s=1, dead_s=3.5, healed_s=2.5, open_s=1)
    assert_held(await one_dead.refusing(tmp_path, plan, silent))


async def test_retries_do_not_multiply_an_outage(tmp_path: Path):
    assert_held(await outage.stopped(tmp_path, outage.Plan(rate=40, well_s=1, dead_s=3, healed_s=6.5), silent))


async def test_hedging_cuts_the_tail(tmp_path: Path):
    assert_held(await tail(tmp_path, 300, silent, rate=250))


@pytest.mark.parametrize("config", [overload.DEFAULT, overload.LIMITED], ids=["defaults", "limited"])
async def test_a_vendor_asked_for_too_much_still_does_what_it_can(tmp_path: Path, config: str):
    plan = overload.Plan(peak_s=1, over_s=3, after_s=2.5)
    assert_held(await overload.of_vendor(tmp_path, plan, "overload", config, silent))


async def test_nothing_leaks_and_every_attempt_is_accounted_for(tmp_path: Path):
    assert_held(await soak(tmp_path, 10, silent))
