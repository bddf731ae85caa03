"""HTTP statuses, as the causes of failures that routes go by here."""

from __future__ import annotations

from collections.abc import Iterable

from headgate.routing.config import Cause

_CAUSES: dict[int, tuple[Cause, ...]] = {
    400: ("context_too_long", "content_filtered"),
    401: ("auth",),
    402: ("quota_exhausted",),
    403: ("auth",),
    404: ("not_found",),
    408: ("timeout",),
    410: ("not_found",),
    413: ("context_too_long",),
    429: ("rate_limited", "quota_exhausted"),
    503: ("overloaded", "connection"),
    504: ("timeout",),
    522: ("timeout",),
    524: ("timeout",),
    529: ("overloaded",),
}


def causes_of(statuses: Iterable[object]) -> tuple[list[Cause], list[str]]:
    """The causes that some statuses stand for, and which of them stand for none."""
    found: dict[Cause, None] = {}
    strange: list[str] = []
    for each in statuses:
        status = each if isinstance(each, int) and not isinstance(each, bool) else 0
        causes = _CAUSES.get(status) or (("server_error", "connection") if 500 <= status < 600 else ())
        if not causes:
            strange.append(str(each))
        found |= dict.fromkeys(causes)
    return list(found), strange
