"""Prompts as Langfuse exports them: JSON of one, or a list of them, of type `text` or `chat`
(https://langfuse.com/docs/prompt-management/data-model).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from headgate.prompts.dotprompt.marked import Marked, read
from headgate.prompts.dotprompt.problem import Notes
from headgate.prompts.importing.handlebars import Said, Tag, Token, template, variable
from headgate.prompts.importing.jinja import BadTemplate
from headgate.prompts.importing.settings import settings_of
from headgate.prompts.importing.written import (
    Field,
    Imported,
    Note,
    messages_template,
    partial_of,
    prompt_file,
    role_of,
    schema_of,
)

_TAG: Final = re.compile(
    r"\{\{\s*(?P<name>[A-Za-z_]\w*)\s*\}\}"
    r"|@@@langfusePrompt:(?P<of>[^@]*)@@@"
    r"|(?P<odd>\{\{[^{}\n]*\}\})",
    re.ASCII,
)
_Steps = tuple[str | int, ...]


def langfuse(name: str, source: str, *, partial: bool = False) -> list[Imported]:
    """A prompt file for each prompt of an export; of several versions for the one in production, else the newest.

    Raises:
        BadTemplate: it is no export.
    """
    try:
        document = msgspec.json.decode(source.removeprefix("\ufeff"))
    except msgspec.DecodeError as error:
        raise BadTemplate(1, f"it is not JSON: {error}") from None
    marked = read(source, Notes(name, source))
    is_page = isinstance(document, dict) and isinstance(document.get("data"), list)
    listed = document["data"] if is_page else document if isinstance(document, list) else [document]
    steps: list[_Steps] = [("data",) if is_page else ()] if document is not listed else [()]
    if not listed or not all(isinstance(each, dict) and "prompt" in each for each in listed):
        message = "it is no prompt of Langfuse's, which has 'name' and 'prompt'"
        if is_page:
            message += "; a list of GET /api/public/v2/prompts has names only: get each as /api/public/v2/prompts/NAME"
        raise BadTemplate(1, message)
    places = [((*steps[0], at) if is_page or isinstance(document, list) else ()) for at in range(len(listed))]
    readers = [
        _Reader(each, name if len(listed) == 1 else "", marked, at) for each, at in zip(listed, places, strict=True)
    ]
    return [each.imported(others, partial=partial) for each, others in _served(readers)]


def _served(readers: Sequence[_Reader]) -> Iterator[tuple[_Reader, list[_Reader]]]:
    """Of each name the version that is served, and the others."""
    named: dict[str, list[_Reader]] = {}
    for each in readers:
        named.setdefault(each.name, []).append(each)
    for versions in named.values():
        best = max(versions, key=lambda each: each.rank)
        yield best, [each for each in versions if each is not best]


class _Reader:
    """One version of a prompt."""

    def __init__(self, given: Mapping[str, Any], fallback: str, marked: Marked, steps: _Steps) -> None:
        self._given = given
        self._marked = marked
        self._steps = steps
        self._notes: list[Note] = []
        self._inputs: dict[str, Field] = {}
        self.name = re.sub(r"[^\w/-]+", "-", str(given.get("name") or fallback)).strip("-/_") or "prompt"
        version = given.get("version")
        labels = given.get("labels")
        self.version = version if isinstance(version, int) else 0
        self.rank = ("production" in labels if isinstance(labels, list) else False, self.version)

    def imported(self, others: Sequence[_Reader], *, partial: bool) -> Imported:
        for each in others:
            message = f"version {each.version} of '{self.name}' was left out for version {self.version}"
            self._notes.append(Note(each.line(), message))
        prompt = self._given["prompt"]
        messages = self._messages(prompt) if isinstance(prompt, list) else [("user", self._text(str(prompt), "prompt"))]
        body = messages_template(messages)
        if partial:
            return Imported(self.name, body, sorted(self._notes))
        settings = settings_of(self._given.get("config"), self.line("config"), self._notes)
        front = {
            "model": settings["config"].pop("model", None),
            **settings,
            "input": {"schema": schema_of(self._inputs, body)},
            **{f"langfuse.{key}": self._given.get(key) for key in ("version", "labels", "tags")},
        }
        return Imported(self.name, prompt_file(front, body), sorted(self._notes))

    def _messages(self, given: Sequence[Any]) -> list[tuple[str, str]]:
        found = [message for at, each in enumerate(given) if (message := self._message(each, "prompt", at)) is not None]
        history = [at for at, (role, _) in enumerate(found) if not role]
        return [each for at, each in enumerate(found) if at not in history[1:]]

    def _message(self, given: Any, *steps: str | int) -> tuple[str, str] | None:
        if isinstance(given, dict) and given.get("type") == "placeholder":
            name = given.get("name")
            self._note(
                f"the placeholder '{name}' became {{{{history}}}}: give its messages as those of the call", *steps
            )
            if any("became {{history}}" in each.message for each in self._notes[:-1]):
                self._note(f"there is one {{{{history}}}}; the placeholder '{name}' was left out", *steps)
            return "", "{{history}}"
        if not isinstance(given, dict) or not isinstance(given.get("content"), str):
            self._note("a message that is no text was left out", *steps)
            return None
        role = role_of(str(given.get("role")), self.line(*steps), self._notes)
        return role, self._text(given["content"], *steps, "content")

    def _text(self, text: str, *steps: str | int) -> str:
        return template(self._tokens(text, *steps))

    def _tokens(self, text: str, *steps: str | int) -> Iterator[Token]:
        at = 0
        for found in _TAG.finditer(text):
            yield Said(text[at : found.start()])
            at = found.end()
            if name := found["name"]:
                self._inputs.setdefault(name, Field("string"))
                yield Tag("value", variable(name))
            elif found["odd"]:
                self._note(f"'{found['odd']}' is no variable of Langfuse's, and stays as it is", *steps)
                yield Said(found["odd"])
            else:
                yield self._reference(found["of"], *steps)
        yield Said(text[at:])

    def _reference(self, written: str, *steps: str | int) -> Token:
        options = {key: value for key, _, value in (part.partition("=") for part in written.split("|"))}
        name = options.get("name", "")
        if not partial_of(name):
            self._note(f"the reference '{written}' names no prompt; it was left out", *steps)
            return Said("")
        pinned = "".join(f", {key} {options[key]}" for key in ("version", "label") if key in options)
        self._note(f"import '{name}'{pinned} too, with --partial, as the partial '{partial_of(name)}'", *steps)
        return Tag("partial", partial_of(name))

    def line(self, *steps: str | int) -> int:
        """Where something of it stands in the export."""
        return self._marked.place(*self._steps, *steps)[0]

    def _note(self, message: str, *steps: str | int) -> None:
        note = Note(self.line(*steps), message)
        if note not in self._notes:
            self._notes.append(note)
