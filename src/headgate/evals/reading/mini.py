"""Assertions in one cell of a table, as promptfoo's `__expected` columns have them: `contains:Paris`,
`similar(0.8):The capital`, `not-regex:^No`, `is-json`, `grade:Is it polite?`; whatever begins with no kind is equalled.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from headgate.evals.kinds import ALIASES, KINDS

_CELL = re.compile(r"\s*((?:not-)?[a-z][a-z0-9-]*)(?:\(\s*([0-9.]+)\s*\))?\s*(?::(.*))?", re.DOTALL)
_SHORT = {"grade": "rubric", "similar": "similar", "eq": "equals", "fn": "python", "python": "python"}
_LISTS = frozenset({"contains-any", "contains-all", "icontains-any", "icontains-all", "tool-call-f1", "tool-sequence"})
_NUMBERS = frozenset({"latency", "cost", "output-tokens", "word-count"})
_ALONE = frozenset(
    {"is-json", "contains-json", "is-refusal", "is-valid-tool-call", "relevance", "faithfulness", "repeats"}
)


def expected(cell: str) -> dict[str, Any] | None:
    """What a cell asserts, as a test file would write it; None for an empty one."""
    if not cell.strip():
        return None
    match = _CELL.fullmatch(cell)
    if match is None:
        return {"equals": cell}
    name, threshold, value = match.groups()
    negation, plain = ("not-", name[4:]) if name.startswith("not-") else ("", name)
    plain = _SHORT.get(plain, ALIASES.get(plain, plain))
    if plain not in KINDS or (value is None and plain not in _ALONE):
        return {"equals": cell}
    made: dict[str, Any] = {f"{negation}{plain}": _value(plain, value)}
    if threshold is not None:
        if plain in _NUMBERS:
            made[f"{negation}{plain}"] = _number(threshold)
        else:
            made["threshold"] = _number(threshold)
    return made


def _value(kind: str, value: str | None) -> Any:
    if value is None:
        return None
    text = value.strip()
    if kind in _LISTS:
        return [part.strip() for part in text.split(",") if part.strip()]
    if kind in _NUMBERS:
        return _number(text)
    if kind in ("is-json", "contains-json") and text:
        try:
            return msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            return text
    return text


def _number(text: str) -> Any:
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number.is_integer() else number
