"""The check itself, over records and checkpoints as they come. Holds one frontier, whatever the length of the log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from headgate.audit.checkpoints import Checkpoint
from headgate.audit.errors import Malformed, NotSigned
from headgate.audit.leaves import COLUMNS, escaped, parse
from headgate.audit.merkle import Frontier, leaf_hash
from headgate.audit.notes import Verifier
from headgate.audit.report import Report

LATE_US = 60_000_000
"""How much older than one before it a record may be without a word: several processes write it."""

_MOST_SUSPECTS = 100


class Mark(NamedTuple):
    """A checkpoint to compare the log with, and where it is from."""

    checkpoint: Checkpoint
    source: str


class Scan:
    """Takes records in the order of their positions, and the checkpoints of each size once that size is reached."""

    def __init__(self, keys: Sequence[Verifier]) -> None:
        self._keys = keys
        self.tree = Frontier()
        self.report = Report()
        self._expected = 0
        self._whole = True
        """Whether every record so far was there: roots say nothing any more after one that is missing."""
        self._suspects: list[Mark] = []
        """Signed checkpoints that do not fit. A later one that fits tells a fork from a changed record."""
        self._fitting = -1
        """The size of the last checkpoint that fits."""
        self._last: Mark | None = None
        self._latest_us = 0
        self._late: tuple[int, int] | None = None
        """Position of the first record that is late, and by how many microseconds."""
        self._late_records = 0

    @property
    def position(self) -> int:
        """Where the next record belongs."""
        return self._expected

    def record(self, position: int, leaf: str, stored: str | None = None, columns: Sequence[Any] | None = None) -> None:
        """The next record: its leaf, and as far as they are known its hash and its columns as they are stored."""
        report = self.report
        report.records += 1
        if position < self._expected:
            report.problem("inserted", f"record {position}: there is another one of that position", position)
            self._whole = False
            return
        if position > self._expected:
            self.missing(position)
        self._expected = position + 1
        hashed = leaf_hash(leaf.encode("utf-8", "surrogateescape"))
        self.tree.add(hashed)
        if stored is not None and stored != hashed.hex():
            report.problem("changed", f"record {position}: its leaf is not what its hash says", position)
        try:
            members = parse(leaf)
        except Malformed as error:
            report.problem("changed", f"record {position}: its leaf {error}", position)
            return
        for name, value in zip(COLUMNS, columns or (), strict=False):
            if members[name] != value:
                report.problem("changed", f"record {position}: its column '{name}' is not what its leaf says", position)
        self._look_at_time(position, members["at_us"])

    def unreadable(self, position: int) -> None:
        """The record of that position is there, and is no text."""
        if position >= self._expected:
            self.missing(position)
            self._expected = position + 1
        self.report.records += 1
        self.report.problem("changed", f"record {position}: it is no UTF-8", position)
        self._whole = False

    def missing(self, until: int) -> None:
        """The records up to `until` are not there."""
        if until <= self._expected:
            return
        last = "" if until == self._expected + 1 else f" to {until - 1}"
        what = f"record{'s' if last else ''} {self._expected}{last} {'are' if last else 'is'} missing"
        self.report.problem("missing", what, self._expected)
        self._whole = False
        self._expected = until

    def open(self, note: str, source: str) -> Mark | None:
        """The mark that a note makes; None, and a problem, where it cannot be believed."""
        try:
            return Mark(Checkpoint.open(note, self._keys), source)
        except Malformed as error:
            self.report.problem("unreadable", f"{source}: {escaped(str(error))}")
        except NotSigned as error:
            self.report.problem("signature", f"{source}: {escaped(str(error))}")
        return None

    def mark(self, mark: Mark) -> None:
        """A checkpoint of as many records as there have been."""
        checkpoint = mark.checkpoint
        last, self._last = self._last, mark
        if last and last.checkpoint.size == checkpoint.size and last.checkpoint.root != checkpoint.root:
            self.report.problem(
                "fork",
                f"{last.source} and {mark.source} are signed, with different roots of {checkpoint.size} records",
            )
        if not self._whole or checkpoint.size != self.tree.size:
            return
        if checkpoint.root == self.tree.root():
            self.report.checkpoints += 1
            self._fork_before()
            self.report.signed = self._fitting = checkpoint.size
        elif checkpoint.size != self._fitting and len(self._suspects) < _MOST_SUSPECTS:
            self._suspects.append(mark)

    def beyond(self, mark: Mark) -> None:
        """A checkpoint of more records than there are."""
        size = mark.checkpoint.size
        self.report.problem(
            "truncated", f"{mark.source} is of {size} records, and there are {self._expected}", self._expected
        )

    def finish(self) -> Report:
        report = self.report
        report.root = self.tree.root().hex()
        if self._suspects:
            first = self._suspects[0]
            size = first.checkpoint.size
            report.problem(
                "rewritten",
                f"some of the records {report.signed} to {size - 1} are not those that were signed: "
                f"{first.source} has another root",
                next((at for at in self._changed() if report.signed <= at < size), report.signed),
            )
        if self._late:
            position, behind_us = self._late
            report.warning(
                "clock",
                f"record {position} is {behind_us / 1_000_000:.0f} s older than one before it "
                f"({self._late_records} are over {LATE_US // 1_000_000} s): "
                "a clock was set back, or a journal was read late",
                position,
            )
        if self._whole and not self._suspects and (rest := self._expected - report.signed):
            report.warning("unsigned", f"no checkpoint vouches for the last {rest} records yet", report.signed)
        return report

    def _changed(self) -> list[int]:
        return [each.position for each in self.report.problems if each.code == "changed" and each.position is not None]

    def _fork_before(self) -> None:
        """The records are what a later checkpoint says: those before it that say otherwise were of another log."""
        for each in self._suspects:
            self.report.problem(
                "fork",
                f"{each.source} is signed, of {each.checkpoint.size} records, and not of this log",
                self.report.signed,
            )
        self._suspects = []

    def _look_at_time(self, position: int, at_us: int) -> None:
        if at_us >= self._latest_us:
            self._latest_us = at_us
            return
        behind_us = self._latest_us - at_us
        if behind_us <= LATE_US:
            return
        self._late_records += 1
        if self._late is None:
            self._late = position, behind_us
