"""Anthropic's error documents, both ways (Claude API reference, "Errors")."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from headgate.dialects.anthropic_messages.names import NAME
from headgate.dialects.failures import Words, document, kind_of, narrowed, reported
from headgate.dialects.failures import error as failure
from headgate.errors import (
    BadRequest,
    Conflict,
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
    UpstreamBody,
    UpstreamError,
)
from headgate.types import JSON, Frame

_KINDS: dict[str, type[HeadgateError]] = {
    "invalid_request_error": BadRequest,
    "authentication_error": UpstreamAuth,
    "permission_error": UpstreamAuth,
    "billing_error": QuotaExhausted,
    "not_found_error": NotFound,
    "conflict_error": Conflict,
    "request_too_large": PayloadTooLarge,
    "rate_limit_error": RateLimited,
    "api_error": ServerError,
    "overloaded_error": Overloaded,
    "timeout_error": Timeout,
    "FAILED_PRECONDITION": UpstreamError,  # Google's, of Claude on Vertex: the account may not use the model
}
_CODES: dict[str, type[HeadgateError]] = {
    "enforced_spend_limit_reached": QuotaExhausted,  # of the type `rate_limit_error`, until the month is over
}

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}

_TOO_LONG = re.compile(
    r"prompt is too long|input is too long|exceeds? (?:the )?(?:model's )?(?:maximum )?context|context window"
    r"|input length and `?max_tokens`? exceed|too many (?:input )?tokens",
    re.IGNORECASE,
)
_FILTERED = re.compile(r"content filtering policy|blocked by .{0,40}content filter", re.IGNORECASE)
_SPENT = re.compile(r"credit balance is too low|api usage limits|spend(?:ing)? limit", re.IGNORECASE)
_DISABLED = re.compile(r"organization has been disabled", re.IGNORECASE)
_WORDS: Words = (
    (frozenset({BadRequest, PayloadTooLarge}), _TOO_LONG, ContextTooLong),
    (frozenset({BadRequest}), _FILTERED, ContentFiltered),
    (frozenset({BadRequest, RateLimited}), _SPENT, QuotaExhausted),
    (frozenset({BadRequest}), _DISABLED, UpstreamAuth),
)


def decode_error(status: int, headers: Mapping[str, str], raw: bytes) -> HeadgateError:
    """The error behind a response that is not 2xx, whatever its body is."""
    tree = document(raw)
    name, code, message = _read(tree)
    kind = _KINDS.get(name)
    if kind is None or kind is BadRequest:  # which also stands for statuses that have no type of their own
        kind = kind_of(status)
    body = UpstreamBody(NAME, raw) if tree is not None and tree.get("type") == "error" and name else None
    return failure(_refined(kind, code, message or ""), message, status, headers, body)


def in_body(tree: JSON) -> HeadgateError:
    """The error in a stream, or in an answer whose status said there is none."""
    name, code, message = _read(tree)
    kind = _refined(_KINDS.get(name, UpstreamError), code, message or "")
    return reported(kind, message or f"the vendor reported {name or 'an error'} without a word")


def encode_error(error: HeadgateError) -> JSON:
    """The document from which the SDK makes its exception. What Headgate knows beyond it is in `details`."""
    message = error.shown
    if isinstance(error, ContextTooLong) and "prompt is too long" not in message.lower():
        message = f"prompt is too long: {message}"  # the words coding agents look for before they compact
    details: JSON = {"error_code": error.code}
    if error.param is not None:
        details["param"] = error.param
    return {"type": "error", "error": {"type": _type_of(error), "message": message, "details": details}}


def error_frames(error: HeadgateError) -> list[Frame]:
    return [Frame.of(encode_error(error), "error")]


def _type_of(error: HeadgateError) -> str:
    return _TYPES.get(error.status) or ("api_error" if error.status >= 500 else "invalid_request_error")


def _read(tree: JSON | None) -> tuple[str, str, str | None]:
    """The error's type, code and message. Vendors that imitate the dialect may tell only a message, as a string."""
    error = tree.get("error") if tree else None
    if isinstance(error, str):
        return "", "", error
    if not isinstance(error, dict):
        return "", "", _text(tree.get("message")) if tree else None
    details = error.get("details")
    code = _text(details.get("error_code")) if isinstance(details, dict) else None
    return _text(error.get("type")) or _text(error.get("status")) or "", code or "", _text(error.get("message"))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _refined(kind: type[HeadgateError], code: str, message: str) -> type[HeadgateError]:
    return _CODES.get(code) or narrowed(kind, message, _WORDS)
