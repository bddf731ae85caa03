"""The tools a client offers, and how the model is to choose among them."""

from __future__ import annotations

from typing import Any, Literal

from headgate.dialects.base import Fit
from headgate.dialects.hub import Chat, NativeTool, Tool, ToolChoice
from headgate.dialects.openai_chat.content import cache_mark
from headgate.dialects.openai_chat.names import LEGACY, NAME, own
from headgate.dialects.reading import CLIENT, left
from headgate.types import JSON, json_type

_OUTER, _INNER = "tool", "inner"
"""Where a tool's members are noted that have to be written back as they are."""

_FUNCTION = frozenset({"name", "description", "parameters", "strict"})
_CUSTOM = frozenset({"name", "description"})
_OURS = frozenset({"function", "custom"})
"""Kinds of tool the client runs."""
_MODES: dict[str, Literal["auto", "none", "required"]] = {
    "auto": "auto",
    "none": "none",
    "required": "required",
    "any": "required",  # Mistral's word
}


def tools_of(body: JSON) -> tuple[Tool | NativeTool, ...]:
    """`tools`, and the `functions` that preceded them.

    Raises:
        BadRequest: one cannot be read.
    """
    found = [_tool(tool, where) for tool, where in CLIENT.objects(body, "tools")]
    found += [_function(function, where, {LEGACY: True}) for function, where in CLIENT.objects(body, "functions")]
    return tuple(found)


def acts(body: JSON) -> bool:
    """Whether the vendor is asked to run a tool of its own, to search the web, or to keep the answer."""
    tools = body.get("tools")
    offered = tools if isinstance(tools, list) else ()
    return (
        body.get("store") is True
        or "web_search_options" in body
        or any(isinstance(tool, dict) and tool.get("type", "function") not in _OURS for tool in offered)
    )


def _tool(tool: JSON, where: str) -> Tool | NativeTool:
    kind = CLIENT.optional(tool, "type", str, where) or "function"
    if kind not in ("function", "custom"):
        return NativeTool(dialect=NAME, data=tool)
    inner = CLIENT.required(tool, kind, dict, where)
    outer = left(tool, frozenset({"type", kind}))
    notes: JSON = {_OUTER: outer} if outer else {}
    if kind == "function":
        return _function(inner, f"{where}.function", notes)
    rest = left(inner, _CUSTOM)
    if rest:
        notes[_INNER] = rest
    return Tool(
        name=CLIENT.required(inner, "name", str, f"{where}.custom"),
        description=CLIENT.optional(inner, "description", str, f"{where}.custom"),
        kind="custom",
        cache=cache_mark(outer),
        extra={NAME: notes} if notes else {},
    )


def _function(function: JSON, where: str, notes: JSON) -> Tool:
    rest = {name: value for name, value in function.items() if name not in _FUNCTION or value is None}
    if rest:
        notes = {**notes, _INNER: rest}
    return Tool(
        name=CLIENT.required(function, "name", str, where),
        description=CLIENT.optional(function, "description", str, where),
        parameters=CLIENT.optional(function, "parameters", dict, where),
        strict=CLIENT.optional(function, "strict", bool, where),
        cache=cache_mark(notes.get(_OUTER, {})),
        extra={NAME: notes} if notes else {},
    )


def choice_of(body: JSON) -> ToolChoice | None:
    """`tool_choice`, or the `function_call` that preceded it.

    Raises:
        BadRequest: it is none of the known forms.
    """
    if body.get("tool_choice") is not None:
        return _choice(body["tool_choice"])
    legacy = body.get("function_call")
    if legacy is None:
        return None
    if isinstance(legacy, dict):
        return ToolChoice(mode="tool", name=CLIENT.required(legacy, "name", str, "function_call"))
    if legacy in ("none", "auto"):
        return ToolChoice(mode=_MODES[legacy])
    raise CLIENT.fail("function_call", "must be 'none', 'auto' or an object with a name")


