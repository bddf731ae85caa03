"""Google's error documents as typed errors (google.rpc.Status; Gemini API, "Troubleshooting guide")."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from headgate.dialects.failures import Words, document, error, kind_of, narrowed, reported
from headgate.dialects.gemini_generate.names import NAME
from headgate.dialects.waits import bounded
from headgate.errors import (
    BadRequest,
    ConnectionFailed,
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
    "CANCELLED": ConnectionFailed,  # by whoever stands between: the caller still waits
    "UNIMPLEMENTED": UpstreamError,
}
_REASONS: dict[str, type[HeadgateError]] = {
    "API_KEY_INVALID": UpstreamAuth,
    "API_KEY_SERVICE_BLOCKED": UpstreamAuth,
    "ACCESS_TOKEN_EXPIRED": UpstreamAuth,
    "SERVICE_DISABLED": UpstreamAuth,
    "BILLING_DISABLED": QuotaExhausted,
}
"""What google.rpc.ErrorInfo says more exactly of a request that is refused."""

_TOO_LONG = re.compile(
    r"input token count\b.{0,80}(?:exceeds|only supports)|exceeds the maximum number of (?:input )?tokens"
    r"|maximum context length",
    re.IGNORECASE | re.DOTALL,
)
_TOO_LARGE = re.compile(r"request payload size exceeds", re.IGNORECASE)
_FILTERED = re.compile(r"blocked by .{0,40}safety|prohibited (?:use|content) policy", re.IGNORECASE)
_SPENT = re.compile(r"limit: 0\b|credits? (?:are|is) depleted|billing account .{0,40}disabled", re.IGNORECASE)
_KEY = re.compile("API key")
_WORDS: Words = (
    (frozenset({BadRequest}), _KEY, UpstreamAuth),
    (frozenset({BadRequest}), _TOO_LONG, ContextTooLong),
    (frozenset({BadRequest}), _TOO_LARGE, PayloadTooLarge),
    (frozenset({BadRequest}), _FILTERED, ContentFiltered),
    (frozenset({RateLimited, UpstreamAuth}), _SPENT, QuotaExhausted),
)
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
    body = UpstreamBody(NAME, raw)
    return error(_kind(told, status), told.message or None, status, headers, body, _retry_delay_s(told.details))


def in_stream(data: bytes) -> HeadgateError:
    """The error a frame reports in the middle of a stream."""
    told = _status(data)
    if told is None:
        return ServerError("the stream reported an error that cannot be read")
    message = told.message or "the stream ended with an error"
    return reported(_kind(told, told.code or 500), message, _retry_delay_s(told.details))


def _status(raw: bytes) -> _Status | None:
    tree = document(raw)
    told = tree.get("error") if tree is not None else None
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
    if status == 402:  # prepaid credits: RESOURCE_EXHAUSTED too, as what passes by itself
        return QuotaExhausted
    kind = _KINDS.get(told.status) or kind_of(status)
    if kind in (BadRequest, UpstreamAuth):
        reasons = [detail.get("reason") for detail in told.details]
        named = next((_REASONS[each] for each in reasons if isinstance(each, str) and each in _REASONS), None)
        if named is not None:
            return named
    if kind is RateLimited and _daily(told.details):
        return QuotaExhausted
    return narrowed(kind, told.message, _WORDS)


def _daily(details: list[JSON]) -> bool:
    """Whether a quota that is counted per day is used up: no retry of this call will see it renewed."""
    for detail in details:
        violations = detail.get("violations")
        for violation in violations if isinstance(violations, list) else ():
            if isinstance(violation, dict) and "PerDay" in str(violation.get("quotaId", "")):
                return True
    return False


def _retry_delay_s(details: list[JSON]) -> float | None:
    """The wait in google.rpc.RetryInfo."""
    for detail in details:
        delay = detail.get("retryDelay")
        if isinstance(delay, str) and (found := _DURATION.fullmatch(delay)):
            return bounded(float(found[1]))
    return None
