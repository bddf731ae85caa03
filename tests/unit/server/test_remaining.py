"""What is left of a limit is told in the headers of each SDK."""

from __future__ import annotations

import re

import pytest

from headgate.server.remaining import duration, headers_of
from headgate.types import Remaining

REMAINING = {
    "requests": Remaining(60, 59, 61.0),
    "tokens": Remaining(1000, 0, 61.0),
    "output_tokens": Remaining(9, 9, 1.0),
}


def test_openai_is_told_requests_and_tokens():
    assert dict(headers_of(REMAINING, "openai_chat")) == {
        b"x-ratelimit-limit-requests": b"60",
        b"x-ratelimit-remaining-requests": b"59",
        b"x-ratelimit-reset-requests": b"1m1s",
        b"x-ratelimit-limit-tokens": b"1000",
        b"x-ratelimit-remaining-tokens": b"0",
        b"x-ratelimit-reset-tokens": b"1m1s",
    }


def test_anthropic_is_told_input_and_output_too_and_resets_as_times():
    headers = dict(headers_of(REMAINING, "anthropic_messages"))
    assert headers[b"anthropic-ratelimit-output-tokens-remaining"] == b"9"
    assert re.fullmatch(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", headers[b"anthropic-ratelimit-requests-reset"])


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0.0, "0ms"),
        (0.0121, "13ms"),
        (1.5, "1.5s"),
        (59.0, "59s"),
        (61.0, "1m1s"),
        (3600.0, "1h0m0s"),
        (86_399.2, "24h0m0s"),
    ],
)
def test_durations_are_written_as_openai_does(seconds: float, written: str):
    assert duration(seconds) == written
