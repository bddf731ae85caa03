"""What is left of a schema for a document that is still coming."""

from __future__ import annotations

from headgate.checks.lasting import lasting


def test_what_may_still_come_is_no_longer_asked_for():
    schema = {"type": "object", "required": ["a"], "minProperties": 1, "anyOf": [{"required": ["b"]}]}
    assert lasting(schema) == {"type": "object"}


def test_it_goes_for_all_parts():
    part = {"type": "array", "minItems": 1, "maxItems": 2}
    kept = {"type": "array", "maxItems": 2}
    schema = {
        "properties": {"a": part},
        "patternProperties": {"^b": part},
        "additionalProperties": part,
        "allOf": [part],
        "prefixItems": [part],
        "items": part,
        "$defs": {"d": part},
    }
    assert lasting(schema) == {
        "properties": {"a": kept},
        "patternProperties": {"^b": kept},
        "additionalProperties": kept,
        "allOf": [kept],
        "prefixItems": [kept],
        "items": kept,
        "$defs": {"d": kept},
    }


def test_properties_may_be_called_like_keywords():
    schema = {"properties": {"required": {"type": "string"}, "anyOf": {"type": "string"}}}
    assert lasting(schema) == schema


def test_values_are_left_alone():
    schema = {"enum": ["required", 1], "default": {"required": ["a"]}}
    assert lasting(schema) == schema


def test_a_list_or_object_may_still_become_a_value_that_is_possible():
    assert lasting({"enum": [1, {"a": 1}], "const": [1]}) == {}
