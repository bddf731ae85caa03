"""Google's error documents as typed errors (google.rpc.Status; Gemini API, "Troubleshooting guide")."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import jiter
import msgspec

from headgate.dialects.failures import MAX_MESSAGE, error, kind_of
from headgate.dialects.gemini_generate.names import NAME
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
    UpstreamBody,
    UpstreamError,
)
from headgate.types import JSON

_KINDS: dict[str, type[HeadgateError]] = {
    "INVALID_ARGUMENT": BadRequest,
    "OUT_OF_RANGE": BadRequest,
    "FAILED_PRECONDITION": UpstreamError,  # the account's region or billing: nothing the caller can mend
    "UNAUTHENTICATED": UpstreamAuth,
    "PERMISSION_DENIED": UpstreamAuth,
    "NOT_FOUND": NotFound,
    "RESOURCE_EXHAUSTED": RateLimited,
    "INTERNAL": ServerError,
    "UNKNOWN": ServerError,
    "DATA_LOSS": ServerError,
    "UNAVAILABLE": Overloaded,
    "DEADLINE_EXCEEDED": Timeout,
}
_KEY_REASONS = frozenset({"API_KEY_INVALID", "API_KEY_SERVICE_BLOCKED", "ACCESS_TOKEN_EXPIRED", "SERVICE_DISABLED"})

_TOO_LONG = re.compile(
    r"input token count\b.{0,80}(?:exceeds|only supports)|exceeds the maximum number of (?:input )?tokens"
    r"|maximum context length",
    re.IGNORECASE | re.DOTALL,
)
_TOO_LARGE = re.compile(r"request payload size exceeds", re.IGNORECASE)
_FILTERED = re.compile(r"blocked by .{0,40}safety|prohibited (?:use|content) policy", re.IGNORECASE)
_SPENT = re.compile(r"limit: 0\b|credits? (?:are|is) depleted|billing account .{0,40}disabled", re.IGNORECASE)
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s")


class _Status(msgspec.Struct):
    """google.rpc.Status, as far as it can be read."""

    code: int
    status: str
    message: str
    details: list[JSON]


def decode(status: int, headers: Mapping[str, str], raw: bytes) -> HeadgateError:
    """The error behind a response that is not 2xx."""
    told = _status(raw)
    if told is None:
        return error(kind_of(status), None, status, headers)
    kind = _kind(told, status)
    found = error(kind, told.message or None, status, headers, UpstreamBody(NAME, raw))
    if found.retry_after_s is None:
        found.retry_after_s = _retry_delay_s(told.details)
    return found


def in_stream(data: bytes) -> HeadgateError:
    """The error a frame reports in the middle of a stream."""
    told = _status(data)
    if told is None:
        return ServerError("the stream reported an error that cannot be read")
    return _kind(told, told.code or 500)(
        told.message[:MAX_MESSAGE] or "the stream ended with an error",
        retry_after_s=_retry_delay_s(told.details),
    )


def _status(raw: bytes) -> _Status | None:
    """The document, also where it is wrapped in a list as streams without `alt=sse` have it."""
    try:
        tree: Any = jiter.from_json(raw)
    except ValueError:
        return None
    if isinstance(tree, list) and tree:
        tree = tree[0]
    told = tree.get("error") if isinstance(tree, dict) else None
    if not isinstance(told, dict):
        return None
    code, status, message, details = (told.get(name) for name in ("code", "status", "message", "details"))
    return _Status(
        code=code if type(code) is int else 0,
        status=status if isinstance(status, str) else "",
        message=message if isinstance(message, str) else "",
        details=[item for item in details if isinstance(item, dict)] if isinstance(details, list) else [],
    )


def _kind(told: _Status, status: int) -> type[HeadgateError]:
    kind = _KINDS.get(told.status) or kind_of(status)
    if kind is BadRequest:
        reasons = (detail.get("reason") for detail in told.details)
        if "API key" in told.message or any(isinstance(each, str) and each in _KEY_REASONS for each in reasons):
            return UpstreamAuth
        for pattern, narrower in (
            (_TOO_LONG, ContextTooLong),
            (_TOO_LARGE, PayloadTooLarge),
            (_FILTERED, ContentFiltered),
        ):
            if pattern.search(told.message):
                return narrower
    if kind is RateLimited and (_SPENT.search(told.message) or _daily(told.details)):
        return QuotaExhausted
    return kind


def _daily(details: list[JSON]) -> bool:
    """Whether a quota that is counted per day is used up: no retry of this call will see it renewed."""
    for detail in details:
        violations = detail.get("violations")
        for violation in violations if isinstance(violations, list) else ():
            if isinstance(violation, dict) and "PerDay" in str(violation.get("quotaId", "")):
                return True
    return False


def _retry_delay_s(details: list[JSON]) -> float | None:
    for detail in details:
        delay = detail.get("retryDelay")
        if isinstance(delay, str) and (found := _DURATION.fullmatch(delay)):
            return float(found[1])
    return None
