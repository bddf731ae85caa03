"""What is left of a vendor's quota, as its headers tell."""

from __future__ import annotations

import pytest

from headgate.dialects.allowance import allowance
from headgate.types import Allowance

DATE = "Mon, 26 May 2025 05:00:04 GMT"


def test_openai_groq_and_azure_tell_it_in_durations() -> None:
    headers = {
        "content-type": "application/json",
        "x-ratelimit-limit-requests": "5000",
        "x-ratelimit-remaining-requests": "4999",
        "x-ratelimit-remaining-tokens": "159976",
        "x-ratelimit-reset-requests": "12ms",
        "x-ratelimit-reset-tokens": "6m0s",
    }
    assert allowance(headers) == Allowance(4999, 159_976, 0.012, 360.0)


def test_anthropic_tells_it_in_times() -> None:
    headers = {
        "date": DATE,
        "anthropic-ratelimit-requests-remaining": "0",
        "anthropic-ratelimit-requests-reset": "2025-05-26T05:00:05Z",
        "anthropic-ratelimit-input-tokens-remaining": "70000",
        "anthropic-ratelimit-input-tokens-reset": "2025-05-26T05:00:34Z",
        "anthropic-ratelimit-output-tokens-remaining": "8000",
        "anthropic-ratelimit-output-tokens-reset": "2025-05-26T05:00:04Z",
    }
    assert allowance(headers) == Allowance(0, 70_000, 1.0, 30.0)
    nearest = {"anthropic-ratelimit-tokens-remaining": "9", "anthropic-ratelimit-tokens-reset": "2025-05-26T05:01:04Z"}
    assert allowance({**headers, **nearest}) == Allowance(0, 9, 1.0, 60.0)
    del headers["date"]
    assert allowance(headers) == Allowance(0, 70_000, None, None)


def test_one_of_the_two_is_told_alone() -> None:
    assert allowance({"x-ratelimit-remaining-tokens": "7"}) == Allowance(tokens=7)
    headers = {"x-ratelimit-remaining-requests": "7", "x-ratelimit-reset-requests": "1748235609", "date": DATE}
    assert allowance(headers) == Allowance(requests=7, reset_requests_s=5.0)
    assert allowance({"anthropic-ratelimit-requests-remaining": "7"}) == Allowance(requests=7)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "application/json", "retry-after": "7"},
        {"x-ratelimit-remaining-requests": "many"},
        {"x-ratelimit-remaining-requests": "-1", "x-ratelimit-remaining-tokens": "-1", "x-ratelimit-reset-tokens": "0"},
        {"x-ratelimit-remaining-tokens": ""},
        {"x-ratelimit-remaining-tokens": "9" * 5_000},
        {"x-ratelimit-reset-tokens": "6m0s"},
        {"anthropic-ratelimit-requests-remaining": "?"},
    ],
)
def test_headers_without_a_count_tell_nothing(headers: dict[str, str]) -> None:
    assert allowance(headers) is None


def test_a_reset_that_cannot_be_read_leaves_the_count() -> None:
    headers = {"x-ratelimit-remaining-tokens": "7", "x-ratelimit-reset-tokens": "soon"}
    assert allowance(headers) == Allowance(tokens=7)
