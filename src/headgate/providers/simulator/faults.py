"""What can go wrong on purpose, and how it is asked for."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from headgate.errors import (
    BadRequest,
    Conflict,
    ContentFiltered,
    ContextTooLong,
    Forbidden,
    HeadgateError,
    NotFound,
    Overloaded,
    PayloadTooLarge,
    QuotaExhausted,
    RateLimited,
    ServerError,
    Timeout,
    Unauthenticated,
)


class Refusal(msgspec.Struct, frozen=True):
    """An error response: the status, and the error whose document the dialect's SDK turns into its exception."""

    status: int
    kind: type[HeadgateError]
    message: str


REFUSALS: dict[str, Refusal] = {
    "bad_request": Refusal(400, BadRequest, "the request is wrong"),
    "content_filter": Refusal(400, ContentFiltered, "the content filter refused the request"),
    "context_too_long": Refusal(400, ContextTooLong, "the request is longer than the model's context window"),
    "unauthorized": Refusal(401, Unauthenticated, "the API key is wrong"),
    "forbidden": Refusal(403, Forbidden, "the API key may not do this"),
    "not_found": Refusal(404, NotFound, "the model does not exist"),
    "request_timeout": Refusal(408, Timeout, "the request took too long"),
    "conflict": Refusal(409, Conflict, "the request is in conflict with another"),
    "too_large": Refusal(413, PayloadTooLarge, "the request is too large"),
    "rate_limit": Refusal(429, RateLimited, "too many requests"),
    "quota": Refusal(429, QuotaExhausted, "the credit is used up"),
    "server_error": Refusal(500, ServerError, "the server had an error"),
    "bad_gateway": Refusal(502, ServerError, "a server behind the server had an error"),
    "unavailable": Refusal(503, Overloaded, "the service is not available"),
    "gateway_timeout": Refusal(504, Timeout, "a server behind the server took too long"),
    "overloaded": Refusal(529, Overloaded, "the service is overloaded"),
}
"""Answered instead of the model. Vendors answer `overloaded` with 529 (Anthropic) or 503 (OpenAI)."""

INTERRUPTIONS = frozenset({"stall", "cut", "truncated", "malformed_sse", "malformed_json", "error_in_stream"})
"""Happen in the middle of an answer, after `after_tokens`, by default half of them."""

OTHERS = frozenset({"timeout", "reset", "html", "empty", "slow_first_token"})
"""`timeout` never answers; `reset` breaks the connection before any answer."""

KINDS = frozenset({*REFUSALS, *INTERRUPTIONS, *OTHERS})

_BY_STATUS = {refusal.status: kind for kind, refusal in reversed(REFUSALS.items())}


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing to go wrong."""

    kind: str
    """One of `KINDS`, or a status there is a refusal for."""
    status: int | None = None
    """Another status than the kind's own; for refusals and `html`."""
    message: str | None = None
    retry_after_s: float | None = None
    """Seconds in the `retry-after` header; 1 for `rate_limit` where not said."""
    after_tokens: int | None = None
    """Tokens that come through before an interruption."""
    delay_s: float = 10.0
    """For `slow_first_token`."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"there is no fault '{self.kind}'; known: {', '.join(sorted(KINDS))}")
        if self.status is not None and not 200 <= self.status <= 599:
            raise ValueError(f"a status is between 200 and 599, not {self.status}")
        if not 0 <= self.delay_s <= 3600:
            raise ValueError(f"delay_s is between 0 and 3600, not {self.delay_s:g}")
        if self.retry_after_s is not None and not 0 <= self.retry_after_s <= 86_400:
            raise ValueError(f"retry_after_s is between 0 and 86400, not {self.retry_after_s:g}")


def fault_of(spec: str | int | Mapping[str, object]) -> Fault:
    """A fault by its name, by a status, or with its options.

    Raises:
        ValueError: there is none of that name, or an option is wrong.
    """
    if isinstance(spec, Mapping):
        options = dict(spec)
        kind = options.pop("kind", None)
        try:
            named = _name_of(msgspec.convert(kind, str | int))
            return msgspec.convert({"kind": named, **options}, Fault, strict=False)
        except msgspec.ValidationError as error:
            what, _, where = str(error).partition(" - at `$.")
            raise ValueError(f"{where.rstrip('`')}: {what}" if where else what) from None
    return Fault(_name_of(spec))


def fault_in_header(value: str) -> Fault:
    """What the header `x-sim-fault` asks for: `kind` or `kind; option=value; ...`.

    Raises:
        BadRequest: it cannot be read.
    """
    kind, *options = (part.strip() for part in value.split(";"))
    members: dict[str, object] = {"kind": kind}
    for option in options:
        name, _, text = option.partition("=")
        members[name.strip()] = text.strip()
    try:
        return fault_of(members)
    except ValueError as error:
        raise BadRequest(f"x-sim-fault: {error}.", param="x-sim-fault") from None


def _name_of(kind: str | int) -> str:
    """The kind's name; that of the first refusal with this status where it is one."""
    if isinstance(kind, int) or kind.isdecimal():
        name = _BY_STATUS.get(int(kind))
        if name is None:
            known = ", ".join(map(str, sorted(_BY_STATUS)))
            raise ValueError(f"there is no fault with status {kind}; known: {known}")
        return name
    return kind
