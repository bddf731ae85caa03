"""Tools and the choice among them, both ways (Messages API reference, "tools" and "tool_choice")."""

from __future__ import annotations

from typing import Any, Literal

from headgate.dialects.anthropic_messages.blocks import cache_mark, odd_control
from headgate.dialects.anthropic_messages.names import NAME, beyond
from headgate.dialects.base import Fit
from headgate.dialects.hub import CacheMark, Chat, NativeTool, Tool, ToolChoice, extra_of
from headgate.dialects.reading import CLIENT
from headgate.types import JSON

_TOOL = frozenset({"name", "description", "input_schema", "strict", "cache_control"})
CLIENTS = ("custom", "bash_", "text_editor_", "computer_", "memory_")
"""What the types of tools begin with that the client runs; Anthropic defines all but the first."""
_MODES: dict[str, Literal["auto", "none", "required"]] = {"auto": "auto", "none": "none", "any": "required"}
_WORDS = {"auto": "auto", "none": "none", "required": "any"}


def acts(tree: JSON) -> bool:
    """Whether Anthropic is asked to run a tool: a server tool, a remote server's, or code in a container."""
    tools = tree.get("tools")
    offered = tools if isinstance(tools, list) else ()
    return bool(tree.get("mcp_servers") or tree.get("container")) or any(
        isinstance(tool, dict) and not str(tool.get("type") or "custom").startswith(CLIENTS) for tool in offered
    )


def decode_tool(value: Any, where: str) -> Tool | NativeTool:
    """A tool of the client's own, or one that Anthropic defines or runs, known by its dated type.

    Raises:
        BadRequest: it is malformed.
    """
    members = CLIENT.object(value, where)
    if CLIENT.optional(members, "type", str, where) not in (None, "custom"):
        return NativeTool(dialect=NAME, data=members)
    return Tool(
        name=CLIENT.required(members, "name", str, where),
        description=CLIENT.optional(members, "description", str, where),
        parameters=CLIENT.required(members, "input_schema", dict, where),
        strict=CLIENT.optional(members, "strict", bool, where),
        cache=cache_mark(members, where, CLIENT),
        extra=extra_of(NAME, {**beyond(members, _TOOL), **odd_control(members)}),
    )


def decode_choice(tree: JSON) -> tuple[ToolChoice | None, bool | None]:
    """The choice, and whether tools may be called in parallel.

    Raises:
        BadRequest: it is malformed.
    """
    choice = CLIENT.optional(tree, "tool_choice", dict, "")
    if choice is None:
        return None, None
    disabled = CLIENT.optional(choice, "disable_parallel_tool_use", bool, "tool_choice")
    parallel = None if disabled is None else not disabled
    kind = CLIENT.required(choice, "type", str, "tool_choice")
    if kind == "tool":
        return ToolChoice(mode="tool", name=CLIENT.required(choice, "name", str, "tool_choice")), parallel
    mode = _MODES.get(kind)
    if mode is None:
        raise CLIENT.fail("tool_choice.type", "must be 'auto', 'any', 'tool' or 'none'")
    return ToolChoice(mode=mode), parallel


def encode_tools(chat: Chat, fit: Fit) -> list[JSON]:
    """The `tools` member.

    Raises:
        Unsupported: a tool is another vendor's, or takes free text.
    """
    allowed = chat.tool_choice.allowed if chat.tool_choice is not None else None
    written: list[JSON] = []
    for number, tool in enumerate(chat.tools):
        if isinstance(tool, NativeTool):
            if tool.dialect == NAME:
                written.append(tool.data)
            else:
                fit.refuse(f"tools[{number}]", f"Anthropic has no tool '{tool.data.get('type', tool.dialect)}'")
        elif tool.kind == "custom":
            fit.refuse(f"tools[{number}]", "Anthropic has no tools that take free text")
        elif allowed is None or tool.name in allowed:
            written.append(_tool(tool))
    return written


def encode_choice(chat: Chat) -> JSON:
    """The `tool_choice` member; empty where there is nothing to say. A choice among some of the tools is made by
    offering no others.
    """
    choice = chat.tool_choice
    serial = chat.parallel_tool_calls is False
    if choice is None and not serial:
        return {}
    if choice is not None and choice.mode == "tool":
        written: JSON = {"type": "tool", "name": choice.name}
    else:
        written = {"type": _WORDS[choice.mode] if choice is not None else "auto"}
    if serial and written["type"] != "none":
        written["disable_parallel_tool_use"] = True
    return written


def control(cache: CacheMark) -> JSON:
    """A cache breakpoint. Five minutes are what one lasts that says nothing."""
    return {"type": "ephemeral"} if cache.ttl == "5m" else {"type": "ephemeral", "ttl": cache.ttl}


def _tool(tool: Tool) -> JSON:
    written: JSON = {"name": tool.name}
    if tool.description is not None:
        written["description"] = tool.description
    schema = tool.parameters or {"type": "object", "properties": {}}
    written["input_schema"] = schema if "type" in schema or NAME in tool.extra else {"type": "object", **schema}
    if tool.strict is not None:
        written["strict"] = tool.strict
    if tool.cache is not None:
        written["cache_control"] = control(tool.cache)
    return {**written, **tool.extra.get(NAME, {})}
