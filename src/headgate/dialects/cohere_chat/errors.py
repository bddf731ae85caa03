"""Cohere's errors as typed ones (Cohere API reference, "Errors"): a document `{"id", "message"}`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from headgate.dialects.failures import document, error, kind_of, reported
from headgate.errors import (
    BadRequest,
    ContentFiltered,
    ContextTooLong,
    HeadgateError,
    QuotaExhausted,
    RateLimited,
    ServerError,
    Timeout,
    UpstreamBody,
)

_TOO_LONG = re.compile(r"too many tokens|context length|prompt is too long", re.IGNORECASE)
_MAX_TOKENS = re.compile(r"max tokens must be", re.IGNORECASE)
_USED_UP = re.compile(r"(?:calls|tokens)\s*/\s*month|per month|monthly|billing|credit", re.IGNORECASE)
_BLOCKED = 498
"""A status of Cohere's own: words of its deny-list stand in the request or the answer."""
_REASONS: dict[str, type[HeadgateError]] = {
    "TIMEOUT": Timeout,
    "ERROR_LIMIT": ContextTooLong,
    "ERROR_TOXIC": ContentFiltered,
}
"""Reasons for the end of a stream with which an error can stand."""


def decode_error(dialect: str, status: int, headers: Mapping[str, str], raw: bytes) -> HeadgateError:
    """The error behind a response that is not 2xx, of any of Cohere's endpoints."""
    tree = document(raw)
    told = tree.get("message") if tree else None
    message = told if isinstance(told, str) else None
    body = UpstreamBody(dialect, raw) if message else None
    return error(_kind(status, message or ""), message, status, headers, body)


def in_stream(message: str, reason: str | None) -> HeadgateError:
    """The error at the end of a stream, beside the reason for its end."""
    return reported(_REASONS.get(reason or "", ServerError), message)


def _kind(status: int, message: str) -> type[HeadgateError]:
    if status == _BLOCKED:
        return ContentFiltered
    kind = kind_of(status)
    if kind is BadRequest and _TOO_LONG.search(message) and not _MAX_TOKENS.search(message):
        return ContextTooLong
    if kind is RateLimited and _USED_UP.search(message):
        return QuotaExhausted
    return kind
