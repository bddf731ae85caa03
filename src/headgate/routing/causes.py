"""What can be done about an error: try again, go elsewhere, count it against the target. Of the unknown, nothing."""

from __future__ import annotations

from functools import cache

import msgspec

from headgate.errors import (
    BadRequest,
    ConnectionFailed,
    ContentFiltered,
    ContextTooLong,
    HeadgateError,
    MalformedOutput,
    NotFound,
    Overloaded,
    QuotaExhausted,
    RateLimited,
    ServerError,
    Timeout,
    Unsupported,
    UpstreamAuth,
)
from headgate.routing.config import Cause
from headgate.routing.resting import Resting


class Remedy(msgspec.Struct, frozen=True):
    """What an error calls for."""

    cause: Cause | None
    """Its name in the configuration; None for what only the caller can mend, and for the unknown."""
    again: bool = False
    """The same target may do better another time."""
    elsewhere: bool = False
    """Another target may do better."""
    counts: bool = False
    """It tells of the target's health."""


_NOTHING = Remedy(None)

_REMEDIES: dict[type[HeadgateError], Remedy] = {
    RateLimited: Remedy("rate_limited", again=True, elsewhere=True, counts=True),
    Overloaded: Remedy("overloaded", again=True, elsewhere=True, counts=True),
    Timeout: Remedy("timeout", again=True, elsewhere=True, counts=True),
    ConnectionFailed: Remedy("connection", again=True, elsewhere=True, counts=True),
    ServerError: Remedy("server_error", again=True, elsewhere=True, counts=True),
    MalformedOutput: Remedy("malformed_output", again=True, elsewhere=True, counts=True),
    UpstreamAuth: Remedy("auth", elsewhere=True, counts=True),
    QuotaExhausted: Remedy("quota_exhausted", elsewhere=True, counts=True),
    NotFound: Remedy("not_found", elsewhere=True),
    ContextTooLong: Remedy("context_too_long"),
    ContentFiltered: Remedy("content_filtered"),
    Unsupported: Remedy(None, elsewhere=True),
}


KINDS: tuple[type[HeadgateError], ...] = (*_REMEDIES, BadRequest)
"""The kinds of failure that routes tell apart; the last stands for all that only the caller can mend."""


def remedy_of(error: HeadgateError) -> Remedy:
    """What can be done about an error. A target that rests is in the state of what brought it there."""
    if isinstance(error, Resting):
        return Remedy(error.cause)
    return _of(type(error))


@cache
def _of(kind: type[HeadgateError]) -> Remedy:
    return next((_REMEDIES[base] for base in kind.__mro__ if base in _REMEDIES), _NOTHING)
