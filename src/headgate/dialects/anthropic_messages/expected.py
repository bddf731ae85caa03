"""What a request asks of its answer: `output_config.format`, its predecessor `output_format`, and `tools`."""

from __future__ import annotations

from headgate.dialects.expected import NO_TOOLS, NOTHING, Expected, Offered, member, objects
from headgate.types import JSON


def expected(tree: JSON) -> Expected:
    config, older = tree.get("output_config"), tree.get("output_format")
    if config is None and older is None:
        return NOTHING
    form = member(config, "format") or member(tree, "output_format")
    if form is None or form.get("type") != "json_schema":
        return NOTHING
    schema = member(form, "schema")
    return Expected(json=True, schema={} if schema is None else schema, calls=bool(tree.get("tools")))


def offered(tree: JSON) -> Offered:
    listed = objects(tree.get("tools"))
    if not listed:
        return NO_TOOLS
    tools: dict[str, JSON | None] = {}
    others = bool(tree.get("mcp_servers"))
    for tool in listed:
        name, schema = tool.get("name"), member(tool, "input_schema")
        if tool.get("type") in (None, "custom") and isinstance(name, str) and schema is not None:
            tools[name] = schema
        else:
            others = True
    return Offered(tools=tools, others=others)
