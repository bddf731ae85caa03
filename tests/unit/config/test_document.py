"""YAML as Headgate reads it: values, lines, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from headgate.config.document import MAX_DEPTH, parse


def value(text: str) -> Any:
    root, problems = parse(text)
    assert problems == []
    assert root is not None
    return root.plain()


def complaint(text: str) -> tuple[int | None, str]:
    _, problems = parse(text)
    assert problems
    return problems[0].line, problems[0].what


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("true", True), ("False", False), ("no", "no"), ("yes", "yes"), ("on", "on"), ("off", "off"), ("y", "y"),
        ("1", 1), ("-7", -7), ("007", 7), ("1.5", 1.5), (".5", 0.5), ("1e3", 1000.0), ("1:30", "1:30"),
        ("2026-01-02", "2026-01-02"), ("0x1f", "0x1f"), ("1_000", "1_000"), ("1e999", "1e999"), (".inf", ".inf"),
        (".nan", ".nan"), ("9" * 40, "9" * 40), ("~", None), ("null", None), ("''", ""), ("'true'", "true"),
        ('"1"', "1"), ("! 5", "5"), ("|\n  5", "5"),
    ],
)  # fmt: skip
def test_scalars_are_those_of_yaml_1_2(text: str, expected: Any) -> None:
    found = value(f"key: {text}")["key"]
    assert found == expected
    assert type(found) is type(expected)


def test_every_value_knows_its_line() -> None:
    root, _ = parse("a:\n  b: 1\n  c:\n  - x\n  - y: 2\n")
    assert root is not None
    assert root.line_of(()) == 1
    assert root.line_of(("a", "b")) == 2
    assert root.line_of(("a", "c", 1, "y")) == 5
    assert root.line_of(("a", "missing", "deeper")) == 1


def test_aliases_and_merge_keys_are_written_out_each_on_its_own() -> None:
    tree = value("base: &b {x: 1, y: {z: 2}}\none: {<<: *b, x: 9}\ntwo: *b\nthree: {<<: [{x: 5}, *b]}\n")
    assert tree["one"] == {"x": 9, "y": {"z": 2}}
    assert tree["three"] == {"x": 5, "y": {"z": 2}}
    tree["two"]["y"]["z"] = 7
    assert tree["base"]["y"]["z"] == 2


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "second time, first in line 1"),
        ("a: 1\n---\nb: 2\n", 2, "second document"),
        ("a: !!python/object:os.system x\n", 1, "tag"),
        ("a: !!str 5\n", 1, "tag"),
        ("a: &x [*x]\n", 1, "contains itself"),
        ("a: *nowhere\n", 1, "stands for nothing"),
        ("a: 1\nb: [1, 2\n", 3, "not YAML"),
        ("a:\n\t- b\n", 2, "not YAML"),
        ("a: {b: ${X}}\n", 1, "needs quotes"),
        ("? [a, b]\n: 1\n", 1, "not a word"),
        ("a: {<<: 5}\n", 1, "merges what is not a mapping"),
        ("a: \x07\n", 1, "not YAML"),
        ("[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2), 1, "nested more"),
        ("[" * 100_000, 1, "nested more"),
    ],
)
def test_what_is_refused_is_told_with_its_line(text: str, line: int, what: str) -> None:
    found_line, found = complaint(text)
    assert what in found
    assert found_line == line


def test_a_small_text_cannot_grow_into_a_large_tree() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert "aliases written out" in complaint("\n".join(lines))[1]


def test_a_text_of_comments_only_is_an_empty_tree() -> None:
    assert parse("# nothing\n") == (None, [])
