"""From the journal into the log."""

from __future__ import annotations

import json

from audit_logs import Kept, record
from headgate.audit.recorder import Recorder
from headgate.audit.sink import AuditSink, encode
from headgate.storage.journal import MemoryJournal
from headgate.storage.writer import Writer


async def store(kept: Kept, *payloads: bytes) -> None:
    sink = AuditSink(kept.log, kept.clock)
    assert sink.kind == b"a"
    async with kept.database.transaction() as transaction:
        await sink.store(transaction, payloads)


async def test_the_journals_records_are_stored_once_however_often_they_are_handed_over(kept: Kept) -> None:
    payloads = [encode(record(number)) for number in range(5)]
    await store(kept, *payloads)
    await store(kept, *payloads, encode(record(5)))
    assert len(await kept.leaves()) == 6
    await kept.log.checkpoint()
    assert (await kept.verify()).ok


async def test_members_of_a_newer_release_are_no_obstacle(kept: Kept) -> None:
    members = {**json.loads(encode(record(1))), "newer": {"a": 1}}
    del members["subject"]  # what is at its default need not be there
    await store(kept, json.dumps(members).encode())
    [leaf] = await kept.leaves()
    assert json.loads(leaf)["subject"] == ""


async def test_a_record_that_cannot_be_read_holds_nothing_up_and_is_kept_as_it_is(kept: Kept) -> None:
    for _ in range(2):
        await store(kept, b'{"id": 7}', b"\xff", b"[" * 100_000, encode(record(1)))
    leaves = [json.loads(each) for each in await kept.leaves()]
    assert [each["action"] for each in leaves] == ["audit.unread"] * 3 + ["keys.create"]
    assert leaves[0]["detail"] == {"payload": '{"id": 7}'}
    await kept.log.checkpoint()
    assert (await kept.verify()).ok


async def test_what_the_request_path_records_gets_into_the_log_by_the_journal(kept: Kept) -> None:
    journal = MemoryJournal()
    recorder = Recorder(journal.append, kept.clock)
    writer = Writer(kept.database, journal, [AuditSink(kept.log, kept.clock)], kept.clock)
    await writer.adopt()
    for _ in range(15):
        recorder.refused("login.failed", address="192.0.2.1", detail={"reason": "unknown"})
    recorder.flush()
    await writer.drain()
    await writer.close()
    actions = [json.loads(each)["action"] for each in await kept.leaves()]
    assert actions == [*["login.failed"] * 10, "refusals.counted"]
    await kept.log.checkpoint()
    assert (await kept.verify()).ok
