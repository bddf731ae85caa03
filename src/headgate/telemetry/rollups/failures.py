"""What failing calls have in common: a fingerprint, and of all calls what no dimension has: how large, with which
tools.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from headgate.storage.records import CallRow

_BYTES = (1, 1 << 10, 1 << 12, 1 << 14, 1 << 16, 1 << 18, 1 << 20)
SIZES = ("unknown", "below 1 KB", "1-4 KB", "4-16 KB", "16-64 KB", "64-256 KB", "256 KB-1 MB", "1 MB and more")
"""Of a request's body."""

_TOOLS = (1, 5, 20)
TOOLS = ("none", "1-4", "5-19", "20 and more")
"""How many a request offers."""

FAILURE, SIZE, OFFERED = "failure.", "size.", "tools."
"""How the names of counts begin: of failing calls by fingerprint, and of all calls by their kinds. A failing call
is also counted by both, as `failure.FINGERPRINT|size.…`."""


class Fingerprint(NamedTuple):
    """What makes two failures the same."""

    code: str
    """The error's."""
    upstream_status: str
    """The HTTP status of the last target's refusal; empty where there was none."""
    at: str
    """`gateway` where no target was asked, `answer` before there was any content, `stream` after it."""

    @property
    def text(self) -> str:
        return "/".join(self)

    @classmethod
    def of(cls, text: str) -> Fingerprint:
        """The one with that text."""
        code, status, at = text.rsplit("/", 2)
        return cls(code, status, at)


def fingerprint(row: CallRow) -> Fingerprint:
    """Of a call that failed."""
    status = ""
    for name, *said in reversed(row.events):
        if name == "AttemptFailed":
            _, code, upstream_status = said
            status = upstream_status if code == row.code else ""
            break
    at = "gateway" if not row.attempts else "answer" if row.first_token_us is None else "stream"
    return Fingerprint(row.code or "", status, at)


def kinds(row: CallRow) -> Iterator[str]:
    """The names of the counts that a call is in for its kinds: only by model, or every sum would have them all."""
    failure = None if row.code is None else failure_of(row)
    for own in (
        f"{SIZE}{SIZES[bisect_right(_BYTES, row.request_bytes)]}",
        f"{OFFERED}{TOOLS[bisect_right(_TOOLS, row.tools)]}",
    ):
        yield own
        if failure is not None:
            yield f"{failure}|{own}"


def failure_of(row: CallRow) -> str:
    """The name of the count that a failing call is in for its fingerprint."""
    return f"{FAILURE}{fingerprint(row).text}"
