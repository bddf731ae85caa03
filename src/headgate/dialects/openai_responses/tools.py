"""Tools and the choice among them, both ways (API reference, "Create a model response", `tools`, `tool_choice`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from headgate.dialects.base import Fit
from headgate.dialects.hub import NativeTool, Tool, ToolChoice
from headgate.dialects.openai_responses.names import NAME
from headgate.dialects.openai_responses.namespaces import KIND, joined, members, own_name
from headgate.dialects.reading import CLIENT, left
from headgate.types import JSON, json_type

_FUNCTION = frozenset({"name", "description", "parameters", "strict"})
_CUSTOM = frozenset({"name", "description"})
_NAMESPACE = frozenset({"tools"})
_KINDS = frozenset({"function", "custom"})
_SCHEMA: JSON = {"type": "object", "properties": {}}


def tools_of(tree: JSON) -> tuple[Tool | NativeTool, ...]:
    """The tools; those the vendor runs stay as they are.

    Raises:
        BadRequest: one is malformed.
    """
    found: list[Tool | NativeTool] = []
    for each, where in CLIENT.objects(tree, "tools"):
        inner = members(each)
        if inner is None or not all(tool.get("type") in _KINDS for tool in inner):
            found.append(_tool(each, where))
            continue
        found += [_member(each, tool, f"{where}.tools[{number}]") for number, tool in enumerate(inner)]
    return tuple(found)


def acts(tree: JSON) -> bool:
    """Whether the vendor is asked to run a tool of its own, or to keep the response, as it does unless told not to."""
    tools = tree.get("tools")
    offered = tools if isinstance(tools, list) else ()
    return (
        tree.get("store") is not False
        or bool(tree.get("background"))
        or any(isinstance(tool, dict) and not _is_clients(tool) for tool in offered)
    )


def _is_clients(tool: JSON) -> bool:
    """Whether the client runs a tool, or all of a namespace."""
    inner = members(tool)
    return tool.get("type") in _KINDS if inner is None else all(each.get("type") in _KINDS for each in inner)


def _member(namespace: JSON, tree: JSON, where: str) -> Tool:
    """A tool of a namespace, under both names."""
    tool = _tool(tree, where)
    assert isinstance(tool, Tool), "other kinds are not taken apart"
    extra = {NAME: {**tool.extra[NAME], KIND: left(namespace, _NAMESPACE)}}
    return replace(tool, name=joined(namespace["name"], tool.name), extra=extra)


def _tool(tree: JSON, where: str) -> Tool | NativeTool:
    kind = CLIENT.required(tree, "type", str, where)
    if kind not in _KINDS:
        return NativeTool(dialect=NAME, data=tree)
    name = CLIENT.required(tree, "name", str, where)
    description = CLIENT.optional(tree, "description", str, where)
    if kind == "custom":
        return Tool(name=name, description=description, kind="custom", extra={NAME: left(tree, _CUSTOM)})
    return Tool(
        name=name,
        description=description,
        parameters=CLIENT.optional(tree, "parameters", dict, where),
        strict=CLIENT.optional(tree, "strict", bool, where),
        extra={NAME: left(tree, _FUNCTION)},
    )


def choice_of(value: Any) -> ToolChoice | None:
    """The choice in the hub's terms; None for one that only this dialect has words for.

    Raises:
        BadRequest: it is neither a known word nor an object with a type.
    """
    if isinstance(value, str):
        if value not in ("auto", "none", "required"):
            raise CLIENT.fail("tool_choice", "must be 'auto', 'none', 'required' or an object")
        return ToolChoice(mode=value)
    if not isinstance(value, dict):
        raise CLIENT.fail("tool_choice", f"must be a string or an object, not {json_type(value)}")
    match CLIENT.required(value, "type", str, "tool_choice"):
        case "function" | "custom":
            return ToolChoice(mode="tool", name=CLIENT.required(value, "name", str, "tool_choice"))
        case "allowed_tools":
            return _allowed(value)
        case _:
            return None


def _allowed(tree: JSON) -> ToolChoice | None:
    mode = CLIENT.required(tree, "mode", str, "tool_choice")
    if mode not in ("auto", "required"):
        raise CLIENT.fail("tool_choice.mode", "must be 'auto' or 'required'")
    tools = CLIENT.objects(tree, "tools", "tool_choice")
    if any(CLIENT.required(each, "type", str, at) not in _KINDS for each, at in tools):
        return None
    return ToolChoice(mode=mode, allowed=tuple(CLIENT.required(each, "name", str, at) for each, at in tools))


def written_tools(tools: Iterable[Tool | NativeTool], fit: Fit) -> list[JSON]:
    """The tools for a vendor.

    Raises:
        Unsupported: one belongs to another vendor.
    """
    written: list[JSON] = []
    for number, tool in enumerate(tools):
        if isinstance(tool, Tool):
            if tool.cache is not None:
                fit.dropped.append("cache_control")
            _put(written, _written(tool))
        elif tool.dialect == NAME:
            written.append(tool.data)
        else:
            fit.refuse(f"tools[{number}]", "it is a tool that only another vendor runs")
    return written


def _put(written: list[JSON], tool: JSON) -> None:
    """Add a tool, to the namespace it came from where it has one."""
    namespace = tool.pop(KIND, None)
    if namespace is None:
        written.append(tool)
        return
    tool["name"] = own_name(tool["name"], {KIND: namespace["name"]})
    last = written[-1] if written else {}
    if {name: value for name, value in last.items() if name != "tools"} == namespace:
        last["tools"].append(tool)
    else:
        written.append({**namespace, "tools": [tool]})


def _written(tool: Tool) -> JSON:
    rest = tool.extra.get(NAME)
    tree: JSON = {"type": tool.kind} if rest is None else dict(rest)
    tree["name"] = tool.name
    if tool.description is not None:
        tree["description"] = tool.description
    if tool.kind == "custom":
        return tree
    if tool.parameters is not None:
        tree["parameters"] = tool.parameters
    elif rest is None:
        tree["parameters"] = _SCHEMA
    if tool.strict is not None:
        tree["strict"] = tool.strict
    elif rest is None:
        tree["strict"] = False  # this API is strict by default, the others are not
    return tree


def written_choice(choice: ToolChoice, tools: Iterable[Tool | NativeTool]) -> Any:
    """The choice for a vendor; a tool is named with its kind."""
    kinds = {tool.name: tool.kind for tool in tools if isinstance(tool, Tool)}
    if choice.mode == "tool":
        return {"type": kinds.get(choice.name or "", "function"), "name": choice.name}
    if choice.allowed is not None:
        allowed = [{"type": kinds.get(name, "function"), "name": name} for name in choice.allowed]
        return {"type": "allowed_tools", "mode": choice.mode, "tools": allowed}
    return choice.mode
