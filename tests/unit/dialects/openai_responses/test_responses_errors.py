"""OpenAI's error documents as typed errors, and ours as documents its SDK raises from."""

from __future__ import annotations

import json
from typing import Any

import httpx2 as httpx
import openai
import pytest

from headgate import dialects
from headgate.errors import (
    BadRequest,
    ContentFiltered,
    ContextTooLong,
    Forbidden,
    HeadgateError,
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

DIALECT = dialects.get("openai_responses")


def decoded(status: int, body: Any, headers: dict[str, str] | None = None) -> HeadgateError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return DIALECT.decode_error(status, headers or {}, raw)


def document(message: str = "no", **members: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": None, "param": None, "code": None, **members}}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, document(), BadRequest),
        (400, document(code="context_length_exceeded"), ContextTooLong),
        (400, document("This model's maximum context length is 8 tokens"), ContextTooLong),
        (400, document(code="content_filter"), ContentFiltered),
        (400, document(code="rate_limit_exceeded"), BadRequest),
        (401, document(code="invalid_api_key"), UpstreamAuth),
        (403, document(), UpstreamAuth),
        (404, document(code="model_not_found"), NotFound),
        (408, document(), Timeout),
        (413, document(), PayloadTooLarge),
        (429, document(code="rate_limit_exceeded"), RateLimited),
        (429, document(type="insufficient_quota"), QuotaExhausted),
        (429, document("You exceeded your current quota"), QuotaExhausted),
        (500, document(), ServerError),
        (500, document(code="server_is_overloaded"), Overloaded),
        (503, document(), Overloaded),
        (504, b"<html>", Timeout),
        (502, b"", ServerError),
        (418, b"x", UpstreamError),
        (422, {"detail": "bad"}, BadRequest),
        (400, {"message": "bad"}, BadRequest),
        (400, {"error": "bad"}, BadRequest),
        (429, {"error": {"code": "429", "message": "slow"}}, RateLimited),
        (400, [1], BadRequest),
    ],
)
def test_statuses_and_codes_tell_the_kind(status: int, body: Any, kind: type[HeadgateError]) -> None:
    assert type(decoded(status, body)) is kind


def test_the_message_the_field_and_the_wait_are_kept() -> None:
    error = decoded(429, document("slow down", param="input"), {"retry-after": "3"})
    assert (error.message, error.param, error.retry_after_s) == ("slow down", "input", 3.0)
    assert decoded(400, {"detail": "bad"}).message == "bad"
    assert len(decoded(400, document("x" * 9_000)).message) == 2_000


def test_only_the_dialects_own_document_about_the_callers_mistake_is_passed_on() -> None:
    kept = decoded(400, document()).upstream_body
    assert kept is not None
    assert kept.dialect == "openai_responses"
    assert decoded(400, {"message": "bad"}).upstream_body is None
    assert decoded(500, document()).upstream_body is None


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (BadRequest("x", param="input[0]"), openai.BadRequestError),
        (Unauthenticated("x"), openai.AuthenticationError),
        (Forbidden("x"), openai.PermissionDeniedError),
        (NotFound("x"), openai.NotFoundError),
        (RateLimited("x"), openai.RateLimitError),
        (ServerError("x"), openai.InternalServerError),
        (Timeout("x"), openai.InternalServerError),
    ],
)
def test_the_sdk_raises_its_own_exception_with_our_words(
    error: HeadgateError, kind: type[openai.APIStatusError]
) -> None:
    body = DIALECT.encode_error(error)
    request = httpx.Request("POST", "http://127.0.0.1/v1/responses")
    client = openai.OpenAI(api_key="k", base_url="http://127.0.0.1/v1")
    raised = client._make_status_error_from_response(httpx.Response(error.status, json=body, request=request))
    assert type(raised) is kind
    assert error.shown in str(raised)
    assert isinstance(raised.body, dict)
    assert (raised.code, raised.param) == (error.code, error.param)


def test_an_error_that_is_not_the_callers_does_not_tell_what_the_vendor_said() -> None:
    told = DIALECT.encode_error(UpstreamAuth("key sk-secret is wrong"))["error"]
    assert "sk-secret" not in told["message"]


def test_a_broken_stream_ends_with_an_error_event_that_makes_the_sdk_raise() -> None:
    [frame] = DIALECT.error_frames(Overloaded("busy"))
    tree = json.loads(frame.data)
    assert frame.event == tree["type"] == "error"
    assert (tree["code"], tree["message"]) == ("overloaded", "busy")

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(
            200, headers={"content-type": "text/event-stream"}, content=frame.encode(), request=request
        )

    http = httpx.Client(transport=httpx.MockTransport(answer))
    with openai.OpenAI(api_key="k", base_url="http://127.0.0.1/v1", http_client=http) as client:
        stream = client.responses.create(model="m", input="x", stream=True)
        with pytest.raises(openai.APIError, match="busy"):
            list(stream)
