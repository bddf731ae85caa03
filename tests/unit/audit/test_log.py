"""Appending to the log and signing it."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

import audit_logs
import audit_trees
from audit_logs import ORIGIN, OTHER_SEED, SEED, Kept, record, signer
from headgate.audit.checkpoint_file import entries
from headgate.audit.checkpoints import Checkpoint
from headgate.audit.errors import Tampered
from headgate.audit.log import AuditLog
from headgate.errors import StoreUnavailable


def file_sizes(log: Kept) -> list[int]:
    return [Checkpoint.read(entry.note or "").size for entry in entries(log.file)] if log.file.exists() else []


async def stored_sizes(log: Kept) -> list[int]:
    return [size for (size,) in await log.database.fetch("SELECT size FROM audit_checkpoints ORDER BY size")]


async def test_records_are_leaves_in_the_order_in_which_they_came(kept: Kept) -> None:
    await kept.grow(3)
    await kept.grow(4)
    leaves = await kept.leaves()
    assert len(leaves) == 7
    [(size, text)] = await kept.database.fetch("SELECT size, frontier FROM audit_tree")
    checkpoint = await kept.log.checkpoint()
    assert checkpoint
    assert (size, checkpoint.size, checkpoint.origin) == (7, 7, ORIGIN)
    assert checkpoint.root == audit_trees.mth(leaves)
    assert text.count(" ") == 2


async def test_a_record_that_is_there_already_is_left_out(kept: Kept) -> None:
    await kept.write(record(1), record(2))
    await kept.write(record(2), record(3), record(3, actor="key:other"), record(1))
    assert [b'"aud_000001"' in each for each in await kept.leaves()] == [True, False, False]
    assert len(await kept.leaves()) == 3
    assert (await kept.verify(file=False)).ok


async def test_nothing_to_append_takes_no_lock(kept: Kept) -> None:
    await kept.write()
    assert await kept.database.fetch("SELECT * FROM audit_tree") == []


async def test_a_large_batch_is_appended_whole(kept: Kept) -> None:
    await kept.grow(1234)
    await kept.write(*(record(number) for number in range(1200, 1300)))
    assert len(await kept.leaves()) == 1300
    assert (await kept.verify(file=False)).records == 1300


async def test_a_crash_mid_append_leaves_nothing_of_it(kept: Kept) -> None:
    await kept.grow(5)
    before = await kept.content()
    with pytest.raises(ZeroDivisionError):
        async with kept.database.transaction() as transaction:
            await kept.log.append(transaction, [record(5), record(6)])
            raise ZeroDivisionError
    assert await kept.content() == before
    await kept.grow(2)
    assert (await kept.verify(file=False)).records == 7


async def test_what_a_record_holds_that_no_database_keeps_does_not_stop_it(kept: Kept) -> None:
    await kept.write(record(1, actor="\x00\ud800", detail={"\x00": "\udfff"}))
    await kept.log.checkpoint()
    assert (await kept.verify()).ok


async def test_only_a_log_that_has_grown_is_signed(kept: Kept) -> None:
    assert await kept.log.checkpoint() is None
    await kept.grow(3)
    first = await kept.log.checkpoint()
    assert await kept.log.checkpoint() is None
    await kept.grow(1)
    second = await kept.log.checkpoint()
    assert first
    assert second
    assert (first.size, second.size) == (3, 4)
    assert file_sizes(kept) == await stored_sizes(kept) == [3, 4]


async def test_another_process_goes_on_signing_where_the_last_one_was_killed(kept: Kept) -> None:
    await kept.grow(21)
    await kept.log.checkpoint()
    await kept.grow(13)  # and the process is gone
    again = kept.opened()
    checkpoint = await again.checkpoint()
    assert checkpoint
    assert checkpoint.size == 34
    assert checkpoint.root == audit_trees.mth(await kept.leaves())
    assert await kept.opened().checkpoint() is None
    assert (await kept.verify()).ok


async def test_a_checkpoint_that_did_not_get_into_the_file_is_brought_there_by_the_next_process(kept: Kept) -> None:
    await kept.grow(5)
    await kept.log.checkpoint()
    await kept.grow(5)
    no_file = AuditLog(kept.database, signer(), kept.clock)
    await no_file.checkpoint()
    assert file_sizes(kept) == [5]
    assert await kept.opened().checkpoint() is None
    assert file_sizes(kept) == [5, 10]


async def test_a_file_that_cannot_be_read_keeps_the_log_from_being_signed(kept: Kept) -> None:
    await kept.grow(5)
    kept.file.mkdir()
    with pytest.raises(OSError, match=r"."):
        await kept.log.checkpoint()
    assert await stored_sizes(kept) == []


async def test_a_file_that_could_not_be_written_is_caught_up(kept: Kept, tmp_path: Path) -> None:
    await kept.grow(5)
    await kept.log.checkpoint()
    await kept.grow(5)
    kept.file.rename(tmp_path / "aside")
    kept.file.mkdir()
    with pytest.raises(OSError, match=r"."):
        await kept.log.checkpoint()
    kept.file.rmdir()
    (tmp_path / "aside").rename(kept.file)
    assert await kept.log.checkpoint() is None
    assert file_sizes(kept) == await stored_sizes(kept) == [5, 10]


async def test_a_database_that_is_away_for_the_first_checkpoint_is_no_damage(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise StoreUnavailable("away")

    await kept.grow(5)
    with monkeypatch.context() as patch:
        patch.setattr(kept.database, "transaction", away)
        for _ in range(2):
            with pytest.raises(StoreUnavailable):
                await kept.log.checkpoint()
    await kept.grow(2)
    assert await kept.log.checkpoint()
    assert file_sizes(kept) == await stored_sizes(kept) == [7]


async def test_two_replicas_sign_one_log(kept: Kept) -> None:
    other = kept.opened()
    await kept.grow(3)
    await kept.log.checkpoint()
    await kept.write(record(100), log=other)
    made = await other.checkpoint()
    assert made
    assert made.size == 4
    assert await kept.log.checkpoint() is None
    await kept.grow(2)
    assert await kept.log.checkpoint()
    assert await other.checkpoint() is None
    assert file_sizes(kept) == await stored_sizes(kept) == [3, 4, 6]
    assert (await kept.verify()).ok


async def test_replicas_of_different_keys_do_not_sign_one_log(kept: Kept) -> None:
    await kept.grow(3)
    await kept.log.checkpoint()
    await kept.grow(3)
    with pytest.raises(Tampered, match="replicas need the same"):
        await kept.opened(OTHER_SEED).checkpoint()
    assert await stored_sizes(kept) == [3]


async def test_a_new_key_goes_on_from_checkpoints_of_an_earlier_one(kept: Kept) -> None:
    await kept.grow(3)
    await kept.log.checkpoint()
    await kept.grow(3)
    renewed = kept.opened(OTHER_SEED, earlier=[signer(SEED).verifier])
    assert await renewed.checkpoint()
    assert [each.code for each in (await kept.verify(OTHER_SEED)).problems] == ["signature"] * 2


async def test_concurrent_writers_append_all_and_none_twice(kept: Kept) -> None:
    logs = [kept.opened() for _ in range(4)]

    async def work(number: int) -> None:
        for each in range(5):
            await kept.write(record(number * 100 + each), record(9000 + each), log=logs[number % 4])
            await logs[number % 4].checkpoint()

    await asyncio.gather(*(work(number) for number in range(8)))
    assert len(await kept.leaves()) == 8 * 5 + 5
    await kept.log.checkpoint()
    report = await kept.verify()
    assert report.ok
    assert report.signed == 45


# ── what is not signed ──


async def refused(kept: Kept, log: AuditLog | None = None) -> str:
    """Why the log is not signed; and that nothing is."""
    before = await kept.content(), kept.file.read_bytes() if kept.file.exists() else b""
    with pytest.raises(Tampered) as error:
        await (log or kept.log).checkpoint()
    assert (await kept.content(), kept.file.read_bytes() if kept.file.exists() else b"") == before
    return error.value.message


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_log_that_was_cut_is_not_signed(signed: Kept, restarted: bool) -> None:
    await signed.change("DELETE FROM audit_records WHERE position >= 30")
    await signed.replant()
    await signed.change("DELETE FROM audit_checkpoints WHERE size > 30")
    await signed.write(record(77))
    why = await refused(signed, signed.opened() if restarted else None)
    assert "it has 31 records, and 40 were signed" in why


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_log_that_was_cut_and_grown_again_is_not_signed(signed: Kept, restarted: bool) -> None:
    await signed.change("DELETE FROM audit_records WHERE position >= 30")
    await signed.replant()
    await signed.change("DELETE FROM audit_checkpoints WHERE size > 30")
    await signed.write(*(record(number, actor="key:thief") for number in range(30, 60)))
    assert "has lost the checkpoint of 40 records" in await refused(signed, signed.opened() if restarted else None)


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_log_whose_past_was_changed_under_its_tree_is_not_signed(signed: Kept, restarted: bool) -> None:
    await signed.rewrite(12, record(12, actor="key:thief"))
    await signed.replant()
    await signed.write(record(100))
    why = await refused(signed, signed.opened() if restarted else None)
    assert "does not fit" in why or "are not those that were signed" in why


async def test_a_change_before_what_is_signed_next_is_found_without_reading_the_past(kept: Kept) -> None:
    await kept.grow(10)
    await kept.log.checkpoint()
    await kept.grow(10)
    await kept.change("UPDATE audit_records SET leaf = replace(leaf, 'key:admin', 'key:thief') WHERE position = 15")
    assert "record 15 has been changed" in await refused(kept)
    await kept.change("DELETE FROM audit_records WHERE position = 15")
    assert "record 15 is missing" in await refused(kept)


async def test_a_tree_that_does_not_fit_its_records_is_not_signed(kept: Kept) -> None:
    await kept.grow(4)
    await kept.log.checkpoint()
    await kept.grow(4)
    await kept.change("UPDATE audit_tree SET frontier = $1", "00" * 32)
    assert "does not fit the records" in await refused(kept)
    await kept.change("UPDATE audit_tree SET frontier = $1", "nonsense")
    assert "the tree's own row" in await refused(kept)
    await kept.change("DELETE FROM audit_tree")
    assert "it has 0 records, and 4 were signed" in await refused(kept)


async def test_a_checkpoint_that_was_removed_or_changed_keeps_the_log_from_being_signed(signed: Kept) -> None:
    await signed.grow(1)
    note = (await signed.database.fetch("SELECT note FROM audit_checkpoints WHERE size = 40"))[0][0]
    await signed.change("UPDATE audit_checkpoints SET note = replace(note, '40', '39') WHERE size = 40")
    assert "is not of this text" in await refused(signed)
    await signed.change("UPDATE audit_checkpoints SET note = $1 WHERE size = 40", "nothing")
    assert "is none" in await refused(signed)
    await signed.change("DELETE FROM audit_checkpoints WHERE size = 40")
    assert "has lost the checkpoint of 40" in await refused(signed)
    await signed.change("DELETE FROM audit_checkpoints")
    assert "has lost the checkpoint of 40" in await refused(signed)
    assert "has lost the checkpoint of 40" in await refused(signed, signed.opened())
    await signed.change("INSERT INTO audit_checkpoints VALUES (40, 0, $1)", note)
    assert await signed.log.checkpoint()


async def test_another_log_in_place_of_this_one_is_not_signed(signed: Kept, tmp_path: Path) -> None:
    """All of the database is another's, of the same key; only the file still tells."""
    await signed.change("DELETE FROM audit_records")
    await signed.change("DELETE FROM audit_checkpoints")
    await signed.change("DELETE FROM audit_tree")
    other = AuditLog(signed.database, signer(), signed.clock)
    await signed.write(*(record(number, actor="key:thief") for number in range(50)), log=other)
    await other.checkpoint()
    assert "its first 40 records are not those that were signed" in await refused(signed, signed.opened())


