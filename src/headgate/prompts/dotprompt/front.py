"""The front matter of a prompt file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

import msgspec

from headgate.prompts.dotprompt.marked import Marked, read
from headgate.prompts.dotprompt.members import ANYTHING, LIST, MAPPING, TEXT, Types, check
from headgate.prompts.dotprompt.problem import Notes
from headgate.prompts.dotprompt.values import WHITESPACE
from headgate.registry import suggest

NAMESPACE: Final = "headgate"

_OPENS = re.compile(r"\ufeff?(?:(?:#[^\n]*|[^\S\r\n]*\r?)\n)*---[^\S\r\n]*(?:\r\n|\r|\n)")
_CLOSES = re.compile(r"(?<=[\r\n])---[^\S\r\n]*(?:\r\n|\r|\n|\Z)")

_TYPES: Final[Types] = {
    "config": MAPPING,
    "description": TEXT,
    "input": MAPPING,
    "model": TEXT,
    "name": TEXT,
    "output": MAPPING,
    "toolDefs": LIST,
    "tools": LIST,
    "variant": TEXT,
    "version": ANYTHING,
}
_TAKEN: Final[Types] = dict.fromkeys(("ext", "metadata", "raw"), MAPPING)
"""Of Dotprompt's own, and seldom written: no typing error is taken for them."""
_INPUT: Final[Types] = {"default": MAPPING, "schema": ANYTHING}
_OUTPUT: Final[Types] = {"format": TEXT, "schema": ANYTHING}

SETTINGS: Final[Mapping[str, str]] = {
    "owner": "a text",
    "review_by": "a day",
    "expires": "a day",
    "tests": "a text or a list of texts",
    "trusted": "a list of texts",
    "max_tokens": "a number",
}
"""What can be set as `headgate.…`, and what it is: who answers for the prompt, the days on which it is to be looked at
again and on which it is over, files of tests elsewhere than beside it, inputs that may stand in the system's message,
and the most tokens its template may come to.
"""


class Front(msgspec.Struct, frozen=True):
    """What a file says about its prompt, and where the template is in it."""

    raw: dict[str, Any] | None
    """As written; None without front matter."""
    ext: dict[str, dict[str, Any]]
    """Keys with a dot, by what is before the last one."""
    marked: Marked
    start: int
    end: int

    @property
    def settings(self) -> dict[str, Any]:
        """Ours, of the keys that begin with `headgate.`."""
        return self.ext.get(NAMESPACE, {})

    def get(self, key: str, kind: type) -> Any:
        """A value; None where it is not of its type, which is noted elsewhere."""
        value = (self.raw or {}).get(key)
        return value if isinstance(value, kind) else None


def front_of(text: str, notes: Notes) -> Front:
    """The front matter of a file. Behind one, the template has no white space around it; without, it is all of the
    file.
    """
    opened = _OPENS.match(text)
    if opened is None:
        return Front(None, {}, Marked({}, {}), 0, len(text))
    closed = _CLOSES.search(text, opened.end())
    if closed is None:
        if text.lstrip(WHITESPACE).startswith("---"):
            notes.note(opened.start(), "the front matter is not closed; write '---' on a line of its own behind it")
        return Front(None, {}, Marked({}, {}), 0, len(text))
    line, _ = notes.place(opened.end())
    marked = read(text[opened.end() : closed.start()], notes, line)
    raw = marked.value
    if raw is None:
        raw = {}
    elif not isinstance(raw, dict):
        notes.at(marked.place(), "the front matter is not a mapping; write 'name: value' lines")
        raw = {}
    body = text[closed.end() :]
    start = closed.end() + len(body) - len(body.lstrip(WHITESPACE))
    front = Front(raw, _namespaces(raw), marked, start, max(start, closed.end() + len(body.rstrip(WHITESPACE))))
    _check(front, notes)
    return front


def note_unread(text: str, notes: Notes) -> None:
    """Note front matter of a partial, which has none."""
    opened = _OPENS.match(text)
    if opened is not None and _CLOSES.search(text, opened.end()) is not None:
        message = "a partial has no front matter: what stands here is rendered as text; take it out"
        notes.note(opened.start(), message, fatal=False)


def _namespaces(raw: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    ext: dict[str, dict[str, Any]] = {}
    for key, value in raw.items():
        namespace, dot, name = key.rpartition(".")
        if dot:
            ext.setdefault(namespace, {})[name] = value
    return ext


def _check(front: Front, notes: Notes) -> None:
    raw, marked = front.raw or {}, front.marked
    plain = {key: value for key, value in raw.items() if "." not in key and key != NAMESPACE}
    check({key: value for key, value in plain.items() if key not in _TAKEN}, _TYPES, marked, notes)
    check({key: value for key, value in plain.items() if key in _TAKEN}, _TAKEN, marked, notes)
    for name, types in (("input", _INPUT), ("output", _OUTPUT)):
        if isinstance(raw.get(name), dict):
            check(raw[name], types, marked, notes, (name,))
    if NAMESPACE in raw:
        notes.at(marked.place(NAMESPACE), f"settings are written one by one, as in '{NAMESPACE}.owner: name'")
    for place, tool in enumerate(front.get("tools", list) or ()):
        if not isinstance(tool, str):
            notes.at(front.marked.place("tools", place), "a tool is named by a text; define it in a *.tool.yaml file")
    for namespace in front.ext:
        if namespace.startswith(f"{NAMESPACE}."):
            key = next(each for each in raw if each.startswith(f"{namespace}."))
            notes.at(front.marked.place(key), f"there is no setting '{key}'{suggest(key, _settings())}")
    for name, value in front.settings.items():
        key = f"{NAMESPACE}.{name}"
        if name not in SETTINGS:
            notes.at(front.marked.place(key), f"there is no setting '{key}'{suggest(key, _settings())}")
        elif not _is(value, SETTINGS[name]):
            notes.at(front.marked.place(key), f"'{key}' is {SETTINGS[name]}{_example(SETTINGS[name])}")


def _settings() -> list[str]:
    return [f"{NAMESPACE}.{name}" for name in SETTINGS]


def _is(value: Any, kind: str) -> bool:
    match kind:
        case "a text":
            return isinstance(value, str)
        case "a day":
            return isinstance(value, str) and _day(value) is not None
        case "a number":
            return isinstance(value, int) and not isinstance(value, bool) and value > 0
        case _:
            texts = isinstance(value, list) and all(isinstance(each, str) for each in value)
            return texts or (isinstance(value, str) and "text or" in kind)


def _day(value: str) -> date | None:
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def _example(kind: str) -> str:
    return ", as in 2027-01-31" if kind == "a day" else ""
