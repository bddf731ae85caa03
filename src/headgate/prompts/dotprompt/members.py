"""What a mapping of a file may hold, and of which type: front matter, its parts, tools."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, Final

from headgate.prompts.dotprompt.marked import Marked, Steps
from headgate.prompts.dotprompt.problem import Notes

Types = Mapping[str, tuple[type, str]]
"""Members by name: their type, and that in words."""

ANYTHING: Final = (object, "")
MAPPING: Final = (dict, "a mapping")
TEXT: Final = (str, "a text")
LIST: Final = (list, "a list")


def check(given: Mapping[str, Any], types: Types, marked: Marked, notes: Notes, steps: Steps = ()) -> None:
    """Note what is of another type, and names nobody knows: those like a known one are mistakes, others may be for
    somebody else and have no effect.
    """
    for name, value in given.items():
        place = marked.place(*steps, name)
        shown = ".".join(map(str, (*steps, name)))
        if name not in types:
            close = difflib.get_close_matches(name, types, n=1, cutoff=0.7)
            hint = f"did you mean '{close[0]}'?" if close else _otherwise(types, steps)
            notes.at(place, f"there is no key '{shown}'; {hint}", fatal=bool(close))
        elif value is not None and not isinstance(value, types[name][0]):
            notes.at(place, f"'{shown}' is {types[name][1]}{_quoted(value, types[name][0])}")


def _otherwise(types: Types, steps: Steps) -> str:
    return f"known: {', '.join(types)}" if steps else "own keys have a dot, as in 'team.note'"


def _quoted(value: Any, kind: type) -> str:
    return "; write it in quotes" if kind is str and isinstance(value, int | float) else ""
