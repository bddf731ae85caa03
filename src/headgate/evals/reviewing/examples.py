"""Test cases rendered with two versions of a prompt."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from headgate.errors import HeadgateError
from headgate.evals.case import Case, Cell
from headgate.evals.problems import BadTests
from headgate.evals.prompting import Prompts
from headgate.evals.reading import read
from headgate.evals.reading.files import PYTHON, YAML
from headgate.evals.selection import named_tests
from headgate.evals.subjects import Unrenderable
from headgate.prompts.difference import text_diff
from headgate.prompts.dotprompt import Library, Prompt
from headgate.types import JSON

MOST_CASES = 200
"""Cases that are rendered."""


class Example(msgspec.Struct, frozen=True):
    """A case that is rendered otherwise."""

    case: str
    lines: list[str]
    """As `diff -u` writes them."""


class Rendering(msgspec.Struct, frozen=True):
    """A case with both versions; None where one does not take its inputs."""

    case: str
    before: JSON | None
    after: JSON | None
    example: Example | None


def cases_of(folder: Path | None, prompt: Prompt) -> tuple[list[Case], list[str]]:
    """The cases beside a prompt in a folder, or where it says they are, and what is wrong in their files."""
    if folder is None:
        return [], []
    names = list(dict.fromkeys((prompt.name, prompt.full_name)))
    beside = [folder / f"{name}{ending}" for name in names for ending in (*YAML, PYTHON)]
    files = [each for each in (*beside, *named_tests(folder, prompt)) if each.is_file()]
    try:
        suites = read(files, lambda _: prompt.name, folder, named_by=lambda _: names)
    except BadTests as error:
        return [], [each.told() for each in error.problems]
    mine = [suite for suite in suites if any(cell.prompt in names for cell in suite.cells)]
    return [case for suite in mine for case in suite.cases][:MOST_CASES], []


def renderings(
    before: tuple[Library, Prompt], after: tuple[Library, Prompt], cases: Sequence[Case]
) -> Iterator[Rendering]:
    """Every case with both."""
    for case in cases:
        (one, shown), (two, now) = (_rendered(*each, case) for each in (before, after))
        lines = text_diff(shown, now)
        yield Rendering(case.id, one, two, Example(case.id, lines) if lines else None)


def _rendered(library: Library, prompt: Prompt, case: Case) -> tuple[JSON | None, list[str]]:
    cell = Cell(prompt.name, prompt.variant, None if prompt.model else "(none)")
    try:
        body = Prompts(library, Path()).request(cell, case).body
    except Unrenderable as error:
        return None, [f"── not rendered ──: {error}"]
    except HeadgateError as error:
        return None, [f"── not rendered ──: {error.message}"]
    return body, [line for message in body["messages"] for line in _lines(message)]


def _lines(message: JSON) -> list[str]:
    content = message["content"]
    parts = [content] if isinstance(content, str) else content
    texts = [each if isinstance(each, str) else _part(each) for each in parts]
    return [f"── {message['role']} ──", *(line for text in texts for line in text.split("\n"))]


def _part(part: JSON) -> str:
    return part["text"] if set(part) == {"type", "text"} else json.dumps(part, ensure_ascii=False)
