"""Tools and the choice among them as Converse's `toolConfig`."""

from __future__ import annotations

from headgate.dialects.base import Fit
from headgate.dialects.bedrock_converse.blocks import NAME
from headgate.dialects.bedrock_converse.content import cache_point
from headgate.dialects.bedrock_converse.families import Family
from headgate.dialects.hub import Chat, NativeTool, Tool, ToolChoice
from headgate.types import JSON


def tool_config(chat: Chat, used: bool, family: Family, fit: Fit) -> JSON:
    """The member `toolConfig`; empty where there is to be none. `used`: earlier turns call tools.

    Converse cannot forbid tools that are declared. With tool choice `none` they are therefore not declared, which
    only works while no earlier turn has called one.

    Raises:
        Unsupported: a tool or the choice cannot be said.
    """
    choice = chat.tool_choice
    if chat.parallel_tool_calls is False and chat.tools:
        fit.refuse("parallel_tool_calls", "Converse cannot limit the model to one call")
    if choice is not None and choice.mode == "none":
        if not used:
            return {}
        fit.refuse("tool_choice", "Converse cannot forbid tools once a conversation has called one")
        choice = None
    tools = _tools(chat, choice, family, fit)
    if not tools:
        if used:
            fit.refuse("tools", "Converse wants tools declared that the conversation has called")
        return {}
    config: JSON = {"tools": tools}
    wish = _choice(choice)
    if wish:
        config["toolChoice"] = wish
    return config


def _tools(chat: Chat, choice: ToolChoice | None, family: Family, fit: Fit) -> list[JSON]:
    allowed = choice.allowed if choice is not None else None
    written: list[JSON] = []
    for number, tool in enumerate(chat.tools):
        field = f"tools[{number}]"
        if isinstance(tool, NativeTool):
            if tool.dialect == NAME:
                written.append(tool.data)
            else:
                fit.refuse(field, "it is a tool that only another vendor runs")
        elif tool.kind == "custom":
            fit.refuse(field, "Converse has no tools that take free text")
        elif allowed is None or tool.name in allowed:
            written.append({"toolSpec": _spec(tool)})
            if tool.cache is not None:
                if "tools" in family.caches:
                    written.append(cache_point(tool.cache))
                else:
                    fit.note("cache_control")
    return written


def _spec(tool: Tool) -> JSON:
    spec: JSON = {"name": tool.name}
    if tool.description and not tool.description.isspace():
        spec["description"] = tool.description
    spec["inputSchema"] = {"json": tool.parameters or {"type": "object", "properties": {}}}
    if tool.strict is not None:
        spec["strict"] = tool.strict
    return spec


def _choice(choice: ToolChoice | None) -> JSON:
    if choice is None:
        return {}
    if choice.mode == "tool" and choice.name is not None:
        return {"tool": {"name": choice.name}}
    return {"any": {}} if choice.mode == "required" else {"auto": {}}
