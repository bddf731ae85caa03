"""What of a record the tree hashes: one line of JSON that a record has no second form of.

Members are sorted by code point, there are no blanks, and everything is UTF-8 but what could act on a terminal or break
a line: control characters, U+2028 and U+2029, directional marks and the byte order mark are `\\uXXXX`. A record's
position is not in its leaf: the tree binds it.
"""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from headgate.audit.errors import Malformed
from headgate.storage.records import AuditRecord

MAX_TEXT_CHARACTERS = 16_384
"""Longer texts of a record are cut."""

COLUMNS = ("id", "at_us", "organisation", "actor", "action", "subject", "outcome")
"""The members of a record that the table has as columns too."""

_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_UNSTORED = re.compile(r"[\x00\ud800-\udfff]")
_encoder = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def leaf(record: AuditRecord) -> str:
    """The leaf of a record that is `storable`."""
    return canonical(msgspec.to_builtins(record))


def canonical(value: Any) -> str:
    return escaped(_encoder.encode(value))


def escaped(text: str) -> str:
    """A text with what cannot be seen in it as `\\uXXXX`."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def parse(text: str) -> dict[str, Any]:
    """The members of a leaf: those of a newer release's records too.

    Raises:
        Malformed: it is no record's leaf, or not in its only form.
    """
    try:
        members = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise Malformed("is no JSON") from None
    if not isinstance(members, dict) or not all(type(members.get(name)) in (str, int) for name in COLUMNS):
        raise Malformed("is no record")
    if canonical(members) != text:
        raise Malformed("is not in the form records are written in")
    return members


def storable(record: AuditRecord) -> AuditRecord:
    """The record with what no database keeps (NUL, halves of surrogate pairs) as U+FFFD, and with its texts cut."""
    if not any(_unfit(each) for each in _texts(record)):
        return record
    values = {name: _fit(getattr(record, name)) for name in record.__struct_fields__ if name != "detail"}
    return AuditRecord(**values, detail={_fit(name): _fit(value) for name, value in record.detail.items()})


def _texts(record: AuditRecord) -> list[Any]:
    values = [getattr(record, name) for name in record.__struct_fields__ if name != "detail"]
    return [*values, *record.detail, *record.detail.values()]


def _unfit(value: Any) -> bool:
    return isinstance(value, str) and (len(value) > MAX_TEXT_CHARACTERS or _UNSTORED.search(value) is not None)


def _fit(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = value if len(value) <= MAX_TEXT_CHARACTERS else f"{value[: MAX_TEXT_CHARACTERS - 1]}…"
    return _UNSTORED.sub("\N{REPLACEMENT CHARACTER}", text)
