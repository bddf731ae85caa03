"""How a request was processed is told by every dialect, whole and streamed, in the price list's words; and what a request
asks for is found wherever it says so.
"""

from __future__ import annotations

import json

import pytest

from headgate import dialects
from headgate.dialects.accumulate import Accumulator, exploded
from headgate.dialects.hub import Answer, Choice
from headgate.dialects.tiers import UNREADABLE, asked, joined, tier_of
from headgate.types import Frame, Usage
from tiered import BEDROCK, CHAT, COMPLETIONS, GEMINI, MESSAGES, RESPONSES, USAGES, J, document, frames

TOLD: list[tuple[str, J, J, str | None]] = [
    *(
        (dialect, {"service_tier": word}, {}, tier)
        for dialect in (CHAT, COMPLETIONS, RESPONSES)
        for word, tier in [
            (None, None), ("", None), ("auto", None), ("default", None), ("on_demand", None), ("flex", "flex"),
            ("priority", "priority"), ("fast", "fast"), ("scale", "scale"), ("ultrafast", "ultrafast"),
        ]
    ),
    (MESSAGES, {}, {"service_tier": "standard"}, None),
    (MESSAGES, {}, {"service_tier": "standard", "speed": "standard"}, None),
    (MESSAGES, {}, {"service_tier": "standard", "speed": "fast"}, "fast"),
    (MESSAGES, {}, {"service_tier": "priority"}, "priority"),
    (MESSAGES, {}, {"service_tier": "batch"}, "batch"),
    (MESSAGES, {}, {"service_tier": "priority", "speed": "fast"}, "priority+fast"),
    (GEMINI, {}, {"serviceTier": "standard"}, None),
    (GEMINI, {}, {"serviceTier": "flex"}, "flex"),
    (GEMINI, {}, {"serviceTier": "SERVICE_TIER_PRIORITY"}, "priority"),
    (GEMINI, {}, {"trafficType": "ON_DEMAND"}, None),
    (GEMINI, {}, {"trafficType": "TRAFFIC_TYPE_UNSPECIFIED"}, None),
    (GEMINI, {}, {"trafficType": "ON_DEMAND_FLEX"}, "flex"),
    (GEMINI, {}, {"trafficType": "ON_DEMAND_PRIORITY"}, "priority"),
    (GEMINI, {}, {"trafficType": "PROVISIONED_THROUGHPUT"}, "provisioned_throughput"),
    (BEDROCK, {}, {}, None),
    (BEDROCK, {"serviceTier": {"type": "default"}, "performanceConfig": {"latency": "standard"}}, {}, None),
    (BEDROCK, {"serviceTier": {"type": "priority"}}, {}, "priority"),
    (BEDROCK, {"serviceTier": {"type": "reserved"}}, {}, "reserved"),
    (BEDROCK, {"performanceConfig": {"latency": "optimized"}}, {}, "optimized"),
]  # fmt: skip


@pytest.mark.parametrize(("dialect", "members", "usage", "tier"), TOLD)
def test_the_way_an_answer_was_processed_is_told_whole_and_streamed(
    dialect: str, members: J, usage: J, tier: str | None
):
    spoken, tree = dialects.get(dialect), document(dialect, members, usage)
    assert spoken.peek(json.dumps(tree).encode()).tier == tier
    assert spoken.decode_answer(tree).tier == tier
    meter, decoder, joining = spoken.meter(), spoken.decode_stream(), Accumulator()
    for frame in frames(dialect, members, usage):
        meter.observe(frame)
        for event in decoder.feed(frame):
            joining.feed(event)
    for event in decoder.close():
        joining.feed(event)
    assert (meter.tier, joining.answer().tier) == (tier, tier)
    assert meter.usage == joining.usage == Usage(input_tokens=3, output_tokens=1)


def test_a_response_that_was_processed_otherwise_than_asked_for_is_what_its_end_says():
    created = {"type": "response.created", "response": {"id": "x", "service_tier": "priority"}}
    tree = document(RESPONSES, {"service_tier": "default"}, {})
    spoken = dialects.get(RESPONSES)
    meter, decoder, joining = spoken.meter(), spoken.decode_stream(), Accumulator()
    seen: list[str | None] = []
    for each in (created, {"type": "response.completed", "response": tree}):
        meter.observe(Frame.of(each, each["type"]))
        seen.append(meter.tier)
        for event in decoder.feed(Frame.of(each, each["type"])):
            joining.feed(event)
    assert seen == ["priority", None]
    assert joining.answer().tier is None


def test_vertex_names_the_traffic_before_it_counts():
    first = {
        "candidates": [{"content": {"parts": [{"text": "Hi"}]}}],
        "usageMetadata": {"trafficType": "ON_DEMAND_FLEX"},
    }
    last = {"candidates": [{"finishReason": "STOP"}], "usageMetadata": USAGES[GEMINI]}
    meter = dialects.get(GEMINI).meter()
    for each in (first, last):
        meter.observe(Frame.of(each))
    assert meter.tier == "flex"


def test_an_answer_taken_apart_and_put_together_was_processed_as_before():
    for usage in (None, Usage(input_tokens=1)):
        whole = Answer(id="x", model="m", choices=(Choice(parts=()),), usage=usage, tier="flex")
        joining = Accumulator()
        for event in exploded(whole):
            joining.feed(event)
        assert joining.answer().tier == "flex"


@pytest.mark.parametrize(
    ("tree", "tier"),
    [
        ({}, None), ({"service_tier": None}, None), ({"service_tier": "auto"}, None), ({"service_tier": "default"}, None),
        ({"service_tier": "standard_only"}, None), ({"service_tier": "on_demand"}, None),
        ({"service_tier": "priority"}, "priority"), ({"service_tier": "flex"}, "flex"), ({"speed": "fast"}, "fast"),
        ({"speed": "standard"}, None), ({"service_tier": "auto", "speed": "fast"}, "fast"),
        ({"serviceTier": {"type": "priority"}}, "priority"), ({"serviceTier": "flex"}, "flex"), ({"serviceTier": {}}, None),
        ({"performanceConfig": {"latency": "optimized"}}, "optimized"), ({"performanceConfig": {}}, None),
        ({"service_tier": "flex", "serviceTier": {"type": "flex"}}, "flex"),
        ({"service_tier": "priority", "speed": "fast"}, "priority+fast"),
        ({"service_tier": 7}, UNREADABLE), ({"service_tier": {"type": "flex"}}, UNREADABLE), ({"speed": ["fast"]}, UNREADABLE),
    ],
)  # fmt: skip
@pytest.mark.parametrize("dialect", [CHAT, RESPONSES, MESSAGES, COMPLETIONS])
def test_what_a_request_asks_for_is_found_in_every_clients_dialect(dialect: str, tree: J, tier: str | None):
    assert asked(tree) == tier
    assert dialects.get(dialect).size(tree).tier == tier


def test_words_that_are_not_known_stay_and_two_ways_are_a_third():
    assert tier_of("warp") == "warp"
    assert (joined(None, None), joined("a", None), joined(None, "b"), joined("a", "a")) == (None, "a", "b", "a")
    assert joined("a", "b") == "a+b"
