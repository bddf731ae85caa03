"""Answers that were given before, in a file: the same question costs once. What failed is not kept."""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import apsw
import msgspec

from headgate.evals.problems import CannotEvaluate

VERSION = 1
"""Of the keys: another one, and nothing of before is found."""

_BUSY_MS = 10_000


def key_of(*parts: Any) -> bytes:
    """The key of all that an answer depends on."""
    return sha256(msgspec.json.encode([VERSION, *parts], order="deterministic")).digest()


class Cache:
    """A SQLite file of keys and values. Several processes may use it at once. Where it turns out damaged, or another
    process keeps it to itself, it knows and keeps nothing: that costs money and no result.
    """

    def __init__(self, file: Path) -> None:
        """Raises `CannotEvaluate` where the file cannot be used."""
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._connection = apsw.Connection(str(file))
            self._connection.set_busy_timeout(_BUSY_MS)
            self._connection.execute(
                "pragma journal_mode = wal; pragma synchronous = normal;"
                "create table if not exists answers (key blob primary key, value blob not null) without rowid"
            ).fetchall()
        except (OSError, apsw.Error) as error:
            raise CannotEvaluate(f"the cache {file} cannot be used: {error}; remove it, or pass --no-cache") from None
        self.hits = 0

    def get(self, key: bytes, *, counted: bool = True) -> bytes | None:
        """What was kept under a key. `counted` is whether that is an answer known from before."""
        try:
            found: Any = self._connection.execute("select value from answers where key = ?", (key,)).fetchone()
        except apsw.Error:
            return None
        if found is None:
            return None
        self.hits += counted
        return found[0]

    def put(self, key: bytes, value: bytes) -> None:
        """Keep something. It is there for whoever asks next, also after a crash of this process."""
        with suppress(apsw.Error):
            self._connection.execute("insert or replace into answers values (?, ?)", (key, value)).fetchall()

    def close(self) -> None:
        with suppress(apsw.Error):
            self._connection.close()
