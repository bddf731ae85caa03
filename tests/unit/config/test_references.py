"""References to the environment and to files."""

from __future__ import annotations

from pathlib import Path

import pytest

from headgate.config.references import References
from headgate.config.secrets import MAX_FILE_BYTES


def resolved(text: str, environ: dict[str, str] | None = None, directory: Path = Path()) -> tuple[str, list[str]]:
    references = References(environ or {}, directory)
    value = references.resolve({"key": [text]})["key"][0]
    return value, [problem.what for problem in references.problems]


@pytest.mark.parametrize(
    ("text", "environ", "value"),
    [
        ("${A}", {"A": "x"}, "x"),
        ("a ${A} ${B} c", {"A": "x", "B": "y"}, "a x y c"),
        ("${A:-d}", {}, "d"),
        ("${A:-d}", {"A": ""}, "d"),
        ("${A:-}", {}, ""),
        ("${A:-a:-b}", {}, "a:-b"),
        ("$${A}", {}, "${A}"),
        ("$A and $", {}, "$A and $"),
        ("${A}", {"A": "${B}"}, "${B}"),
    ],
)
def test_references_are_replaced_by_what_they_refer_to(text: str, environ: dict[str, str], value: str) -> None:
    assert resolved(text, environ) == (value, [])


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("${A}", "environment variable A, which is not set"),
        ("${A", "without its '}'"),
        ("${}", "no reference"),
        ("${A B}", "no reference"),
        ("${1A}", "no reference"),
        ("${file:/no/such/file}", "cannot be read: No such file"),
    ],
)
def test_a_reference_to_nothing_is_told(text: str, what: str) -> None:
    _, problems = resolved(text)
    assert [what in problem for problem in problems] == [True]


def test_a_file_is_read_without_its_last_newline_and_relative_to_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("secret\n\n")
    assert resolved("${file:key}", directory=tmp_path) == ("secret\n", [])
    assert resolved(f"${{file:{tmp_path / 'key'}}}")[0] == "secret\n"


def test_a_file_that_is_binary_or_endless_is_refused(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "long").write_bytes(b"x" * (MAX_FILE_BYTES + 1))
    assert "not UTF-8" in resolved("${file:binary}", directory=tmp_path)[1][0]
    assert "over" in resolved("${file:long}", directory=tmp_path)[1][0]


def test_an_environment_variable_that_is_not_text_is_refused() -> None:
    assert "not UTF-8" in resolved("${A}", {"A": "\udcff"})[1][0]


def test_keys_are_left_as_they_are() -> None:
    references = References({"A": "x"}, Path())
    assert references.resolve({"${A}": "${A}"}) == {"${A}": "x"}
