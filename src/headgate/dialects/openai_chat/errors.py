"""OpenAI's error documents as typed errors and back (OpenAI API reference, "Error codes")."""

from __future__ import annotations

from collections.abc import Mapping

from headgate.dialects import openai_failures
from headgate.errors import HeadgateError, Overloaded, QuotaExhausted, RateLimited
from headgate.types import JSON


def decode(dialect: str, status: int, headers: Mapping[str, str], raw: bytes) -> HeadgateError:
    """The error behind a response that is not 2xx."""
    return openai_failures.decode(dialect, status, headers, raw)


def told_in(tree: JSON) -> HeadgateError | None:
    """The error that stands in a stream's frame, or in an answer whose status claims success; None without one."""
    return openai_failures.reported(tree) if tree.get("error") else None


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
    match error:
        case QuotaExhausted():
            return "insufficient_quota"
        case RateLimited():
            return "rate_limit_error"
        case Overloaded():
            return "overloaded_error"
        case HeadgateError(status=401):
            return "authentication_error"
        case HeadgateError(status=403):
            return "permission_error"
        case _:
            return "invalid_request_error" if error.status < 500 else "server_error"
