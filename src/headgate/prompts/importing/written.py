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


HISTORY: Final = "{{history}}"
"""Where what was said before stands."""


class Note(msgspec.Struct, frozen=True, order=True):
    """Something that could not be taken over as it was."""

    line: int
    message: str


class Imported(msgspec.Struct, frozen=True):
    """A file to be written, and what is to be looked at in it."""

    name: str
    text: str
    notes: Sequence[Note] = ()
    ending: str = ".prompt"


class Field(msgspec.Struct, frozen=True):
    """What is known of an input."""

    kind: Any = "any"
    """Picoschema of it."""
    optional: bool = False
    container: str = ""
    """`array`, `object` or `enum` where it is one; with `, ` and what it is for behind it, if that is known."""


class _Dumper(yaml.SafeDumper):
    """Writes out what stands in several places."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def as_yaml(value: Mapping[str, Any]) -> str:
    """A mapping as a file has it."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100_000)


def prompt_file(front: Mapping[str, Any], template: str) -> str:
    """A file of front matter and template; what is empty is left out of it."""
    kept = {key: value for key, value in front.items() if value not in (None, {}, [], "")}
    kept.setdefault("input", {"schema": {}})
    return f"---\n{as_yaml(kept)}---\n{template.strip(chr(10))}\n"


def messages_template(messages: Iterable[tuple[str, str]]) -> str:
    """A template of messages by role. One of the user alone needs no role."""
    given = list(messages)
    if len(given) == 1 and given[0][0] == "user":
        return given[0][1]
    return "\n".join(_message(role, text.strip()) for role, text in given)


def _message(role: str, text: str) -> str:
    """A message of a role; of none where it is history. What stands behind history is the model's unless it is said."""
    if not role:
        return text
    begun = f'{{{{role "{role}"}}}}\n'
    first, *rest = text.split(HISTORY)
    return begun + first + "".join(f"{HISTORY}\n{begun if each.strip() else ''}{each.lstrip(chr(10))}" for each in rest)


def role_of(name: str, line: int, notes: list[Note]) -> str:
    """Dotprompt's role for another tool's; the user's, with a note, for one nobody knows."""
    found = ROLES.get(name.lower())
    if found is None:
        notes.append(Note(line, f"the role '{name}' is none of Dotprompt's; it became 'user'"))
    return found or "user"


def partial_of(name: str) -> str:
    """What a partial is called for a file or prompt of another tool."""
    return re.sub(r"[^\w/-]+", "-", name.removeprefix("./")).strip("-/")


def schema_of(fields: Mapping[str, Field], template: str = "", *, any_other: bool = False) -> dict[str, Any]:
    """A Picoschema of inputs by name; of any others too, if that is said or partials of a template may need them."""
    schema: dict[str, Any] = {}
    for name, field in fields.items():
        container = f"({field.container})" if field.container else ""
        schema[f"{name}{'?' * field.optional}{container}"] = field.kind
    return {**schema, "(*)": "any"} if any_other or "{{> " in template else schema
