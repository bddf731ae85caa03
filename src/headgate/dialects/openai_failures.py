"""The errors of OpenAI, and of the vendors who copied its API, for all dialects of that family.

A document is `{"error": {"message", "type", "param", "code"}}`; others put the message in `error`, `message` or
`detail` too, and numbers in `code`. Sources: OpenAI API, "Error codes"; Azure OpenAI, "Content filtering"; OpenRouter,
"Errors and debugging"; the pages on errors of Groq, DeepSeek, Mistral, Together, Fireworks, xAI and Cerebras; what
vLLM, TGI and llama.cpp print.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from headgate.dialects import failures
from headgate.dialects.failures import Words, document, kind_of, narrowed, retry_after_s
from headgate.dialects.waits import bounded
from headgate.errors import (
    BadRequest,
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
    UpstreamError,
)
from headgate.types import JSON

_EXACT: dict[str, type[HeadgateError]] = {
    "context_length_exceeded": ContextTooLong,
    "exceed_context_size_error": ContextTooLong,
    "tokens_limit_reached": ContextTooLong,
    "ResponsibleAIPolicyViolation": ContentFiltered,
    "bio_policy": ContentFiltered,
    "content_filter": ContentFiltered,
    "content_policy_violation": ContentFiltered,
    "data_inspection_failed": ContentFiltered,
    "image_content_policy_violation": ContentFiltered,
    "misalignment_policy_violation": ContentFiltered,
    "moderation_blocked": ContentFiltered,
    "refusal": ContentFiltered,
    "billing_hard_limit_reached": QuotaExhausted,
    "billing_not_active": QuotaExhausted,
    "credit_balance_exhausted": QuotaExhausted,
    "exceeded_current_quota_error": QuotaExhausted,
    "insufficient_quota": QuotaExhausted,
    "organization_spend_limit_exceeded": QuotaExhausted,
    "organization_usage_limit_exceeded": QuotaExhausted,
    "payment_required": QuotaExhausted,
    "project_spend_limit_exceeded": QuotaExhausted,
    "invalid_api_key": UpstreamAuth,
    "wrong_api_key": UpstreamAuth,
    "DeploymentNotFound": NotFound,
    "invalid_model": NotFound,
    "model_decommissioned": NotFound,
    "model_not_available": NotFound,
    "model_not_found": NotFound,
    "unknown_model": NotFound,
    "capacity_exceeded": Overloaded,
    "engine_overloaded_error": Overloaded,
    "overloaded": Overloaded,
    "overloaded_error": Overloaded,
    "provider_overloaded": Overloaded,
    "queue_exceeded": Overloaded,
    "server_is_overloaded": Overloaded,
}
"""Codes that say what happened whatever the status is."""

_GENERAL: dict[str, type[HeadgateError]] = {
    "BadRequestError": BadRequest,
    "invalid_request": BadRequest,
    "invalid_request_error": BadRequest,
    "json_validate_failed": BadRequest,
    "string_above_max_length": BadRequest,
    "tool_use_failed": BadRequest,
    "unprocessable": BadRequest,
    "RateLimitReached": RateLimited,
    "rate_limit_error": RateLimited,
    "rate_limit_exceeded": RateLimited,
    "rate_limited": RateLimited,
    "too_many_requests": RateLimited,
    "too_many_requests_error": RateLimited,
    "service_unavailable": Overloaded,
    "service_unavailable_error": Overloaded,
    "slow_down": Overloaded,
    "api_error": ServerError,
    "internal_server_error": ServerError,
    "provider_unavailable": ServerError,
    "server": ServerError,
    "server_error": ServerError,
    "request_timeout": Timeout,
    "timeout": Timeout,
    "timeout_error": Timeout,
    "vector_store_timeout": Timeout,
    "authentication": UpstreamAuth,
    "authentication_error": UpstreamAuth,
    "permission_denied": UpstreamAuth,
    "permission_error": UpstreamAuth,
    "not_found": NotFound,
    "not_found_error": NotFound,
    "payload_too_large": PayloadTooLarge,
}
"""Codes that count where there is no status, or one that says less than they do."""

_REQUEST_FAULT = re.compile(
    r"invalid_|unsupported_|image_|empty_image|failed_to_download|unknown_parameter|missing_", re.IGNORECASE
)
"""How the codes begin that stand in a stream for a 400."""

_LIMITS: dict[str, type[HeadgateError]] = {
    "openrouter_credits": QuotaExhausted,
    "openrouter_free_tier_daily": QuotaExhausted,
    "openrouter_guardrail_budget": QuotaExhausted,
    "openrouter_in_flight_budget": RateLimited,
    "openrouter_key_limit": QuotaExhausted,
    "openrouter_workspace_budget": QuotaExhausted,
}
"""OpenRouter's `limit_source`: it has one status, 402 or 403, for what passes in seconds and for what does not."""

