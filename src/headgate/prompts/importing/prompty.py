"""Prompty's files (microsoft/prompty, versions 1 and 2): front matter, then a template with lines for roles."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from headgate.prompts.dotprompt.marked import Marked, read
from headgate.prompts.dotprompt.problem import Notes
from headgate.prompts.importing.jinja import BadTemplate, handlebars
from headgate.prompts.importing.written import Imported, Note, messages_template, prompt_file, role_of, schema_of

_FENCED = re.compile(
    r"\ufeff?(?:---|\+\+\+)[ \t]*\r?\n(.*?)^(?:---|\+\+\+)[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE
)
_ROLE = re.compile(
    r"^[ \t]*#?[ \t]*(system|user|assistant|developer|tool|function)[ \t]*(?:\[[^\]\n]*\])?:[ \t]*\r?$",
    re.IGNORECASE | re.MULTILINE,
)
_IMAGE = re.compile(r"!\[[^\]]*\]\((\{\{[^}]+\}\}|[^)\s]+)\)")
_KINDS = {"string": "string", "integer": "integer", "float": "number", "number": "number", "boolean": "boolean"}


def prompty(name: str, source: str) -> Imported:
    """A prompt file for one of Prompty's.

    Raises:
        BadTemplate: it is none.
    """
    fenced = _FENCED.match(source)
    if fenced is None:
        raise BadTemplate(1, "there is no front matter between lines of '---'")
    problems = Notes(name, source)
    marked = read(fenced.group(1), problems, 2)
    if problems.found or not isinstance(marked.value, dict):
        first = problems.found[0] if problems.found else None
        raise BadTemplate(first.line if first else 2, first.message if first else "the front matter is not a mapping")
    notes: list[Note] = []
    line = source[: fenced.end()].count("\n") + 1
    template, used = _template(source[fenced.end() :], line, marked.value, notes)
    front = _front(marked, used, notes)
    return Imported(name, prompt_file(front, template), notes)


def _template(body: str, line: int, front: Mapping[str, Any], notes: list[Note]) -> tuple[str, list[str]]:
    is_mustache = _language(front.get("template")).startswith("mustache")
    pieces = _ROLE.split(body)
    messages: list[tuple[str, str]] = []
    used: dict[str, None] = {}
    for at in range(0, len(pieces), 2):
        text, here = pieces[at], line + sum(piece.count("\n") for piece in pieces[:at])
        if is_mustache:
            names = re.findall(r"\{\{[#^&{]?\s*([A-Za-z_]\w*)", text)
        else:
            text, names = handlebars(text, notes, here)
        used |= dict.fromkeys(names)
        if text.strip():
            unnamed = "system" if len(pieces) > 1 else "user"
            messages.append((role_of(pieces[at - 1], here, notes) if at else unnamed, _images(text)))
    return messages_template(messages), list(used)


def _language(written: Any) -> str:
    """The template language a file names: as a text, or under `format` or `type`, which may have it under `kind`."""
    for key in ("format", "type", "kind"):
        if isinstance(written, dict):
            written = written.get(key, written)
    return written if isinstance(written, str) else ""


def _images(text: str) -> str:
    def media(found: re.Match[str]) -> str:
        url = found.group(1)
        return f"{{{{media url={url[2:-2].strip()}}}}}" if url.startswith("{{") else f'{{{{media url="{url}"}}}}'

    return _IMAGE.sub(media, text)


def _front(marked: Marked, used: list[str], notes: list[Note]) -> dict[str, Any]:
    front: Mapping[str, Any] = marked.value
    model = _mapping(front.get("model"), "id")
    settings = _mapping(model.get("configuration"), "name")
    named = (settings.get(key) for key in ("azure_deployment", "name", "model"))
    config = _mapping(model.get("options") or model.get("parameters"), "")
    if model.get("connection") or settings:
        message = "how the vendor is reached is not a prompt's; write it under 'providers' of headgate.yaml"
        notes.append(Note(marked.place("model")[0], message))
    kinds, defaults = _inputs(front.get("inputs") or front.get("sample"), samples="inputs" not in front)
    for key, message in (
        ("outputs", "the outputs' schema is to be written anew, under 'output.schema'"),
        ("tools", "tools are files of their own: write NAME.tool.yaml beside the prompt"),
    ):
        if front.get(key):
            notes.append(Note(marked.place(key)[0], message))
    schema = schema_of([*kinds, *(name for name in used if name not in kinds)], kinds)
    return {
        "name": front.get("name"),
        "description": front.get("description"),
        "model": model.get("id") or next(filter(None, named), None),
        "config": config,
        "input": {key: value for key, value in (("schema", schema), ("default", defaults)) if value},
    }


def _mapping(value: Any, key: str) -> dict[str, Any]:
    """A mapping; a text is one with that under a key."""
    return dict(value) if isinstance(value, dict) else {key: value} if isinstance(value, str) and key else {}


def _inputs(given: Any, *, samples: bool) -> tuple[dict[str, str], dict[str, Any]]:
    """Types of inputs by name, and their defaults. Samples are no defaults."""
    kinds: dict[str, str] = {}
    defaults: dict[str, Any] = {}
    listed = (
        given.items() if isinstance(given, dict) else [(e.get("name"), e) for e in given or () if isinstance(e, dict)]
    )
    for name, value in listed:
        described = value if isinstance(value, dict) else {}
        kind = described.get("kind", described.get("type"))
        kinds[str(name)] = _KINDS.get(str(kind), "any") if kind else _kind_of(value)
        if "default" in described:
            defaults[str(name)] = described["default"]
        elif not described and not samples and value is not None:
            defaults[str(name)] = value
    return kinds, defaults


def _kind_of(value: Any) -> str:
    return "string" if isinstance(value, str) else "any"
