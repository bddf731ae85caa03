"""Prompts served straight from files: a folder's, or those of an installed package."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import islice
from pathlib import Path

from headgate.prompts.config import PromptsConfig
from headgate.prompts.dotprompt import Library, Problem, PromptsInvalid, load_folder, load_package
from headgate.prompts.dotprompt.files import MAX_FILES, entries
from headgate.prompts.serving import Served, Unservable, served

Stamp = tuple[tuple[str, int, int], ...]


def of(config: PromptsConfig) -> Mapping[str, Served]:
    """The prompts a configuration names, by their names.

    Raises:
        PromptsInvalid: something is wrong in their files; it has every mistake of every file.
    """
    if config.folder is not None:
        return _of_folder(config.folder, stamp(config))
    if config.package is not None:
        return _of_package(config.package)
    return {}


def stamp(config: PromptsConfig) -> Stamp:
    """What changes when one of a folder's files does; empty where there is no folder."""
    return () if config.folder is None else tuple(_stamps(Path(config.folder)))


def _stamps(folder: Path) -> Iterator[tuple[str, int, int]]:
    """Of the files that are read, as far as they can be seen: folders come and go while they are looked at."""
    try:
        for place, path in islice(entries(folder), MAX_FILES + 1):
            assert isinstance(path, Path), "a folder's entries are paths"
            now = path.stat()
            yield place, now.st_mtime_ns, now.st_size
    except OSError as error:
        yield str(error), 0, 0


@lru_cache(maxsize=4)
def _of_folder(folder: str, _: Stamp) -> Mapping[str, Served]:
    return _served(load_folder(folder), folder)


@lru_cache(maxsize=4)
def _of_package(package: str) -> Mapping[str, Served]:
    name, _, folder = package.partition(":")
    return _served(load_package(name, folder), name)


def _served(library: Library, place: str) -> Mapping[str, Served]:
    made: dict[str, Served] = {}
    problems: list[Problem] = []
    for prompt in library:
        try:
            made[prompt.full_name] = served(prompt)
        except Unservable as error:
            problems.append(Problem(f"{place}/{prompt.file}", 1, 1, str(error)))
    if problems:
        raise PromptsInvalid(problems)
    return made