async def test_why_the_log_is_not_signed_is_told_once(signed: Kept, caplog: pytest.LogCaptureFixture) -> None:
    await signed.change("UPDATE audit_tree SET size = 39")
    with caplog.at_level(logging.CRITICAL, "headgate.audit"):
        for _ in range(3):
            with pytest.raises(Tampered):
                await signed.log.checkpoint()
    assert len(caplog.records) == 1
    assert signed.log.problem
    await signed.change("UPDATE audit_tree SET size = 40")
    await signed.log.checkpoint()
    assert signed.log.problem is None


# ── what cannot be appended to ──


async def test_records_are_not_appended_to_a_tree_that_has_been_changed(signed: Kept) -> None:
    for sql in (
        "UPDATE audit_tree SET size = 39, frontier = ''",
        "UPDATE audit_tree SET size = 0, frontier = ''",
        "DELETE FROM audit_tree",
    ):
        await signed.change(sql)
        with pytest.raises(Tampered):
            await signed.write(record(100))
    await signed.replant()


async def test_records_are_not_appended_over_one_slipped_in_at_the_end(signed: Kept) -> None:
    await signed.change(
        "INSERT INTO audit_records SELECT 40, 'x', at_us, organisation, actor, action, subject, outcome, leaf, leaf_hash FROM audit_records WHERE position = 3"
    )
    with pytest.raises(Tampered, match="beyond the end") as error:
        await signed.write(record(100))
    assert error.value.position == 40


