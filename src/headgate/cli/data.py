"""Values that commands are given in files of JSON or YAML, or on standard input."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from headgate.cli.exits import Misused
from headgate.cli.files import reading
from headgate.prompts.dotprompt.marked import read
from headgate.prompts.dotprompt.problem import Notes

STANDARD_INPUT: Final = Path("-")


def once(files: Sequence[Path | None]) -> None:
    """See that no two of several files are standard input.

    Raises:
        Misused: they are.
    """
    if files.count(STANDARD_INPUT) > 1:
        raise Misused("standard input can be read once", "Write one of the two into a file.")


def mapping(path: Path | None) -> dict[str, Any]:
    """A mapping; an empty one where there is no file.

    Raises:
        CannotRun: the file cannot be read.
        Misused: it is something else.
    """
    value = {} if path is None else _read(path)
    if not isinstance(value, dict):
        raise Misused(f"{_shown(path)} is not a mapping", "Write 'name: value' lines, or a JSON object.")
    return value


def items(path: Path | None) -> list[dict[str, Any]]:
    """A list of mappings; an empty one where there is no file.

    Raises:
        CannotRun: the file cannot be read.
        Misused: it is something else.
    """
    value = [] if path is None else _read(path)
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise Misused(
            f"{_shown(path)} is not a list of mappings", 'Write a JSON list: [{"role": "user", "content": …}].'
        )
    return value


def _read(path: Path) -> Any:
    """A document of JSON, else of YAML."""
    shown = _shown(path)
    if path != STANDARD_INPUT and str(path).lstrip().startswith(("{", "[")):
        raise Misused("values are given in a file, and not on the command line", f"Try: echo '{path}' | … --input -")
    with reading("Name a file of JSON or YAML."):
        raw = sys.stdin.read().encode("utf-8", "surrogateescape") if path == STANDARD_INPUT else path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise Misused(f"{shown}:{line}: is not UTF-8 text here", "Save it as UTF-8.") from None
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        if shown.endswith(".json"):
            where = f"{shown}:{error.lineno}:{error.colno}"
            raise Misused(f"{where}: is not JSON: {error.msg}", "Mend it there.") from None
    except _Twice as error:
        raise Misused(f"{shown}: '{error}' is given a second time", "Keep one.") from None
    except RecursionError:
        raise Misused(f"{shown} is nested too deep") from None
    notes = Notes(shown, text)
    marked = read(text, notes)
    if notes.found:
        raise Misused("\n".join(str(each) for each in notes.found))
    return marked.value


class _Twice(Exception):
    """A name stands in a mapping twice."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _Twice(name)
        found[name] = value
    return found


def _shown(path: Path | None) -> str:
    return "standard input" if path == STANDARD_INPUT else str(path)
