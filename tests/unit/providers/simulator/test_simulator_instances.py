from __future__ import annotations

import re
from typing import Any

import jsonschema_rs
import pytest

from headgate.errors import BadRequest
from headgate.providers.simulator.dice import Dice
from headgate.providers.simulator.instances import instance
from headgate.providers.simulator.instances.pattern import Unreadable, match

TREE = {
    "$ref": "#/$defs/node",
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "value": {"type": "string"},
                "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
            },
            "required": ["value", "children"],
            "additionalProperties": False,
        }
    },
}
LINKED = {
    "type": "object",
    "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}},
    "required": ["next"],
}
FORMS = {
    "nested objects": {
        "type": "object",
        "properties": {"a": {"type": "object", "properties": {"b": {"type": "boolean"}}, "required": ["b"]}},
        "required": ["a"],
    },
    "enum of mixed types": {"type": ["string", "null"], "enum": ["red", 1, None]},
    "const": {"const": {"deep": [1, 2]}},
    "required without properties": {"type": "object", "required": ["x", "y"]},
    "typed additional properties": {"type": "object", "minProperties": 3, "additionalProperties": {"type": "integer"}},
    "at most one property": {
        "type": "object",
        "properties": {name: {"type": "integer"} for name in "abc"},
        "maxProperties": 1,
    },
    "tuple": {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "items": False, "minItems": 2},
    "distinct items": {"type": "array", "items": {"enum": [1, 2, 3]}, "minItems": 3, "uniqueItems": True},
    "a narrow integer": {"type": "integer", "exclusiveMinimum": 4, "exclusiveMaximum": 6},
    "a multiple": {"type": "integer", "multipleOf": 7, "minimum": 50, "maximum": 60},
    "a fraction": {"type": "number", "minimum": 0.001, "maximum": 0.002},
    "negative only": {"type": "number", "maximum": -1e6},
    "string bounds": {"type": "string", "minLength": 70, "maxLength": 75},
    "pattern": {"type": "string", "pattern": r"^[A-Z]{3}-\d{2,4}(?:/(?:foo|bar))?$"},
    "discriminated union": {
        "oneOf": [
            {"type": "object", "properties": {"k": {"const": "a"}, "n": {"type": "integer"}}, "required": ["k", "n"]},
            {"type": "object", "properties": {"k": {"const": "b"}}, "required": ["k"]},
        ]
    },
    "allOf": {
        "allOf": [
            {"type": "object", "properties": {"a": {"type": "integer", "minimum": 5}}, "required": ["a"]},
            {"properties": {"a": {"maximum": 5}, "b": {"type": "null"}}, "required": ["b"]},
        ]
    },
    "integer and number": {"allOf": [{"type": "number"}, {"type": "integer", "minimum": 3}]},
    "one-word refusal": {"not": {"maxLength": 3}, "type": "string"},
    "a tree of itself": TREE,
    "a list of itself": LINKED,
    "escaped pointer": {"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"type": "null"}}},
    "nothing said": {},
    "everything allowed": True,
}


@pytest.mark.parametrize("name", FORMS)
def test_a_made_value_fits_its_schema(name: str) -> None:
    fits = jsonschema_rs.validator_for(FORMS[name]).is_valid
    for number in range(30):
        value = instance(FORMS[name], Dice(bytes([number])), "schema")
        assert fits(value), value


def test_the_same_dice_make_the_same_value() -> None:
    assert instance(TREE, Dice(b"a"), "schema") == instance(TREE, Dice(b"a"), "schema")


@pytest.mark.parametrize(
    "schema",
    [
        False,
        {"type": "array", "minItems": 10**9},
        {"type": "string", "minLength": 10**9},
        {"$ref": "#"},
        {"$ref": "#/nowhere"},
        {"$ref": "https://example.com/schema.json"},
        {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
        {"type": "integer", "minimum": 5, "maximum": 4},
        {"type": "quaternion"},
        {"type": "string", "pattern": "(?=a)b"},
        {"type": "string", "not": {"type": "string"}},
        {"allOf": [{"type": "string"}, {"type": "integer"}]},
        {"anyOf": [False, {"enum": []}]},
        {"properties": {"a": 3}, "required": ["a"]},
    ],
)
def test_what_cannot_be_met_is_the_clients_error_and_names_the_field(schema: Any) -> None:
    with pytest.raises(BadRequest) as caught:
        instance(schema, Dice(b"a"), "response_format")
    assert caught.value.param == "response_format"


def test_a_value_that_branches_without_end_is_given_up_soon() -> None:
    node = {"type": "object", "properties": {name: {"$ref": "#"} for name in "abcdefgh"}, "required": list("abcdefgh")}
    with pytest.raises(BadRequest, match="too big"):
        instance(node, Dice(b"a"), "schema")


@pytest.mark.parametrize(
    "pattern",
    [
        r"^\+?[1-9]\d{1,14}$",
        r"[a-z0-9._%+-]+@[a-z0-9.-]+\.[a-z]{2,}",
        r"^(?:19|20)\d\d-(0[1-9]|1[012])$",
        r"^[^\s,;]{4}$",
        r"^\w\W\d\D\s\S$",
        r"^a{0}b*?c+?$",
        r"^[\]\-x]$",
        r"^\u0041\x42\n$",
        "",
        "a|b|",
    ],
)
def test_a_made_string_matches_its_pattern(pattern: str) -> None:
    for number in range(50):
        text = match(pattern, Dice(bytes([number])))
        assert re.search(pattern, text), text


@pytest.mark.parametrize(
    "pattern", ["(", "[", "[]", "a{2", "a{x}", "*a", "(?=a)", "(?<!a)", r"\b", r"\1", "(a{9999}){9999}", "(" * 500, ")"]
)
def test_a_pattern_that_cannot_be_read_says_so(pattern: str) -> None:
    with pytest.raises(Unreadable):
        match(pattern, Dice(b"a"))
