"""Making a body fit: its longest texts are cut first, and say so where they end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import msgspec

from headgate.types import JSON

CUT = "headgate:cut"
"""What the mark at the end of a text begins with that was cut, or the member of a body of which only its beginning is
left.
"""

LEAST = 64
"""Bytes of a text that is never cut."""

_json = msgspec.json.Encoder().encode


def fitted(value: Any, most: int) -> tuple[bytes, bool]:
    """A JSON value in at most so many bytes, and whether anything of it was cut.

    Texts are cut to one length, the longest that lets all fit, with a mark at their end that says how much is missing.
    Where that is not enough, there is an object with the beginning of it all as one text.
    """
    raw = _json(value)
    if len(raw) <= most:
        return raw, False
    lengths: list[int] = []
    _lengths(value, lengths)
    length = _length(lengths, most - (len(raw) - sum(lengths)))
    while length >= LEAST:
        cut = _json(_cut(value, length))
        if len(cut) <= most:
            return cut, True
        length = length * 7 // 8
    return _beginning(raw, most), True


def _length(lengths: Sequence[int], room: int) -> int:
    """The length to which texts have to be cut to fit in a room, marks included."""
    left, count = room, len(lengths)
    for length in sorted(lengths):
        share = (left // count) - MARK_BYTES
        if length > share:
            return share
        left -= length
        count -= 1
    return max(lengths, default=0)


MARK_BYTES = 60
"""What a mark takes at most."""


def _lengths(value: Any, into: list[int]) -> None:
    if isinstance(value, str):
        into.append(len(_json(value)) - 2)
    elif isinstance(value, dict):
        for each in cast("JSON", value).values():
            _lengths(each, into)
    elif isinstance(value, list):
        for each in cast("list[Any]", value):
            _lengths(each, into)


def _cut(value: Any, length: int) -> Any:
    if isinstance(value, str):
        return _shortened(value, length)
    if isinstance(value, dict):
        return {name: _cut(each, length) for name, each in cast("JSON", value).items()}
    if isinstance(value, list):
        return [_cut(each, length) for each in cast("list[Any]", value)]
    return value


def _shortened(text: str, length: int) -> str:
    raw = text.encode("utf-8", "replace")
    if len(raw) <= length:
        return text
    kept = raw[:length].decode("utf-8", "ignore")
    return f"{kept} [{CUT}; {len(text) - len(kept)} of {len(text)} characters missing]"


def _beginning(raw: bytes, most: int) -> bytes:
    """The beginning of a body that cannot be made to fit."""
    length = max(0, most - 2 * MARK_BYTES)
    while True:
        text = raw[:length].decode("utf-8", "ignore")
        cut = _json({CUT: text, "bytes": len(raw)})
        if len(cut) <= most or not length:
            return cut
        length = length * 3 // 4
