"""Which tools a model called, and how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from headgate.checks.likeness import f1_of_bags
from headgate.evals.kinds.kind import Kind, a_list, a_text, nothing
from headgate.evals.kinds.structured import fits_schema, problems_of
from headgate.evals.marks import Look, Told
from headgate.types import JSON


def _fits_called(value: Any) -> str | None:
    if a_text(value) is None:
        return None
    if not isinstance(value, dict) or a_text(value.get("name")) is not None:
        return "takes a tool's name, or {name, arguments: JSON Schema, times}"
    if unknown := set(value) - {"name", "arguments", "times"}:
        return f"takes name, arguments and times, not {', '.join(sorted(unknown))}"
    times = value.get("times", 1)
    if isinstance(times, bool) or not isinstance(times, int) or times < 1:
        return "takes a number of times from 1 on"
    if not isinstance(value.get("arguments", {}), dict):
        return "has arguments that are no schema: write a JSON Schema"
    problem = fits_schema(value.get("arguments"))
    return f"has arguments that are no schema: {problem}" if problem else None


def _called(look: Look) -> Told:
    wanted = look.value if isinstance(look.value, dict) else {"name": look.value}
    calls = [call for call in look.answer.tool_calls if call.name == wanted["name"]]
    if not calls:
        return Told(0.0, f"it called {_names(look) or 'nothing'}")
    if "times" in wanted and len(calls) != wanted["times"]:
        return Told(0.0, f"it called {wanted['name']} {len(calls)} times")
    schema, found = wanted.get("arguments"), list[str]()
    for call in calls:
        found = problems_of(schema, call.arguments or "{}")
        if not found:
            return Told(1.0, f"it called {wanted['name']}")
    return Told(0.0, f"{wanted['name']}: {'; '.join(found[:3])}")


def _f1(look: Look) -> Told:
    score = f1_of_bags([call.name for call in look.answer.tool_calls], look.value)
    return Told(score, f"it called {_names(look) or 'nothing'}")


def _sequence(look: Look) -> Told:
    found = [call.name for call in look.answer.tool_calls]
    return Told(float(found == look.value), f"it called {_names(look) or 'nothing'}")


def _valid(look: Look) -> Told:
    """Each call is of a tool that was offered, with arguments of its schema."""
    offered = _offered(look.request)
    if not look.answer.tool_calls:
        return Told(0.0, "it called nothing")
    for call in look.answer.tool_calls:
        if call.name not in offered:
            return Told(0.0, f"there is no tool {call.name}")
        if found := problems_of(offered[call.name], call.arguments or "{}"):
            return Told(0.0, f"{call.name}: {'; '.join(found[:3])}")
    return Told(1.0, "all calls are valid")


def _offered(request: JSON) -> dict[str, Any]:
    """The schemas of arguments by the names of tools."""
    tools: Any = request.get("tools")
    found: dict[str, Any] = {}
    for tool in tools if isinstance(tools, list) else ():
        function = tool.get("function") if isinstance(tool, dict) else None
        if isinstance(function, dict):
            found[str(function.get("name"))] = function.get("parameters")
    return found


def _names(look: Look) -> str:
    return ", ".join(f"{call.name}({_short(call.arguments)})" for call in look.answer.tool_calls)


def _short(arguments: str) -> str:
    try:
        text = msgspec.json.encode(msgspec.json.decode(arguments or "{}")).decode()
    except (msgspec.DecodeError, RecursionError):
        text = arguments
    return text if len(text) <= 60 else f"{text[:59]}…"


KINDS: Mapping[str, Kind] = {
    "tool-called": Kind(_fits_called, _called),
    "tool-sequence": Kind(a_list, _sequence),
    "tool-call-f1": Kind(a_list, _f1, threshold=1.0),
    "is-valid-tool-call": Kind(nothing, _valid),
}
