"""What the metrics of several processes come to."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exposed import Exposed
from headgate.telemetry.exposition import render
from headgate.telemetry.metrics import Gauge, Level, Metrics
from headgate.telemetry.snapshot import decode, encode, lasting, summed, taken

Calls = list[tuple[str, str, float]]

CALLS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["ok", "timeout"]), st.floats(0, 400)), max_size=30)


def counted(calls: Calls, metrics: Metrics | None = None) -> Metrics:
    metrics = metrics or Metrics()
    for model, outcome, seconds in calls:
        metrics.call_began()
        metrics.call_ended(model, "chat", False, outcome, seconds)
    return metrics


@settings(max_examples=30)
@given(st.lists(CALLS, min_size=1, max_size=5))
def test_several_processes_come_to_what_one_would_have_counted(parts: list[Calls]):
    together = summed(decode(encode(taken(counted(part)))) for part in parts)
    alone = taken(counted([each for part in parts for each in part]))
    told, truth = (Exposed(render(each).decode()) for each in (together, alone))
    for name in ("headgate_calls_total", "headgate_call_seconds_bucket", "headgate_call_seconds_count"):
        assert told.by(name, "model") == truth.by(name, "model")
    assert told.by("headgate_call_seconds_bucket", "le") == truth.by("headgate_call_seconds_bucket", "le")
    assert told.of("headgate_call_seconds_sum") == pytest.approx(truth.of("headgate_call_seconds_sum"))


@settings(max_examples=30)
@given(st.lists(CALLS, min_size=1, max_size=4), st.data())
def test_nothing_goes_back_whoever_ends_and_whoever_begins(parts: list[Calls], data: st.DataObject):
    past, living = [], [counted([]) for _ in range(3)]
    before = Exposed(render(summed([past, *map(taken, living)])).decode())
    for part in parts:
        at = data.draw(st.integers(0, 2))
        counted(part, living[at])
        if data.draw(st.booleans()):
            past, living[at] = summed([past, lasting(taken(living[at]))]), Metrics()
        now = Exposed(render(summed([past, *map(taken, living)])).decode())
        assert now.went_back(before) == []
        before = now
    assert before.of("headgate_calls_total") == sum(map(len, parts))


def test_gauges_are_added_or_the_highest_or_the_lowest_as_each_says():
    several = [
        taken(
            Metrics(),
            [Gauge("headgate_a", "", {("x",): value}), Gauge("headgate_b", "", {("x",): value}, of_many="max")],
            [Level("headgate_c", "", value, "min"), Level("headgate_d_total", "", value)],
        )
        for value in (3.0, 1.0, 2.0)
    ]
    told = Exposed(render(summed(several)).decode())
    assert [told.of(f"headgate_{name}") for name in ("a", "b", "c", "d_total")] == [6, 3, 1, 6]
    assert (
        Exposed(render(summed(map(lasting, several))).decode()).families.keys() & {"headgate_a", "headgate_c"} == set()
    )


def test_money_of_any_size_is_added_exactly():
    metrics = Metrics()
    metrics.cost_picodollars["t",] = 2**64 + 1
    [cost] = [each for each in summed([decode(encode(taken(metrics)))] * 3) if each.name == "headgate_cost_usd_total"]
    assert cost.values == [(("t",), 3 * (2**64 + 1))]


def test_a_vendor_that_tells_of_more_than_any_number_costs_no_other_figure():
    metrics = counted([("chat", "ok", 1.0)])
    metrics.tokens["t", "input"] = metrics.cost_picodollars["t",] = 10**400
    told = Exposed(render(decode(encode(taken(metrics)))).decode())
    assert told.of("headgate_tokens_total") == told.of("headgate_cost_usd_total") == float("inf")
    assert told.of("headgate_calls_total") == 1


NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@settings(max_examples=50)
@given(st.lists(st.tuples(NAMES, NAMES, st.floats(0, 400)), max_size=10))
def test_what_is_written_is_read_as_it_was_meant_whatever_names_are_like(calls: Calls):
    metrics = counted(calls)
    text = render(taken(metrics)).decode()
    told = Exposed(text)
    assert told.by("headgate_calls_total", "model") == {
        model: sum(each == model for each, _, _ in calls) for model in {model for model, _, _ in calls}
    }
    for (model,), pace in metrics.paces.items():
        samples = told.families["headgate_call_seconds"].samples
        mine = {(each.name, each.labels.get("le")): each.value for each in samples if each.labels["model"] == model}
        assert mine["headgate_call_seconds_bucket", "+Inf"] == mine["headgate_call_seconds_count", None]
        assert mine["headgate_call_seconds_sum", None] == pace.whole.sum
        assert mine["headgate_call_seconds_bucket", "0.005"] == pace.whole.counts[0]
    for line in text.split("\n"):
        assert line == "" or line.startswith(("# ", "headgate_", "process_"))
