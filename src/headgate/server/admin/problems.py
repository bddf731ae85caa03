"""Errors of the admin API as documents."""

from __future__ import annotations

from typing import Any

import msgspec

from headgate.administration import Invalid, Stale
from headgate.errors import HeadgateError

TYPES = {
    400: "invalid_request",
    401: "unauthenticated",
    403: "permission_denied",
    404: "not_found",
    405: "invalid_request",
    408: "timeout",
    409: "conflict",
    413: "invalid_request",
    415: "invalid_request",
    422: "invalid_request",
    503: "unavailable",
}


class Detail(msgspec.Struct, frozen=True, kw_only=True):
    """One mistake of a request."""

    code: str
    param: str
    message: str


class ErrorView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    type: str
    code: str
    message: str
    param: str | None = None
    """The field at fault: `limits[0].requests`."""
    version: int | None = None
    """Of a conflict, the version there is now."""
    errors: list[Detail] = []
    """Every mistake there is, the first one too."""


class ErrorDocument(msgspec.Struct, frozen=True):
    error: ErrorView


def document(error: HeadgateError) -> ErrorDocument:
    """What a client is told of an error."""
    more: dict[str, Any] = {}
    code = error.code
    if isinstance(error, Invalid):
        code = error.problems[0].code
        more["errors"] = [Detail(code=each.code, param=each.param, message=each.message) for each in error.problems]
    if isinstance(error, Stale):
        more["version"] = error.version
    kind = TYPES.get(error.status, "internal_error")
    return ErrorDocument(ErrorView(type=kind, code=code, message=error.shown, param=error.param, **more))
