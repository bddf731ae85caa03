"""A client's request as the hub's (Messages API reference, "Create a Message").

What the hub has no word for goes to `extra` under the name it came by. `cache_control` at the top is a breakpoint on
the last block, so it is put there, with a note of where it came from.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from headgate.dialects.anthropic_messages import thinking
from headgate.dialects.anthropic_messages.blocks import cache_mark
from headgate.dialects.anthropic_messages.content import messages_of, system_of
from headgate.dialects.anthropic_messages.names import NAME, beyond
from headgate.dialects.anthropic_messages.tools import decode_choice, decode_tool
from headgate.dialects.hub import Chat, Format, Media, Message, Text, ToolCall, ToolResult, extra_of
from headgate.dialects.reading import CLIENT
from headgate.types import JSON

_KNOWN = frozenset(
    {
        "model", "messages", "max_tokens", "system", "stream", "tools", "tool_choice", "thinking", "output_config",
        "output_format", "temperature", "top_p", "top_k", "stop_sequences", "metadata", "service_tier",
        "cache_control",
    }
)  # fmt: skip
TOP_CACHE = "top_cache_control"
"""In a message's `extra`: what the top of the request said of caching, and whether its last block was marked for it."""


def decode_request(tree: JSON, limit_required: bool = True) -> Chat:
    """A request for a message, or with `limit_required` false for a count of its tokens.

    Raises:
        BadRequest: a member is missing or malformed.
    """
    model = CLIENT.required(tree, "model", str, "")
    limit = (CLIENT.required if limit_required else CLIENT.optional)(tree, "max_tokens", int, "")
    extra = beyond(tree, _KNOWN)
    messages = (*system_of(tree.get("system")), *messages_of(CLIENT.required(tree, "messages", list, "")))
    mark = cache_mark(tree, "", CLIENT)
    if mark is not None and messages:
        messages = (*messages[:-1], _marked(messages[-1], tree))
    output, effort, form = _output(tree)
    if output:
        extra["output_config"] = output
    wish, rest = thinking.decode(tree, effort)
    if rest:
        extra["thinking"] = rest
    user, metadata = _metadata(tree)
    if metadata:
        extra["metadata"] = metadata
    choice, parallel = decode_choice(tree)
    tools = CLIENT.optional(tree, "tools", list, "") or []
    return Chat(
        model=model,
        messages=messages,
        stream=CLIENT.optional(tree, "stream", bool, "") or False,
        include_usage=True,
        tools=tuple(decode_tool(each, f"tools[{index}]") for index, each in enumerate(tools)),
        tool_choice=choice,
        parallel_tool_calls=parallel,
        format=form,
        thinking=wish,
        max_output_tokens=limit,
        temperature=CLIENT.number(tree, "temperature"),
        top_p=CLIENT.number(tree, "top_p"),
        top_k=CLIENT.optional(tree, "top_k", int, ""),
        stop=_stop(tree),
        user=user,
        service_tier=CLIENT.optional(tree, "service_tier", str, ""),
        extra=extra_of(NAME, extra),
    )


def _marked(message: Message, tree: JSON) -> Message:
    """The message with a breakpoint on its last block. A block that has one keeps its own."""
    last = message.parts[-1] if message.parts else None
    free = isinstance(last, Text | Media | ToolCall | ToolResult) and last.cache is None
    note = {"control": tree["cache_control"], "set": free}
    extra = {NAME: {**message.extra.get(NAME, {}), TOP_CACHE: note}}
    if not isinstance(last, Text | Media | ToolCall | ToolResult) or not free:
        return replace(message, extra=extra)
    marked = replace(last, cache=cache_mark(tree, "", CLIENT))
    return replace(message, parts=(*message.parts[:-1], marked), extra=extra)


def _output(tree: JSON) -> tuple[JSON, str | None, Format | None]:
    """What is left of `output_config`, the effort, and the format, which older clients put into `output_format`."""
    config: JSON = CLIENT.optional(tree, "output_config", dict, "") or {}
    effort = CLIENT.optional(config, "effort", str, "output_config")
    found = CLIENT.optional(config, "format", dict, "output_config")
    where = "output_config.format"
    if found is None:
        found = CLIENT.optional(tree, "output_format", dict, "")
        where = "output_format"
    rest = beyond(config, frozenset({"effort", "format"}))
    return rest, effort, _format(found, where) if found is not None else None


def _format(found: JSON, where: str) -> Format:
    if CLIENT.required(found, "type", str, where) != "json_schema":
        raise CLIENT.fail(f"{where}.type", "must be 'json_schema'")
    return Format(kind="json_schema", schema=CLIENT.required(found, "schema", dict, where))


def _metadata(tree: JSON) -> tuple[str | None, JSON]:
    members: JSON = CLIENT.optional(tree, "metadata", dict, "") or {}
    return CLIENT.optional(members, "user_id", str, "metadata"), beyond(members, frozenset({"user_id"}))


def _stop(tree: JSON) -> tuple[str, ...]:
    values: list[Any] = CLIENT.optional(tree, "stop_sequences", list, "") or []
    for index, each in enumerate(values):
        if not isinstance(each, str):
            raise CLIENT.fail(f"stop_sequences[{index}]", "must be a string")
    return tuple(values)
