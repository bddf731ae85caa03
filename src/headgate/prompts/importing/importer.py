"""Which importer reads a file."""

from __future__ import annotations

from typing import Final

from headgate.prompts.importing.jinja import handlebars
from headgate.prompts.importing.langfuse import langfuse
from headgate.prompts.importing.prompty import prompty
from headgate.prompts.importing.written import Imported, Note, prompt_file, schema_of

KINDS: Final = {
    "prompty": (".prompty",),
    "jinja": (".j2", ".jinja", ".jinja2"),
    "langfuse": (".json",),
}
"""The kinds of files that can be read, and how they end."""


def import_prompt(kind: str, name: str, source: str, *, partial: bool = False, trim: bool = False) -> list[Imported]:
    """The files that a file of another tool comes to.

    Args:
        kind: one of KINDS.
        name: what the prompt is to be called, where the file does not say.
        partial: write partials, which have no front matter.
        trim: Jinja2 renders it with `trim_blocks` and `lstrip_blocks`.

    Raises:
        BadTemplate: the file is none of that kind.
    """
    if kind == "prompty":
        return [prompty(name, source, trim=trim)]
    if kind == "langfuse":
        return langfuse(name, source, partial=partial)
    notes: list[Note] = []
    template, inputs = handlebars(source, notes, trim=trim)
    text = template if partial else prompt_file({"input": {"schema": schema_of(inputs, template)}}, template)
    return [Imported(name, text, sorted(notes))]
