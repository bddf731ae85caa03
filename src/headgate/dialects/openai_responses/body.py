"""A hub chat as the body of `POST /responses` (API reference, "Create a model response").

A chat from another dialect is not to be stored by the vendor unless its client says so, and asks for its reasoning in
encrypted form so that it can be given back.
"""

from __future__ import annotations

import re
from typing import Any

from headgate.dialects.base import Fit
from headgate.dialects.hub import Chat, Format, Text, Thinking
from headgate.dialects.openai_responses.inputs import AS_STRING, is_instructions
from headgate.dialects.openai_responses.names import NAME
from headgate.dialects.openai_responses.request import LOGPROBS
from headgate.dialects.openai_responses.tools import written_choice, written_tools
from headgate.dialects.openai_responses.turns import Turns
from headgate.types import JSON

_TAKEN = frozenset(
    {
        "max_tool_calls",
        "moderation",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "truncation",
    }
)
"""Members that mean the same here, whatever dialect's client gives them."""

_ENCRYPTED = "reasoning.encrypted_content"
_REASONS = re.compile(r"(?:^|[/.])(?:o\d|codex|gpt-oss|gpt-[5-9](?!.*chat))")
"""Models that reason, by OpenAI's ids: others refuse to be asked for encrypted reasoning."""

_LOW_TOKENS, _MEDIUM_TOKENS = 4_096, 16_384
"""Budgets below which `low` and `medium` effort is meant."""


def encode_request(chat: Chat, fit: Fit) -> JSON:
    """The body.

    Raises:
        Unsupported: the chat asks for what this API cannot say.
    """
    own = chat.extra.get(NAME)
    body: JSON = {"model": fit.model, **_input(chat, fit)}
    if chat.stream:
        body["stream"] = True
    tools = written_tools(chat.tools, fit)
    if tools:
        body["tools"] = tools
    if chat.tool_choice is not None:
        body["tool_choice"] = written_choice(chat.tool_choice, chat.tools)
    wishes: dict[str, Any] = {
        "max_output_tokens": chat.max_output_tokens,
        "metadata": chat.metadata or None,
        "parallel_tool_calls": chat.parallel_tool_calls,
        "prompt_cache_key": chat.cache_key,
        "reasoning": _reasoning(chat.thinking, fit) or None if chat.thinking is not None else None,
        "service_tier": chat.service_tier,
        "store": chat.store,
        "temperature": chat.temperature,
        "text": _text(chat) or None,
        "top_logprobs": chat.top_logprobs,
        "top_p": chat.top_p,
        "user": chat.user,
    }
    body |= {name: value for name, value in wishes.items() if value is not None}
    _refuse_rest(chat, fit)
    if own is None:
        _add_defaults(body, chat, fit)
    else:
        _add_own(body, own)
    for members in chat.extra.values():
        body |= {name: value for name, value in members.items() if name in _TAKEN and value is not None}
    fit.refuse_foreign(chat.extra, NAME, taken=_TAKEN)
    for name in sorted(fit.quirks.unsupported & body.keys()):
        fit.refuse(name, "this provider does not take it")
        del body[name]
    return body


def _input(chat: Chat, fit: Fit) -> JSON:
    """`input`, and `instructions` where they were given apart."""
    messages = list(enumerate(chat.messages))
    members: JSON = {}
    if messages and is_instructions(messages[0][1]):
        members["instructions"] = "".join(part.text for part in messages[0][1].parts if isinstance(part, Text))
        messages = messages[1:]
    if len(messages) == 1 and AS_STRING in messages[0][1].extra.get(NAME, {}):
        only = messages[0][1].parts[0]
        if isinstance(only, Text):
            return {**members, "input": only.text}
    return {**members, "input": Turns(fit).written(messages)}


def _reasoning(thinking: Thinking, fit: Fit) -> JSON:
    effort = thinking.effort
    if effort is None and thinking.budget_tokens is not None:
        budget = thinking.budget_tokens
        effort = "low" if budget < _LOW_TOKENS else "medium" if budget < _MEDIUM_TOKENS else "high"
    if effort is None and thinking.enabled is False:
        fit.dropped.append("thinking")  # few models can be kept from reasoning, and those that do not refuse the word
    summary = thinking.summary or ("auto" if thinking.include else None)
    return {name: value for name, value in (("effort", effort), ("summary", summary)) if value is not None}


def _text(chat: Chat) -> JSON:
    tree: JSON = {}
    if chat.format is not None:
        tree["format"] = _format(chat.format)
    if chat.verbosity is not None:
        tree["verbosity"] = chat.verbosity
    return tree


def _format(format: Format) -> JSON:
    if format.kind == "text":
        return {"type": "text"}
    if format.kind == "json" or format.schema is None:
        return {"type": "json_object"}
    tree: JSON = {"type": "json_schema", "name": format.name or "answer", "schema": format.schema}
    if format.description is not None:
        tree["description"] = format.description
    if format.strict is not None:
        tree["strict"] = format.strict
    return tree


def _add_defaults(body: JSON, chat: Chat, fit: Fit) -> None:
    """What a chat from elsewhere needs to mean the same here."""
    body.setdefault("store", False)
    include = [LOGPROBS] if chat.logprobs or chat.top_logprobs else []
    if _REASONS.search(fit.base_model or fit.model):
        include.append(_ENCRYPTED)
    if include:
        body["include"] = include


def _add_own(body: JSON, own: JSON) -> None:
    """Put back what the hub has no words for; dotted names are members of members."""
    for name, value in own.items():
        *outer, last = name.split(".") if name.startswith(("reasoning.", "text.")) else [name]
        place: Any = body
        for step in outer:
            place = place.setdefault(step, {}) if isinstance(place, dict) else None
        if isinstance(place, dict):
            place.setdefault(last, value)


def _refuse_rest(chat: Chat, fit: Fit) -> None:
    """Refuse by name what changes an answer and cannot be said here."""
    for field in ("top_k", "min_p", "seed"):
        if getattr(chat, field) is not None:
            fit.refuse(field, "the Responses API has no such parameter")
    for field in ("frequency_penalty", "presence_penalty"):
        if getattr(chat, field):
            fit.refuse(field, "the Responses API has no such parameter")
    if chat.stop:
        fit.refuse("stop", "the Responses API has no stop sequences")
    if chat.choices is not None and chat.choices > 1:
        fit.refuse("n", "the Responses API gives one answer")
    if chat.modalities is not None and any(each != "text" for each in chat.modalities):
        fit.refuse("modalities", "the Responses API answers in text")
