"""What a request asks of its answer: `response_format`, `tools` and the `functions` that preceded them."""

from __future__ import annotations

from typing import Any

from headgate.dialects.expected import NO_PARAMETERS, NO_TOOLS, NOTHING, Expected, Offered, member, objects
from headgate.types import JSON


def expected(body: JSON) -> Expected:
    form = body.get("response_format")
    if form is None:
        return NOTHING
    kind = form.get("type") if isinstance(form, dict) else None
    calls = bool(body.get("tools") or body.get("functions"))
    if kind == "json_schema":
        schema = member(member(form, "json_schema") or form, "schema")
        return Expected(json=True, schema={} if schema is None else schema, calls=calls)
    if kind == "json_object":
        return Expected(json=True, schema=member(form, "schema"), calls=calls)  # Together and Fireworks put it there
    return NOTHING


def offered(body: JSON) -> Offered:
    listed, functions = objects(body.get("tools")), objects(body.get("functions"))
    if not listed and not functions:
        return NO_TOOLS
    tools: dict[str, JSON | None] = {}
    others = False
    for tool in listed:
        kind = tool.get("type", "function")
        if kind == "function":
            _add_function(tools, tool.get("function"))
        elif kind == "custom":
            name = (member(tool, "custom") or {}).get("name")
            tools |= {name: None} if isinstance(name, str) else {}
        else:
            others = True
    for function in functions:
        _add_function(tools, function)
    return Offered(tools=tools, others=others)


def _add_function(tools: dict[str, JSON | None], function: Any) -> None:
    name = function.get("name") if isinstance(function, dict) else None
    if isinstance(name, str):
        parameters = member(function, "parameters")
        tools[name] = NO_PARAMETERS if parameters is None else parameters
