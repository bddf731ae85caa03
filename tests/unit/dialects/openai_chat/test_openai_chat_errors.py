"""OpenAI's error documents and those of vendors who copied the API, read and written."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import openai
import pytest

from headgate import dialects
from headgate.errors import (
    BadRequest,
    ContentFiltered,
    ContextTooLong,
    Forbidden,
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

DIALECT = dialects.get("openai_chat")


def decoded(status: int, document: Any, **headers: str) -> HeadgateError:
    raw = document if isinstance(document, bytes) else json.dumps(document).encode()
    return DIALECT.decode_error(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)


def told(message: str = "m", **members: Any) -> dict[str, Any]:
    return {"error": {"message": message, **members}}


@pytest.mark.parametrize(
    ("status", "document", "kind"),
    [
        (400, told(type="invalid_request_error"), BadRequest),
        (400, told(code="context_length_exceeded"), ContextTooLong),
        (400, told("This model's maximum context length is 8192 tokens."), ContextTooLong),
        (400, told("Please reduce the length of the messages or completion."), ContextTooLong),
        (400, told(code="content_filter"), ContentFiltered),
        (400, told("filtered due to Azure's content management policy"), ContentFiltered),
        (400, told(code="insufficient_quota"), QuotaExhausted),
        (401, told(code="invalid_api_key"), UpstreamAuth),
        (402, told("Insufficient Balance"), QuotaExhausted),
        (403, told(), UpstreamAuth),
        (404, told(code="model_not_found"), NotFound),
        (408, told(), Timeout),
        (413, told(), PayloadTooLarge),
        (422, told(), BadRequest),
        (429, told(), RateLimited),
        (429, told(code="insufficient_quota"), QuotaExhausted),
        (429, told("You exceeded your current quota, please check your plan and billing details."), QuotaExhausted),
        (429, told(code=429), RateLimited),
        (500, told(type="server_error"), ServerError),
        (502, b"<html>Bad Gateway</html>", ServerError),
        (503, told(), Overloaded),
        (504, b"", Timeout),
        (529, told(), Overloaded),
        (418, told(), UpstreamError),
    ],
)
def test_a_vendors_error_is_of_its_kind(status: int, document: Any, kind: type[HeadgateError]) -> None:
    assert type(decoded(status, document)) is kind


@pytest.mark.parametrize(
    "document",
    [told("why"), {"error": "why"}, {"message": "why"}, {"detail": "why"}, {"object": "error", "message": "why"}],
)
def test_the_message_is_found_in_any_shape(document: Any) -> None:
    assert decoded(400, document).message == "why"


@pytest.mark.parametrize(
    "raw", [b"", b"oops", b"[]", b"{}", b"\xff", b'{"error": null}', b'{"error": []}', b"[" * 9_999]
)
def test_garbage_is_an_error_by_its_status(raw: bytes) -> None:
    error = decoded(500, raw)
    assert type(error) is ServerError
    assert "500" in error.message


def test_the_field_at_fault_is_kept() -> None:
    assert decoded(400, told(param="messages[0].role")).param == "messages[0].role"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [({"retry_after": "2"}, 2.0), ({"retry_after_ms": "250"}, 0.25), ({"retry_after": "soon"}, None)],
)
def test_how_long_to_wait_is_read_from_the_headers(headers: dict[str, str], expected: float | None) -> None:
    assert decoded(429, told(), **headers).retry_after_s == expected


def test_what_a_relay_was_told_is_told_on() -> None:
    metadata = {"provider_name": "p", "raw": "try later"}
    error = decoded(429, told("Provider returned error", code=429, metadata=metadata))
    assert error.message == "Provider returned error (try later)"


def test_a_document_in_this_shape_is_kept_for_errors_of_the_callers_making_only() -> None:
    document = told(type="invalid_request_error")
    kept = decoded(400, document).upstream_body
    assert kept is not None
    assert (kept.dialect, json.loads(kept.raw)) == ("openai_chat", document)
    assert decoded(400, {"message": "other shape"}).upstream_body is None
    assert decoded(500, document).upstream_body is None


def test_a_message_without_end_is_cut() -> None:
    assert len(decoded(400, told("x" * 9_999)).message) == 2_000


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (BadRequest("m", param="model"), openai.BadRequestError),
        (ContextTooLong("m"), openai.BadRequestError),
        (Unauthenticated("m"), openai.AuthenticationError),
        (Forbidden("m"), openai.PermissionDeniedError),
        (ModelNotFound("x"), openai.NotFoundError),
        (PayloadTooLarge("m"), openai.APIStatusError),
        (RateLimited("m"), openai.RateLimitError),
        (QuotaExhausted("m"), openai.RateLimitError),
        (Overloaded("m"), openai.InternalServerError),
        (Timeout("m"), openai.InternalServerError),
        (InternalError("m"), openai.InternalServerError),
    ],
)
def test_the_sdk_raises_its_own_exception_and_reads_code_and_field(
    error: HeadgateError, raised: type[Exception]
) -> None:
    body = DIALECT.encode_error(error)
    with openai.OpenAI(api_key="k", base_url="http://127.0.0.1:1") as client:
        request = httpx2.Request("POST", "http://127.0.0.1:1")
        response = httpx2.Response(error.status, request=request, json=body)
        found = client._make_status_error_from_response(response)
    assert isinstance(found, raised)
    assert (found.code, found.param) == (error.code, error.param)
    assert error.shown in str(found)


def test_what_is_not_safe_is_not_shown() -> None:
    document = DIALECT.encode_error(ServerError("secret", param="secret"))
    assert "secret" not in json.dumps(document)
    assert document["error"]["type"] == "server_error"
