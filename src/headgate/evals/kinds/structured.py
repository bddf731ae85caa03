"""Answers that are JSON, or have JSON in them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from headgate.checks.effort import Uncheckable
from headgate.checks.json_schema import compiled
from headgate.evals.kinds.kind import Kind
from headgate.evals.marks import CannotTell, Look, Told

MOST_READ = 2_000_000
"""Characters that are read in search of JSON, those that are read again included."""

_ATTEMPT = 1_000
"""Characters that an attempt is counted as, beside those it read."""

OUTPUT = "output"
"""In place of a schema: the one the prompt's output has."""

_FENCED = re.compile(r"```[^\n`]*\n(.*?)```", re.DOTALL)
_BEGINNING = re.compile(r"[{\[]")
_READER = json.JSONDecoder()


def fits_schema(value: Any) -> str | None:
    """What is wrong with a JSON Schema, or with there being one."""
    if value is None or value is True or value == OUTPUT:
        return None
    if not isinstance(value, dict):
        return f"takes a JSON Schema, '{OUTPUT}' for the prompt's own, or nothing"
    try:
        compiled(value)
    except Uncheckable as error:
        return f"takes a JSON Schema; {error}"
    return None


def problems_of(schema: Any, text: str) -> list[str]:
    """What keeps a text from being a document of a schema, or of JSON at all where there is none.

    Raises:
        CannotTell: it would take too long.
    """
    try:
        return compiled(schema if isinstance(schema, dict) else {}).problems(text)
    except Uncheckable as error:
        raise CannotTell(str(error)) from None


def _schema(look: Look) -> Any:
    """Raises `CannotTell` where the prompt's own is asked for and there is none."""
    if look.value != OUTPUT:
        return look.value
    form = look.request.get("response_format")
    named = form.get("json_schema") if isinstance(form, dict) else None
    schema = named.get("schema") if isinstance(named, dict) else None
    if not isinstance(schema, dict):
        raise CannotTell("the prompt has no schema of its output; write 'output: {schema: …}' in it")
    return schema


def _is_json(look: Look) -> Told:
    found = problems_of(_schema(look), look.answer.text.strip())
    return Told(float(not found), "; ".join(found[:3]) or "it is")


def _contains_json(look: Look) -> Told:
    first: list[str] = []
    schema = _schema(look)
    for text in contained(look.answer.text):
        found = problems_of(schema, text)
        if not found:
            return Told(1.0, "there is some in it")
        first = first or found
    return Told(0.0, "; ".join(first[:3]) or "there is no JSON in it")


def contained(text: str) -> Iterator[str]:
    """What may be JSON in a text: what stands in fences, and the document that begins at each brace."""
    yield from (match[1] for match in _FENCED.finditer(text))
    at, left = 0, MOST_READ
    while left > 0 and (match := _BEGINNING.search(text, at)) is not None:
        begins = match.start()
        try:
            ends = _READER.raw_decode(text, begins)[1]
        except json.JSONDecodeError as error:
            at, left = begins + 1, left - (error.pos - begins) - _ATTEMPT
        except (RecursionError, ValueError):  # nested too deep, or a number too long: nobody says how much was read
            at, left = begins + 1, left - 10 * _ATTEMPT
        else:
            yield text[begins:ends]
            at, left = ends, left - (ends - begins) - _ATTEMPT


KINDS: Mapping[str, Kind] = {
    "is-json": Kind(fits_schema, _is_json),
    "contains-json": Kind(fits_schema, _contains_json),
}
