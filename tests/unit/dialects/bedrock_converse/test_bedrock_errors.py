"""Bedrock's error documents as typed errors."""

from __future__ import annotations

import json

import pytest

from headgate import dialects
from headgate.errors import (
    BadRequest,
    ContentFiltered,
    ContextTooLong,
    HeadgateError,
    NotFound,
    Overloaded,
    PayloadTooLarge,
    QuotaExhausted,
    RateLimited,
    ServerError,
    Timeout,
    UpstreamAuth,
    UpstreamError,
)

DIALECT = dialects.get("bedrock_converse")


@pytest.mark.parametrize(
    ("status", "name", "message", "kind"),
    [
        (400, "ValidationException", "The field x is wrong.", BadRequest),
        (400, "ValidationException", "Input is too long for requested model.", ContextTooLong),
        (400, "ValidationException", "prompt is too long: 200001 tokens > 200000 maximum", ContextTooLong),
        (400, "ValidationException", "Output blocked by content filtering policy", ContentFiltered),
        (400, "ServiceQuotaExceededException", "Over quota", QuotaExhausted),
        (403, "AccessDeniedException", "You don't have access", UpstreamAuth),
        (403, "ExpiredTokenException", "The security token has expired", UpstreamAuth),
        (404, "ResourceNotFoundException", "No such model", NotFound),
        (408, "ModelTimeoutException", "Took too long", Timeout),
        (424, "ModelErrorException", "The model failed", ServerError),
        (424, "ModelStreamErrorException", "The model failed", ServerError),
        (429, "ThrottlingException", "Too many requests", RateLimited),
        (429, "ThrottlingException", "Too many tokens per day, please wait", QuotaExhausted),
        (429, "ModelNotReadyException", "Loading", Overloaded),
        (500, "InternalServerException", "Oops", ServerError),
        (503, "ServiceUnavailableException", "Busy", Overloaded),
        (400, "", "Something is wrong", BadRequest),
        (413, "", "Big", PayloadTooLarge),
        (418, "", "Teapot", UpstreamError),
    ],
)
def test_each_exception_has_its_type(status: int, name: str, message: str, kind: type[HeadgateError]) -> None:
    raw = json.dumps({"message": message}).encode()
    headers = {"x-amzn-errortype": f"{name}:http://internal.amazon.com/coral/"} if name else {}
    error = DIALECT.decode_error(status, headers, raw)
    assert type(error) is kind
    assert error.message == message
    assert error.upstream_status == status
    assert (error.upstream_body is not None) is kind.safe


def test_the_body_may_name_the_exception() -> None:
    raw = b'{"__type":"com.amazon.coral.service#UnrecognizedClientException","Message":"Bad token"}'
    error = DIALECT.decode_error(400, {}, raw)
    assert type(error) is UpstreamAuth
    assert error.message == "Bad token"
    assert "token" not in error.shown


@pytest.mark.parametrize("raw", [b"", b"<html>busy</html>", b"[1]", b"\xff\xfe", b'{"message": 5}', b"[" * 100_000])
def test_any_body_gives_a_typed_error(raw: bytes) -> None:
    error = DIALECT.decode_error(503, {}, raw)
    assert type(error) is Overloaded
    assert "503" in error.message
    assert error.upstream_body is None


def test_the_time_to_wait_is_read_and_messages_are_bounded() -> None:
    raw = json.dumps({"message": "x" * 9_000}).encode()
    error = DIALECT.decode_error(429, {"retry-after": "7"}, raw)
    assert error.retry_after_s == 7
    assert len(error.message) == 2_000
    assert DIALECT.decode_error(429, {"retry-after-ms": "250"}, b"").retry_after_s == 0.25
    for odd in ("Wed, 21 Oct 2026 07:28:00 GMT", "-1", "inf", "nan", ""):
        assert DIALECT.decode_error(429, {"retry-after": odd}, b"").retry_after_s is None
