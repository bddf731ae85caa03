"""A whole answer of Cohere's as the hub's."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from headgate.dialects.cohere_chat.usage import stop_of, usage_of
from headgate.dialects.hub import (
    Answer,
    Choice,
    Citation,
    Native,
    Part,
    Reasoning,
    Text,
    TokenLogprob,
    ToolCall,
    extra_of,
)
from headgate.dialects.members import as_object, optional, required
from headgate.errors import MalformedOutput
from headgate.types import JSON, json_type

NAME = "cohere_chat"
PLAN = extra_of(NAME, {"field": "tool_plan"})
"""Marks the reasoning that came as `tool_plan` and not as a content block."""


def decode_answer(tree: JSON) -> Answer:
    """The answer. It names no model; `usage` is in `extra` as it came.

    Raises:
        MalformedOutput: it is not an answer of `POST /v2/chat`.
    """
    message = required(tree, "message", dict, "answer")
    reason = optional(tree, "finish_reason", str, "answer")
    usage = optional(tree, "usage", dict, "answer")
    parts, loose = _parts(message)
    if tree.get("logprobs") is not None:
        _attach_logprobs(parts, logprobs(tree["logprobs"], "logprobs"))
    extra = {key: value for key, value in tree.items() if key not in ("id", "message", "finish_reason")}
    if loose:
        extra["citations"] = loose
    known = ("role", "content", "tool_plan", "tool_calls", "citations")
    left = {key: value for key, value in message.items() if key not in known}
    if left:
        extra["message"] = left
    return Answer(
        id=optional(tree, "id", str, "answer") or "",
        model="",
        choices=(
            Choice(
                parts=tuple(parts),
                stop=stop_of(reason) if reason is not None else None,
                extra=extra_of(NAME, {"finish_reason": reason} if reason is not None else {}),
            ),
        ),
        usage=usage_of(usage, "usage") if usage is not None else None,
        extra=extra_of(NAME, extra),
    )


def _parts(message: JSON) -> tuple[list[Part], list[JSON]]:
    """The message's parts, and the citations that stand on none of its texts."""
    content = [
        part_of(as_object(each, f"message.content[{index}]"), f"message.content[{index}]")
        for index, each in enumerate(optional(message, "content", list, "message") or ())
    ]
    loose: list[JSON] = []
    for index, each in enumerate(optional(message, "citations", list, "message") or ()):
        where = f"message.citations[{index}]"
        tree = as_object(each, where)
        place = cited_content(tree, where)
        part = content[place] if place is not None and 0 <= place < len(content) else None
        if place is not None and isinstance(part, Text):
            content[place] = replace(part, citations=(*part.citations, citation(tree, where)))
        else:
            loose.append(tree)
    plan = optional(message, "tool_plan", str, "message")
    calls = [
        tool_call(as_object(each, f"message.tool_calls[{index}]"), f"message.tool_calls[{index}]")
        for index, each in enumerate(optional(message, "tool_calls", list, "message") or ())
    ]
    first: list[Part] = [Reasoning(text=plan, extra=PLAN)] if plan else []
    return [*first, *content, *calls], loose


def part_of(block: JSON, where: str) -> Part:
    """The part a content block stands for, whole or as a stream begins it.

    Raises:
        MalformedOutput: a member of a known kind has the wrong type.
    """
    kind = required(block, "type", str, where)
    if kind == "text":
        return Text(text=optional(block, "text", str, where) or "", extra=_left(block, "text"))
    if kind == "thinking":
        return Reasoning(text=optional(block, "thinking", str, where) or "", extra=_left(block, "thinking"))
    return Native(dialect=NAME, data=block)


def tool_call(tree: JSON, where: str, empty: str = "{}") -> ToolCall:
    """A tool call; `empty` is what stands for no arguments.

    Raises:
        MalformedOutput: id or name is missing, or has the wrong type.
    """
    function = required(tree, "function", dict, where)
    left = {key: value for key, value in tree.items() if key not in ("id", "type", "function")}
    return ToolCall(
        id=required(tree, "id", str, where),
        name=required(function, "name", str, f"{where}.function"),
        arguments=optional(function, "arguments", str, f"{where}.function") or empty,
        extra=extra_of(NAME, left),
    )


def cited_content(tree: JSON, where: str) -> int | None:
    """The index of the content block a citation stands on; None if it stands on the tool plan.

    Raises:
        MalformedOutput: it is not a whole number.
    """
    if tree.get("type") not in (None, "TEXT_CONTENT"):
        return None
    return optional(tree, "content_index", int, where) or 0


def citation(tree: JSON, where: str) -> Citation:
    """A citation with the first source that has a URL or title; all sources are in `extra`.

    Raises:
        MalformedOutput: an offset is not a whole number, or a source not an object.
    """
    url: str | None = None
    title: str | None = None
    for index, each in enumerate(optional(tree, "sources", list, where) or ()):
        source = as_object(each, f"{where}.sources[{index}]")
        document = source.get("document") or source.get("tool_output")
        if isinstance(document, dict) and url is None and title is None:
            url = _text(document.get("url"))
            title = _text(document.get("title"))
    return Citation(
        url=url,
        title=title,
        start=optional(tree, "start", int, where),
        end=optional(tree, "end", int, where),
        extra=extra_of(NAME, tree),
    )


def logprobs(items: Any, where: str) -> tuple[TokenLogprob, ...]:
    """The log probabilities of text made of one token each. Of longer texts Cohere does not tell the tokens apart:
    those are in `extra` only.

    Raises:
        MalformedOutput: they are not a list of objects with numbers.
    """
    if not isinstance(items, list):
        raise MalformedOutput(f"{where} is {json_type(items)}, not an array")
    found: list[TokenLogprob] = []
    for index, each in enumerate(items):
        item = as_object(each, f"{where}[{index}]")
        values = optional(item, "logprobs", list, f"{where}[{index}]") or []
        text = optional(item, "text", str, f"{where}[{index}]")
        if text is not None and len(values) == 1 and isinstance(values[0], int | float):
            found.append(TokenLogprob(text, float(values[0])))
    return tuple(found)


def _attach_logprobs(parts: list[Part], found: tuple[TokenLogprob, ...]) -> None:
    """Give them to the first text."""
    for index, part in enumerate(parts):
        if isinstance(part, Text) and found:
            parts[index] = replace(part, logprobs=found)
            return


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _left(block: JSON, known: str) -> dict[str, JSON]:
    return extra_of(NAME, {key: value for key, value in block.items() if key not in ("type", known)})
