"""Prompty's files (microsoft/prompty, versions 1 and 2): front matter, then a template with lines for roles."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from headgate.prompts.dotprompt.marked import Marked, read
from headgate.prompts.dotprompt.problem import Notes
from headgate.prompts.importing.handlebars import variable
from headgate.prompts.importing.jinja import BadTemplate, handlebars
from headgate.prompts.importing.mustache import mustache
from headgate.prompts.importing.properties import HISTORY, MEDIA, fields_of, kinds_of, typed
from headgate.prompts.importing.settings import settings_of
from headgate.prompts.importing.written import Field, Imported, Note, messages_template, prompt_file, role_of, schema_of

_FENCED: Final = re.compile(
    r"\ufeff?(?:---|\+\+\+)[ \t]*\r?\n(.*?)^(?:---|\+\+\+)[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE
)
_ROLE: Final = re.compile(
    r"^[ \t]*#?[ \t]*(system|user|assistant|developer|tool|function)[ \t]*(\[[^\]\n]*\])?:[ \t]*\r?$",
    re.IGNORECASE | re.MULTILINE,
)
_LOOP: Final = re.compile(
    r"\{%-?\s*for\s+(?P<item>\w+)\s+in\s+(?P<list>\w+)\s*-?%\}\s*"
    r"\{\{-?\s*(?P=item)(?:\.role|\[['\"]role['\"]\])\s*-?\}\}:\s*"
    r"\{\{-?\s*(?P=item)(?:\.content|\[['\"]content['\"]\])\s*-?\}\}\s*\{%-?\s*endfor\s*-?%\}"
)
"""What was said before, one message after the other."""
_CHOSEN: Final = re.compile(r"^[ \t]*#?[ \t]*\{\{[^{}\n]*\}\}[ \t]*:[ \t]*\r?$", re.MULTILINE)
_IMAGE: Final = re.compile(r"!\[[^\]]*\]\((?:\{\{([^}]+)\}\}|([^)\s\"]+))\)")
_ENVIRONMENT: Final = re.compile(r"\$\{[^}]*\}")
_READ: Final = frozenset({"model", "inputs", "sample", "outputs", "tools", "template", "name", "description"})
_KEPT: Final = frozenset({"authors", "tags", "version", "metadata", "displayName"})


def prompty(name: str, source: str, *, trim: bool = False) -> Imported:
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
    front = _Front(marked, notes)
    body = _Body(front, notes, trim=trim)
    template = body.template(source[fenced.end() :], source[: fenced.end()].count("\n") + 1)
    return Imported(name, prompt_file(front.written(body.inputs, body.parts, template), template), sorted(set(notes)))


class _Front:
    """What stands before the template."""

    def __init__(self, marked: Marked, notes: list[Note]) -> None:
        self._marked = marked
        self._notes = notes
        self.given: Mapping[str, Any] = marked.value
        written = self.given.get("inputs")
        self._samples = written is None
        self.inputs = written if written is not None else self.given.get("sample")

    @property
    def is_mustache(self) -> bool:
        """Whether the template is named as one: as a text, or under `format` or `type`, which may have it in `kind`."""
        written: Any = self.given.get("template")
        for key in ("format", "type", "kind"):
            if isinstance(written, dict):
                written = written.get(key, written)
        return isinstance(written, str) and written.startswith("mustache")

    def written(self, used: Mapping[str, Field], parts: Mapping[str, str], template: str) -> dict[str, Any]:
        """Front matter of a prompt. `used` are the inputs of its template, `parts` those that stand for no text."""
        if isinstance(self.inputs, str):
            self._note("sample", f"inputs are in the file {self.inputs}; write what they are under 'input.schema'")
        declared, defaults = fields_of(self.inputs, samples=self._samples)
        media = {name for name, tag in parts.items() if tag != "history"}
        kept = {name: field for name, field in declared.items() if name not in parts or name in media}
        fields = {**kept, **{name: field for name, field in used.items() if name not in declared}}
        made = self._model()
        made["input"] = {"schema": schema_of(fields, template)}
        made["input"] |= {"default": defaults} if defaults else {}
        if self.given.get("outputs"):
            made["output"] = self._outputs() or made["output"]
        if self.given.get("tools"):
            self._note("tools", "tools are files of their own: write NAME.tool.yaml beside the prompt")
        rest = {key: value for key, value in self.given.items() if key not in _READ}
        for key in rest.keys() - _KEPT:
            self._note(key, f"'{key}' means nothing here; it is kept as 'prompty.{key}'")
        return {
            "description": self.given.get("description"),
            **made,
            "prompty.name": self.given.get("name"),
            **{f"prompty.{key}": value for key, value in rest.items()},
        }

    def _model(self) -> dict[str, Any]:
        """The keys `model`, `config` and `output`."""
        written = self.given.get("model")
        model = dict(written) if isinstance(written, dict) else {"id": written}
        reached = model.get("configuration")
        settings = reached if isinstance(reached, dict) else {}
        named = [model.get("id"), *(settings.get(key) for key in ("azure_deployment", "name", "model"))]
        name = next((each for each in named if isinstance(each, str) and each), None)
        if model.get("connection") or settings:
            self._note(
                "model", "how the vendor is reached is not a prompt's; write it under 'providers' of headgate.yaml"
            )
        if model.get("api", model.get("apiType", "chat")) not in ("chat", "agent"):
            self._note(
                "model", f"the prompt is for '{model.get('api', model.get('apiType'))}', and is asked as a chat here"
            )
        if name is not None and _ENVIRONMENT.search(name):
            self._note("model", f"the model is named by the environment ({name}); write it under 'model'")
            name = None
        given = model.get("options") or model.get("parameters")
        if isinstance(given, dict) and isinstance(given.get("additionalProperties"), dict):
            given = {**{key: value for key, value in given.items() if key != "additionalProperties"},
                     **given["additionalProperties"]}  # fmt: skip
        return {"model": name, **settings_of(given, self._marked.place("model")[0], self._notes)}

    def _outputs(self) -> dict[str, Any]:
        fields, _ = fields_of(self.given["outputs"], samples=False)
        if not fields:
            self._note("outputs", "the outputs' schema is to be written anew, under 'output.schema'")
            return {}
        return {"format": "json", "schema": schema_of(fields)}

    def _note(self, key: str, message: str) -> None:
        self._notes.append(Note(self._marked.place(key)[0], message))


class _Body:
    """The template, message by message."""

    def __init__(self, front: _Front, notes: list[Note], *, trim: bool) -> None:
        self._mustache = front.is_mustache
        self._notes = notes
        self._trim = trim
        self.inputs: dict[str, Field] = {}
        self.parts = self._parts(kinds_of(front.inputs))
        """Inputs that stand for messages or media, and the tags they become."""
        self._typed = typed(front.inputs)

    def _parts(self, kinds: Mapping[str, str]) -> dict[str, str]:
        found = {name: "history" for name, kind in kinds.items() if kind == HISTORY}
        return found | {name: f"media url={variable(name)}" for name, kind in kinds.items() if kind in MEDIA}

    def template(self, body: str, line: int) -> str:
        body = self._with_history(body, line)
        for found in _CHOSEN.finditer(body):
            at = line + body[: found.start()].count("\n")
            self._notes.append(
                Note(at, "a role that a value chooses is only text here; give what was said before as messages of the "
                     "call, and write {{history}} where it belongs")
            )  # fmt: skip
        pieces = _ROLE.split(body)
        messages: list[tuple[str, str]] = []
        for at in range(0, len(pieces), 3):
            here = line + sum(piece.count("\n") for piece in pieces[:at] if piece)
            text = self._text(pieces[at], here, several=len(pieces) > 1)
            if not text.strip():
                continue
            if at and pieces[at - 1]:
                self._notes.append(Note(here, f"{pieces[at - 1]} of the role was left out"))
            unnamed = "system" if len(pieces) > 1 else "user"
            messages.append((role_of(pieces[at - 2], here, self._notes) if at else unnamed, text))
        return messages_template(messages)

    def _with_history(self, body: str, line: int) -> str:
        """The template with one name in the place of a loop over messages, on as many lines."""

        def named(found: re.Match[str]) -> str:
            self.parts[found["list"]] = "history"
            at = line + body[: found.start()].count("\n")
            message = f"the messages in '{found['list']}' became {{{{history}}}}: give them as those of the call"
            self._notes.append(Note(at, message))
            return f"{{{{ {found['list']} }}}}" + "\n" * found[0].count("\n")

        return body if self._mustache else _LOOP.sub(named, body)

    def _text(self, text: str, line: int, *, several: bool) -> str:
        if self._mustache:
            template, fields = mustache(text, self._notes, line, self.parts)
        else:
            try:
                template, fields = handlebars(
                    text, self._notes, line, trim=self._trim, parts=self.parts, declared=self._typed
                )
            except BadTemplate as error:
                behind = "; a block cannot reach over several roles" if several else ""
                raise BadTemplate(error.line, f"{error}{behind}") from None
        for name, field in fields.items():
            self.inputs.setdefault(name, field)
        return _IMAGE.sub(_media, template)


def _media(found: re.Match[str]) -> str:
    return f"{{{{media url={found[1].strip()}}}}}" if found[1] else f'{{{{media url="{found[2]}"}}}}'