_STATUSES: dict[int, type[HeadgateError]] = {498: Overloaded}
"""Statuses with a meaning in this family only: Groq's flex tier is at its capacity."""

_TOO_LONG = re.compile(
    r"maximum (?:context|prompt|model|input) length|context (?:length|window)|available context size"
    r"|prompt is too long|length of all messages is too long|too many (?:input )?tokens"
    r"|reduce the length of (?:the|your) (?:messages|prompt)|too large for model|exceeded model token limit"
    r"|exceeds? the (?:model's )?(?:context|limit of \d+ tokens|maximum number of tokens)"
    r"|token count of \d+ exceeds|input tokens exceed|`inputs` (?:tokens \+|must have less than)"
    r"|max_tokens must be at least 1, got -|range of input length should be",
    re.IGNORECASE,
)
_LARGER_THAN_LIMIT = re.compile(r"request (?:body )?too large for\b", re.IGNORECASE)
"""More tokens at once than the account may use in a minute: no waiting makes room for it."""
_FILTERED = re.compile(
    r"content management policy|content filter|flagged (?:by|for|as)|safety system|violates usage guidelines"
    r"|content exists risk",
    re.IGNORECASE,
)
_BAD_KEY = re.compile(r"(?:incorrect|invalid) api[ -]key|api[ -]key (?:not valid|expired)", re.IGNORECASE)
_NO_MODEL = re.compile(
    r"model not exist|(?:invalid|unknown) model: |is not a valid model|\bmodel \S{1,100} does not exist", re.IGNORECASE
)
_SPENT = re.compile(
    r"insufficient[ _](?:balance|credits?|funds|quota)|exceeded your current quota|check your plan and billing"
    r"|used all available credits|(?:out of|have any|not enough) (?:credits|balance)|credits? (?:are|is) depleted"
    r"|(?:billing|spend(?:ing)?) limit\b.{0,40}(?:reached|exceeded)"
    r"|reach(?:ed|ing) .{0,20}\b(?:billing|spend(?:ing)?) limit",
    re.IGNORECASE,
)
_BUSY = re.compile(
    r"capacity exceeded|at capacity|(?:is|are) (?:currently )?overloaded|experiencing high (?:demand|traffic)"
    r"|temporarily unable to process",
    re.IGNORECASE,
)
_WORDS: Words = (
    (frozenset({BadRequest, PayloadTooLarge, ServerError, UpstreamAuth}), _TOO_LONG, ContextTooLong),
    (frozenset({PayloadTooLarge, RateLimited}), _LARGER_THAN_LIMIT, ContextTooLong),
    (frozenset({BadRequest, UpstreamAuth}), _FILTERED, ContentFiltered),
    (frozenset({BadRequest}), _BAD_KEY, UpstreamAuth),
    (frozenset({BadRequest}), _NO_MODEL, NotFound),
    (frozenset({BadRequest, RateLimited, UpstreamAuth, UpstreamError}), _SPENT, QuotaExhausted),
    (frozenset({RateLimited}), _BUSY, Overloaded),
)


class _Told(NamedTuple):
    """What a document says, wherever it has put it."""

    message: str | None
    codes: list[str]
    status: int | None
    param: str | None
    limit: str
    is_flagged: bool
    wait_s: float | None
    headers: dict[str, str]
    """Those of OpenRouter's that it puts in the document."""


def decode(
    dialect: str,
    status: int,
    headers: Mapping[str, str],
    raw: bytes,
    unknown_model: type[HeadgateError] = NotFound,
) -> HeadgateError:
    """The error behind a response that is not 2xx, whatever its body is.

    `unknown_model` is what a 400 is that says the model does not exist.
    """
    tree = document(raw)
    told = _read(tree or {})
    is_ours = tree is not None and isinstance(tree.get("error"), dict) and told.message is not None
    kind = _kind(told, status)
    if kind is NotFound and status == 400:
        kind = unknown_model
    wait_s = told.wait_s
    if told.headers:
        wait_s = retry_after_s({"date": headers.get("date", ""), **told.headers}, 429)
    body = UpstreamBody(dialect, raw) if is_ours else None
    found = failures.error(kind, told.message, status, headers, body, wait_s)
    found.param = told.param
    return found


