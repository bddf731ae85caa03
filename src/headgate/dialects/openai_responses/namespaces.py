"""Namespaces: groups of functions under one name, as agents offer theirs (API reference, `tools`, type `namespace`).

Other dialects have none. There a tool is called by both names at once, `files__read` for `read` of `files`, and a call
of it comes back to the client under the two names it knows.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from headgate.dialects.hub import Part, ToolCall
from headgate.dialects.openai_responses.names import ITEM, NAME, memory
from headgate.types import JSON

KIND = "namespace"
SEPARATOR = "__"


def joined(namespace: str, name: str) -> str:
    """What a namespace's tool is called elsewhere."""
    return f"{namespace}{SEPARATOR}{name}"


def own_name(name: str, item: JSON | None) -> str:
    """A tool's name as its item says it, beside its namespace."""
    namespace = item.get(KIND) if item is not None else None
    return name.removeprefix(namespace + SEPARATOR) if isinstance(namespace, str) else name


def own_name_of(call: ToolCall) -> str:
    return own_name(call.name, (memory(call) or {}).get(ITEM))


def called(part: Part, known: dict[str, str]) -> Part:
    """A client's call of a namespace's tool, as the tool is called elsewhere. A vendor's tool search puts names of its
    own making before tools that are in none: those stay as they are.
    """
    if not known or not isinstance(part, ToolCall):
        return part
    namespace = (memory(part) or {}).get(ITEM, {}).get(KIND)
    name = joined(namespace, part.name) if isinstance(namespace, str) else part.name
    return replace(part, name=name) if name in known else part


def members(tool: JSON) -> list[JSON] | None:
    """The tools of a namespace; None for a tool that is none, or one that holds anything but tools."""
    if tool.get("type") != KIND or not isinstance(tool.get("name"), str):
        return None
    inner = tool.get("tools")
    return inner if isinstance(inner, list) and all(isinstance(each, dict) for each in inner) else None


def spaces(asked: JSON) -> dict[str, str]:
    """The namespaces of a request's tools, by what the tools are called elsewhere."""
    tools: Any = asked.get("tools")
    found: dict[str, str] = {}
    for tool in tools if isinstance(tools, list) else ():
        inner = members(tool) if isinstance(tool, dict) else None
        for each in inner or ():
            if isinstance(each.get("name"), str):
                found[joined(tool["name"], each["name"])] = tool["name"]
    return found


def placed(part: Part, known: dict[str, str]) -> Part:
    """A call from elsewhere, remembering the namespace of its tool."""
    if not known or not isinstance(part, ToolCall) or memory(part) is not None or part.name not in known:
        return part
    custom = part.kind == "custom"
    item = {
        "type": "custom_tool_call" if custom else "function_call",
        "id": f"{'ctc' if custom else 'fc'}_{part.id}",
        "status": "completed",
        KIND: known[part.name],
    }
    return replace(part, extra={**part.extra, NAME: {ITEM: item}})
