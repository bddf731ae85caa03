"""JSON checked while it comes."""

from __future__ import annotations

import time

import pytest

from headgate.checks.json_schema import compiled
from headgate.checks.partial_json import PartialJson

SCHEMA = compiled(
    {
        "type": "object",
        "properties": {
            "kind": {"enum": ["city", "village"]},
            "name": {"type": "string", "pattern": "^[A-Z]"},
            "people": {"type": "integer", "minimum": 10},
            "tags": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 2},
            "river": {"anyOf": [{"type": "object", "required": ["name"]}, {"type": "null"}]},
        },
        "required": ["kind", "name"],
        "additionalProperties": False,
    }
)


def found(text: str) -> list[str]:
    """What is told of a text that goes on."""
    checker = PartialJson(SCHEMA)
    checker.add(text)
    return checker.look()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Here is", "it is not JSON"),
        ("```json", "it is not JSON"),
        ("th", "it is not JSON"),
        ("[", 'at /: it is not of type "object"'),
        ('{"people": "many"', 'at /people: it is not of type "integer"'),
        ('{"people": 5,', "at /people: it is less than the minimum of 10"),
        ('{"kind": "town"', 'at /kind: it is not one of "city" or "village"'),
        ('{"name": "oslo"', 'at /name: it does not match "^[A-Z]"'),
        ('{"tags": {', 'at /tags: it is not of type "array"'),
        ('{"tags": ["a", 1,', 'at /tags/1: it is not of type "string"'),
        ('{"tags": ["a", "b", "c"', "at /tags: it has more than 2 items"),
        ('{"mayor": "x"', "Additional properties are not allowed"),
    ],
)
def test_what_nothing_can_mend_is_told_at_once(text: str, problem: str):
    [told] = found(text)
    assert problem in told


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  \n",
        "{",
        '{"',
        '{"mayor',
        '{"people": 5',
        '{"people": 5e',
        '{"people": -',
        '{"kind": "to',
        '{"name": "o',
        '{"kind": "city"}',
        '{"tags": []',
        '{"tags": ["a", 1',
        '{"river": {}',
        '{"river": tru',
        '{"river": {"a": ',
    ],
)
def test_what_may_still_come_right_is_not_told(text: str):
    assert found(text) == []


def test_what_is_still_wrong_at_the_end_is_told_then():
    checker = PartialJson(SCHEMA)
    assert checker.feed('{"kind": "city", "tags": []}') == []
    assert checker.close() == SCHEMA.problems('{"kind": "city", "tags": []}')


def test_prose_is_told_with_its_first_piece():
    assert PartialJson(SCHEMA).feed("Sure") == ["it is not JSON: expected value at line 1 column 1"]


def test_a_text_in_small_pieces_takes_no_longer_than_a_few_looks_at_the_whole():
    names = ", ".join(f'"name {n}"' for n in range(20_000))
    text = f"[{names}]"
    checker = PartialJson(compiled({"type": "array", "items": {"type": "string"}}))
    started = time.perf_counter()
    looks = 0
    for at in range(0, len(text), 4):
        if checker.add(text[at : at + 4]):
            looks += 1
            assert checker.look() == []
    assert looks < 40
    assert checker.close() == []
    assert time.perf_counter() - started < 2
