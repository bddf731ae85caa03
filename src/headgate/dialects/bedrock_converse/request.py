"""A hub request as Converse's body.

System and developer messages, wherever they stand, go to `system`: most models take none between the turns. Converse
wants turns to alternate, so neighbours of one role become one message; it refuses blank text, so that is left out.
"""

from __future__ import annotations

from typing import Any

import msgspec

from headgate.dialects.base import Fit
from headgate.dialects.bedrock_converse.blocks import NAME
from headgate.dialects.bedrock_converse.content import Writer
from headgate.dialects.bedrock_converse.families import Family, Wish, family_of, is_wish
from headgate.dialects.bedrock_converse.tools import tool_config
from headgate.dialects.hub import Chat, Format, ToolCall, ToolResult
from headgate.types import JSON

_OWN = frozenset(
    {
        "additionalModelRequestFields",
        "additionalModelResponseFieldPaths",
        "guardrailConfig",
        "outputConfig",
        "performanceConfig",
        "promptVariables",
        "requestMetadata",
        "serviceTier",
    }
)
"""Members of the body the hub has no word for. A client of any dialect may give them under these names."""

_TIERS = {
    "priority": "priority",
    "flex": "flex",
    "default": "default",
    "standard_only": "default",
    "reserved": "reserved",
}


def encode_request(chat: Chat, fit: Fit) -> JSON:
    """The body for `fit.model`, which itself stands in the path.

    Raises:
        Unsupported: the request asks for what Converse cannot say.
        BadRequest: a tool call's arguments are not a JSON object.
    """
    family, name = family_of(fit.base_model or fit.model)
    writer = Writer(family, fit)
    system, messages = writer.conversation(chat.messages)
    body: JSON = {"messages": messages}
    if system:
        body["system"] = system
    limits = _inference_config(chat)
    if limits:
        body["inferenceConfig"] = limits
    tools = tool_config(chat, _uses_tools(chat), family, fit)
    if tools:
        body["toolConfig"] = tools
    fields = _additional_fields(chat, family, name, fit)
    if fields:
        body["additionalModelRequestFields"] = fields
    if chat.stop and family.tells_stop:
        body["additionalModelResponseFieldPaths"] = ["/stop_sequence"]
    if chat.format is not None:
        _add_format(body, chat.format, fit)
    if chat.service_tier in _TIERS:
        body["serviceTier"] = {"type": _TIERS[chat.service_tier]}
    _refuse_rest(chat, fit)
    _add_extra(body, chat, fit)
    return body


def _uses_tools(chat: Chat) -> bool:
    return any(isinstance(part, ToolCall | ToolResult) for message in chat.messages for part in message.parts)


def _inference_config(chat: Chat) -> JSON:
    wishes: dict[str, Any] = {
        "maxTokens": chat.max_output_tokens,
        "temperature": chat.temperature,
        "topP": chat.top_p,
        "stopSequences": list(chat.stop) or None,
    }
    return {name: value for name, value in wishes.items() if value is not None}


def _additional_fields(chat: Chat, family: Family, name: str, fit: Fit) -> JSON:
    fields: JSON = {}
    if chat.thinking is not None and is_wish(chat.thinking):
        fields |= family.think(
            Wish(model=name, thinking=chat.thinking, max_output_tokens=chat.max_output_tokens, fit=fit)
        )
    if chat.top_k is not None:
        if family.top_k is None:
            fit.refuse("top_k", "Converse has no word for it with this model")
        else:
            *outer, last = family.top_k
            place = fields
            for step in outer:
                place = place.setdefault(step, {})
            place[last] = chat.top_k
    return fields


def _add_format(body: JSON, format: Format, fit: Fit) -> None:
    if format.kind == "json":
        fit.refuse("response_format", "Converse takes a JSON schema, not just any JSON object")
    elif format.kind == "json_schema":
        schema: JSON = {"schema": msgspec.json.encode(format.schema or {}).decode()}
        if format.name is not None:
            schema["name"] = format.name
        if format.description is not None:
            schema["description"] = format.description
        body["outputConfig"] = {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}}


def _refuse_rest(chat: Chat, fit: Fit) -> None:
    """Refuse what changes an answer and cannot be said; note what is only advice as left out."""
    for field in ("min_p", "frequency_penalty", "presence_penalty", "seed", "verbosity"):
        if getattr(chat, field) is not None:
            fit.refuse(field, "Converse has no such parameter")
    if chat.choices is not None and chat.choices > 1:
        fit.refuse("n", "Converse gives one answer")
    if chat.logprobs or chat.top_logprobs:
        fit.refuse("logprobs", "Converse gives no log probabilities")
    if chat.modalities is not None and any(each != "text" for each in chat.modalities):
        fit.refuse("modalities", "Converse answers in text")
    for field in ("user", "metadata", "cache_key"):
        if getattr(chat, field) is not None:
            fit.note("prompt_cache_key" if field == "cache_key" else field)
    if chat.store:
        fit.note("store")
    if chat.service_tier is not None and chat.service_tier not in (*_TIERS, "auto"):
        fit.note("service_tier")


def _add_extra(body: JSON, chat: Chat, fit: Fit) -> None:
    """Put in what the client said in Converse's own words; refuse what it said in another dialect's."""
    for members in chat.extra.values():
        for name, value in members.items():
            if name in _OWN:
                if isinstance(value, dict) and isinstance(body.get(name), dict):
                    value = {**body[name], **value}
                body[name] = value
    fit.refuse_foreign(chat.extra, NAME, _OWN)
