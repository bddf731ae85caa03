"""Google's error documents, and what is none, as typed errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headgate.dialects import get
from headgate.errors import (
    BadRequest,
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

DIALECT = get("gemini_generate")


def decode(status: int, name: str = "", message: str = "", details: Any = (), **headers: str) -> HeadgateError:
    document = {"error": {"code": status, "message": message, "status": name, "details": list(details)}}
    return DIALECT.decode_error(status, headers, json.dumps(document).encode())


@pytest.mark.parametrize(
    ("status", "name", "message", "kind"),
    [
        (400, "INVALID_ARGUMENT", "Invalid value at 'contents'.", BadRequest),
        (400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", UpstreamAuth),
        (
            400,
            "INVALID_ARGUMENT",
            "The input token count (1300000) exceeds the maximum number of tokens allowed (1048576).",
            ContextTooLong,
        ),
        (
            400,
            "INVALID_ARGUMENT",
            "The input token count is 1300000 but model only supports up to 1048576.",
            ContextTooLong,
        ),
        (400, "INVALID_ARGUMENT", "Request payload size exceeds the limit: 20971520 bytes.", PayloadTooLarge),
        (400, "FAILED_PRECONDITION", "User location is not supported for the API use.", UpstreamError),
        (401, "UNAUTHENTICATED", "Expired.", UpstreamAuth),
        (403, "PERMISSION_DENIED", "No.", UpstreamAuth),
        (404, "NOT_FOUND", "models/x is not found.", NotFound),
        (429, "RESOURCE_EXHAUSTED", "Quota exceeded for requests per minute.", RateLimited),
        (429, "RESOURCE_EXHAUSTED", "Quota exceeded for metric: free_tier, limit: 0", QuotaExhausted),
        (500, "INTERNAL", "An internal error has occurred.", ServerError),
        (503, "UNAVAILABLE", "The model is overloaded.", Overloaded),
        (504, "DEADLINE_EXCEEDED", "Too slow.", Timeout),
        (418, "", "", UpstreamError),
    ],
)
def test_google_statuses(status: int, name: str, message: str, kind: type[HeadgateError]) -> None:
    error = decode(status, name, message)
    assert type(error) is kind
    assert error.upstream_status == status
    if kind.safe:
        assert error.shown == message
        assert error.upstream_body is not None
    else:
        assert message not in error.shown or not message
        assert error.upstream_body is None


def test_the_wait_is_in_the_body_unless_a_header_tells_it() -> None:
    retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "13.5s"}
    assert decode(429, "RESOURCE_EXHAUSTED", "Slow down.", [retry]).retry_after_s == 13.5
    assert decode(429, "RESOURCE_EXHAUSTED", "Slow down.", [retry], **{"retry-after": "2"}).retry_after_s == 2
    assert decode(429, "RESOURCE_EXHAUSTED", "Slow down.", [{"retryDelay": "soon"}]).retry_after_s is None


def test_a_quota_counted_per_day_is_exhausted() -> None:
    failure = {"violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel"}]}
    assert type(decode(429, "RESOURCE_EXHAUSTED", "Quota exceeded.", [failure])) is QuotaExhausted


def test_a_revoked_key_is_the_operators_to_mend_whatever_the_status_says() -> None:
    reason = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
    assert type(decode(400, "INVALID_ARGUMENT", "Bad.", [reason])) is UpstreamAuth


def test_a_document_in_a_list_is_read_too() -> None:
    raw = json.dumps([{"error": {"code": 404, "message": "gone", "status": "NOT_FOUND"}}]).encode()
    assert isinstance(DIALECT.decode_error(404, {}, raw), NotFound)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<html>Bad Gateway</html>",
        b"{",
        b"[]",
        b"null",
        b'{"error": "x"}',
        b'{"error": {"code": "x", "status": 1, "message": [], "details": {"violations": 3}}}',
        b'{"error": {"details": [{"violations": 3, "retryDelay": 3, "reason": []}]}}',
        b"\xff\xfe",
        b"[" * 5000,
    ],
)
@pytest.mark.parametrize("status", [400, 429, 502])
def test_any_body_gives_a_typed_error_of_its_status(raw: bytes, status: int) -> None:
    error = DIALECT.decode_error(status, {}, raw)
    assert type(error) is {400: BadRequest, 429: RateLimited, 502: ServerError}[status]
    assert str(status) in error.message


def test_messages_are_bounded() -> None:
    assert len(decode(400, "INVALID_ARGUMENT", "x" * 10_000).message) == 2_000
