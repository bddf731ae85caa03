"""The prompts of a configuration of promptfoo's made into prompt files
(https://www.promptfoo.dev/docs/configuration/prompts/).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any, Final, NamedTuple

import msgspec

from headgate.evals.promptfoo.notes import FILE
from headgate.prompts.dotprompt.marked import read
from headgate.prompts.dotprompt.problem import Notes
from headgate.prompts.importing import BadTemplate, Field, Imported, Note, handlebars
from headgate.prompts.importing.settings import settings_of
from headgate.prompts.importing.written import messages_template, prompt_file, role_of, schema_of

_TEXTS: Final = (".txt", ".md", ".j2", ".jinja", ".jinja2")
_CONVERSATIONS: Final = (".json", ".yaml", ".yml")
_NAMED: Final = re.compile(r"\S+\.(?:txt|md|j2|jinja2?|json|ya?ml|csv|sh|(?:py|[cm]?js|ts)(?::\w+)?)")
"""A prompt that is the name of a file."""
_SEPARATOR: Final = re.compile(r"^---[ \t]*\r?$", re.MULTILINE)

Fetch = Callable[[str], str | None]
"""The text of a file by its name in the configuration; None where it is not to be read."""


class Written(NamedTuple):
    """A prompt as a configuration has it."""

    text: str
    label: str
    config: Any
    line: int
    file: str = ""


def prompts_of(name: str, given: Any, place: Callable[[int], int], fetch: Fetch) -> tuple[list[Imported], list[Note]]:
    """Prompt files: the first is called `name`, others are its variants; and what was left out.

    Args:
        given: what stands under `prompts`.
        place: the line of each of them.
    """
    notes: list[Note] = []
    listed = given if isinstance(given, list) else [] if given is None else [given]
    found = [each for at, value in enumerate(listed) for each in _written(value, place(at), fetch, notes)]
    made: list[Imported] = []
    taken = {""}
    for at, each in enumerate(found):
        variant = re.sub(r"[^\w-]+", "-", each.label).strip("-_") if at else ""
        variant = variant if variant not in taken else f"v{at + 1}" if at else ""
        taken.add(variant)
        if (file := _file(f"{name}.{variant}" if variant else name, each, notes)) is not None:
            made.append(file)
    return made, notes


def _written(given: Any, line: int, fetch: Fetch, notes: list[Note]) -> Iterator[Written]:
    described = given if isinstance(given, dict) else {"raw": given}
    text = described.get("raw", described.get("id"))
    label, config = str(described.get("label") or ""), described.get("config")
    if not isinstance(text, str):
        notes.append(Note(line, "a prompt that is no text was left out"))
        return
    if not text.startswith(FILE) and not _NAMED.fullmatch(text):
        yield Written(text, label, config, line)
        return
    file = text.removeprefix(FILE)
    readable = file.endswith((*_TEXTS, *_CONVERSATIONS)) and "*" not in file
    content = fetch(file) if readable else None
    if content is None:
        notes.append(Note(line, f"the prompt in {file} was left out; write it as a prompt of its own"))
        return
    stem = PurePosixPath(file).stem
    if file.endswith(_CONVERSATIONS):
        yield Written(content if file.endswith(".json") else _as_json(content), label or stem, config, line, file)
        return
    for at, piece in enumerate(_SEPARATOR.split(content)):
        if piece.strip():
            yield Written(piece.strip("\r\n"), f"{label or stem}{f'-{at + 1}' if at else ''}", config, line, file)


def _as_json(content: str) -> str:
    """A conversation in YAML as one in JSON; text that is none as it is."""
    problems = Notes("", content)
    tree = read(content, problems).value
    return msgspec.json.encode(tree).decode() if isinstance(tree, list) and not problems.found else content


def _file(name: str, given: Written, notes: list[Note]) -> Imported | None:
    found: list[Note] = []
    try:
        template, fields = _template(given, found)
    except BadTemplate as error:
        notes.append(Note(given.line, f"the prompt was left out, since it is no template that can be read: {error}"))
        return None
    if given.file:
        found = [Note(given.line, f"{given.file}:{each.line}: {each.message}") for each in found]
    settings = settings_of(given.config, given.line, found)
    front = {
        "model": settings["config"].pop("model", None),
        **settings,
        "input": {"schema": schema_of(fields, any_other=True)},
    }
    return Imported(name, prompt_file(front, template), sorted(found))


def _template(given: Written, notes: list[Note]) -> tuple[str, dict[str, Field]]:
    """A prompt, which may be a conversation in JSON."""
    line = 1 if given.file else given.line
    try:
        messages = msgspec.json.decode(given.text, type=list[dict[str, Any]])
    except (msgspec.DecodeError, msgspec.ValidationError):
        if given.text.lstrip().startswith("[") and '"role"' in given.text:
            notes.append(
                Note(line, "a conversation whose JSON is made by the template is one message of the user here")
            )
        return handlebars(given.text, notes, line, nunjucks=True)
    fields: dict[str, Field] = {}
    said: list[tuple[str, str]] = []
    for each in messages:
        content = each.get("content")
        if not isinstance(content, str):
            notes.append(Note(line, "a message that is no text was left out"))
            continue
        text, found = handlebars(content, notes, line, nunjucks=True)
        said.append((role_of(str(each.get("role")), line, notes), text))
        fields |= {name: field for name, field in found.items() if name not in fields}
    return messages_template(said), fields
