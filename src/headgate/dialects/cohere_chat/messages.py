"""Messages as Cohere wants them: results of tools are messages of their own, thoughts are not given back."""

from __future__ import annotations

from collections.abc import Iterable

from headgate.dialects.base import Fit
from headgate.dialects.cohere_chat.answer import NAME
from headgate.dialects.hub import Media, Message, Native, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from headgate.types import JSON


def written(messages: Iterable[Message], fit: Fit) -> list[JSON]:
    """The member `messages`.

    Earlier reasoning is left out: it is another vendor's, or a `tool_plan`, which newer models refuse to be given.

    Raises:
        Unsupported: a part cannot be said.
    """
    result: list[JSON] = []
    for number, message in enumerate(messages):
        if message.name is not None:
            fit.note(f"messages[{number}].name")
        if message.role == "assistant":
            result.append(_assistant(message, number, fit))
        else:
            result += _others(message, number, fit)
    return result


def _assistant(message: Message, number: int, fit: Fit) -> JSON:
    content: list[JSON] = []
    calls: list[JSON] = []
    for place, part in enumerate(message.parts):
        field = f"messages[{number}].content[{place}]"
        if isinstance(part, ToolCall):
            if part.kind == "custom":
                fit.refuse(field, "Cohere has no tools that take free text")
                continue
            function = {"name": part.name, "arguments": part.arguments or "{}"}
            calls.append({"id": part.id, "type": "function", "function": function})
        elif not isinstance(part, Reasoning):
            content += _content(part, field, fit)
    told: JSON = {"role": "assistant"}
    if calls:
        told["tool_calls"] = calls
    if content or not calls:
        told["content"] = _plain(content)
    return told


def _others(message: Message, number: int, fit: Fit) -> list[JSON]:
    """A user's or system message, in pieces where results of tools stand in it."""
    role = "system" if message.role == "developer" else message.role
    result: list[JSON] = []
    content: list[JSON] = []
    for place, part in enumerate(message.parts):
        field = f"messages[{number}].content[{place}]"
        if isinstance(part, ToolResult):
            if content:
                result.append({"role": role, "content": _plain(content)})
                content = []
            result.append(_tool_result(part, field, fit))
        else:
            content += _content(part, field, fit)
    if content or not result:
        result.append({"role": role, "content": _plain(content)})
    return result


def _tool_result(part: ToolResult, field: str, fit: Fit) -> JSON:
    if part.is_error:
        fit.note(f"{field}.is_error")
    if part.cache is not None:
        fit.note("cache_control")
    content: list[JSON] = []
    for place, inner in enumerate(part.parts):
        if isinstance(inner, Text) or (isinstance(inner, Native) and inner.dialect == NAME):
            content += _content(inner, field, fit)
        else:
            fit.refuse(f"{field}.content[{place}]", "Cohere takes text as a tool's result")
    return {"role": "tool", "tool_call_id": part.call_id, "content": _plain(content)}


def _content(part: Part, field: str, fit: Fit) -> list[JSON]:
    match part:
        case Text():
            if part.citations:
                fit.note(f"{field}.citations")
            if part.cache is not None:
                fit.note("cache_control")
            return [{"type": "text", "text": part.text}]
        case Refusal():
            return [{"type": "text", "text": part.text}]
        case Media() if part.kind == "image" and part.file_id is None:
            if part.cache is not None:
                fit.note("cache_control")
            image: JSON = {"url": part.url or f"data:{part.media_type or 'image/png'};base64,{part.data or ''}"}
            if part.detail is not None:
                image["detail"] = part.detail
            return [{"type": "image_url", "image_url": image}]
        case Media():
            fit.refuse(field, "Cohere takes images as data or URLs, and no other media")
        case Native() if part.dialect == NAME:
            return [part.data]
        case _:
            fit.refuse(field, "Cohere has no such kind of content here")
    return []


def _plain(content: list[JSON]) -> str | list[JSON]:
    """Content as a string where it is one text or none."""
    if not content:
        return ""
    if len(content) == 1 and content[0].get("type") == "text":
        return content[0]["text"]
    return content
