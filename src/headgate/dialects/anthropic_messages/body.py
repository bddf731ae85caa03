"""A hub request as the body of a Messages call (Messages API reference, "Create a Message")."""

from __future__ import annotations

from headgate.dialects.anthropic_messages import thinking
from headgate.dialects.anthropic_messages.models import Generation, generation_of
from headgate.dialects.anthropic_messages.names import NAME
from headgate.dialects.anthropic_messages.tools import encode_choice, encode_tools
from headgate.dialects.anthropic_messages.turns import Conversation
from headgate.dialects.base import Fit
from headgate.dialects.hub import Chat, Format
from headgate.types import JSON

DEFAULT_LIMIT = 4_096
"""Tokens of output where neither the client nor the catalog names a limit: Anthropic requires one."""

_OWN = frozenset({"cache_control", "context_management", "inference_geo", "speed"})
"""Members the hub has no word for that a client of any dialect may give under these names. Others, such as
`mcp_servers` and `container`, reach out of the request and are taken from Anthropic's own dialect only."""

_TIERS = {"auto": "auto", "priority": "auto", "default": "standard_only", "standard_only": "standard_only"}


def encode_request(chat: Chat, fit: Fit) -> JSON:
    """The body.

    Raises:
        Unsupported: Claude cannot do what the request asks; names the field.
        BadRequest: a tool call's arguments are not a JSON object.
    """
    generation = generation_of(fit.base_model or fit.model)
    conversation = Conversation(chat.messages, generation, fit)
    system, messages = conversation.encode()
    body: JSON = {"model": fit.model, "max_tokens": 0, "messages": messages}
    if system is not None:
        body["system"] = system
    if conversation.cache_control is not None:
        body["cache_control"] = conversation.cache_control
    _add_tools(body, chat, fit)
    limit = chat.max_output_tokens if chat.max_output_tokens is not None else fit.max_output_tokens
    wish, effort = thinking.encode(chat.thinking, generation, limit, fit) if chat.thinking else ({}, None)
    if wish:
        body["thinking"] = wish
    if wish.get("type") == "enabled" and body.get("tool_choice", {}).get("type") in ("any", "tool"):
        fit.refuse("tool_choice", "while it thinks by budget, Claude cannot be made to call a tool")
        body["tool_choice"]["type"] = "auto"
        body["tool_choice"].pop("name", None)
    body["max_tokens"] = limit if limit is not None else DEFAULT_LIMIT + wish.get("budget_tokens", 0)
    _add_output(body, chat.format, effort, fit)
    _add_sampling(body, chat, generation, fit)
    _add_stop(body, chat, fit)
    if chat.stream:
        body["stream"] = True
    if chat.user is not None:
        body["metadata"] = {"user_id": chat.user}
    if chat.service_tier in _TIERS:
        body["service_tier"] = _TIERS[chat.service_tier]
    _refuse_rest(chat, fit)
    _add_extra(body, chat, fit)
    for name in fit.quirks.unsupported & body.keys():
        fit.refuse(name, "this provider does not take it")
        del body[name]
    return body


def _add_tools(body: JSON, chat: Chat, fit: Fit) -> None:
    tools = encode_tools(chat, fit)
    if not tools:
        return
    body["tools"] = tools
    choice = encode_choice(chat)
    if choice:
        body["tool_choice"] = choice


def _add_output(body: JSON, format: Format | None, effort: str | None, fit: Fit) -> None:
    """Output is held to a schema whether `strict` or not; its name has no place, and needs none."""
    config: JSON = {}
    if effort is not None:
        config["effort"] = effort
    if format is not None and format.kind == "json_schema":
        schema = format.schema or {"type": "object"}
        if format.description and "description" not in schema:
            schema = {**schema, "description": format.description}
        config["format"] = {"type": "json_schema", "schema": schema}
    elif format is not None and format.kind == "json":
        fit.refuse("response_format", "Claude takes a JSON schema, not just any JSON object")
    if config:
        body["output_config"] = config


