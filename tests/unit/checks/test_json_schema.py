"""Texts against schemas: what is wrong is told in short, and nothing a client writes into a schema can hurt."""

from __future__ import annotations

import time
from typing import Any

import pytest

from headgate.checks.effort import Uncheckable
from headgate.checks.json_schema import MAX_PROBLEM, MAX_PROBLEMS, compiled

CITY = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "size": {"enum": ["small", "large"]},
        "river": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    },
    "required": ["name"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ('{"name": "Oslo", "river": null}', []),
        ("{}", ['at /: "name" is a required property']),
        ('{"name": 1}', ['at /name: it is not of type "string"']),
        ('{"name": "Oslo", "size": "huge"}', ['at /size: it is not one of "small" or "large"']),
        (
            '{"name": "Oslo", "river": 1}',
            ['at /river: it is not of type "string"; or it is not of type "null"'],
        ),
        ('{"name": "Oslo", "a/b": 1}', ["at /: Additional properties are not allowed ('a/b' was unexpected)"]),
        ('{"name": "Oslo"', ["it is not JSON: EOF while parsing an object at line 1 column 15"]),
        ('{"name": "Oslo"} ok', ["it is not JSON: trailing characters at line 1 column 18"]),
        ('{"name": NaN}', ["it is not JSON: expected value at line 1 column 10"]),
    ],
)
def test_problems_say_where_and_what(text: str, problems: list[str]):
    assert compiled(CITY).problems(text) == problems


def test_a_place_is_a_json_pointer():
    schema = compiled({"properties": {"a/b~": {"items": {"type": "integer"}}}})
    assert schema.problems('{"a/b~": [1, "x"]}') == ['at /a~1b~0/1: it is not of type "integer"']


def test_problems_are_few_and_short_and_hold_no_value():
    schema = compiled({"type": "array", "items": {"enum": ["option" * 100]}})
    problems = schema.problems("[" + ", ".join(['"my secret"'] * 100) + "]")
    assert len(problems) == MAX_PROBLEMS
    assert all(len(each) <= MAX_PROBLEM and "secret" not in each for each in problems)


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"type": "nonsense"}, "the schema is none: at /type"),
        ({"$ref": "http://example.com/schema.json"}, "refers to 'http://example.com/schema.json'"),
        ({"properties": {"a": {"$ref": "file:///etc/passwd"}}}, "refers to 'file:///etc/passwd'"),
        ({"$ref": "#/$defs/nowhere"}, "where there is nothing"),
        ({"$schema": "http://example.com/meta"}, "Unknown meta-schema"),
        ({"$defs": {"a": {"$ref": "http://example.com"}}}, "http://example.com"),
        ({"properties": {"a": {"$id": "http://example.com/a"}}}, "'$id'"),
        ({"pattern": "(?=a)b"}, "regex"),
        ({"pattern": "(a{1,1000}){1,1000}"}, "regex"),
        ({"properties": {f"p{n}": {"pattern": "^a+$"} for n in range(20)}}, "patterns"),
        ({"enum": ["x" * 1000] * 300}, "too large"),
    ],
)
def test_a_schema_that_cannot_be_used_says_why(schema: Any, why: str):
    for _ in range(2):  # the second time from memory
        with pytest.raises(Uncheckable, match=why.replace("$", r"\$")):
            compiled(schema)


def exponential(keyword: str, levels: int) -> Any:
    """A schema that has two references to the next level on each."""
    definitions: Any = {
        f"d{n}": {keyword: [{"$ref": f"#/$defs/d{n + 1}"}, {"$ref": f"#/$defs/d{n + 1}"}]} for n in range(levels)
    }
    return {"$ref": "#/$defs/d0", "$defs": {**definitions, f"d{levels}": {"type": "integer"}}}


@pytest.mark.parametrize("keyword", ["allOf", "anyOf", "oneOf"])
def test_a_schema_that_would_take_minutes_is_not_begun(keyword: str):
    assert compiled(exponential(keyword, 5)).problems('"x"')
    started = time.perf_counter()
    with pytest.raises(Uncheckable, match="too complex"):
        compiled(exponential(keyword, 40))
    assert time.perf_counter() - started < 2


def test_a_document_that_would_take_minutes_is_not_begun():
    twice = compiled({"anyOf": [{"items": {"$ref": "#"}, "type": "array"}, {"items": {"$ref": "#"}, "minItems": 1}]})
    assert twice.problems("[[[[1]]]]") == []
    with pytest.raises(Uncheckable, match="too large for its schema"):
        twice.problems("[" * 60 + "]" * 60)


def test_a_large_document_is_told_its_first_problem_only():
    schema = compiled({"items": {"anyOf": [{"type": "integer"}, {"type": "boolean"}]}, "maxItems": 5})
    assert len(schema.problems('["x", "y"]')) == 2
    assert schema.problems("[" + ", ".join(['"x"'] * 20_000) + "]") == ["at /: it has more than 5 items"]
    alternatives = compiled({"items": {"anyOf": [{"type": "integer"}, {"type": "boolean"}]}})
    assert alternatives.problems("[" + ", ".join(['"x"'] * 20_000) + "]") == ["at /: it does not fit the schema"]


def test_recursive_schemas_are_fine():
    tree = compiled(
        {
            "$ref": "#/$defs/node",
            "$defs": {
                "node": {
                    "type": "object",
                    "properties": {"left": {"$ref": "#/$defs/node"}, "right": {"$ref": "#/$defs/node"}},
                    "additionalProperties": False,
                }
            },
        }
    )
    assert tree.problems('{"left": {"left": {}, "right": {}}, "right": {}}') == []
    assert tree.problems('{"left": {"right": {"up": 1}}}') == [
        "at /left/right: Additional properties are not allowed ('up' was unexpected)"
    ]


def test_the_same_schema_is_compiled_once():
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    assert compiled(schema) is compiled({"properties": {"a": {"type": "string"}}, "type": "object"})


def test_older_drafts_are_read_as_what_they_say_they_are():
    schema = {"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "integer"}]}
    assert compiled(schema).problems('["x"]') == ['at /0: it is not of type "integer"']


def test_a_huge_number_is_no_defect():
    assert compiled({"type": "integer"}).problems("9" * 4000) == []
