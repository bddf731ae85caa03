"""Bedrock's exceptions as typed errors (Bedrock API reference, "Converse", Errors; "Common errors")."""

from __future__ import annotations

import re
from collections.abc import Mapping

from headgate.dialects.failures import Words, document, error, kind_of, narrowed, reported
from headgate.errors import (
    BadRequest,
    Conflict,
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
)
from headgate.types import JSON

_KINDS: dict[str, type[HeadgateError]] = {
    "AccessDenied": UpstreamAuth,
    "Conflict": Conflict,
    "ExpiredToken": UpstreamAuth,
    "FTUFormNotFilled": UpstreamAuth,
    "IncompleteSignature": UpstreamAuth,
    "InternalFailure": ServerError,
    "InternalServer": ServerError,
    "InvalidClientTokenId": UpstreamAuth,
    "InvalidSignature": UpstreamAuth,
    "MPAgreementBeingCreated": UpstreamAuth,
    "MalformedHttpRequest": BadRequest,
    "MissingAuthenticationToken": UpstreamAuth,
    "ModelError": ServerError,
    "ModelNotReady": Overloaded,
    "ModelStreamError": ServerError,
    "ModelTimeout": Timeout,
    "NotAuthorized": UpstreamAuth,
    "OptInRequired": UpstreamAuth,
    "RequestAborted": ConnectionFailed,
    "RequestEntityTooLarge": PayloadTooLarge,
    "RequestExpired": UpstreamAuth,
    "RequestTimeout": Timeout,
    "ResourceNotFound": NotFound,
    "ServiceQuotaExceeded": QuotaExhausted,
    "ServiceUnavailable": Overloaded,
    "SignatureDoesNotMatch": UpstreamAuth,
    "Throttling": RateLimited,
    "UnrecognizedClient": UpstreamAuth,
    "Validation": BadRequest,
    "ValidationError": BadRequest,
}
"""By the name without `Exception`, with which AWS writes some of them and some not."""

_TOO_LONG = re.compile(
    r"input is too long|prompt is too long|too many (?:input )?tokens|(?:exceeds?|exceeded) .{0,40}context"
    r"|maximum context length|context window|input length and `?max_tokens`? exceed",
    re.IGNORECASE,
)
_FILTERED = re.compile(r"blocked by (?:our )?content filter|content filtering policy", re.IGNORECASE)
_DAILY = re.compile(r"tokens per day", re.IGNORECASE)
_NO_FORM = re.compile(r"use case details have not been submitted", re.IGNORECASE)
_WORDS: Words = (
    (frozenset({BadRequest}), _TOO_LONG, ContextTooLong),
    (frozenset({BadRequest}), _FILTERED, ContentFiltered),
    (frozenset({RateLimited}), _DAILY, QuotaExhausted),
    (frozenset({NotFound}), _NO_FORM, UpstreamAuth),
)


def decode_error(dialect: str, status: int, headers: Mapping[str, str], raw: bytes) -> HeadgateError:
    """The error behind a response of Bedrock that is not 2xx, of any of its endpoints.

    Header `x-amzn-errortype` or the body's `__type` names it.
    """
    tree = document(raw)
    name = _name(headers.get("x-amzn-errortype") or _text(tree, "__type") or "")
    message = _text(tree, "message") or _text(tree, "Message")
    body = UpstreamBody(dialect, raw) if message else None
    return error(_kind(name, status, message or ""), message, status, headers, body)


def in_stream(name: str, data: bytes) -> HeadgateError:
    """The error behind an exception event. Streams write its name with a small first letter."""
    message = _text(document(data), "message") or ""
    kind = _kind(name[:1].upper() + name[1:], 500, message)
    return reported(kind, message or f"the stream ended with {name or 'an error'}")


def _kind(name: str, status: int, message: str) -> type[HeadgateError]:
    return narrowed(_KINDS.get(name.removesuffix("Exception")) or kind_of(status), message, _WORDS)


def _name(kind: str) -> str:
    """The bare name in `ValidationException:http://…` or `com.amazon.coral.service#ValidationException`."""
    return kind.partition(":")[0].rpartition("#")[2].strip()


def _text(tree: JSON | None, name: str) -> str | None:
    value = tree.get(name) if tree else None
    return value if isinstance(value, str) else None
