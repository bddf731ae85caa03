"""The files of a library: which there are, what is in them, what their names say."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from headgate.prompts.dotprompt.problem import Problem

MAX_BYTES: Final = 1024 * 1024
"""Of one file."""
MAX_FILES: Final = 10_000
MAX_FOLDERS: Final = 40
"""Folders within folders."""

DATA_ENDINGS: Final = (".yaml", ".yml", ".json")


def wanted(name: str) -> bool:
    """Whether a file is one of a library's, by its name."""
    return name.endswith(".prompt") or data_kind(name) is not None


def data_kind(name: str) -> str | None:
    for ending in DATA_ENDINGS:
        for kind in ("schema", "tool"):
            if name.endswith(f".{kind}{ending}"):
                return kind
    return None


def data_name(place: str) -> str:
    """What a schema or a tool is called by its file."""
    return posixpath.basename(place).rsplit(".", 2)[0]


def entries(folder: Path | Traversable, place: str = "", depth: int = 0) -> Iterator[tuple[str, Path | Traversable]]:
    """The files of a library, in the order of their names."""
    for entry in sorted(folder.iterdir(), key=lambda each: each.name):
        if entry.name.startswith((".", "__pycache__")):
            continue
        here = f"{place}{entry.name}"
        if entry.is_dir():
            if depth < MAX_FOLDERS and not (isinstance(entry, Path) and entry.is_symlink()):
                yield from entries(entry, f"{here}/", depth + 1)
        elif wanted(entry.name):
            yield here, entry


def read_files(found: Iterable[tuple[str, Path | Traversable]], prefix: str) -> tuple[dict[str, str], list[Problem]]:
    sources: dict[str, str] = {}
    problems: list[Problem] = []
    for place, entry in found:
        shown = posixpath.join(prefix, place)
        if len(sources) == MAX_FILES:
            problems.append(Problem(shown, 1, 1, f"is one file too many: a library has at most {MAX_FILES}"))
            break
        if (what := _unreadable(place, entry)) is not None:
            problems.append(Problem(shown, 1, 1, what))
            continue
        try:
            raw = _bounded(entry)
        except OSError as error:
            problems.append(Problem(shown, 1, 1, f"cannot be read: {error.strerror or 'it is no file'}"))
            continue
        if len(raw) > MAX_BYTES:
            problems.append(Problem(shown, 1, 1, f"is larger than {MAX_BYTES} bytes"))
            continue
        try:
            sources[place] = raw.decode()
        except UnicodeDecodeError as error:
            line = raw[: error.start].count(b"\n") + 1
            problems.append(Problem(shown, line, 1, "is not UTF-8 text here; save the file as UTF-8"))
    return sources, problems


def _unreadable(place: str, entry: Path | Traversable) -> str | None:
    """Why an entry is not read: whoever may write a library is not to have other files of this machine published."""
    if not isinstance(entry, Path):
        return None
    if entry.is_symlink() and not entry.resolve().is_relative_to(entry.parents[place.count("/")].resolve()):
        return "is a link that leads out of the library; put the file itself there"
    return "is no file" if entry.exists() and not entry.is_file() else None


def _bounded(entry: Path | Traversable) -> bytes:
    """What is in a file, and a little more than may be at most."""
    with entry.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def is_partial(place: str) -> bool:
    return place.endswith(".prompt") and posixpath.basename(place).startswith("_")


def partial_name(place: str) -> str:
    folder, base = posixpath.split(place)
    return posixpath.join(folder, base.removesuffix(".prompt").removeprefix("_"))


def is_above(folder: str, other: str) -> bool:
    return not folder or other == folder or other.startswith(f"{folder}/")


def find(places: Container[str], folder: str, name: str, spelt: Callable[[str], Sequence[str]]) -> str | None:
    """The file of a name, however that may be spelt: in a folder, or one above it."""
    before, base = posixpath.split(name)
    if not base or ".." in before.split("/") or name.startswith("/"):
        return None
    while True:
        for spelling in spelt(base):
            place = posixpath.join(folder, before, spelling)
            if place in places:
                return place
        if not folder:
            return None
        folder = posixpath.dirname(folder)
