"""What a request asks of its answer: `text.format` and `tools`."""

from __future__ import annotations

from headgate.dialects.expected import NO_PARAMETERS, NO_TOOLS, NOTHING, Expected, Offered, member, objects
from headgate.types import JSON


def expected(tree: JSON) -> Expected:
    text = tree.get("text")
    if text is None:
        return NOTHING
    form = member(text, "format")
    kind = form.get("type") if form is not None else None
    if kind == "json_schema":
        schema = member(form, "schema")
        return Expected(json=True, schema={} if schema is None else schema, calls=bool(tree.get("tools")))
    return Expected(json=True, calls=bool(tree.get("tools"))) if kind == "json_object" else NOTHING


def offered(tree: JSON) -> Offered:
    listed = objects(tree.get("tools"))
    if not listed:
        return NO_TOOLS
    tools: dict[str, JSON | None] = {}
    others = _has_more(tree)
    for tool in listed:
        kind, name = tool.get("type"), tool.get("name")
        if kind in ("function", "custom") and isinstance(name, str):
            parameters = member(tool, "parameters")
            tools[name] = None if kind == "custom" else NO_PARAMETERS if parameters is None else parameters
        else:
            others = True
    return Offered(tools=tools, others=others)


def _has_more(tree: JSON) -> bool:
    """Whether the conversation may hold tools too: in its items, or in what the vendor keeps of it."""
    kept = any(tree.get(name) is not None for name in ("previous_response_id", "conversation", "prompt"))
    return kept or any("tools" in item for item in objects(tree.get("input")))