def _add_sampling(body: JSON, chat: Chat, generation: Generation, fit: Fit) -> None:
    """Temperature, top_p and top_k, where the model takes them: not from 4.7 on, and hardly while it thinks by budget
    ("Extended thinking", Feature compatibility). What is the default anyway is left out there without a word.
    """
    if not generation.samples:
        why = "this model takes no sampling parameters"
        _refuse_unless(chat.temperature in (None, 1), "temperature", why, fit)
        _refuse_unless(chat.top_p in (None, 1), "top_p", why, fit)
        _refuse_unless(chat.top_k is None, "top_k", why, fit)
        return
    thinks = body.get("thinking", {}).get("type") in ("enabled", "adaptive")
    if chat.temperature is not None and (not thinks or chat.temperature == 1):
        if 0 <= chat.temperature <= 1:
            body["temperature"] = chat.temperature
        else:
            fit.refuse("temperature", "Claude takes one from 0 to 1")
    elif chat.temperature is not None:
        fit.refuse("temperature", "while it thinks, Claude takes none but 1")
    if chat.top_p is not None:
        if "temperature" in body and not generation.samples_together:
            _refuse_unless(chat.top_p == 1, "top_p", "this model takes it or a temperature, not both", fit)
        elif thinks and not 0.95 <= chat.top_p <= 1:
            fit.refuse("top_p", "while it thinks, Claude takes one from 0.95 to 1")
        else:
            body["top_p"] = chat.top_p
    if chat.top_k is not None:
        if thinks:
            fit.refuse("top_k", "while it thinks, Claude takes none")
        else:
            body["top_k"] = chat.top_k


def _refuse_unless(fine: bool, field: str, why: str, fit: Fit) -> None:
    if not fine:
        fit.refuse(field, why)


def _add_stop(body: JSON, chat: Chat, fit: Fit) -> None:
    stops = [each for each in chat.stop if each.strip()]
    if len(stops) < len(chat.stop):
        fit.refuse("stop", "Claude takes no stop sequences of white space alone")
    limit = fit.quirks.stop_limit
    if limit is not None and len(stops) > limit:
        fit.refuse("stop", f"at most {limit} are taken")
        stops = stops[:limit]
    if stops:
        body["stop_sequences"] = stops


def _refuse_rest(chat: Chat, fit: Fit) -> None:
    """Refuse what changes an answer and cannot be said; note what is only advice as left out."""
    semantic = (
        ("min_p", chat.min_p),
        ("frequency_penalty", chat.frequency_penalty or None),
        ("presence_penalty", chat.presence_penalty or None),
        ("seed", chat.seed),
        ("verbosity", None if chat.verbosity == "medium" else chat.verbosity),
        ("n", chat.choices if chat.choices != 1 else None),
        ("logprobs", chat.logprobs or chat.top_logprobs or None),
        ("modalities", chat.modalities if chat.modalities != ("text",) else None),
    )
    for field, value in semantic:
        if value is not None:
            fit.refuse(field, "Claude has no such parameter")
    advisory = (
        ("metadata", chat.metadata),
        ("store", chat.store or None),
        ("service_tier", None if chat.service_tier in _TIERS else chat.service_tier),
        ("prompt_cache_key", chat.cache_key),
    )
    for field, value in advisory:
        if value is not None:
            fit.note(field)


def _add_extra(body: JSON, chat: Chat, fit: Fit) -> None:
    """Put in what the client said in Anthropic's own words; refuse what it said in another dialect's."""
    for dialect, members in chat.extra.items():
        for name, value in members.items():
            if dialect == NAME or name in _OWN:
                mine = body.get(name)
                body[name] = {**mine, **value} if isinstance(mine, dict) and isinstance(value, dict) else value
    fit.refuse_foreign(chat.extra, NAME, _OWN)
