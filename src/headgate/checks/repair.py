"""Mending JSON that is nearly right: fences and prose around it, commas, quotes, what is missing at its end."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Self

import jiter

MAX_CHARACTERS = 128 * 1024
"""Longest text that is mended; a fifth of a second."""

_READS = 16
"""Looks at a character that a repair may take on average: two are usual, texts made to take long need any number."""

_DECODER = json.JSONDecoder()
_KINDS = {"{": dict, "[": list}
_START = re.compile(r"""\{\s*(?:["'}]|\w+\s*:)|\[\s*(?:["'{\[\]\d-]|true|false|null)""")
"""How documents begin, and `{braces}` and `[links]` in prose do not."""


def repaired(text: str, fits: Callable[[str], bool]) -> str | None:
    """The JSON text that `text` was meant to be, as far as it can be told; None where there is nothing sensible, and
    for what is JSON already. `fits` says whether a text is what was asked for; another one is not given.
    """
    start = _next_start(text, 0)
    if start < 0 or len(text) > MAX_CHARACTERS or _parses(text):
        return None
    documents = _documents(text, start)
    if documents:
        found = {document for document in documents if fits(document)}
        return found.pop() if len(found) == 1 else None  # which of several was meant, nobody can tell
    mended = _mended(_unfenced(text, start), _KINDS[text[start]])
    return mended if mended is not None and fits(mended) else None


def _parses(text: str) -> bool:
    try:
        jiter.from_json(text.encode(), allow_inf_nan=False)
    except ValueError:
        return False
    return True


def _documents(text: str, start: int) -> list[str]:
    """The documents in a text that are whole, from the first bracket on, up to a broken one. What is whole within a
    broken one is not what was meant.
    """
    found: list[str] = []
    while start >= 0:
        try:
            _, end = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            break
        found.append(text[start:end])
        start = _next_start(text, end)
    return found


def _next_start(text: str, after: int) -> int:
    """Where the next document begins, -1 if nowhere."""
    found = _START.search(text, after)
    return found.start() if found is not None else -1


def _unfenced(text: str, start: int) -> str:
    """The text from its first bracket to the end of the code block it stands in."""
    end = text.find("\n```", start) if "```" in text[:start] else -1
    return text[start:end] if end >= 0 else text[start:]


def _mended(text: str, kind: type) -> str | None:
    """What json-repair makes of a text, if it is of the kind the text begins as."""
    from json_repair import repair_json  # 10 ms that importing the library should not cost

    try:
        value: Any = repair_json(_Bounded(text, [_READS * (len(text) + 64)]), return_objects=True, skip_json_loads=True)
        if type(value) is not kind:
            return None
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (ValueError, RecursionError, _Exhausted):
        return None


class _Exhausted(Exception):
    """A text was looked at too often."""


class _Bounded(str):
    """A text that may be looked at so many times: some of 16 KB keep json-repair busy for half a minute."""

    __slots__ = ("_left",)

    def __new__(cls, text: str, left: list[int]) -> Self:
        made = super().__new__(cls, text)
        made._left = left
        return made

    def __getitem__(self, key: Any) -> str:
        found = super().__getitem__(key)
        self._left[0] -= len(found) or 1
        if self._left[0] < 0:
            raise _Exhausted
        return found if type(key) is int else _Bounded(found, self._left)

    def __add__(self, other: str) -> _Bounded:
        return _Bounded(super().__add__(other), self._left)

    def __radd__(self, other: str) -> _Bounded:
        return _Bounded(other + str(self), self._left)
