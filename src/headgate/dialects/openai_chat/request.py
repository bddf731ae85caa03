"""A client's request (OpenAI API reference, "Create chat completion")."""

from __future__ import annotations

from typing import Any

from headgate.dialects.hub import Chat, Format, Thinking, extra_of
from headgate.dialects.openai_chat import messages, tools
from headgate.dialects.openai_chat.names import NAME
from headgate.dialects.reading import CLIENT
from headgate.types import JSON, json_type

_KNOWN = frozenset(
    {
        "model",
        "messages",
        "stream",
        "tools",
        "functions",
        "tool_choice",
        "function_call",
        "parallel_tool_calls",
        "max_tokens",
        "max_completion_tokens",
        "temperature",
        "top_p",
        "top_k",
        "min_p",
        "frequency_penalty",
        "presence_penalty",
        "seed",
        "stop",
        "n",
        "logprobs",
        "top_logprobs",
        "reasoning_effort",
        "verbosity",
        "modalities",
        "user",
        "metadata",
        "store",
        "service_tier",
        "prompt_cache_key",
    }
)
"""Members the hub has words for, whatever their value."""


def decode(body: JSON) -> Chat:
    """The request. Members the hub has no words for, or not for their value, go to `extra`; null is no value.

    Raises:
        BadRequest: a member has the wrong type or value.
    """
    rest = {name: value for name, value in body.items() if name not in _KNOWN and value is not None}
    logprobs, top_logprobs = _logprobs(body)
    limit = CLIENT.optional(body, "max_completion_tokens", int)
    if limit is None:
        limit = CLIENT.optional(body, "max_tokens", int)
    return Chat(
        model=CLIENT.required(body, "model", str),
        messages=messages.messages_of(body),
        stream=CLIENT.optional(body, "stream", bool) or False,
        include_usage=_include_usage(body, rest),
        tools=tools.tools_of(body),
        tool_choice=tools.choice_of(body),
        parallel_tool_calls=CLIENT.optional(body, "parallel_tool_calls", bool),
        format=_format(body, rest),
        thinking=_thinking(body, rest),
        max_output_tokens=limit,
        temperature=CLIENT.number(body, "temperature"),
        top_p=CLIENT.number(body, "top_p"),
        top_k=CLIENT.optional(body, "top_k", int),
        min_p=CLIENT.number(body, "min_p"),
        frequency_penalty=CLIENT.number(body, "frequency_penalty"),
        presence_penalty=CLIENT.number(body, "presence_penalty"),
        seed=CLIENT.optional(body, "seed", int),
        stop=_stop(body),
        choices=CLIENT.optional(body, "n", int),
        logprobs=logprobs,
        top_logprobs=top_logprobs,
        verbosity=CLIENT.optional(body, "verbosity", str),
        modalities=_strings(body, "modalities"),
        user=CLIENT.optional(body, "user", str),
        metadata=CLIENT.optional(body, "metadata", dict),
        store=CLIENT.optional(body, "store", bool),
        service_tier=CLIENT.optional(body, "service_tier", str),
        cache_key=CLIENT.optional(body, "prompt_cache_key", str),
        extra=extra_of(NAME, rest),
    )


def _include_usage(body: JSON, rest: JSON) -> bool:
    options = CLIENT.optional(body, "stream_options", dict)
    if options is None:
        return False
    asked = CLIENT.optional(options, "include_usage", bool, "stream_options")
    if options.keys() <= {"include_usage"}:
        rest.pop("stream_options", None)
    return bool(asked)


def _logprobs(body: JSON) -> tuple[bool | None, int | None]:
    return CLIENT.optional(body, "logprobs", bool), CLIENT.optional(body, "top_logprobs", int)


def _stop(body: JSON) -> tuple[str, ...]:
    told = body.get("stop")
    return (told,) if isinstance(told, str) else _strings(body, "stop") or ()


def _strings(body: JSON, name: str) -> tuple[str, ...] | None:
    told: list[Any] | None = CLIENT.optional(body, name, list)
    if told is None:
        return None
    for index, value in enumerate(told):
        if not isinstance(value, str):
            raise CLIENT.fail(f"{name}[{index}]", f"must be a string, not {json_type(value)}")
    return tuple(told)


def _format(body: JSON, rest: JSON) -> Format | None:
    told = CLIENT.optional(body, "response_format", dict)
    if told is None:
        return None
    kind = CLIENT.required(told, "type", str, "response_format")
    if kind == "json_schema" and told.keys() == {"type", "json_schema"}:
        inner = CLIENT.required(told, "json_schema", dict, "response_format")
        at = "response_format.json_schema"
        if inner.keys() <= {"name", "description", "schema", "strict"}:
            rest.pop("response_format")
        return Format(
            kind="json_schema",
            schema=CLIENT.optional(inner, "schema", dict, at),
            name=CLIENT.optional(inner, "name", str, at),
            description=CLIENT.optional(inner, "description", str, at),
            strict=CLIENT.optional(inner, "strict", bool, at),
        )
    if kind in ("text", "json_object") and told.keys() == {"type"}:
        rest.pop("response_format")
        return Format(kind="text" if kind == "text" else "json")
    return None


def _thinking(body: JSON, rest: JSON) -> Thinking | None:
    """How much to think: OpenAI's word, OpenRouter's `reasoning`, or the `thinking` of DeepSeek and Z.ai."""
    effort = CLIENT.optional(body, "reasoning_effort", str)
    if effort is not None:
        return Thinking(effort=effort)
    told = body.get("reasoning")
    if isinstance(told, dict) and told and told.keys() <= {"effort", "max_tokens", "enabled"}:
        del rest["reasoning"]
        return Thinking(
            enabled=CLIENT.optional(told, "enabled", bool, "reasoning"),
            effort=CLIENT.optional(told, "effort", str, "reasoning"),
            budget_tokens=CLIENT.optional(told, "max_tokens", int, "reasoning"),
        )
    told = body.get("thinking")
    if isinstance(told, dict) and told.keys() == {"type"} and told["type"] in ("enabled", "disabled"):
        del rest["thinking"]
        return Thinking(enabled=told["type"] == "enabled")
    return None
