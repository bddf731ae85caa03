"""Anthropic's error documents, read and written."""

from __future__ import annotations

import json

import anthropic
import httpx2
import pytest

from headgate import dialects
from headgate.errors import (
    BadRequest,
    Conflict,
    ContentFiltered,
    ContextTooLong,
    HeadgateError,
    InternalError,
    ModelNotFound,
    NotFound,
    Overloaded,
    PayloadTooLarge,
    QuotaExhausted,
    RateLimited,
    ServerError,
    Timeout,
    Unauthenticated,
    UpstreamAuth,
    UpstreamError,
)

DIALECT = dialects.get("anthropic_messages")


def document(kind: str, message: str = "m") -> bytes:
    return json.dumps({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}).encode()


@pytest.mark.parametrize(
    ("status", "kind", "expected"),
    [
        (400, "invalid_request_error", BadRequest),
        (401, "authentication_error", UpstreamAuth),
        (402, "billing_error", QuotaExhausted),
        (403, "permission_error", UpstreamAuth),
        (404, "not_found_error", NotFound),
        (409, "conflict_error", Conflict),
        (413, "request_too_large", PayloadTooLarge),
        (422, "invalid_request_error", BadRequest),
        (429, "rate_limit_error", RateLimited),
        (429, "invalid_request_error", RateLimited),
        (500, "api_error", ServerError),
        (503, "novelty", Overloaded),
        (504, "timeout_error", Timeout),
        (529, "overloaded_error", Overloaded),
        (418, "novelty", UpstreamError),
    ],
)
def test_each_type_of_error(status: int, kind: str, expected: type[HeadgateError]) -> None:
    error = DIALECT.decode_error(status, {"retry-after": "7"}, document(kind))
    assert type(error) is expected
    assert (error.message, error.upstream_status, error.retry_after_s) == ("m", status, 7)


@pytest.mark.parametrize(
    ("status", "kind", "message", "expected"),
    [
        (400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum", ContextTooLong),
        (400, "invalid_request_error", "input length and `max_tokens` exceed context limit: 1 + 2 > 2", ContextTooLong),
        (400, "invalid_request_error", "Output blocked by content filtering policy", ContentFiltered),
        (400, "invalid_request_error", "Your credit balance is too low to access the API.", QuotaExhausted),
        (400, "invalid_request_error", "You have reached your specified API usage limits.", QuotaExhausted),
        (429, "rate_limit_error", "This request would exceed the rate limit of 30,000 tokens per minute", RateLimited),
    ],
)
def test_what_a_message_says_more_exactly(status: int, kind: str, message: str, expected: type[HeadgateError]) -> None:
    assert type(DIALECT.decode_error(status, {}, document(kind, message))) is expected


@pytest.mark.parametrize(
    "raw", [b"", b"<html>502</html>", b"null", b'{"error":{"message":7}}', b'{"error":', b"\xff", b'{"error":"no"}']
)
@pytest.mark.parametrize(("status", "expected"), [(400, BadRequest), (502, ServerError), (529, Overloaded)])
def test_any_other_body_is_judged_by_its_status(raw: bytes, status: int, expected: type[HeadgateError]) -> None:
    error = DIALECT.decode_error(status, {}, raw)
    assert type(error) is expected
    assert error.message
    assert error.upstream_body is None


def test_the_document_is_kept_for_a_client_of_this_dialect_if_the_caller_is_at_fault() -> None:
    raw = document("invalid_request_error")
    kept = DIALECT.decode_error(400, {}, raw).upstream_body
    assert kept is not None
    assert (kept.dialect, kept.raw) == ("anthropic_messages", raw)
    assert DIALECT.decode_error(401, {}, document("authentication_error")).upstream_body is None


def test_messages_are_cut() -> None:
    assert len(DIALECT.decode_error(400, {}, document("invalid_request_error", "x" * 9_000)).message) == 2_000


def test_an_error_as_its_document() -> None:
    error = BadRequest("'temperature' must be a number.", param="temperature")
    assert DIALECT.encode_error(error) == {
        "type": "error",
        "error": {
            "type": "invalid_request_error",
            "message": "'temperature' must be a number.",
            "details": {"error_code": "invalid_request", "param": "temperature"},
        },
    }
    (frame,) = DIALECT.error_frames(error)
    assert (frame.event, json.loads(frame.data)) == ("error", DIALECT.encode_error(error))


def test_an_unsafe_error_tells_nothing_of_the_vendors_words() -> None:
    assert "secret" not in json.dumps(DIALECT.encode_error(ServerError("secret")))


def test_a_prompt_that_is_too_long_says_so_in_the_words_agents_look_for() -> None:
    told = DIALECT.encode_error(ContextTooLong("maximum context length is 128000 tokens"))["error"]["message"]
    assert told == "prompt is too long: maximum context length is 128000 tokens"
    assert DIALECT.encode_error(ContextTooLong("Prompt is too long."))["error"]["message"] == "Prompt is too long."


@pytest.mark.parametrize(
    ("error", "expected", "kind"),
    [
        (BadRequest("m"), anthropic.BadRequestError, "invalid_request_error"),
        (Unauthenticated("m"), anthropic.AuthenticationError, "authentication_error"),
        (ModelNotFound("m"), anthropic.NotFoundError, "not_found_error"),
        (Conflict("m"), anthropic.ConflictError, "conflict_error"),
        (PayloadTooLarge("m"), anthropic.RequestTooLargeError, "request_too_large"),
        (RateLimited("m"), anthropic.RateLimitError, "rate_limit_error"),
        (QuotaExhausted("m"), anthropic.RateLimitError, "rate_limit_error"),
        (InternalError("m"), anthropic.InternalServerError, "api_error"),
        (ServerError("m"), anthropic.InternalServerError, "api_error"),
        (Overloaded("m"), anthropic.ServiceUnavailableError, "overloaded_error"),
        (Timeout("m"), anthropic.DeadlineExceededError, "timeout_error"),
    ],
)
def test_the_official_sdk_raises_its_own_exception(
    error: HeadgateError, expected: type[anthropic.APIStatusError], kind: str
) -> None:
    body = DIALECT.encode_error(error)
    response = httpx2.Response(error.status, json=body, request=httpx2.Request("POST", "http://127.0.0.1"))
    with anthropic.Anthropic(api_key="none") as client:
        raised = client._make_status_error_from_response(response)
    assert isinstance(raised, expected)
    assert raised.type == kind
    assert raised.api_message == error.shown
    assert raised.error_code == error.code
