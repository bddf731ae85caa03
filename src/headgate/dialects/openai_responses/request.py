"""A client's request as a hub chat (API reference, "Create a model response").

What the hub has no words for stays in `Chat.extra`, nested members under dotted names: `reasoning.context`. Other
dialects leave out what is advice and refuse the rest by name.
"""

from __future__ import annotations

from typing import Any

from headgate.dialects.hub import Chat, Format, Thinking
from headgate.dialects.openai_responses.inputs import instructions_of, messages_of
from headgate.dialects.openai_responses.names import NAME
from headgate.dialects.openai_responses.namespaces import spaces
from headgate.dialects.openai_responses.tools import choice_of, tools_of
from headgate.dialects.reading import CLIENT, left
from headgate.types import JSON

LOGPROBS = "message.output_text.logprobs"

_KNOWN = frozenset(
    {
        "input",
        "instructions",
        "max_output_tokens",
        "metadata",
        "model",
        "parallel_tool_calls",
        "prompt_cache_key",
        "reasoning",
        "service_tier",
        "store",
        "stream",
        "temperature",
        "text",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "user",
    }
)
_REASONING = frozenset({"effort", "summary"})
_TEXT = frozenset({"format", "verbosity"})
_FORMAT = frozenset({"type", "schema", "name", "description", "strict"})
_STATE = ("previous_response_id", "conversation", "prompt")
"""Where earlier items may be that the request does not repeat."""


def decode_request(tree: JSON) -> Chat:
    """The chat.

    Raises:
        BadRequest: a field has the wrong type or value; `param` names it.
    """
    extra = left(tree, _KNOWN)
    stateful = any(tree.get(name) is not None for name in _STATE)
    given = tree.get("input")
    messages = [] if given is None and stateful else messages_of(given, stateful, spaces(tree))
    instructions = CLIENT.optional(tree, "instructions", str)
    if instructions is not None:
        messages.insert(0, instructions_of(instructions))
    wish = tree.get("tool_choice")
    choice = None if wish is None else choice_of(wish)
    if wish is not None and choice is None:
        extra["tool_choice"] = wish
    include = CLIENT.optional(tree, "include", list)
    return Chat(
        model=CLIENT.required(tree, "model", str),
        messages=tuple(messages),
        stream=CLIENT.optional(tree, "stream", bool) or False,
        tools=tools_of(tree),
        tool_choice=choice,
        parallel_tool_calls=CLIENT.optional(tree, "parallel_tool_calls", bool),
        format=_format(tree, extra),
        thinking=_thinking(tree, extra),
        max_output_tokens=CLIENT.optional(tree, "max_output_tokens", int),
        temperature=CLIENT.number(tree, "temperature"),
        top_p=CLIENT.number(tree, "top_p"),
        logprobs=True if include and LOGPROBS in include else None,
        top_logprobs=CLIENT.optional(tree, "top_logprobs", int),
        verbosity=_verbosity(tree),
        user=CLIENT.optional(tree, "user", str),
        metadata=CLIENT.optional(tree, "metadata", dict),
        store=CLIENT.optional(tree, "store", bool),
        service_tier=CLIENT.optional(tree, "service_tier", str),
        cache_key=CLIENT.optional(tree, "prompt_cache_key", str),
        extra={NAME: extra},
    )


def _thinking(tree: JSON, extra: JSON) -> Thinking | None:
    told = CLIENT.optional(tree, "reasoning", dict)
    if not told:
        return None
    extra.update({f"reasoning.{name}": value for name, value in left(told, _REASONING).items()})
    effort = CLIENT.optional(told, "effort", str, "reasoning")
    summary = CLIENT.optional(told, "summary", str, "reasoning")
    if effort is None and summary is None:
        return None
    return Thinking(
        enabled=None if effort is None else effort != "none",
        effort=effort,
        summary=summary,
        include=True if summary is not None else None,
    )


def _format(tree: JSON, extra: JSON) -> Format | None:
    told = CLIENT.optional(tree, "text", dict)
    if not told:
        return None
    extra.update({f"text.{name}": value for name, value in left(told, _TEXT).items()})
    form = CLIENT.optional(told, "format", dict, "text")
    if form is None:
        return None
    kind = CLIENT.required(form, "type", str, "text.format")
    if kind not in ("text", "json_object", "json_schema"):
        extra["text.format"] = form
        return None
    extra.update({f"text.format.{name}": value for name, value in left(form, _FORMAT).items()})
    match kind:
        case "text":
            return Format(kind="text")
        case "json_object":
            return Format(kind="json")
        case _:
            return Format(
                kind="json_schema",
                schema=CLIENT.required(form, "schema", dict, "text.format"),
                name=CLIENT.required(form, "name", str, "text.format"),
                description=CLIENT.optional(form, "description", str, "text.format"),
                strict=CLIENT.optional(form, "strict", bool, "text.format"),
            )


def _verbosity(tree: JSON) -> str | None:
    told: Any = tree.get("text")
    return CLIENT.optional(told, "verbosity", str, "text") if told else None
