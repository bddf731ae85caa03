"""What of one schema does not fit another."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from headgate.checks.containment import Gap, gaps
from headgate.checks.json_schema import compiled

TEXT = {"type": "string"}


def of(*required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": [*required], "additionalProperties": False}


@pytest.mark.parametrize(
    ("inner", "outer", "told"),
    [
        (of(a=TEXT), of("a", a=TEXT), [Gap("a", "required")]),
        (of("a", a=TEXT), of(a=TEXT), []),
        (of(a=TEXT, b=TEXT), of(a=TEXT), [Gap("b", "gone")]),
        (of(a=TEXT), of(a=TEXT, b=TEXT), []),
        (of(a={"type": ["string", "null"]}), of(a=TEXT), [Gap("a", "type", "null")]),
        (of(a={"type": "integer"}), of(a={"type": "number"}), []),
        (of(a={"type": "number"}), of(a={"type": "integer"}), [Gap("a", "type", "number")]),
        (of(a={}), of(a=TEXT), [Gap("a", "type", "array, boolean, null, number, object")]),
        (of(a={"enum": ["x", "y"]}), of(a={"enum": ["x"]}), [Gap("a", "value", '"y"')]),
        (of(a={"enum": ["x"]}), of(a=TEXT), []),
        (of(a=TEXT), of(a={"enum": ["x"]}), [Gap("a", "only", '"x"')]),
        (of(a={"enum": ["x", 1]}), of(a={"const": "x"}), [Gap("a", "value", "1")]),
        (of(a={"type": "array", "items": of(b=TEXT)}), of(a={"type": "array", "items": of("b", b=TEXT)}),
         [Gap("a[].b", "required")]),
        (of(a=TEXT), of(a={"type": "string", "minLength": 2}), [Gap("a", "bound", "minLength 2")]),
        (of(a={"type": "string", "minLength": 3}), of(a={"type": "string", "minLength": 2}), []),
        (of(a={"type": "string", "maxLength": 3}), of(a={"type": "string", "maxLength": 2}),
         [Gap("a", "bound", "maxLength 2")]),
        (of(a=TEXT), of(a={"type": "string", "pattern": "x"}), [Gap("a", "other", "pattern")]),
        (of(a=TEXT), of(a={**TEXT, "description": "other words"}), []),
        ({"type": "object"}, of(a=TEXT), [Gap("", "closed")]),
        (of(a=TEXT), {"type": "object", "additionalProperties": {"type": "integer"}}, [Gap("a", "type", "string")]),
        (of(a=TEXT), of(a={"anyOf": [TEXT, {"type": "null"}]}), []),
        (of(a={"anyOf": [TEXT, {"type": "null"}]}), of(a=TEXT), [Gap("a", "type", "null")]),
        (of(a=TEXT), of(a={"oneOf": [TEXT, {"type": "null"}]}), [Gap("a", "other", "oneOf")]),
        (of(a=TEXT), of(a={"not": {"const": "x"}}), [Gap("a", "other", "not")]),
        (of(a={"allOf": [TEXT, {"maxLength": 3}]}), of(a=TEXT), []),
        ({**of(a={"$ref": "#/$defs/t"}), "$defs": {"t": TEXT}}, of(a=TEXT), []),
        (of(a=TEXT), {**of(a={"$ref": "#/$defs/t"}), "$defs": {"t": {"type": "null"}}}, [Gap("a", "type", "string")]),
        (True, of(), [Gap("", "type", "array, boolean, null, number, string"), Gap("", "closed")]),
        (of(), True, []),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_with_its_place(inner: Any, outer: Any, told: list[Gap]):
    assert gaps(inner, outer) == told
    assert gaps(inner, inner) == gaps(outer, outer) == []


@pytest.mark.parametrize(
    ("inner", "outer", "told"),
    [
        (of("a", "b", a=TEXT, b=TEXT), of("a", a=TEXT), []),
        (of("a", a=TEXT), of("a", a=TEXT, b=TEXT), [Gap("b", "gone")]),
        (of("a", a=TEXT), of("a", "b", a=TEXT, b=TEXT), [Gap("b", "gone")]),
        (of(a=TEXT), of("a", a=TEXT), [Gap("a", "required")]),
        (of("a", a={"enum": ["x", "y"]}), of("a", a={"enum": ["x"]}), [Gap("a", "value", '"y"')]),
    ],
)
def test_answers_may_grow_and_must_not_shrink(inner: Any, outer: Any, told: list[Gap]):
    assert gaps(inner, outer, growing=True) == told


def test_a_schema_that_refers_to_itself_has_an_end():
    tree = {"$defs": {"t": of(down={"$ref": "#/$defs/t"})}, "$ref": "#/$defs/t"}
    assert all(gap.kind == "other" for gap in gaps(tree, tree))


_LEAVES = st.one_of(
    st.sampled_from([
        {}, TEXT, {"type": "integer"}, {"type": "number"}, {"type": "null"}, {"type": ["string", "null"]}, {"enum": ["x", 1]},
        {"enum": ["x"]}, {"const": None}, {"type": "string", "minLength": 2}, {"type": "string", "maxLength": 1},
        {"type": "integer", "minimum": 1}, {"type": "string", "pattern": "x"}, {"not": TEXT}, {"type": "boolean"},
    ])
)  # fmt: skip


def _larger(part: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    def made(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
        return of(*(name for name in required if name in properties), **properties)

    return st.one_of(
        st.builds(made, st.dictionaries(st.sampled_from("ab"), part, max_size=2), st.lists(st.sampled_from("ab"), unique=True)),
        st.builds(lambda items: {"type": "array", "items": items}, part),
        st.builds(lambda key, one, two: {key: [one, two]}, st.sampled_from(["anyOf", "oneOf", "allOf"]), part, part),
    )  # fmt: skip


_SCHEMAS = st.recursive(_LEAVES, _larger, max_leaves=4)
_VALUES = st.recursive(
    st.sampled_from(["", "x", "xy", 1, 0, 1.5, None, True]),
    lambda part: st.one_of(st.lists(part, max_size=2), st.dictionaries(st.sampled_from("ab"), part, max_size=2)),
    max_leaves=4,
)


def _accepts(schema: Any, value: Any) -> bool:
    return not compiled(schema).faults(msgspec.json.encode(value).decode(), value)


@settings(max_examples=120, deadline=None)
@given(_SCHEMAS, _SCHEMAS, st.lists(_VALUES, min_size=1, max_size=8))
def test_where_no_gap_is_told_there_is_none(inner: Any, outer: Any, values: list[Any]):
    assume(not gaps(inner, outer))
    for value in values:
        assert not _accepts(inner, value) or _accepts(outer, value), value
