"""A row is in the journal when it is recorded, or it waits and somebody is told."""

from __future__ import annotations

import pytest

from headgate.ledger import journalled as module
from headgate.ledger.journalled import JournalledLedger
from headgate.ledger.table import encode
from headgate.storage.journal import MemoryJournal
from ledger_rows import row


class Fragile:
    """A journal that can break."""

    def __init__(self) -> None:
        self.broken: OSError | None = None
        self.written: list[tuple[bytes, bytes, str]] = []

    @property
    def end(self) -> tuple[int, int]:
        return 0, len(self.written)

    def append(self, kind: bytes, payload: bytes, closes: str = "") -> None:
        self._fail()
        self.written.append((kind, payload, closes))

    def open(self, id: str, payload: bytes) -> None:
        self._fail()
        self.written.append((b"o", payload, id))

    def void(self, id: str) -> None:
        self._fail()
        self.written.append((b"v", b"", id))

    def _fail(self) -> None:
        if self.broken is not None:
            raise self.broken


@pytest.fixture
def journal() -> Fragile:
    return Fragile()


@pytest.fixture
def ledger(journal: Fragile) -> JournalledLedger:
    return JournalledLedger(journal)


def test_a_row_is_written_and_closes_what_was_opened(ledger: JournalledLedger, journal: Fragile):
    interrupted, settled = row(id="a", code="interrupted"), row(id="a")
    ledger.open(interrupted)
    ledger.record(settled)
    ledger.void("b")
    assert journal.written == [(b"o", encode(interrupted), "a"), (b"l", encode(settled), "a"), (b"v", b"", "b")]


def test_the_same_id_again_is_not_written(ledger: JournalledLedger, journal: Fragile):
    ledger.record(row(id="a"))
    ledger.record(row(id="a", cost_picodollars=0))
    assert len(journal.written) == 1


def test_a_row_that_cannot_be_written_waits_for_the_next(ledger: JournalledLedger, journal: Fragile):
    journal.broken = OSError("full")
    for name in ("a", "b"):
        with pytest.raises(OSError, match="full"):
            ledger.record(row(id=name))
    assert (ledger.waiting, ledger.writable) == (2, False)
    journal.broken = None
    ledger.record(row(id="c"))
    assert [name for _, _, name in journal.written] == ["a", "b", "c"]
    assert (ledger.waiting, ledger.writable, ledger.lost) == (0, True, 0)


def test_whoever_asks_whether_rows_can_be_kept_gets_the_waiting_ones_written(
    ledger: JournalledLedger, journal: Fragile
):
    journal.broken = OSError("full")
    with pytest.raises(OSError, match="full"):
        ledger.record(row(id="a"))
    journal.broken = None
    assert ledger.writable
    assert [name for _, _, name in journal.written] == ["a"]


def test_nothing_is_opened_while_rows_wait_in_vain(ledger: JournalledLedger, journal: Fragile):
    journal.broken = OSError("full")
    with pytest.raises(OSError, match="full"):
        ledger.open(row(id="a"))
    assert ledger.waiting == 0


def test_what_came_to_nothing_waits_too_and_raises_nothing(ledger: JournalledLedger, journal: Fragile):
    journal.broken = OSError("full")
    ledger.void("a")
    assert ledger.waiting == 1
    journal.broken = None
    ledger.flush()
    assert journal.written == [(b"v", b"", "a")]


def test_what_waits_can_be_taken_elsewhere(ledger: JournalledLedger, journal: Fragile):
    journal.broken = OSError("no space left on device")
    waits = row(id="a")
    with pytest.raises(OSError, match="no space"):
        ledger.record(waits)
    ledger.void("b")
    assert list(ledger.taken()) == [(b"l", encode(waits))]
    journal.broken = None
    ledger.flush()
    assert journal.written == []


def test_what_waits_is_bounded_and_what_is_lost_is_counted(
    ledger: JournalledLedger, journal: Fragile, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "MOST_WAITING", 3)
    journal.broken = OSError("full")
    for number in range(5):
        with pytest.raises(OSError, match="full"):
            ledger.record(row(id=f"{number}"))
    journal.broken = None
    ledger.flush()
    assert [name for _, _, name in journal.written] == ["2", "3", "4"]
    assert ledger.lost == 2


def test_a_journal_in_memory_will_do():
    journal = MemoryJournal()
    ledger = JournalledLedger(journal)
    ledger.record(row(id="a"))
    assert ledger.writable
    batch = journal.read()
    assert batch is not None
    assert batch.records == [(b"l", encode(row(id="a")))]


def test_it_is_known_how_far_the_journal_has_what_counts_for_budgets(ledger: JournalledLedger, journal: Fragile):
    ledger.record(row(id="a", charged=("b:1",)))
    ledger.record(row(id="b"))
    assert ledger.charged_to == (0, 1)
    journal.broken = OSError("full")
    with pytest.raises(OSError, match="full"):
        ledger.record(row(id="c", charged=("b:1",)))
    assert ledger.charged_to == (0, 1)
    journal.broken = None
    ledger.record(row(id="d"))
    assert ledger.charged_to == (0, 3)
