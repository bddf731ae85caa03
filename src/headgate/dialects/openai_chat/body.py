"""A hub request as the body for a vendor."""

from __future__ import annotations

from typing import Any

from headgate.dialects.base import Fit
from headgate.dialects.hub import Chat, Format, Thinking
from headgate.dialects.openai_chat import tools, turns
from headgate.dialects.openai_chat.names import NAME, own
from headgate.types import JSON

_OWN = frozenset(
    {
        "audio",
        "logit_bias",
        "moderation",
        "prediction",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "web_search_options",
    }
)
"""Members the hub has no word for, that clients of other dialects may give under these names too."""

_TIERS = {"standard_only": "default"}
_EFFORTS = {"max": "xhigh"}
_BUDGETS = ((2_048, "low"), (16_384, "medium"))
"""Up to how many tokens of thinking an effort stands for; above it is high."""


def encode(chat: Chat, fit: Fit) -> JSON:
    """The body.

    Raises:
        Unsupported: chat completions, or this vendor's, cannot do what the request asks.
    """
    body: JSON = {"model": fit.model, "messages": turns.written(chat.messages, fit)}
    if chat.stream:
        body["stream"] = True
        if fit.quirks.stream_usage:
            body["stream_options"] = {"include_usage": True}
    tools.write(body, chat, fit)
    if chat.format is not None:
        body["response_format"] = _format(chat.format)
    _add_settings(body, chat, fit)
    if chat.thinking is not None:
        _add_thinking(body, chat.thinking, fit)
    _add_advice(body, chat, fit)
    _add_extra(body, chat, fit)
    for name in fit.quirks.unsupported & body.keys():
        fit.refuse(name, "this provider does not take it")
        del body[name]
    return body


def _add_settings(body: JSON, chat: Chat, fit: Fit) -> None:
    settings: tuple[tuple[str, Any], ...] = (
        (fit.quirks.max_tokens_field, chat.max_output_tokens),
        ("temperature", chat.temperature),
        ("top_p", chat.top_p),
        ("top_k", chat.top_k),
        ("min_p", chat.min_p),
        ("frequency_penalty", chat.frequency_penalty),
        ("presence_penalty", chat.presence_penalty),
        ("seed", chat.seed),
        ("stop", _stop(chat, fit)),
        ("n", chat.choices),
        ("logprobs", chat.logprobs),
        ("top_logprobs", chat.top_logprobs),
        ("verbosity", chat.verbosity),
        ("modalities", list(chat.modalities) if chat.modalities is not None else None),
        ("user", chat.user),
        ("store", chat.store),
        ("prompt_cache_key", chat.cache_key),
    )
    for name, value in settings:
        if value is not None:
            body[name] = value


def _stop(chat: Chat, fit: Fit) -> list[str] | None:
    limit = fit.quirks.stop_limit
    if limit is not None and len(chat.stop) > limit:
        fit.refuse("stop", f"this provider takes {limit} stop sequences at most")
        return list(chat.stop[:limit])
    return list(chat.stop) or None


def _format(format: Format) -> JSON:
    if format.kind != "json_schema":
        return {"type": "text" if format.kind == "text" else "json_object"}
    inner: JSON = {"name": format.name or "answer"}
    if format.description is not None:
        inner["description"] = format.description
    if format.schema is not None:
        inner["schema"] = format.schema
    if format.strict is not None:
        inner["strict"] = format.strict
    return {"type": "json_schema", "json_schema": inner}


def _add_thinking(body: JSON, thinking: Thinking, fit: Fit) -> None:
    if fit.quirks.thinking_field == "reasoning":
        told: JSON = {} if thinking.enabled is None else {"enabled": thinking.enabled}
        if thinking.effort is not None:
            told["effort"] = thinking.effort
        if thinking.budget_tokens is not None:
            told["max_tokens"] = thinking.budget_tokens
        if told:
            body["reasoning"] = told
        return
    if fit.quirks.thinking_field == "thinking" and thinking.enabled is not None and thinking.effort is None:
        body["thinking"] = {"type": "enabled" if thinking.enabled else "disabled"}
        return
    effort = _effort(thinking)
    if effort is not None:
        body["reasoning_effort"] = effort


def _effort(thinking: Thinking) -> str | None:
    """The effort that comes nearest. Thinking that is merely switched on is each model's own default."""
    if thinking.effort is not None:
        return _EFFORTS.get(thinking.effort, thinking.effort)
    if thinking.enabled is False:
        return "none"
    if thinking.budget_tokens is None:
        return None
    return next((effort for limit, effort in _BUDGETS if thinking.budget_tokens <= limit), "high")


def _add_advice(body: JSON, chat: Chat, fit: Fit) -> None:
    if chat.service_tier is not None:
        body["service_tier"] = _TIERS.get(chat.service_tier, chat.service_tier)
    if chat.metadata is not None:
        if chat.store:
            body["metadata"] = chat.metadata
        else:
            fit.note("metadata")  # OpenAI takes it with answers it is to store only


def _add_extra(body: JSON, chat: Chat, fit: Fit) -> None:
    for members in chat.extra.values():
        body |= {name: value for name, value in members.items() if name in _OWN}
    mine = own(chat.extra)
    if "stream_options" in mine and "stream_options" in body:
        mine = {**mine, "stream_options": {**mine["stream_options"], **body["stream_options"]}}
    body |= mine
    fit.refuse_foreign(chat.extra, NAME, _OWN)
