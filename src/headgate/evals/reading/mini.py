"""Assertions in one cell of a table, as promptfoo's `__expected` columns have them: `contains:Paris`,
`similar(0.8):The capital`, `not-regex:^No`, `is-json`, `grade:Is it polite?`; whatever begins with no kind is equalled.
"""

from __future__ import annotations

import csv
import re
from typing import Any

import msgspec

from headgate.evals.kinds import ALIASES, ELSEWHERE, KINDS

_CELL = re.compile(r"\s*((?:not-)?(?:trajectory:)?[a-z][a-z0-9-]*)(?:\(\s*([0-9.]+)\s*\))?\s*(?::(.*))?", re.DOTALL)
_FUNCTION = re.compile(r"\s*file://(.+\.py:\w+)\s*")
_SHORT = {"grade": "rubric", "eq": "equals", "fn": "javascript", "eval": "javascript"}
_LISTS = frozenset({"contains-any", "contains-all", "icontains-any", "icontains-all", "tool-call-f1", "tool-sequence"})
_NUMBERS = frozenset({"latency", "cost", "output-tokens", "word-count"})
_ALONE = frozenset(
    {"is-json", "contains-json", "is-refusal", "is-valid-tool-call", "relevance", "faithfulness", "repeats"}
)


def expected(cell: str) -> dict[str, Any] | None:
    """What a cell asserts, as a test file would write it; None for an empty one."""
    if not cell.strip():
        return None
    if function := _FUNCTION.fullmatch(cell):
        return {"python": function[1]}
    match = _CELL.fullmatch(cell)
    if match is None:
        return {"equals": cell}
    name, bound, value = match.groups()
    negation, plain = ("not-", name[4:]) if name.startswith("not-") else ("", name)
    plain = _SHORT.get(plain, ALIASES.get(plain, plain))
    if plain in ELSEWHERE and (value is not None or bound is not None or plain.partition("-")[0] in ("is", "contains")):
        return {f"{negation}{plain}": value}  # whoever reads it says what to write instead
    if plain in _NUMBERS and bound is not None and not (value or "").strip():
        return {f"{negation}{plain}": _number(bound)}
    if plain not in KINDS or (value is None and plain not in _ALONE):
        return {"equals": cell}
    made: dict[str, Any] = {f"{negation}{plain}": _value(plain, value)}
    return made if bound is None else {**made, "threshold": _number(bound)}


def _value(kind: str, value: str | None) -> Any:
    if value is None:
        return None
    text = value.strip()
    if kind in _LISTS:
        return listed(text)
    if kind in _NUMBERS:
        return _number(text)
    if kind in _ALONE and not text:
        return None
    if kind in ("is-json", "contains-json"):
        try:
            return msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            return text
    return text


def listed(text: str) -> list[str]:
    """The parts of a text between commas; one in quotation marks may hold some."""
    parts = next(csv.reader([" ".join(text.splitlines())], skipinitialspace=True), [])
    return [part.strip() for part in parts if part.strip()]


def _number(text: str) -> Any:
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number.is_integer() else number
