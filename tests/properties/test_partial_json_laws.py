"""Checking JSON while it comes: nothing is told of what is fine, and in the end all is told."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from headgate.checks.json_schema import JsonSchema, compiled
from headgate.checks.partial_json import PartialJson

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NUMBERS = st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXT
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=12
)


@st.composite
def schemas(draw: st.DrawFn, value: Any) -> Any:
    """A schema that a value fits, in as much detail as the draw will have it."""
    if draw(st.integers(0, 4)) == 0:
        return draw(st.sampled_from([{}, {"const": value}, {"enum": [value, "other"]}, {"anyOf": [False, {}]}]))
    match value:
        case dict():
            properties = {name: draw(schemas(each)) for name, each in value.items() if draw(st.booleans())}
            schema: Any = {"type": "object", "properties": properties, "required": sorted(properties)}
            schema |= {"minProperties": len(value), "maxProperties": len(value)} if draw(st.booleans()) else {}
            is_closed = draw(st.booleans()) and properties.keys() == value.keys()
            return schema | ({"additionalProperties": False} if is_closed else {})
        case list():
            items = [draw(schemas(each)) for each in value]
            schema = {"type": "array", "minItems": len(value), "maxItems": len(value)}
            schema |= {"prefixItems": items, "contains": items[-1]} if items else {}
            return schema | ({"items": False} if draw(st.booleans()) else {})
        case bool():
            return {"type": "boolean"}
        case None:
            return {"type": ["null", "string"]}
        case int() | float():
            kind = "integer" if isinstance(value, int) else "number"
            return {"type": kind, "minimum": value, "maximum": value}
        case _:
            return {"type": "string", "minLength": len(value), "maxLength": len(value)}


@st.composite
def fitting(draw: st.DrawFn) -> tuple[JsonSchema, str]:
    """A schema and a document that fits it, written one way or another."""
    value = draw(VALUES)
    schema = draw(schemas(value))
    text = json.dumps(value, ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, 1])))
    return compiled(schema), text


def told(schema: JsonSchema, pieces: list[str]) -> list[str]:
    """All that is told while the pieces come, each of them looked at."""
    checker = PartialJson(schema)
    problems: list[str] = []
    for piece in pieces:
        checker.add(piece)
        problems += checker.look()
    return problems


@given(fitting())
def test_of_a_document_that_fits_nothing_is_told_wherever_it_is_cut(case: tuple[JsonSchema, str]):
    schema, text = case
    if schema.problems(text):  # what a validator makes of a float is not the point here
        return
    assert told(schema, list(text)) == []
    checker = PartialJson(schema)
    assert [problem for character in text for problem in checker.feed(character)] == []
    assert checker.close() == []


@given(fitting(), fitting(), st.integers(1, 7))
def test_what_is_told_early_is_wrong_in_the_end_and_the_end_tells_all(
    one: tuple[JsonSchema, str], other: tuple[JsonSchema, str], size: int
):
    schema, text = one[0], other[1]
    problems = schema.problems(text)
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    checker = PartialJson(schema)
    early = [problem for piece in pieces for problem in checker.feed(piece)]
    assert not early or problems
    assert checker.close() == problems


@given(fitting(), st.data())
def test_a_broken_document_is_told_in_the_end_and_never_causes_an_error(
    case: tuple[JsonSchema, str], data: st.DataObject
):
    schema, text = case
    at = data.draw(st.integers(0, len(text)))
    junk = data.draw(TEXT)
    broken = text[:at] + junk + text[at:]
    checker = PartialJson(schema)
    early = [problem for character in broken for problem in checker.feed(character)]
    assert checker.close() == schema.problems(broken)
    assert not early or schema.problems(broken)