def _choice(told: Any) -> ToolChoice:
    if isinstance(told, str):
        if told not in _MODES:
            raise CLIENT.fail("tool_choice", f"must be one of 'none', 'auto', 'required', not '{told[:100]}'")
        return ToolChoice(mode=_MODES[told])
    if not isinstance(told, dict):
        raise CLIENT.fail("tool_choice", f"must be a string or an object, not {json_type(told)}")
    kind = told.get("type", "function")
    if kind == "allowed_tools":
        return _allowed(CLIENT.required(told, "allowed_tools", dict, "tool_choice"))
    if kind not in ("function", "custom"):
        raise CLIENT.fail("tool_choice.type", "must be one of 'function', 'custom', 'allowed_tools'")
    inner = CLIENT.required(told, kind, dict, "tool_choice")
    return ToolChoice(mode="tool", name=CLIENT.required(inner, "name", str, f"tool_choice.{kind}"))


def _allowed(told: JSON) -> ToolChoice:
    where = "tool_choice.allowed_tools"
    mode = CLIENT.required(told, "mode", str, where)
    if mode not in ("auto", "required"):
        raise CLIENT.fail(f"{where}.mode", "must be 'auto' or 'required'")
    names: list[str] = []
    for tool, place in CLIENT.objects(told, "tools", where):
        kind = CLIENT.required(tool, "type", str, place)
        inner = CLIENT.required(tool, kind, dict, place)
        names.append(CLIENT.required(inner, "name", str, f"{place}.{kind}"))
    return ToolChoice(mode=_MODES[mode], allowed=tuple(names))


# ── towards a vendor ────────────────────────────────────────────────────────────────────────────────────────────────


def write(body: JSON, chat: Chat, fit: Fit) -> None:
    """Put the tools and the choice among them into `body`.

    Raises:
        Unsupported: a tool is one that another vendor runs.
    """
    functions: list[JSON] = []
    offered: list[JSON] = []
    for number, tool in enumerate(chat.tools):
        if isinstance(tool, NativeTool):
            if tool.dialect == NAME:
                offered.append(tool.data)
            else:
                fit.refuse(f"tools[{number}]", "it is a tool of another vendor's own")
            continue
        notes = own(tool.extra)
        if tool.cache is not None and _OUTER not in notes:
            fit.note("cache_control")
        if LEGACY in notes:
            functions.append(_written_inner(tool, notes))
        else:
            offered.append({"type": tool.kind, tool.kind: _written_inner(tool, notes), **notes.get(_OUTER, {})})
    if functions:
        body["functions"] = functions
    if offered:
        body["tools"] = offered
        if chat.parallel_tool_calls is not None:
            body["parallel_tool_calls"] = chat.parallel_tool_calls
    choice = chat.tool_choice
    if choice is not None and functions:
        body["function_call"] = {"name": choice.name} if choice.mode == "tool" else choice.mode
    elif choice is not None and offered:
        body["tool_choice"] = _written_choice(choice, chat)


def _written_inner(tool: Tool, notes: JSON) -> JSON:
    inner: JSON = {"name": tool.name}
    if tool.description is not None:
        inner["description"] = tool.description
    if tool.parameters is not None:
        inner["parameters"] = tool.parameters
    if tool.strict is not None and tool.kind == "function":
        inner["strict"] = tool.strict
    return inner | notes.get(_INNER, {})


def _written_choice(choice: ToolChoice, chat: Chat) -> Any:
    if choice.allowed is not None:
        tools = [_reference(name, chat) for name in choice.allowed]
        return {"type": "allowed_tools", "allowed_tools": {"mode": choice.mode, "tools": tools}}
    return _reference(choice.name or "", chat) if choice.mode == "tool" else choice.mode


def _reference(name: str, chat: Chat) -> JSON:
    kind = next((tool.kind for tool in chat.tools if isinstance(tool, Tool) and tool.name == name), "function")
    return {"type": kind, kind: {"name": name}}
