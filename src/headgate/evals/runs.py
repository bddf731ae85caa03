"""Run files: what came of each case, a line of JSON each, written as it comes. A run that was killed goes on where its
file ends.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Protocol

import msgspec

from headgate.evals.marks import Mark
from headgate.evals.problems import CannotEvaluate

if sys.platform != "win32":
    from fcntl import LOCK_EX, LOCK_NB, flock

FORMAT = 1

_FIRST = b'{"line":"run",'
"""How a run file begins."""


class Header(msgspec.Struct, frozen=True, tag="run", tag_field="line", kw_only=True):
    """The first line."""

    format: int = FORMAT
    id: str
    began_us: int
    headgate: str
    files: list[str]
    planned: int
    """Answers it was to be made of."""


class Result(msgspec.Struct, frozen=True, tag="result", tag_field="line", kw_only=True, omit_defaults=True):
    """What came of one answer."""

    suite: str
    cell: str
    case: str
    repeat: int
    of: int = 1
    needed: int = 1
    decided: bool = False
    """Whether its case is asked no more once it is decided."""
    key: str
    """A digest of all it depends on."""
    subject: str
    """A digest of the case alone: where it is another one, two runs did not test the same."""
    passed: bool | None = None
    score: float = 0.0
    marks: list[Mark] = []
    error: str = ""
    """Why there is no answer, or no verdict; `code: message`."""
    text: str = ""
    tools: list[str] = []
    stop: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cost_picodollars: int | None = 0
    judged_picodollars: int = 0
    answered_by: str = ""
    """What the vendor calls the model that answered; empty where it does not say."""
    latency_ms: float = 0.0
    target: str = ""
    model: str = ""
    version: str = ""
    served: str = ""
    """The prompt its model is, as `support/triage@0123456789ab`, where it is one."""
    file: str
    line_number: int = 1
    prompt_file: str = ""
    prompt_line: int = 1

    @property
    def place(self) -> tuple[str, str, str]:
        return self.suite, self.cell, self.case


class End(msgspec.Struct, frozen=True, tag="end", tag_field="line", kw_only=True):
    """The last line of a run that was not killed."""

    ended_us: int
    why: str = "complete"
    """`complete`, `budget`, `precision`, `interrupted`."""
    told: str = ""
    """What more there is to say of that."""
    spent_picodollars: int = 0
    """What was paid, judges included; less than what answers cost where some were known from before."""
    cached: int = 0


Line = Header | Result | End
_DECODER = msgspec.json.Decoder(Line)
_ENCODER = msgspec.json.Encoder()


class Results(Protocol):
    """Where results go as they come."""

    def add(self, line: Result) -> None:
        """Keep one.

        Raises:
            CannotEvaluate: it cannot be kept.
        """
        ...


class RunFile:
    """A run file that is written to, by one process at a time. A line is handed to the system whole; what a crash tears
    is not read.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._open: IO[bytes] | None = None

    def begin(self, header: Header) -> None:
        """Start a new file, or one of which not even the first line was written.

        Raises:
            CannotEvaluate: there is one, or it cannot be written.
        """
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with self._opened() as (file, whole):
                if whole or not _torn(file):
                    what = f"{self.file} is there already; go on with it by --resume, or name another file"
                    raise CannotEvaluate(what)
                file.truncate(0)
            self._write(header)
        except OSError as error:
            self.close()
            raise CannotEvaluate(f"{self.file} cannot be written: {error.strerror}") from None

    def go_on(self) -> None:
        """Write on where whole lines end.

        Raises:
            CannotEvaluate: the file cannot be written.
        """
        try:
            with self._opened() as (file, whole):
                file.truncate(whole)
        except OSError as error:
            raise CannotEvaluate(f"{self.file} cannot be written: {error.strerror}") from None

    def add(self, line: Result | End) -> None:
        """Write a line.

        Raises:
            CannotEvaluate: the file cannot be written.
        """
        try:
            self._write(line)
        except OSError as error:
            raise CannotEvaluate(f"{self.file} cannot be written: {error.strerror}") from None

    def close(self) -> None:
        if self._open is not None:
            self._open.close()

    @contextmanager
    def _opened(self) -> Generator[tuple[IO[bytes], int]]:
        """The file, this process's alone, and where its whole lines end; it stays open unless something is raised.

        Raises:
            CannotEvaluate: another process writes to it.
        """
        file = self.file.open("a+b", buffering=0)
        try:
            _lock(file)
            yield file, _whole_bytes(file)
        except BaseException:
            file.close()
            raise
        self._open = file

    def _write(self, line: Line) -> None:
        """A whole line or nothing of it: on a full disk, say, no half of one is left before what comes next."""
        assert self._open is not None
        raw = memoryview(_ENCODER.encode(line) + b"\n")
        before = os.fstat(self._open.fileno()).st_size
        try:
            while raw:
                raw = raw[self._open.write(raw) :]
        except OSError:
            with suppress(OSError):
                self._open.truncate(before)
            raise


def _torn(file: IO[bytes]) -> bool:
    """Whether a file without a whole line is one a run had just begun, or empty."""
    file.seek(0)
    return _FIRST.startswith(file.read(len(_FIRST)))


def _lock(file: IO[bytes]) -> None:
    """Keep a file until it is closed, however its process ends. On Windows nothing is locked."""
    if sys.platform != "win32":
        try:
            flock(file.fileno(), LOCK_EX | LOCK_NB)
        except BlockingIOError:
            raise CannotEvaluate(f"{file.name} is written to by another process; wait for it to end") from None


def header_of(file: Path) -> Header:
    """The first line of a run file.

    Raises:
        CannotEvaluate: it is none.
    """
    first = next(_lines(file), None)
    if not isinstance(first, Header):
        raise CannotEvaluate(f"{file} is no run; 'headgate eval run --output FILE' makes one")
    if first.format != FORMAT:
        raise CannotEvaluate(f"{file} is of format {first.format}, and this version reads {FORMAT}; run it again")
    return first


def results_of(file: Path) -> Iterator[Result]:
    """The results in a run file, in the order they came. Of a case's repeat that was made again the last one counts,
    and it comes last.

    Raises:
        CannotEvaluate: the file is no run.
    """
    header_of(file)
    for line in _lines(file):
        if isinstance(line, Result):
            yield line


def ends_of(file: Path) -> list[End]:
    """How it ended, once for each time it was gone on with; none for a run that was killed.

    Raises:
        CannotEvaluate: the file is no run.
    """
    header_of(file)
    return [line for line in _lines(file) if isinstance(line, End)]


def _lines(file: Path) -> Iterator[Line]:
    try:
        with file.open("rb") as read:
            for number, raw in enumerate(read, 1):
                if not raw.endswith(b"\n"):
                    return
                try:
                    yield _DECODER.decode(raw)
                except msgspec.DecodeError as error:
                    what = (
                        "is no run; 'headgate eval run --output FILE' makes one"
                        if number == 1
                        else f"line {number}: {error}"
                    )
                    raise CannotEvaluate(f"{file} {what}") from None
    except OSError as error:
        raise CannotEvaluate(f"{file} cannot be read: {error.strerror}") from None


def _whole_bytes(read: IO[bytes]) -> int:
    """Where the last whole line ends."""
    at = read.seek(0, os.SEEK_END)
    while at:
        step = min(at, 1 << 16)
        at -= step
        read.seek(at)
        found = read.read(step).rfind(b"\n")
        if found >= 0:
            return at + found + 1
    return 0
