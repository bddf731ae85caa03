"""Parameters of a call as other tools write them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headgate.prompts.importing.written import Note


def settings_of(given: Any, line: int, notes: list[Note]) -> dict[str, Any]:
    """`config` and `output` of a prompt for what another tool sends a vendor. `model` and the rest are left as they
    are, and tools are told: they are files of their own here.
    """
    config = {key: value for key, value in given.items() if value is not None} if isinstance(given, Mapping) else {}
    output: dict[str, Any] = {}
    match config.get("response_format"):
        case {"type": "json_object"}:
            output = {"format": "json"}
        case {"type": "json_schema", "json_schema": {"schema": dict() as schema}}:
            output = {"format": "json", "schema": schema}
        case {"type": "text"} | None:
            pass
        case _:
            notes.append(Note(line, "'response_format' was left out; write what the answer is under 'output'"))
    config.pop("response_format", None)
    tools = [key for key in ("tools", "tool_choice", "functions", "function_call") if config.pop(key, None) is not None]
    if tools:
        named = ", ".join(f"'{key}'" for key in tools)
        notes.append(Note(line, f"{named} was left out: tools are files; write NAME.tool.yaml beside the prompt"))
    return {"config": config, "output": output}
