"""Tools as prompts define them: in files of their own, or as `toolDefs` of front matter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from headgate.prompts.dotprompt.marked import Marked, Steps
from headgate.prompts.dotprompt.members import ANYTHING, MAPPING, TEXT, Types, check
from headgate.prompts.dotprompt.picoschema import Schema
from headgate.prompts.dotprompt.problem import Notes

Tool = Mapping[str, Any]
"""`name`, `description`, `inputSchema` and `outputSchema` in JSON Schema."""

_MEMBERS: Final[Types] = {
    "name": TEXT,
    "description": TEXT,
    "inputSchema": ANYTHING,
    "outputSchema": ANYTHING,
    "metadata": MAPPING,
}


def tool_of(
    written: Any,
    name: str | None,
    marked: Marked,
    notes: Notes,
    schema: Callable[[Any, Steps], Schema | None],
    steps: Steps = (),
) -> Tool | None:
    """A tool as it is written, under a name if it says no other. None where it is none; what is wrong is noted."""
    if not isinstance(written, dict):
        notes.at(marked.place(*steps), "a tool is a mapping; write 'description: …' and 'inputSchema: …'")
        return None
    check(written, _MEMBERS, marked, notes, steps)
    tool = {"name": name, **written}
    if tool["name"] is None or tool["name"] == "":
        notes.at(marked.place(*steps), "the tool has no name; write 'name: …'")
    for key in ("inputSchema", "outputSchema"):
        if tool.get(key) is not None:
            tool[key] = schema(tool[key], (*steps, key))
    return tool
