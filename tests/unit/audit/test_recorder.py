"""Refusals: told singly up to a rate, then counted."""

from __future__ import annotations

import msgspec
import pytest

from audit_logs import record
from headgate.audit.recorder import Recorder, audit_id
from headgate.clock import ManualClock
from headgate.storage.records import AuditRecord


class Journal:
    """Keeps what is appended; can be full."""

    def __init__(self) -> None:
        self.records: list[AuditRecord] = []
        self.full = False

    def append(self, kind: bytes, payload: bytes) -> None:
        assert kind == b"a"
        if self.full:
            raise OSError("no space left on device")
        self.records.append(msgspec.json.decode(payload, type=AuditRecord))

    @property
    def actions(self) -> list[str]:
        return [each.action for each in self.records]


@pytest.fixture
def journal() -> Journal:
    return Journal()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def recorder(journal: Journal, clock: ManualClock) -> Recorder:
    return Recorder(journal.append, clock)


def test_a_refusal_is_a_record(recorder: Recorder, journal: Journal, clock: ManualClock) -> None:
    recorder.refused("login.failed", address="192.0.2.1", subject="key:…abcd", detail={"reason": "expired"})
    [told] = journal.records
    assert msgspec.structs.replace(told, id="") == AuditRecord(
        id="",
        at_us=clock.now_us(),
        organisation="",
        actor="unknown",
        address="192.0.2.1",
        action="login.failed",
        subject="key:…abcd",
        outcome="denied",
        detail={"reason": "expired"},
    )
    assert told.id.startswith("aud_")


def test_an_address_has_ten_single_records_a_minute_and_one_count(
    recorder: Recorder, journal: Journal, clock: ManualClock
) -> None:
    for _ in range(1000):
        recorder.refused("login.failed", address="192.0.2.1")
    recorder.refused("login.failed", address="192.0.2.2")
    assert len(journal.records) == 11
    clock.advance(60)
    recorder.tick()
    recorder.tick()
    count = journal.records[-1]
    assert len(journal.records) == 12
    assert (count.action, count.outcome, count.address) == ("refusals.counted", "denied", None)
    assert count.detail == {
        "count": 990,
        "since_us": ManualClock().now_us(),
        "login.failed": 990,
        "busiest_address": "192.0.2.1",
        "busiest_count": 1000,
    }


def test_all_addresses_together_have_sixty(recorder: Recorder, journal: Journal, clock: ManualClock) -> None:
    for number in range(100_000):
        recorder.refused("login.failed", address=f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(journal.records) == 60
    clock.advance(61)
    recorder.refused("login.failed", address="192.0.2.1")
    assert len(journal.records) == 62
    assert journal.records[60].detail["count"] == 99_940
    assert "busiest_address" not in journal.records[60].detail


def test_a_flood_takes_no_more_memory_than_a_trickle(recorder: Recorder) -> None:
    for number in range(5000):
        recorder.refused(f"action.{number}", address=f"{number}" * 1000)
    assert len(recorder._by_address) <= 60
    assert len(recorder._counted) <= 21
    assert all(len(each) <= 256 for each in recorder._by_address)


def test_each_minute_begins_anew(recorder: Recorder, journal: Journal, clock: ManualClock) -> None:
    for _ in range(3):
        for _ in range(10):
            recorder.refused("login.failed", address="192.0.2.1")
        clock.advance(60)
    recorder.tick()
    assert journal.actions == ["login.failed"] * 30


def test_a_clock_set_back_does_not_stop_the_minutes(recorder: Recorder, journal: Journal, clock: ManualClock) -> None:
    for _ in range(11):
        recorder.refused("login.failed", address="192.0.2.1")
    clock.step(-86_400)
    clock.advance(60)
    recorder.tick()
    assert journal.actions[-1] == "refusals.counted"


def test_kinds_of_refusals_are_counted_apart(recorder: Recorder, journal: Journal) -> None:
    for action, times in (("login.failed", 10), ("key.expired", 3), ("login.failed", 2)):
        for _ in range(times):
            recorder.refused(action, address="192.0.2.1")
    recorder.flush()
    assert {name: journal.records[-1].detail[name] for name in ("count", "login.failed", "key.expired")} == {
        "count": 5,
        "login.failed": 2,
        "key.expired": 3,
    }


def test_what_could_not_be_written_is_counted_and_told_later(
    recorder: Recorder, journal: Journal, clock: ManualClock
) -> None:
    journal.full = True
    for _ in range(4):
        recorder.refused("login.failed", address="192.0.2.1")
    clock.advance(60)
    recorder.tick()
    assert recorder.lost == 5  # the count too
    journal.full = False
    clock.advance(60)
    recorder.tick()
    assert [each.detail["count"] for each in journal.records] == [4]
    assert journal.records[0].detail["since_us"] == ManualClock().now_us()


def test_what_a_caller_sends_is_cut_and_no_kind_of_it_raises(recorder: Recorder, journal: Journal) -> None:
    recorder.refused(
        "login.failed", address="\x00" * 9999, actor="a" * 9999, subject="\ud800" * 9999, detail={"hint": "h" * 9999}
    )
    [told] = journal.records
    assert (len(told.address or ""), len(told.actor), len(told.subject)) == (256, 256, 256)
    assert len(str(told.detail["hint"])) == 256


def test_no_address_is_one_too(recorder: Recorder, journal: Journal) -> None:
    for _ in range(20):
        recorder.refused("login.failed", address=None)
    assert len(journal.records) == 10
    assert journal.records[0].address is None


def test_a_record_of_its_own_is_written_whatever_the_rate_and_raises(recorder: Recorder, journal: Journal) -> None:
    for number in range(100):
        recorder.record(record(number, action="call.blocked"))
    assert len(journal.records) == 100
    journal.full = True
    with pytest.raises(OSError, match="no space"):
        recorder.record(record(1))


def test_ids_are_not_guessed() -> None:
    assert len({audit_id() for _ in range(1000)}) == 1000
    assert len(audit_id()) == 28
