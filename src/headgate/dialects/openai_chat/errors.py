"""OpenAI's error documents as typed errors and back (OpenAI API reference, "Error codes").

Vendors who copied the API put a message in `error.message`, `error`, `message` or `detail`; codes may be numbers.
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
    NotFound,
    Overloaded,
    QuotaExhausted,
    RateLimited,
    ServerError,
    Timeout,
    UpstreamAuth,
    UpstreamBody,
)
from headgate.types import JSON

_CODES: dict[str, type[HeadgateError]] = {
    "context_length_exceeded": ContextTooLong,
    "string_above_max_length": BadRequest,
    "content_filter": ContentFiltered,
    "content_policy_violation": ContentFiltered,
    "moderation_blocked": ContentFiltered,
    "insufficient_quota": QuotaExhausted,
    "billing_hard_limit_reached": QuotaExhausted,
    "billing_not_active": QuotaExhausted,
    "rate_limit_exceeded": RateLimited,
    "invalid_api_key": UpstreamAuth,
    "authentication_error": UpstreamAuth,
    "permission_denied": UpstreamAuth,
    "model_not_found": NotFound,
    "server_error": ServerError,
    "internal_server_error": ServerError,
    "overloaded": Overloaded,
    "overloaded_error": Overloaded,
    "timeout": Timeout,
    "invalid_request_error": BadRequest,
    "tool_use_failed": BadRequest,
}
_TOO_LONG = re.compile(
    r"maximum context length|context (?:length|window)|prompt is too long|too many (?:input )?tokens"
    r"|reduce the length of (?:the|your) (?:messages|prompt)|too large for model"
    r"|exceeds? the (?:model's )?(?:context|limit of \d+ tokens)",
    re.IGNORECASE,
)
_FILTERED = re.compile(r"content management policy|content filter|flagged (?:by|for)|safety system", re.IGNORECASE)
_SPENT = re.compile(
    r"insufficient (?:balance|credits?|funds|quota)|exceeded your current quota|out of credits|billing", re.IGNORECASE
)
_OWN_TYPES: dict[type[HeadgateError], str] = {
    QuotaExhausted: "insufficient_quota",
    RateLimited: "rate_limit_error",
    Overloaded: "overloaded_error",
}


def decode(dialect: str, status: int, headers: Mapping[str, str], raw: bytes) -> HeadgateError:
    """The error behind a response that is not 2xx."""
    tree = document(raw)
    told = tree.get("error") if tree is not None else None
    message, code, param = _told(tree) if tree is not None else (None, "", None)
    is_ours = isinstance(told, dict) and message is not None
    found = error(
        _kind(kind_of(status), code, message or ""),
        message,
        status,
        headers,
        UpstreamBody(dialect, raw) if is_ours else None,
    )
    found.param = param
    return found


def told_in(tree: JSON) -> HeadgateError | None:
    """The error that stands in a stream's frame, or in an answer whose status claims success; None without one."""
    if not tree.get("error"):
        return None
    message, code, param = _told(tree)
    inner = tree["error"]
    status = inner.get("code") if isinstance(inner, dict) else None
    if isinstance(inner, dict) and type(inner.get("status_code")) is int:
        status = inner["status_code"]
    kind = _kind(kind_of(status) if type(status) is int else None, code, message or "")
    return kind((message or "the vendor reported an error and did not say which")[:MAX_MESSAGE], param=param)


def _told(tree: JSON) -> tuple[str | None, str, str | None]:
    """Message, code and field of an error document in any of the shapes vendors have."""
    told: Any = tree.get("error")
    if not isinstance(told, dict):
        told = tree if not isinstance(told, str) else {**tree, "message": told}
    message = next(
        (told[name] for name in ("message", "detail") if isinstance(told.get(name), str) and told[name]), None
    )
    codes = [told.get("code"), told.get("type")]
    code = next((each for each in codes if isinstance(each, str) and each in _CODES), "")
    param = told.get("param")
    if _is_relayed(told):
        message = f"{message} ({told['metadata']['raw']})"
    return message, code, param if isinstance(param, str) and param else None


def _is_relayed(told: JSON) -> bool:
    """OpenRouter puts what its provider said beside a message that says nothing."""
    metadata = told.get("metadata")
    return told.get("message") == "Provider returned error" and isinstance(metadata, dict) and "raw" in metadata


def _kind(kind: type[HeadgateError] | None, code: str, message: str) -> type[HeadgateError]:
    """What the code and the words of a message tell beyond the status, or without one (`kind` is None)."""
    told = _CODES.get(code)
    if kind is None:
        kind = told or ServerError
    elif kind.status == 400 or (kind is ServerError and told is not BadRequest):
        kind = told or kind
    if kind is BadRequest:
        if _TOO_LONG.search(message):
            return ContextTooLong
        return ContentFiltered if _FILTERED.search(message) else kind
    if kind is RateLimited:
        return QuotaExhausted if told is QuotaExhausted or _SPENT.search(message) else kind
    return kind


def encode(error: HeadgateError) -> JSON:
    """The document from which OpenAI's SDKs raise their exceptions."""
    return {
        "error": {
            "message": error.shown,
            "type": _type(error),
            "param": error.param if error.safe else None,
            "code": error.code,
        }
    }


def _type(error: HeadgateError) -> str:
    own = _OWN_TYPES.get(type(error))
    if own is not None:
        return own
    if error.status == 401:
        return "authentication_error"
    if error.status == 403:
        return "permission_error"
    return "invalid_request_error" if error.status < 500 else "server_error"
