"""A file of a library on the way to what it is for."""

from __future__ import annotations

from dataclasses import dataclass, field

from headgate.prompts.dotprompt.front import Front
from headgate.prompts.dotprompt.picoschema import Schema
from headgate.prompts.dotprompt.problem import Notes
from headgate.prompts.dotprompt.running import Op, nothing
from headgate.prompts.dotprompt.syntax import Program
from headgate.prompts.dotprompt.tools import Tool


@dataclass(slots=True)
class File:
    """One file on its way."""

    place: str
    text: str
    notes: Notes
    needs: dict[str, int] = field(default_factory=dict)
    """Files it needs, and the offset at which it says so."""
    partials: dict[str, str] = field(default_factory=dict)
    front: Front | None = None
    program: Program | None = None
    op: Op = nothing
    looked: bool = False
    """Whether its schema or tool has been read, and may still be none."""
    schema: Schema | None = None
    tool: Tool | None = None
