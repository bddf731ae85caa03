"""The files that pages refer to: style, scripts and what is vendored. Their URLs change with what is in them."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files

import msgspec

PREFIX = "/dashboard/static/"

TYPES = {
    "board.css": "text/css; charset=utf-8",
    "uplot.min.css": "text/css; charset=utf-8",
    "theme.js": "text/javascript; charset=utf-8",
    "board.js": "text/javascript; charset=utf-8",
    "charts.js": "text/javascript; charset=utf-8",
    "playground.js": "text/javascript; charset=utf-8",
    "htmx.min.js": "text/javascript; charset=utf-8",
    "uplot.min.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
"""What there is."""


class Asset(msgspec.Struct, frozen=True):
    body: bytes
    content_type: str
    version: str


@cache
def read(name: str) -> Asset | None:
    """A file; None where there is none of that name."""
    if name not in TYPES:
        return None
    body = (files("headgate.dashboard") / "static" / name).read_bytes()
    return Asset(body, TYPES[name], hashlib.sha256(body).hexdigest()[:12])


def asset(name: str) -> str:
    """The URL of a file."""
    found = read(name)
    assert found is not None, f"there is no file {name}"
    return f"{PREFIX}{name}?{found.version}"