def reported(tree: JSON) -> HeadgateError:
    """The error that stands in a stream's frame, or in an answer whose status claims success."""
    told = _read(tree)
    message = told.message or "the vendor reported an error and did not say which"
    found = failures.reported(_kind(told, told.status), message, told.wait_s)
    found.param = told.param
    return found


def _kind(told: _Told, status: int | None) -> type[HeadgateError]:
    if told.limit in _LIMITS:
        return _LIMITS[told.limit]
    if told.is_flagged:
        return ContentFiltered
    exact = next((_EXACT[code] for code in told.codes if code in _EXACT), None)
    if exact is not None:
        return exact
    return narrowed(_general(told, status), told.message or "", _WORDS)


def _general(told: _Told, status: int | None) -> type[HeadgateError]:
    """What the status means, and the codes where they mean more than it."""
    named = next((_GENERAL[code] for code in told.codes if code in _GENERAL), None)
    if status is None:
        return named or (BadRequest if any(_REQUEST_FAULT.match(code) for code in told.codes) else ServerError)
    kind = _STATUSES.get(status) or kind_of(status)
    if kind is ServerError:  # which is also the status of relays for whatever befell them
        if told.status is not None and told.status != status:
            return kind_of(told.status)
        return named if named is not None and named is not BadRequest else kind
    return named if kind is BadRequest and named in (UpstreamAuth, NotFound) else kind


def _read(tree: JSON) -> _Told:
    told: Any = tree.get("error")
    if not isinstance(told, dict):
        told = {**tree, "message": told} if isinstance(told, str) and told else tree
    metadata = _object(told, "metadata")
    inner = _object(told, "innererror") or _object(told, "inner_error")
    names = (told.get("code"), told.get("type"), told.get("error_type"), inner.get("code"), metadata.get("error_type"))
    param, limit = told.get("param"), metadata.get("limit_source")
    return _Told(
        message=_message(told, metadata),
        codes=[name for name in names if isinstance(name, str)],
        status=next(filter(None, map(_status, (told.get("status_code"), told.get("code"), told.get("status")))), None),
        param=param if isinstance(param, str) and param else None,
        limit=limit if isinstance(limit, str) else "",
        is_flagged=bool(metadata.get("flagged_input")),
        wait_s=_estimated_s(tree),
        headers={name.lower(): str(text) for name, text in _object(metadata, "headers").items() if _is_short(text)},
    )


def _message(told: JSON, metadata: JSON) -> str | None:
    message = _words(told.get("message")) or _words(told.get("detail"))
    if message == "Provider returned error":  # OpenRouter puts what its provider said beside words that say nothing
        raw = metadata.get("raw")
        relayed = _words(raw) or (_read(raw).message if isinstance(raw, dict) else None)
        return f"{message} ({relayed})" if relayed else message
    return message


def _words(value: Any) -> str | None:
    """A message, also where it is a list of what is wrong (FastAPI) or an object around one (Mistral)."""
    if isinstance(value, dict):
        value = value.get("detail")
    if isinstance(value, list):
        parts = [each.get("msg") for each in value if isinstance(each, dict)]
        value = "; ".join(part for part in parts if isinstance(part, str))
    return value if isinstance(value, str) and value else None


def _status(value: Any) -> int | None:
    """The HTTP status of an error that a member tells; Azure writes it as text."""
    if isinstance(value, str) and len(value) == 3 and value.isdecimal():
        value = int(value)
    return value if type(value) is int and 400 <= value < 600 else None


def _estimated_s(tree: JSON) -> float | None:
    """The time Hugging Face expects the loading of a model to take."""
    value: Any = tree.get("estimated_time")
    return bounded(value) if type(value) in (int, float) else None


def _object(members: JSON, name: str) -> JSON:
    value = members.get(name)
    return value if isinstance(value, dict) else {}


def _is_short(value: Any) -> bool:
    return isinstance(value, str) or (type(value) is int and abs(value) < 10**18)
