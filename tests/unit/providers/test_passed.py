"""What is passed on as it is, is billed by the usage it tells."""

from __future__ import annotations

import json
from typing import Any

import pytest

from calls import call
from headgate.catalog import Catalog
from headgate.dialects.base import Peek
from headgate.providers.wire import Passed
from headgate.types import OPAQUE, Payload, Usage

JSON_KIND = {"content-type": "application/json; charset=utf-8"}


def peek(operation: Any, method: str = "POST", **answer: Any) -> Peek:
    request = Payload(OPAQUE, tree={"model": "m", "prompt": "x"})
    wire = Passed(call(operation=operation, request=request, method=method), "m")
    return wire.whole(json.dumps(answer).encode(), JSON_KIND)[1]


def cost(vendor: str, model: str, usage: Usage | None) -> str | None:
    """Millionths of a dollar."""
    assert usage is not None
    found = Catalog().cost(vendor, model, usage)
    return None if found is None else f"{found / 10**6:g}"


IMAGE = {
    "input_tokens": 50, "output_tokens": 272, "total_tokens": 322,
    "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
}  # fmt: skip


def test_an_images_output_is_tokens_of_images():
    usage = peek("image", data=[{"b64_json": "AA=="}], usage=IMAGE).usage
    assert usage == Usage(input_tokens=10, image_input_tokens=40, image_output_tokens=272)
    assert cost("openai", "gpt-image-1", usage) == f"{10 * 5 + 40 * 10 + 272 * 40}"


def test_what_of_an_images_output_is_text_is_billed_as_text():
    told = {**IMAGE, "output_tokens_details": {"text_tokens": 72, "image_tokens": 200}}
    usage = peek("image", usage=told).usage
    assert usage == Usage(input_tokens=10, image_input_tokens=40, output_tokens=72, image_output_tokens=200)
    assert cost("openai", "gpt-image-1.5", usage) == f"{10 * 5 + 40 * 8 + 72 * 10 + 200 * 32}"


def test_a_drawing_that_another_model_wrote_costs_nobody_knows_what():
    svg = {"model": "gpt-5.6-sol", "input_tokens": 1, "output_tokens": 2, "reasoning_tokens": 0, "total_tokens": 3}
    assert peek("image", usage=IMAGE, svg_usage=svg).usage is None
    assert peek("image", usage=IMAGE, svg_usage=None).usage is not None


def test_a_transcriptions_prompt_is_sound_and_its_output_text():
    told = {
        "type": "tokens", "input_tokens": 44, "output_tokens": 11, "total_tokens": 55,
        "input_token_details": {"text_tokens": 4, "audio_tokens": 40},
    }  # fmt: skip
    usage = peek("transcribe", text="Hello", usage=told).usage
    assert usage == Usage(input_tokens=4, audio_input_tokens=40, output_tokens=11)
    assert cost("openai", "gpt-4o-transcribe", usage) == f"{4 * 2.5 + 40 * 6 + 11 * 10:g}"


@pytest.mark.parametrize("usage", [None, {}, {"type": "duration", "seconds": 3.5}])
def test_what_is_billed_by_time_or_not_told_is_unknown_and_not_nothing(usage: Any):
    assert peek("transcribe", text="Hello", usage=usage).usage is None


def test_an_answer_tells_how_it_was_processed():
    told = {"input_tokens": 100, "output_tokens": 7, "input_tokens_details": {"cached_tokens": 60}}
    found = peek("responses", object="response.compaction", usage=told, service_tier="flex")
    assert found == Peek(usage=Usage(input_tokens=40, cached_tokens=60, output_tokens=7), tier="flex")
    assert peek("responses", usage=told, service_tier="default").tier is None


def test_fetching_what_was_made_before_costs_nothing():
    told = {"input_tokens": 100, "output_tokens": 7}
    assert peek("responses", method="GET", usage=told, service_tier="priority") == Peek(usage=Usage())
