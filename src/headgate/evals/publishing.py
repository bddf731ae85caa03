"""Suites that a server keeps and runs by itself: a test file with the data it names, as texts, and no code."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path, PurePosixPath

import msgspec
from msgspec.structs import replace

from headgate.evals.case import Suite
from headgate.evals.problems import BadTests, Place, Problem
from headgate.evals.reading import read
from headgate.evals.reading.files import PROMPT
from headgate.evals.reading.files import YAML as ENDINGS
from headgate.evals.reading.sources import Disk, Held
from headgate.evals.selection import Selection
from headgate.evals.telling import MAX_NAME, clean

MAX_BYTES = 700 * 1024
"""Of a suite's texts: a request of the admin API takes a MiB, and JSON has its own marks."""

MAX_CASES, MAX_ANSWERS = 5_000, 50_000

__all__ = ["ENDINGS", "MAX_BYTES", "MAX_CASES", "Published", "gathered", "is_place", "places_of"]


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """A suite on its way to a server, and there."""

    name: str
    """As runs call it: `support/triage`."""
    file: str
    """The place of the test file among the sources."""
    prompts: list[str] = []
    """The prompts it is of where it names none: the one beside it, and those that name it as their tests."""
    sources: dict[str, str]
    """The text of the test file, and of the data it names, by place. A place may begin with `../`: nothing is ever
    written there."""

    @property
    def bytes(self) -> int:
        """Of all texts."""
        return sum(len(text.encode()) for text in self.sources.values())

    @property
    def digest(self) -> str:
        """SHA-256 of it all, in hexadecimal."""
        return sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()

    @property
    def held(self) -> Held:
        """Its texts, to be read from."""
        return Held(self.sources)

    def suite(self) -> Suite:
        """What it says.

        Raises:
            BadTests: what is wrong in it; what of it would run code is.
        """
        (suite,) = read([Path(self.file)], sources=self.held, code=False, named_by=lambda _: self.prompts)
        suite = replace(suite, name=self.name)
        if problems := [Problem(Place(self.file), what) for what in _too_much(suite)]:
            raise BadTests(problems)
        return suite


def gathered(paths: Sequence[Path], library: Path | None = None) -> list[Published]:
    """Test files with all they need, as they stand in the folder `library`, else in that of their prompts.

    Raises:
        BadTests: what is wrong in them, and what cannot be published.
    """
    selected = Selection(paths, library)
    found: list[Published] = []
    problems = list(selected.problems)
    for each in selected.tests:
        try:
            found.append(_gathered(each.file, each.root, selected))
        except BadTests as error:
            problems += error.problems
    if problems:
        raise BadTests(problems)
    return found


class _Noting(Disk):
    """A disk that knows what was looked for."""

    def __init__(self) -> None:
        self.asked: dict[Path, None] = {}

    def has(self, file: Path) -> bool:
        self.asked[file] = None
        return super().has(file)


def _too_much(suite: Suite) -> Iterator[str]:
    """What of a suite is more than a server keeps."""
    answers = sum(case.repeat.of for case in suite.cases)
    if len(suite.cases) > MAX_CASES:
        yield f"has {len(suite.cases):,} cases, and a server keeps {MAX_CASES:,}; divide it into several files"
    elif answers > MAX_ANSWERS:
        yield f"asks {answers:,} times at each model, and a server {MAX_ANSWERS:,} times; repeat less often"
    for name in (suite.name, *(cell.name for cell in suite.cells)):
        if name != clean(name, MAX_NAME):
            yield f"names something '{clean(name, 60)}…' that is too long, or has blanks or characters no name has"


def _gathered(file: Path, root: Path, selected: Selection) -> Published:
    disk, prompts = _Noting(), list[str]()

    def beside(prompt: Path) -> str | None:
        name = selected.prompt_in(root)(prompt)
        prompts.extend([] if name is None else [name])
        return name

    def named_by(test: Path) -> list[str]:
        names = selected.named_by(test)
        prompts.extend(names)
        return names

    (suite,) = read([file], beside, root, disk, code=False, named_by=named_by)
    data = [each for each in disk.asked if not each.name.endswith(PROMPT)]
    made = Published(
        name=suite.name,
        file=_place(file, root),
        prompts=list(dict.fromkeys(prompts)),
        sources={_place(each, root): disk.read(each).decode() for each in [file, *data]},
    )
    if made.bytes > MAX_BYTES:
        what = f"comes with {made.bytes:,} bytes, its data included, and a server keeps {MAX_BYTES:,}; name fewer cases"
        raise BadTests([Problem(Place(str(file)), what)])
    made.suite()  # what a server would refuse is better known now
    return made


def _place(file: Path, root: Path) -> str:
    """Where a file stands, seen from the library's folder."""
    return PurePosixPath(os.path.relpath(os.path.abspath(file), os.path.abspath(root)).replace(os.sep, "/")).as_posix()


def is_place(text: str) -> bool:
    """Whether a text can be the place of a source: relative, of printable characters."""
    steps = text.split("/")
    return len(text) <= 300 and text.isprintable() and "\\" not in text and not {"", "."} & set(steps)


def places_of(sources: Mapping[str, str]) -> list[str]:
    """The places among these that are none."""
    return [each for each in sources if not is_place(each)]
