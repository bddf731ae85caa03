"""What a vendor's failed response means beyond what its dialect says: statuses, waits, and the words of messages."""

from __future__ import annotations

import re
from collections.abc import Mapping

import jiter

from headgate.dialects.waits import ahead_s, bounded, number, said_s
from headgate.errors import (
    BadRequest,
    Conflict,
    ConnectionFailed,
    HeadgateError,
    NotFound,
    Overloaded,
    PayloadTooLarge,
    QuotaExhausted,
    RateLimited,
    ServerError,
    Timeout,
    TlsFailed,
    UpstreamAuth,
    UpstreamBody,
    UpstreamError,
)
from headgate.types import JSON

MAX_MESSAGE = 2_000
"""Characters of a vendor's message that are kept, and that are read."""

Words = tuple[tuple[frozenset[type[HeadgateError]], re.Pattern[str], type[HeadgateError]], ...]
"""Kinds of error, what a message of such an error may say, and the narrower kind it is then."""

_KINDS: dict[int, type[HeadgateError]] = {
    400: BadRequest,
    401: UpstreamAuth,
    402: QuotaExhausted,
    403: UpstreamAuth,
    404: NotFound,
    408: Timeout,
    409: Conflict,
    410: NotFound,
    413: PayloadTooLarge,
    422: BadRequest,
    429: RateLimited,
    # The vendor believes that its client went away, but here is somebody waiting: what broke is the way between.
    499: ConnectionFailed,
    501: UpstreamError,
    503: Overloaded,
    504: Timeout,
    # Cloudflare, in front of most vendors, on its own connection to them ("Cloudflare 5xx errors").
    521: ConnectionFailed,
    522: Timeout,
    523: ConnectionFailed,
    524: Timeout,
    525: TlsFailed,
    526: TlsFailed,
    529: Overloaded,
}

_LIMITS = (
    ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
    ("x-ratelimit-remaining-requests-day", "x-ratelimit-reset-requests-day"),
    ("x-ratelimit-remaining-tokens-minute", "x-ratelimit-reset-tokens-minute"),
    ("anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"),
    ("anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset"),
    ("anthropic-ratelimit-input-tokens-remaining", "anthropic-ratelimit-input-tokens-reset"),
    ("anthropic-ratelimit-output-tokens-remaining", "anthropic-ratelimit-output-tokens-reset"),
)
"""What is left of a limit, and when all of it is there again: OpenAI, Azure and Groq; Cerebras; Anthropic."""


def kind_of(status: int) -> type[HeadgateError]:
    """The class of error an HTTP status stands for; `UpstreamError`, which is not retried, for unheard-of ones."""
    return _KINDS.get(status) or (ServerError if 500 <= status < 600 else UpstreamError)


def narrowed(kind: type[HeadgateError], message: str, words: Words) -> type[HeadgateError]:
    """The first narrower kind that a message tells, or the kind itself.

    A message that says when to come back tells of no quota that is exhausted, however it advertises a dearer plan.
    """
    told = message[:MAX_MESSAGE]
    for kinds, pattern, narrower in words:
        if kind in kinds and pattern.search(told) and not (narrower is QuotaExhausted and said_s(told) is not None):
            return narrower
    return kind


def retry_after_s(headers: Mapping[str, str], status: int) -> float | None:
    """Seconds to wait before another try, between 0 and a day; None where the headers do not tell.

    `retry-after-ms` or Azure's `x-ms-retry-after-ms`, else `retry-after` (RFC 9110, section 10.2.3), else, for a 429,
    the latest reset among the limits that are used up.
    """
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        milliseconds = number(headers.get(name, ""))
        wait_s = bounded(milliseconds / 1000) if milliseconds is not None else None
        if wait_s is not None:
            return wait_s
    wait_s = _ahead_s(headers, "retry-after")
    return _reset_s(headers) if wait_s is None and status == 429 else wait_s


def _reset_s(headers: Mapping[str, str]) -> float | None:
    waits = [_ahead_s(headers, reset) for left, reset in _LIMITS if number(headers.get(left, "")) == 0]
    told = [wait_s for wait_s in waits if wait_s is not None]
    if not told and number(headers.get("x-ratelimit-remaining", "0")) == 0:
        return _ahead_s(headers, "x-ratelimit-reset")
    return max(told, default=None)


def _ahead_s(headers: Mapping[str, str], name: str) -> float | None:
    text = headers.get(name)
    return ahead_s(text, headers.get("date")) if text is not None else None


def document(raw: bytes) -> JSON | None:
    """An error's body, if it is a JSON object, or an array that begins with one as Google's are at times."""
    try:
        tree = jiter.from_json(raw)
    except ValueError:
        return None
    if isinstance(tree, list) and tree:
        tree = tree[0]
    return tree if isinstance(tree, dict) else None


def error(
    kind: type[HeadgateError],
    message: str | None,
    status: int,
    headers: Mapping[str, str],
    body: UpstreamBody | None = None,
    wait_s: float | None = None,
) -> HeadgateError:
    """The error of a response; without a message of the vendor it says which status there was.

    `body` is kept on errors of the caller's making only: those of the vendor's side are not for clients. `wait_s` is
    what the body tells; headers count before it.
    """
    found = reported(kind, message or f"the vendor answered with status {status} and no explanation", wait_s)
    header_s = retry_after_s(headers, status)
    if header_s is not None:
        found.retry_after_s = header_s
    found.upstream_status = status
    found.upstream_body = body if kind.safe else None
    return found


def reported(kind: type[HeadgateError], message: str, wait_s: float | None = None) -> HeadgateError:
    """An error in a stream, or in an answer whose status claims success: its body is all there is.

    `wait_s` is what a member of the body tells; without one the words do, where waiting can help at all.
    """
    told = message[:MAX_MESSAGE]
    if wait_s is None and issubclass(kind, (RateLimited, QuotaExhausted, Overloaded)):
        wait_s = said_s(told)
    return kind(told, retry_after_s=wait_s)
