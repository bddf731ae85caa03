"""When something is tested again, and why."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from headgate.administration.prompt_tests import Reason
from headgate.retesting.due import FIRST_AGAIN_S, Failed, Last, Now, due

DAY_S = 86_400.0
NOW_US = 1_795_000_000_000_000  # 2026-11-18
NOW = Now(us=NOW_US, suite="s1", models="m1", answering={})
S = 1_000_000


def last(ago_s: float, **more: object) -> Last:
    told = Last(ran_us=NOW_US - round(ago_s * S), suite="s1", models="m1", answering={"sim/a": ["a-2024"]}, retiring=[])
    return replace(told, **more)


def reason(known: Last, now: Now = NOW, failed: Failed | None = None, on_change: bool = True) -> Reason | None:
    return due("it", known, failed, now, every_s=DAY_S, on_change=on_change)


@pytest.mark.parametrize(
    ("known", "now", "found"),
    [
        (Last(), NOW, "released"),
        (last(60), NOW, None),
        (last(DAY_S), NOW, "schedule"),
        (last(0.89 * DAY_S), NOW, None),
        (last(60, suite="s0"), NOW, "suite_changed"),
        (last(60, models="m0"), NOW, "model_changed"),
        (last(60, suite=None, models=None, answering={}), NOW, None),  # posted
        (last(7200), replace(NOW, answering={"sim/a": {"a-2024"}}), None),
        (last(7200), replace(NOW, answering={"sim/a": {"a-2026"}}), "model_changed"),
        (last(7200), replace(NOW, answering={"sim/b": {"b-2026"}}), None),
        (last(60), replace(NOW, answering={"sim/a": {"a-2026"}}), None),  # for some time both answer
        (last(7200, answering={"sim/a": []}), replace(NOW, answering={"sim/a": {"a-2026"}}), None),
        (last(60), replace(NOW, retiring=["2027-01-17"]), "retiring"),
        (last(60, retiring=["2027-01-17"]), replace(NOW, retiring=["2027-01-17"]), None),
        (last(60, retiring=["2027-01-17"]), NOW, None),  # it does not, after all
        (last(60, retiring=None), replace(NOW, retiring=["2027-01-17"]), None),  # posted
    ],
)
def test_a_reason(known: Last, now: Now, found: Reason | None):
    assert reason(known, now) == found


@pytest.mark.parametrize("now", [replace(NOW, models="m2"), replace(NOW, retiring=["2027-01-17"])])
def test_changes_may_be_nothing_to_tests(now: Now):
    assert reason(last(7200), now, on_change=False) is None


def test_tests_do_not_come_all_at_once():
    soonest = [
        next(
            share for share in range(100)
            if due(f"it {number}", last(DAY_S * (0.9 + share / 1000)), None, NOW, every_s=DAY_S, on_change=True)
        )
        for number in range(50)
    ]  # fmt: skip
    assert min(soonest) < 10
    assert max(soonest) > 90


def test_what_could_not_be_tested_is_tried_again_ever_later():
    waits = [FIRST_AGAIN_S, 3600, 4 * 3600, 16 * 3600, DAY_S, DAY_S]
    for times, wait_s in enumerate(waits, 1):
        for ago_s, found in ((wait_s - 1, None), (wait_s, "released")):
            failed = Failed(NOW_US - round(ago_s * S), times, NOW.state)
            assert reason(Last(), NOW, failed) == found, times


def test_what_could_not_be_tested_is_tried_at_once_with_another_suite_or_model():
    failed = Failed(NOW_US - S, 3, NOW.state)
    assert reason(Last(), NOW, failed) is None
    assert reason(Last(), replace(NOW, suite="s2"), failed) == "released"
    assert reason(Last(), replace(NOW, models="m2"), failed) == "released"
