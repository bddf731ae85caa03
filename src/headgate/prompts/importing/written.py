"""A prompt file on its way to being written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
import yaml

ROLES: Final = {
    "assistant": "model", "developer": "system", "function": "tool", "model": "model", "system": "system",
    "tool": "tool", "user": "user",
}  # fmt: skip
"""Roles of other tools, and Dotprompt's."""


class Note(msgspec.Struct, frozen=True):
    """Something that could not be taken over as it was."""

    line: int
    message: str


class Imported(msgspec.Struct, frozen=True):
    """A file to be written, and what is to be looked at in it."""

    name: str
    text: str
    notes: Sequence[Note] = ()
    ending: str = ".prompt"


def prompt_file(front: Mapping[str, Any], template: str) -> str:
    """A file of front matter and template; what is empty is left out."""
    kept = {key: value for key, value in front.items() if value not in (None, {}, [], "")}
    body = template.strip("\n") + "\n"
    if not kept:
        return body
    written = yaml.safe_dump(kept, sort_keys=False, allow_unicode=True, width=100_000)
    return f"---\n{written}---\n{body}"


def messages_template(messages: Iterable[tuple[str, str]]) -> str:
    """A template of messages by role. One of the user alone needs no role."""
    given = list(messages)
    if len(given) == 1 and given[0][0] == "user":
        return given[0][1]
    return "\n".join(f'{{{{role "{role}"}}}}\n{text.strip()}' if role else text.strip() for role, text in given)


def role_of(name: str, line: int, notes: list[Note]) -> str:
    """Dotprompt's role for another tool's; the user's, with a note, for one nobody knows."""
    found = ROLES.get(name.lower())
    if found is None:
        notes.append(Note(line, f"the role '{name}' is none of Dotprompt's; it became 'user'"))
    return found or "user"


def literal(text: str) -> str:
    """Text in which nothing is a tag."""
    return re.sub(r"(?=\{\{)", r"\\", text)


def schema_of(names: Iterable[str], kinds: Mapping[str, str] | None = None) -> dict[str, Any]:
    """A Picoschema of inputs by name, of any type where nothing is known."""
    return {name: (kinds or {}).get(name, "any") for name in names}
