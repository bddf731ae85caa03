"""Cases in tables: JSON lines and CSV.

A line of JSON is an object: `{"inputs": {…}, "messages": […], "expected": …, "assert": […], "id": …}`; one without
`inputs` and `messages` is all inputs but for those names, and a `context` that is a text is one too. A row of CSV is
inputs by the names of its columns; columns that begin with `__` are about the test: `__expected`, `__expected1`,
`__id`, `__threshold`, `__metric`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from headgate.evals.problems import Place, Problem
from headgate.evals.reading.captured import Unusable, about, is_captured, row_of, row_of_prompt
from headgate.evals.reading.mini import expected
from headgate.evals.reading.sheet import Sheet

ABOUT = frozenset({"id", "inputs", "messages", "context", "expected", "assert", "threshold", "repeat", "config"})
_COLUMNS = ("__id", "__threshold", "__metric", "__description")


class Row(NamedTuple):
    """A test as a test file would write it, and the sheet that knows where it stands."""

    sheet: Sheet
    tree: dict[str, Any]
    about: dict[str, Any]
    """What assertions may name besides its inputs."""


def rows(file: str, text: str, problems: list[Problem], *, of_prompt: bool = False) -> Iterator[Row]:
    """The rows of a dataset, of a prompt or of a model; what is wrong with them is noted."""
    return _csv(file, text, problems) if file.lower().endswith(".csv") else _jsonl(file, text, problems, of_prompt)


def _jsonl(file: str, text: str, problems: list[Problem], of_prompt: bool) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            tree = msgspec.json.decode(line)
        except (msgspec.DecodeError, RecursionError) as error:
            problems.append(Problem(Place(file, number), f"is no JSON: {error}"))
            continue
        if not isinstance(tree, dict):
            problems.append(Problem(Place(file, number), 'is no JSON object; write {"inputs": {…}} on each line'))
            continue
        try:
            captured = is_captured(tree)
            row = (row_of_prompt if of_prompt else row_of)(tree) if captured else _spelled(tree)
        except Unusable as error:
            problems.append(Problem(Place(file, number), str(error)))
            continue
        yield Row(_sheet(file, number, row), row, about(tree) if captured else {})


def _spelled(tree: dict[str, Any]) -> dict[str, Any]:
    if "inputs" not in tree and "messages" not in tree:
        about = {name for name, value in tree.items() if name in ABOUT and not _is_text(name, value)}
        inputs = {name: value for name, value in tree.items() if name not in about}
        tree = {**{name: value for name, value in tree.items() if name in about}, "inputs": inputs}
    if tree.get("expected") is None:
        return {name: value for name, value in tree.items() if name != "expected"}
    wanted = tree["expected"]
    said = expected(wanted) if isinstance(wanted, str) else {"equals": wanted}
    rest = {name: value for name, value in tree.items() if name != "expected"}
    own = tree.get("assert")
    return {**rest, "assert": [*(own if isinstance(own, list) else ()), *([said] if said else ())]}


def _is_text(name: str, value: Any) -> bool:
    """Whether it is an input all the same: what a question is answered from is called its context in many a dataset."""
    return name == "context" and isinstance(value, str | list)


def _csv(file: str, text: str, problems: list[Problem]) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        for place, name in enumerate(header):
            if name.startswith("__") and name not in _COLUMNS and not name.startswith("__expected"):
                known = ", ".join(("__expected", *_COLUMNS))
                problems.append(Problem(Place(file, 1, place + 1), f"is no column: {name}; there are {known}"))
        if len(set(header)) < len(header):
            problems.append(Problem(Place(file, 1), "two columns have the same name"))
        before = reader.line_num
        for cells in reader:
            line, before = before + 1, reader.line_num
            if not any(cells):
                continue
            if len(cells) != len(header):
                problems.append(Problem(Place(file, line), f"has {len(cells)} cells, and the first line {len(header)}"))
                continue
            tree = _row(dict(zip(header, cells, strict=True)))
            yield Row(_sheet(file, line, tree), tree, {})
    except csv.Error as error:
        problems.append(Problem(Place(file, reader.line_num), f"is no CSV: {error}"))


def _row(cells: dict[str, str]) -> dict[str, Any]:
    said = [expected(cell) for name, cell in cells.items() if name.startswith("__expected")]
    metric, threshold = cells.get("__metric"), cells.get("__threshold")
    tree: dict[str, Any] = {
        "inputs": {name: cell for name, cell in cells.items() if not name.startswith("__")},
        "assert": [{**each, **({"metric": metric} if metric else {})} for each in said if each],
    }
    if cells.get("__id"):
        tree["id"] = cells["__id"]
    if threshold:
        try:
            tree["threshold"] = float(threshold)
        except ValueError:
            tree["threshold"] = threshold
    return tree


def _sheet(file: str, line: int, tree: dict[str, Any]) -> Sheet:
    return Sheet(file, tree, lambda _: (line, 1))
