"""OpenAI's errors as typed ones, and ours as the documents its SDKs read (API reference, "Error codes").

Inside a stream an error is an event of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headgate.dialects import openai_failures
from headgate.errors import BadRequest, HeadgateError, QuotaExhausted
from headgate.types import JSON, Frame


def decode_error(dialect: str, status: int, headers: Mapping[str, str], raw: bytes) -> HeadgateError:
    """The error behind a response that is not 2xx, whatever its body is.

    OpenAI answers an unknown model with 404 for chats and with 400 here: a 400 stays the caller's mistake.
    """
    return openai_failures.decode(dialect, status, headers, raw, unknown_model=BadRequest)


def reported(told: Any) -> HeadgateError:
    """The error that a failed response or an event of a stream tells: an object with `code` and `message`."""
    return openai_failures.reported(told if isinstance(told, dict) else {})


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
