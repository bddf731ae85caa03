"""OpenAI's errors as typed ones, and ours as the documents its SDKs read (API reference, "Error codes").

A document is `{"error": {"message", "type", "param", "code"}}`; some compatible vendors leave out the outer object or
give the message only. Inside a stream an error is an event of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from headgate.dialects.failures import MAX_MESSAGE, document, error, kind_of
from headgate.errors import (
    BadRequest,
    ContentFiltered,
    ContextTooLong,
    HeadgateError,
    Overloaded,
    QuotaExhausted,
    RateLimited,
    ServerError,
    Timeout,
    UpstreamBody,
)
from headgate.types import JSON, Frame

_CODES: dict[str, type[HeadgateError]] = {
    "bio_policy": ContentFiltered,
    "billing_hard_limit_reached": QuotaExhausted,
    "content_filter": ContentFiltered,
    "content_policy_violation": ContentFiltered,
    "context_length_exceeded": ContextTooLong,
    "image_content_policy_violation": ContentFiltered,
    "insufficient_quota": QuotaExhausted,
    "misalignment_policy_violation": ContentFiltered,
    "overloaded": Overloaded,
    "overloaded_error": Overloaded,
    "rate_limit_exceeded": RateLimited,
    "rate_limit_error": RateLimited,
    "request_timeout": Timeout,
    "server_error": ServerError,
    "server_is_overloaded": Overloaded,
    "slow_down": Overloaded,
}
_REQUEST_FAULTS = re.compile(
    r"^(invalid_|unsupported_|image_|empty_image|failed_to_download|unknown_parameter|missing_)"
)
_TOO_LONG = re.compile(r"maximum context length|context window|context length|prompt is too long", re.IGNORECASE)
_USED_UP = re.compile(r"quota|billing|credit", re.IGNORECASE)


def decode_error(dialect: str, status: int, headers: Mapping[str, str], raw: bytes) -> HeadgateError:
    """The error behind a response that is not 2xx, whatever its body is."""
    tree = document(raw)
    told = _told(tree) if tree is not None else {}
    message = _string(told, "message")
    own = tree is not None and isinstance(tree.get("error"), dict) and message is not None
    kind = _kind(status, _string(told, "code") or _string(told, "type"), message or "")
    failure = error(kind, message, status, headers, UpstreamBody(dialect, raw) if own else None)
    failure.param = _string(told, "param")
    return failure


def reported(told: Any) -> HeadgateError:
    """The error that a failed response or an event of a stream tells: an object with `code` and `message`."""
    members: JSON = told if isinstance(told, dict) else {}
    code = _string(members, "code") or _string(members, "type") or ""
    message = _string(members, "message") or "the vendor reported a failure without an explanation"
    kind = _CODES.get(code)
    if kind is None:
        fault = _REQUEST_FAULTS.match(code) is not None or _TOO_LONG.search(message) is not None
        kind = _kind(400 if fault else 500, code, message)
    return kind(message[:MAX_MESSAGE], param=_string(members, "param"))


def _kind(status: int, code: str | None, message: str) -> type[HeadgateError]:
    kind = kind_of(status)
    named = _CODES.get(code or "")
    if kind is BadRequest:
        if named is not None and issubclass(named, BadRequest):
            return named
        return ContextTooLong if _TOO_LONG.search(message) else BadRequest
    if kind is RateLimited and (named is QuotaExhausted or (named is None and _USED_UP.search(message))):
        return QuotaExhausted
    if kind is ServerError and named is Overloaded:
        return Overloaded
    return kind


def _told(tree: JSON) -> JSON:
    """What a document tells of its error, wherever it has put it."""
    inner = tree.get("error")
    if isinstance(inner, dict):
        return inner
    message = inner if isinstance(inner, str) else tree.get("message", tree.get("detail"))
    return {**tree, "message": message}


def _string(members: JSON, name: str) -> str | None:
    """A member as text: codes come as numbers too."""
    value = members.get(name)
    if isinstance(value, str):
        return value or None
    return str(value) if type(value) is int else None


# ── towards a client ────────────────────────────────────────────────────────────────────────────────────────────────


def encode_error(failure: HeadgateError) -> JSON:
    """The document from which OpenAI's SDKs raise, by the response's status."""
    return {"error": _members(failure)}


def error_frames(failure: HeadgateError) -> list[Frame]:
    """The `error` event that ends a stream. Its members are the event's own as the reference has them, and stand in
    an `error` object too, which is what makes the SDKs raise instead of handing the event on.
    """
    members = _members(failure)
    tree = {"type": "error", "sequence_number": 0, **{name: members[name] for name in ("code", "message", "param")}}
    return [Frame.of({**tree, "error": members}, "error")]


def _members(failure: HeadgateError) -> JSON:
    return {
        "message": failure.shown,
        "type": _type_of(failure),
        "param": failure.param,
        "code": failure.code,
    }


def _type_of(failure: HeadgateError) -> str:
    match failure.status:
        case 401:
            return "authentication_error"
        case 403:
            return "permission_error"
        case 429:
            return "insufficient_quota" if isinstance(failure, QuotaExhausted) else "rate_limit_error"
        case status if status < 500:
            return "invalid_request_error"
        case _:
            return "server_error"
