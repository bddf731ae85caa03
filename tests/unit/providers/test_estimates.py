"""What was not reported is settled at no less than it can have been, its way of processing included."""

from __future__ import annotations

from typing import Any

import pytest

from calls import call
from headgate.providers.usage import estimate, measure
from headgate.types import OPAQUE, Attempt, Payload, Usage


def attempt(tier: str | None = None) -> Attempt:
    return Attempt(id="req_1-0", target="sim/gpt", started_us=0, started=0.0, tier=tier)


def estimated(
    made: Attempt, always: dict[str, Any] | None = None, dialect: str = "openai_chat", **tree: Any
) -> Attempt:
    estimate(call(request=Payload(dialect, tree=tree)), made, 10, 5, always=always or {})
    return made


@pytest.mark.parametrize(
    ("told", "asked", "tier"),
    [
        (None, None, None),
        (None, "auto", None),
        (None, "priority", "priority"),
        (None, "scale", "scale"),
        (None, "flex", None),
        ("flex", "priority", "flex"),
        ("priority", None, "priority"),
    ],
)
def test_a_way_that_was_not_told_is_the_one_asked_for_unless_that_is_cheaper(
    told: str | None, asked: str | None, tier: str | None
):
    assert estimated(attempt(told), service_tier=asked).tier == tier
    made = attempt(told)
    measure(call(request=Payload("openai_chat", tree={"service_tier": asked})), made, 10, 5)
    assert (made.tier, made.usage) == (tier, Usage(input_tokens=10, output_tokens=5))


def test_what_every_request_to_a_provider_has_goes_before_what_this_one_has():
    made = estimated(attempt(), {"service_tier": "priority", "max_tokens": 7}, service_tier="auto", max_tokens=2)
    assert made.tier == "priority"
    assert made.usage == Usage(input_tokens=10, output_tokens=7)
    assert estimated(attempt(), {"service_tier": "default"}, service_tier="priority").tier is None


def test_anthropics_fast_mode_is_a_way_too():
    assert estimated(attempt(), dialect="anthropic_messages", speed="fast").tier == "fast"


def test_a_body_nobody_reads_asks_for_nothing():
    made = attempt()
    estimate(call(operation="image", request=Payload(OPAQUE, b"--x", content_type="multipart/form-data")), made, 10, 5)
    assert (made.tier, made.usage) == (None, Usage(input_tokens=10))


def test_a_ranking_nobody_told_of_is_billed_as_many_requests_as_it_can_be():
    ranking = call(operation="rerank", request=Payload("cohere_rerank", tree={"query": "q", "documents": ["x"] * 201}))
    made = attempt()
    estimate(ranking, made, 10, None)
    assert made.usage == Usage(input_tokens=10, search_units=3)
    measure(ranking, made, 10, 5)
    assert made.usage == Usage(input_tokens=10, search_units=3)
