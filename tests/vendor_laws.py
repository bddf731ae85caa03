"""Laws every dialect spoken to vendors keeps, as functions that tests of each dialect call with their bodies."""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Iterator
from typing import Any

import msgspec

from headgate.dialects.base import AnyDialect
from headgate.dialects.framing import Framer
from headgate.dialects.hub import StreamEvent
from headgate.dialects.view import get
from headgate.types import Frame, Path


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every string, number, boolean and null of a JSON value, object keys excepted."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from leaves(item, (*path, index))
    else:
        yield path, value


def held(decoded: Any) -> set[str]:
    """Every leaf value of a decoded struct, as JSON; texts that are themselves JSON are opened too."""
    found: set[str] = set()
    for _, value in leaves(msgspec.to_builtins(decoded)):
        found.add(json.dumps(value))
        if isinstance(value, str) and value[:1] in ("{", "["):
            with contextlib.suppress(ValueError):
                found |= {json.dumps(each) for _, each in leaves(json.loads(value))}
    return found


def missing_canaries(dialect: AnyDialect, request: Any) -> list[Path]:
    """Paths of the strings of a request that the view neither yields with the right text nor lists as not text."""
    marked = copy.deepcopy(request)
    places = [path for path, value in leaves(request) if isinstance(value, str)]
    for number, path in enumerate(places):
        if not dialect.is_not_text(path, request):
            get(marked, path[:-1])[path[-1]] = f"canary-{number}"
    seen = {node.path: node.text for node in dialect.request_texts(marked)}
    return [
        path
        for number, path in enumerate(places)
        if not dialect.is_not_text(path, request) and seen.get(path) != f"canary-{number}"
    ]


def frames_of(framer: Framer, pieces: list[bytes]) -> list[Frame]:
    return [frame for piece in pieces for frame in framer.feed(piece)] + framer.close()


def events_of(dialect: AnyDialect, frames: list[Frame]) -> list[StreamEvent]:
    decoder = dialect.decode_stream()
    return [event for frame in frames for event in decoder.feed(frame)] + decoder.close()
