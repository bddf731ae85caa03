"""Prompts as Langfuse exports them: JSON of one, or a list of them, of type `text` or `chat`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from headgate.prompts.dotprompt.helpers import HELPERS
from headgate.prompts.importing.jinja import BadTemplate
from headgate.prompts.importing.written import Imported, Note, messages_template, prompt_file, role_of, schema_of

_VARIABLE = re.compile(r"\{\{\s*([A-Za-z_]\w*)\s*\}\}")
_COMPOSED = re.compile(r"@@@langfusePrompt:name=([^|@]+)(?:\|[^@]*)?@@@")


def langfuse(name: str, source: str) -> list[Imported]:
    """A prompt file for each prompt of an export.

    Raises:
        BadTemplate: it is no export.
    """
    try:
        document = msgspec.json.decode(source)
    except msgspec.DecodeError as error:
        raise BadTemplate(1, f"it is not JSON: {error}") from None
    listed = document.get("data", [document]) if isinstance(document, dict) else document
    if not isinstance(listed, list) or not all(isinstance(each, dict) and "prompt" in each for each in listed):
        raise BadTemplate(1, "it is no prompt of Langfuse's, which has 'name' and 'prompt'")
    return [_imported(each, name if len(listed) == 1 else "") for each in listed]


def _imported(given: Mapping[str, Any], fallback: str) -> Imported:
    notes: list[Note] = []
    prompt = given["prompt"]
    messages = [("user", prompt)] if isinstance(prompt, str) else [_message(each, notes) for each in prompt]
    config = dict(given.get("config") or {})
    template = messages_template([(role, _text(text, notes) if role else text) for role, text in messages])
    variables = list(dict.fromkeys(found for role, text in messages if role for found in _VARIABLE.findall(text)))
    front = {
        "model": config.pop("model", None),
        "config": config,
        "input": {"schema": schema_of(variables, dict.fromkeys(variables, "string"))} if variables else {},
        "langfuse.version": given.get("version"),
        "langfuse.labels": given.get("labels"),
        "langfuse.tags": given.get("tags"),
    }
    name = re.sub(r"[^\w/-]+", "-", str(given.get("name") or fallback)).strip("-/") or "prompt"
    return Imported(name, prompt_file(front, template), notes)


def _message(given: Any, notes: list[Note]) -> tuple[str, str]:
    if isinstance(given, dict) and given.get("type") == "placeholder":
        notes.append(
            Note(1, f"the placeholder '{given.get('name')}' became {{{{history}}}}: pass its messages as such")
        )
        return "", "{{history}}"
    if not isinstance(given, dict) or not isinstance(given.get("content"), str):
        notes.append(Note(1, "a message that is no text was left out"))
        return "", ""
    return role_of(str(given.get("role")), 1, notes), given["content"]


def _text(text: str, notes: list[Note]) -> str:
    """A text with its variables, and with tags of Handlebars that are none of Langfuse's kept as text."""

    def partial(found: re.Match[str]) -> str:
        name = re.sub(r"[^\w/-]+", "-", found.group(1))
        notes.append(Note(1, f"import '{found.group(1)}' too, as the partial '{name}'"))
        return f"{{{{> {name}}}}}"

    kept = re.sub(r"\{\{(?!\s*[A-Za-z_]\w*\s*\}\})", r"\\{{", text)
    kept = _VARIABLE.sub(lambda found: f"{{{{@root.{found[1]}}}}}" if found[1] in HELPERS else found[0], kept)
    return _COMPOSED.sub(partial, kept)
