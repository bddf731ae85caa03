"""Failing calls are told apart by what makes them alike, and what they share is found, and hardly anything else."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from call_rows import call_row
from headgate.reports.patterns import Pattern, Patterns, patterns
from headgate.storage.records import CallRow
from headgate.telemetry.rollups.cell import Cells, add_calls
from headgate.telemetry.rollups.cubes import DIMENSIONS, spots
from headgate.telemetry.rollups.failures import FAILURE, Fingerprint, fingerprint

Fails = Callable[[CallRow, random.Random], str | None]


def traffic(count: int, fails: Fails, seed: int = 1) -> list[CallRow]:
    rng = random.Random(seed)
    calls: list[CallRow] = []
    for number in range(1, count + 1):
        target = rng.choice(["aws/x", "aws/y", "azure/z"])
        fields = {
            "key_id": f"key_{rng.randrange(8)}", "model": rng.choice(["chat", "fast"]), "target": target,
            "prompt_version": rng.choice([None, "greet@1", "greet@2"]), "tags": (("app", f"a{rng.randrange(4)}"),),
            "request_bytes": int(rng.lognormvariate(8, 2)), "tools": rng.choice([0, 0, 3, 30]),
        }  # fmt: skip
        code = fails(call_row(number, **fields), rng)
        events = (("AttemptFailed", target, code, "503"),) if code else ()
        calls.append(call_row(number, code=code, events=events, **fields))
    return calls


def found(calls: Sequence[CallRow], regions: dict[str, str] | None = None) -> Patterns:
    cells: Cells = {}
    add_calls(cells, calls)
    names: dict[tuple[str, str], dict[str, int]] = {}
    total: dict[str, int] = {}
    for place, cell in cells.items():
        for cube, first, _ in spots(place):
            if cube == "all" or cube in DIMENSIONS:
                sums = total if cube == "all" else names.setdefault((cube, first), {})
                for name, number in cell.counts.items():
                    sums[name] = sums.get(name, 0) + number
    return patterns(total, names, regions or {}, {})


def shared(pattern: Pattern) -> set[tuple[str, str]]:
    return {(each.dimension, each.name) for each in pattern.shares}


def test_failures_at_random_share_nothing():
    shown = 0
    for seed in range(20):
        [pattern] = found(traffic(3000, lambda _, rng: "timeout" if rng.random() < 0.05 else None, seed)).patterns
        shown += bool(pattern.shares)
    assert shown <= 2


def test_what_fails_more_often_is_found_with_an_interval_around_how_much():
    def fails(call: CallRow, rng: random.Random) -> str | None:
        return "timeout" if rng.random() < (0.2 if call.key_id == "key_3" else 0.02) else None

    whole = found(traffic(6000, fails))
    [pattern] = whole.patterns
    assert shared(pattern) == {("key", "key_3")}
    [key] = pattern.shares
    assert 1.5 < key.risk.low < 10 < key.risk.high
    assert key.rate > 5 * key.rate_elsewhere
    assert 0.4 < key.covers < 0.8
    assert whole.confidence > 0.99, "many were looked at, one was chosen"
    assert whole.looked_at >= 8 + 2 + 3 + 2 + 4 + 4


def test_confidence_is_of_as_many_as_are_shown():
    """The team fails a quarter more often, for sure, which is too little to show: one interval is told, not two."""
    failure = f"{FAILURE}{Fingerprint('timeout', '', 'answer').text}"
    key, team = ({"calls": calls, failure: failed} for calls, failed in ((10_000, 3_000), (40_000, 4_200)))
    total = {"calls": 80_000, "failed": 7_500, failure: 7_500}
    whole = patterns(total, {("key", "a"): key, ("team", "t"): team}, {}, {})
    [pattern] = whole.patterns
    assert shared(pattern) == {("key", "a")}
    assert (whole.looked_at, whole.confidence) == (2, 1 - 0.05 / 2)


def test_size_tools_region_prompt_and_tag_are_looked_at():
    conditions: dict[tuple[str, str], Callable[[CallRow], bool]] = {
        ("size", "64-256 KB"): lambda call: 65_536 <= call.request_bytes < 262_144,
        ("tools", "20 and more"): lambda call: call.tools == 30,
        ("region", "us-east-1"): lambda call: call.target.startswith("aws/"),
        ("prompt", "greet@2"): lambda call: call.prompt_version == "greet@2",
        ("tag", "app=a1"): lambda call: call.tags == (("app", "a1"),),
    }
    for expected, condition in conditions.items():
        calls = traffic(
            4000, lambda call, rng, condition=condition: "timeout" if condition(call) and rng.random() < 0.4 else None
        )
        [pattern] = found(calls, {"aws": "us-east-1", "azure": "westeurope"}).patterns
        assert expected in shared(pattern)


def test_failures_are_told_apart_by_code_status_and_how_far_they_came():
    alike = {
        "code": "server_error",
        "events": (("AttemptFailed", "a/b", "server_error", "503"), ("Retried", "a/b", "x", "1")),
    }
    assert fingerprint(call_row(**alike)) == Fingerprint("server_error", "503", "answer")
    assert fingerprint(call_row(**{**alike, "first_token_us": 5})) == Fingerprint("server_error", "503", "stream")
    assert fingerprint(call_row(code="timeout", events=alike["events"])) == Fingerprint("timeout", "", "answer")
    assert fingerprint(call_row(code="insufficient_quota", attempts=0)) == Fingerprint(
        "insufficient_quota", "", "gateway"
    )
    for each in (Fingerprint("server_error", "503", "answer"), Fingerprint("odd/code", "", "gateway")):
        assert Fingerprint.of(each.text) == each


def test_a_few_failures_are_counted_and_nothing_is_said_of_them():
    calls = [
        call_row(number, code="timeout" if number <= 4 else None, key_id=f"key_{number // 5}")
        for number in range(1, 100)
    ]
    whole = found(calls)
    assert [(each.failed, each.shares) for each in whole.patterns] == [(4, [])]
    assert (whole.failed, whole.looked_at, whole.confidence) == (4, 0, 0.95)


def test_no_calls_have_no_patterns():
    assert found([]).patterns == []
