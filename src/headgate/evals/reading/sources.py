"""Where test files, and the data they name, are read from: a disk, or texts that somebody has handed over."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol


class Sources(Protocol):
    """Files by their paths."""

    def has(self, file: Path) -> bool:
        """Whether there is a file."""
        ...

    def read(self, file: Path) -> bytes:
        """What is in it.

        Raises:
            OSError: it cannot be read.
        """
        ...


class Disk:
    """Files of this machine."""

    def has(self, file: Path) -> bool:
        return file.is_file()

    def read(self, file: Path) -> bytes:
        return file.read_bytes()


DISK = Disk()


class Held:
    """Texts by place, as `support/triage.test.yaml`. Nothing else is there, wherever a path leads."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts

    def has(self, file: Path) -> bool:
        return place_of(file) in self._texts

    def read(self, file: Path) -> bytes:
        try:
            return self._texts[place_of(file)].encode()
        except KeyError:
            raise FileNotFoundError(2, "No such file", str(file)) from None


def place_of(file: Path) -> str:
    """A path as texts are kept under it: `a/../data/x.csv` is `data/x.csv`."""
    return posixpath.normpath(file.as_posix())
