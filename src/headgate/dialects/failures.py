"""What the status of a vendor's response means where its body says no more: the same for every vendor."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

import jiter

from headgate.errors import (
    BadRequest,
    Conflict,
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

MAX_MESSAGE = 2_000
"""Characters of a vendor's message that are kept."""

_KINDS: dict[int, type[HeadgateError]] = {
    400: BadRequest,
    401: UpstreamAuth,
    402: QuotaExhausted,
    403: UpstreamAuth,
    404: NotFound,
    408: Timeout,
    409: Conflict,
    413: PayloadTooLarge,
    422: BadRequest,
    429: RateLimited,
    503: Overloaded,
    504: Timeout,
    529: Overloaded,
}


def kind_of(status: int) -> type[HeadgateError]:
    """The class of error an HTTP status stands for; `UpstreamError`, which is not retried, for unheard-of ones."""
    return _KINDS.get(status) or (ServerError if 500 <= status < 600 else UpstreamError)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from `retry-after-ms` or `retry-after`; None where it is absent or a date."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) * unit
        except (KeyError, ValueError):
            continue
        if isfinite(seconds) and seconds >= 0:
            return seconds
    return None


def document(raw: bytes) -> JSON | None:
    """An error's body, if it is a JSON object."""
    try:
        tree = jiter.from_json(raw)
    except ValueError:
        return None
    return tree if isinstance(tree, dict) else None


def error(
    kind: type[HeadgateError],
    message: str | None,
    status: int,
    headers: Mapping[str, str],
    body: UpstreamBody | None = None,
) -> HeadgateError:
    """An error of that kind; without a message of the vendor it says which status there was.

    `body` is kept on errors of the caller's making only: those of the vendor's side are not for clients.
    """
    return kind(
        (message or f"the vendor answered with status {status} and no explanation")[:MAX_MESSAGE],
        retry_after_s=retry_after_s(headers),
        upstream_status=status,
        upstream_body=body if kind.safe else None,
    )