# ── signing in the background ──


async def test_the_log_is_signed_as_it_grows(kept: Kept) -> None:
    task = asyncio.create_task(kept.log.run(0.001))
    await kept.grow(3)
    while await stored_sizes(kept) != [3]:
        await asyncio.sleep(0.001)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_what_keeps_the_log_from_being_signed_is_told_once_and_does_not_end_it(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tried: list[Exception] = []
    errors = [StoreUnavailable("away"), StoreUnavailable("away"), OSError("full"), Tampered("cut"), OSError("full")]

    async def checkpoint() -> None:
        if len(tried) == len(errors):
            done.set()
            return
        tried.append(errors[len(tried)])
        raise tried[-1]

    done = asyncio.Event()
    monkeypatch.setattr(kept.log, "checkpoint", checkpoint)
    task = asyncio.create_task(kept.log.run(0.0))
    await done.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert [each.getMessage().rpartition(": ")[2] for each in caplog.records] == ["away", "full"]


# ── on PostgreSQL ──


async def test_concurrent_writers_on_postgres_append_all_and_none_twice(postgres_url: str, tmp_path: Path) -> None:
    async with audit_logs.kept(tmp_path, postgres_url) as kept:
        logs = [kept.opened() for _ in range(4)]

        async def work(number: int) -> None:
            for each in range(5):
                await kept.write(record(number * 100 + each), record(9000 + each), log=logs[number % 4])
                await logs[number % 4].checkpoint()

        await asyncio.gather(*(work(number) for number in range(12)))
        await kept.log.checkpoint()
        report = await kept.verify()
        assert report.ok, report
        assert report.signed == 12 * 5 + 5


async def test_a_log_on_postgres_that_was_changed_is_found_out(postgres_url: str, tmp_path: Path) -> None:
    async with audit_logs.signed(tmp_path, postgres_url) as signed:
        assert (await signed.verify()).ok
        await signed.rewrite(12, record(12, actor="key:thief"))
        await signed.replant()
        await signed.write(record(100))
        with pytest.raises(Tampered):
            await signed.log.checkpoint()
        report = await signed.verify()
        assert report.first == 10
        with pytest.raises(Tampered):
            await signed.change("UPDATE audit_tree SET size = 20")
            await signed.write(record(101))
