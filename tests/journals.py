"""Journals of processes that are no more, and what their files hold: for tests."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import msgspec

from headgate.storage.journal import Journal


def die(journal: Journal) -> None:
    """What is left of a process that is killed: its files as they are, and nobody who holds the lock."""
    journal._over.set()
    journal._keeper.join()
    os.close(journal._segment.fd)
    os.close(journal._owner._descriptor)
    if journal._following is not None:
        os.close(journal._following.fd)
    journal._stop_reading()


def files(folder: Path, suffix: str = ".journal") -> Sequence[Path]:
    return sorted(folder.glob(f"*{suffix}"))


def records(*paths: Path) -> list[tuple[str, dict[str, Any]]]:
    """Kinds and records of whole lines, by the format's own words: `<8 hex crc32 of the rest> <kind> <json>\\n`."""
    found: list[tuple[str, dict[str, Any]]] = []
    for path in paths:
        for line in path.read_bytes().split(b"\n")[:-1]:
            checksum, space, rest = line.partition(b" ")
            if space and len(checksum) == 8 and checksum == b"%08x" % crc32(rest):
                kind, _, payload = rest.partition(b" ")
                found.append((kind.decode(), msgspec.json.decode(payload)))
    return found


def named(id: str, **more: Any) -> bytes:
    return msgspec.json.encode({"id": id, **more})
