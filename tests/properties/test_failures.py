"""No response makes reading its error fail, and no wait read from one is other than a number of seconds within a day."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate import dialects
from headgate.dialects.allowance import allowance
from headgate.dialects.failures import MAX_MESSAGE
from headgate.dialects.waits import ahead_s, said_s
from headgate.errors import HeadgateError
from headgate.types import Frame

NAMES = sorted(dialects.DIALECTS)
STATUSES = st.one_of(st.integers(400, 599), st.integers(100, 999))
UNITS = st.sampled_from(["ms", "s", "m", "h", "d", " seconds", " minutes", "", "x", "µs"])
DURATIONS = st.lists(st.tuples(st.decimals(-1, 10**13, allow_nan=False), UNITS), min_size=1, max_size=3).map(
    lambda parts: "".join(f"{amount:f}{unit}" for amount, unit in parts)
)
TIMES = st.one_of(
    st.datetimes().map(lambda time: time.strftime("%a, %d %b %Y %H:%M:%S GMT")),
    st.datetimes(timezones=st.timezones()).map(lambda time: time.isoformat()),
    st.datetimes().map(lambda time: time.isoformat() + "Z"),
)
VALUES = st.one_of(
    st.text(max_size=20),
    st.integers(-(10**20), 10**20).map(str),
    st.floats().map(str),
    st.sampled_from(["0", "0", "0", "1e400", "9" * 5_000, ":", "inf", "-0"]),
    DURATIONS,
    TIMES,
)
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "date",
            "retry-after",
            "retry-after-ms",
            "x-ms-retry-after-ms",
            "x-amzn-errortype",
            "x-ratelimit-remaining",
            "x-ratelimit-reset",
            *(
                f"x-ratelimit-{what}-{limit}"
                for what in ("remaining", "reset")
                for limit in ("requests", "tokens", "requests-day", "tokens-minute")
            ),
            *(
                f"anthropic-ratelimit-{limit}-{what}"
                for what in ("remaining", "reset")
                for limit in ("requests", "tokens", "input-tokens", "output-tokens")
            ),
        ]
    ),
    VALUES,
    max_size=8,
)
SENTENCES = st.tuples(
    st.sampled_from(["Please try again in ", "Please retry after ", "wait ", "maximum context length ", "quota "]),
    DURATIONS,
).map("".join)
WORDS = st.sampled_from(
    [
        "error", "message", "detail", "code", "type", "status", "status_code", "param", "details", "metadata", "raw",
        "headers", "innererror", "inner_error", "error_type", "error_code", "limit_source", "flagged_input", "msg",
        "retryDelay", "violations", "quotaId", "reason", "estimated_time", "__type", "Message", "X-RateLimit-Reset",
        "finish_reason", "delta", "response",
    ]
)  # fmt: skip
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 600),
    st.integers(10**400, 10**400 + 3),
    st.floats(allow_nan=False),
    st.text(max_size=6),
    SENTENCES,
    st.sampled_from(
        [
            "rate_limit_exceeded",
            "overloaded_error",
            "RESOURCE_EXHAUSTED",
            "Provider returned error",
            "429",
            "38s",
            "1e9s",
        ]
    ),
)
ANY = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=12,
)
DOCUMENTS = st.one_of(
    ANY,
    st.dictionaries(st.just("error"), st.dictionaries(WORDS, ANY, max_size=6)),
    st.dictionaries(WORDS, ANY, max_size=6),
)
BODIES = st.one_of(
    st.binary(max_size=60),
    DOCUMENTS.map(lambda tree: json.dumps(tree).encode()),
    st.just(b"[" * 20_000),
    st.just(b'{"a":'),
)


def is_wait(wait_s: float | None) -> bool:
    return wait_s is None or (type(wait_s) in (int, float) and 0 <= wait_s <= 86_400)


@pytest.mark.parametrize("name", NAMES)
@given(STATUSES, HEADERS, BODIES)
def test_any_response_is_a_typed_error_with_a_wait_that_can_be_waited(
    name: str, status: int, headers: dict[str, str], body: bytes
) -> None:
    error = dialects.get(name).decode_error(status, headers, body)
    assert isinstance(error, HeadgateError)
    assert is_wait(error.retry_after_s)
    assert 0 < len(error.message) <= MAX_MESSAGE
    assert error.upstream_status == status
    assert error.safe or error.upstream_body is None
    assert error.code != "cancelled"  # for which nobody is answered


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("openai_chat", None),
        ("openai_responses", "error"),
        ("openai_responses", "response.failed"),
        ("anthropic_messages", "error"),
        ("gemini_generate", None),
        ("bedrock_converse", ":exception:throttlingException"),
        ("cohere_chat", "message-end"),
    ],
)
@given(st.dictionaries(WORDS, ANY, max_size=6))
def test_any_error_in_a_stream_is_a_typed_one(name: str, event: str | None, tree: dict[str, Any]) -> None:
    meter = dialects.get(name).meter()
    try:
        meter.observe(Frame(json.dumps(tree).encode(), event))
    except HeadgateError:
        return
    if meter.error is not None:
        assert is_wait(meter.error.retry_after_s)
        assert 0 < len(meter.error.message) <= MAX_MESSAGE


@given(HEADERS)
def test_any_headers_tell_an_allowance_or_none(headers: dict[str, str]) -> None:
    told = allowance(headers)
    if told is not None:
        assert any(count is not None for count in (told.requests, told.tokens))
        assert all(count is None or count >= 0 for count in (told.requests, told.tokens))
        assert is_wait(told.reset_requests_s)
        assert is_wait(told.reset_tokens_s)


@given(st.one_of(VALUES, st.text()), st.one_of(st.none(), VALUES, st.text()))
def test_any_text_is_a_wait_or_none(text: str, date: str | None) -> None:
    assert is_wait(ahead_s(text, date))
    assert is_wait(said_s(text))


@given(st.integers(0, 23), st.integers(0, 59), st.integers(0, 59_999))
def test_a_duration_is_read_as_it_was_printed(hours: int, minutes: int, milliseconds: int) -> None:
    printed = f"{hours}h{minutes}m{milliseconds / 1000:.3f}s"
    expected = pytest.approx(hours * 3600 + minutes * 60 + milliseconds / 1000)
    assert ahead_s(printed, None) == expected
    assert said_s(f"Please try again in {printed}.") == expected
