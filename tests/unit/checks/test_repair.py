"""JSON that is nearly right is mended; what is right, ambiguous or no JSON is left alone."""

from __future__ import annotations

import time

import pytest

from headgate.checks.json_schema import compiled
from headgate.checks.repair import MAX_CHARACTERS, repaired

_ANY = compiled({"type": "object"})


def is_object(text: str) -> bool:
    return not _ANY.problems(text)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ('```json\n{"a":  1}\n```', '{"a":  1}'),
        ('```\n{"a": 1}', '{"a": 1}'),
        ('Here it is:\n{"a": 1}\nHope that helps! {smile}', '{"a": 1}'),
        ('As [1] says: {"a": 1}', '{"a": 1}'),
        ('Use {braces}: {"a": 1}', '{"a": 1}'),
        ('{"a": 1}\n\n{"a": 1}', '{"a": 1}'),
        ('{"a": [1, 2,],}', '{"a":[1,2]}'),
        ("{'a': 'x', 'b': True, 'c': None}", '{"a":"x","b":true,"c":null}'),
        ('{"a": {"b": "x', '{"a":{"b":"x"}}'),
        ('{"a": [1, 2', '{"a":[1,2]}'),
        ("{a: 1 /* one */}", '{"a":1}'),
        ('{"a": "x\ny"}', '{"a":"x\\ny"}'),
        ('{"a": "he said "hi" to me"}', '{"a":"he said \\"hi\\" to me"}'),
        ('```json\n{"a": 1,}\n```\nI left {b} out.', '{"a":1}'),
        ('{"städte": ["Zürich",]}', '{"städte":["Zürich"]}'),
        ('{"a": {"b": 1}, "c": [1,],}', '{"a":{"b":1},"c":[1]}'),
    ],
)
def test_what_is_nearly_right_is_mended(text: str, meant: str):
    assert repaired(text, is_object) == meant


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1}',
        ' {"a": 1e5, "b": "\\u00e9"} ',
        "[1, 2]",
        '"{\\"a\\": 1}"',
        "null",
        "",
        "I am sorry, I cannot do that.",
        "See [the manual](https://example.com) {chapter 1}.",
        '{"a": 1} or perhaps {"a": 2}',
        '{"a": 1e999,}',
        "[1, 2,]",
    ],
)
def test_what_is_right_or_no_document_or_one_of_several_is_left_alone(text: str):
    assert repaired(text, is_object) is None


def test_a_repair_that_is_not_what_was_asked_for_is_not_given():
    assert repaired('{"a": 1,}', lambda text: False) is None


def test_of_several_documents_the_only_one_that_fits_is_taken():
    assert repaired('Schema: {"type": "object"}. Answer: {"a": 1}', lambda text: '"a"' in text) == '{"a": 1}'


@pytest.mark.parametrize("piece", ["{'", '["a', "(", "{", '{"a":"[x"x"', '{"a" /*', "[", '{"a":'])
def test_texts_made_to_take_long_are_given_up(piece: str):
    started = time.perf_counter()
    repaired('{"a": ' + piece * (16_000 // len(piece)), is_object)
    assert time.perf_counter() - started < 2


def test_a_very_long_text_is_left_alone():
    assert repaired('{"a": "' + "x" * MAX_CHARACTERS + '",}', is_object) is None
