"""What somebody can do to a log, each under a name that says what it tries. Positions count from 0."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import msgspec
import pytest

import audit_logs
from audit_logs import OTHER_SEED, Kept, record, signer
from headgate.audit.checkpoint_file import CheckpointFile, entries
from headgate.audit.checkpoints import Checkpoint
from headgate.audit.leaves import COLUMNS, leaf
from headgate.audit.log import AuditLog
from headgate.audit.merkle import leaf_hash
from headgate.audit.report import MOST_FINDINGS, Report
from headgate.audit.scan import LATE_US


def codes(report: Report) -> set[str]:
    return {each.code for each in report.problems}


async def found(log: Kept, *expected: str, first: int | None = None) -> Report:
    """The check finds these kinds of problems and no others, from the right record on."""
    report = await log.verify()
    assert codes(report) == set(expected), report
    assert report.first == first, report
    assert not report.ok
    return report


async def test_nothing_was_done_to_it(signed: Kept) -> None:
    await signed.grow(3)
    report = await signed.verify()
    assert report.ok
    assert not report.problems
    assert (report.records, report.signed, report.checkpoints) == (43, 40, 6)
    assert [each.code for each in report.warnings] == ["unsigned"]
    assert report.warnings[0].position == 40


async def test_an_empty_log_is_what_was_signed(kept: Kept) -> None:
    report = await kept.verify()
    assert report.ok
    assert not report.warnings


# ── one record ──


@pytest.mark.parametrize("column", [*COLUMNS, "leaf", "leaf_hash"])
async def test_a_bit_is_flipped_in_a_column(signed: Kept, column: str) -> None:
    [(value,)] = await signed.database.fetch(f"SELECT {column} FROM audit_records WHERE position = 17")
    changed = value ^ 1 if isinstance(value, int) else f"{value[:3]}{chr(ord(value[3]) ^ 1)}{value[4:]}"
    await signed.change(f"UPDATE audit_records SET {column} = $1 WHERE position = 17", changed)
    report = await signed.verify()
    assert not report.ok
    assert any(each.position == 17 for each in report.problems)
    assert {each.position for each in report.problems} <= {17, None}
    assert report.first == 17


async def test_every_bit_of_a_leaf_counts(signed: Kept) -> None:
    [(value,)] = await signed.database.fetch("SELECT leaf FROM audit_records WHERE position = 17")
    for at in range(0, len(value), 7):
        flipped = f"{value[:at]}{chr(ord(value[at]) ^ 1)}{value[at + 1 :]}"
        await signed.change("UPDATE audit_records SET leaf = $1 WHERE position = 17", flipped)
        assert not (await signed.verify()).ok


async def test_a_record_is_changed_with_its_hash_and_its_columns(signed: Kept) -> None:
    await signed.rewrite(17, record(17, actor="key:thief"))
    report = await found(signed, "rewritten", "tree", first=10)
    assert "some of the records 10 to 24" in report.problems[-1].message


async def test_a_record_is_changed_and_the_tree_with_it(signed: Kept) -> None:
    await signed.rewrite(17, record(17, actor="key:thief"))
    await signed.replant()
    await found(signed, "rewritten", first=10)


async def test_the_first_and_the_last_record_are_changed(signed: Kept) -> None:
    await signed.rewrite(39, record(39, subject="key:other"))
    await found(signed, "rewritten", "tree", first=25)
    await signed.rewrite(0, record(0, subject="key:other"))
    await found(signed, "rewritten", "tree", first=0)


async def test_a_leaf_is_written_in_another_form_of_the_same_json(signed: Kept) -> None:
    [(line,)] = await signed.database.fetch("SELECT leaf FROM audit_records WHERE position = 17")
    other = line.replace(",", ", ")
    hashed = leaf_hash(other.encode()).hex()
    await signed.change("UPDATE audit_records SET leaf = $1, leaf_hash = $2 WHERE position = 17", other, hashed)
    await signed.replant()
    await found(signed, "changed", "rewritten", first=17)


async def test_a_record_that_nobody_signed_yet_is_changed_but_for_its_tree(signed: Kept) -> None:
    await signed.grow(5)
    await signed.rewrite(42, record(42, actor="key:thief"))
    await found(signed, "tree")


async def test_two_records_change_places(signed: Kept) -> None:
    await signed.change("UPDATE audit_records SET position = -1 WHERE position = 30")
    await signed.change("UPDATE audit_records SET position = 30 WHERE position = 28")
    await signed.change("UPDATE audit_records SET position = 28 WHERE position = -1")
    await found(signed, "rewritten", "tree", first=25)
    await signed.replant()
    await found(signed, "rewritten", first=25)


async def test_two_records_change_places_with_their_times(signed: Kept) -> None:
    one, other = record(28), record(30)
    await signed.change("UPDATE audit_records SET id = 'aside' WHERE position = 30")
    await signed.rewrite(28, msgspec.structs.replace(other, at_us=one.at_us))
    await signed.rewrite(30, msgspec.structs.replace(one, at_us=other.at_us))
    await signed.replant()
    await found(signed, "rewritten", first=25)


# ── fewer records ──


async def test_a_record_in_the_middle_is_deleted(signed: Kept) -> None:
    await signed.change("DELETE FROM audit_records WHERE position = 17")
    report = await found(signed, "missing", first=17)
    assert report.problems[0].message == "record 17 is missing"


async def test_records_in_the_middle_are_deleted_and_the_others_closed_up(signed: Kept) -> None:
    await signed.change("DELETE FROM audit_records WHERE position IN (17, 18, 19)")
    await signed.renumber()
    await found(signed, "missing", "rewritten", first=10)
    await signed.replant()
    await found(signed, "rewritten", "truncated", first=10)


async def test_the_first_record_is_deleted(signed: Kept) -> None:
    await signed.change("DELETE FROM audit_records WHERE position = 0")
    await found(signed, "missing", first=0)


async def test_the_tail_is_deleted(signed: Kept) -> None:
    await signed.change("DELETE FROM audit_records WHERE position >= 33")
    report = await found(signed, "missing", first=33)
    assert report.problems[0].message == "records 33 to 39 are missing"


async def test_the_tail_is_deleted_and_the_tree_cut(signed: Kept) -> None:
    await signed.change("DELETE FROM audit_records WHERE position >= 33")
    await signed.replant()
    report = await found(signed, "truncated", first=33)
    assert len(report.problems) == 2  # the database's checkpoint and the file's


async def test_the_tail_is_deleted_with_its_tree_and_its_checkpoint(signed: Kept) -> None:
    await signed.change("DELETE FROM audit_records WHERE position >= 25")
    await signed.replant()
    await signed.change("DELETE FROM audit_checkpoints WHERE size > 25")
    await found(signed, "truncated", first=25)


async def test_the_tail_is_deleted_everywhere_and_only_a_checkpoint_kept_elsewhere_tells(
    signed: Kept, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text((await signed.database.fetch("SELECT note FROM audit_checkpoints WHERE size = 40"))[0][0])
    await signed.change("DELETE FROM audit_records WHERE position >= 25")
    await signed.replant()
    await signed.change("DELETE FROM audit_checkpoints WHERE size > 25")
    lines = signed.file.read_text().splitlines(keepends=True)
    signed.file.write_text("".join(lines[:-1]))
    assert (await signed.verify()).ok  # as it was when it was signed
    report = await signed.verify(others=[elsewhere])
    assert codes(report) == {"truncated"}
    assert report.first == 25


async def test_the_whole_log_is_deleted(signed: Kept) -> None:
    for table in ("audit_records", "audit_tree", "audit_checkpoints"):
        await signed.change(f"DELETE FROM {table}")
    await found(signed, "truncated", first=0)


# ── more records ──


async def insert(log: Kept, position: int, source: int, id: str) -> None:
    """A copy of a record, in another place."""
    await log.change(
        "INSERT INTO audit_records SELECT $1, $2, at_us, organisation, actor, action, subject, outcome, leaf, "
        "leaf_hash FROM audit_records WHERE position = $3",
        position,
        id,
        source,
    )


async def make_room(log: Kept, at: int) -> None:
    await log.change("UPDATE audit_records SET position = -1 - position WHERE position >= $1", at)
    await log.change("UPDATE audit_records SET position = -position WHERE position < 0")


async def test_a_record_is_duplicated(signed: Kept) -> None:
    await make_room(signed, 18)
    await insert(signed, 18, 17, "aud_again")
    await found(signed, "changed", "inserted", "rewritten", first=18)
    await signed.replant()
    await found(signed, "changed", "rewritten", first=18)


async def test_a_record_is_duplicated_under_its_own_id(signed: Kept) -> None:
    """As who could do away with the table's unique index."""
    await signed.change("CREATE TABLE other AS SELECT * FROM audit_records")
    await signed.change("DROP TABLE audit_records")
    await signed.change("ALTER TABLE other RENAME TO audit_records")
    await make_room(signed, 18)
    await insert(signed, 18, 17, record(17).id)
    await signed.replant()
    await found(signed, "rewritten", first=10)


async def test_two_records_have_one_position(signed: Kept) -> None:
    await signed.change("CREATE TABLE other AS SELECT * FROM audit_records")
    await signed.change("DROP TABLE audit_records")
    await signed.change("ALTER TABLE other RENAME TO audit_records")
    await insert(signed, 39, 17, record(17).id)
    await found(signed, "inserted", first=39)


async def test_a_record_is_inserted_before_all_others(signed: Kept) -> None:
    await insert(signed, -5, 17, "aud_again")
    report = await signed.verify()
    assert codes(report) >= {"inserted"}
    assert report.first == -5


async def test_a_record_is_inserted_in_the_middle(signed: Kept) -> None:
    await make_room(signed, 18)
    await signed.change("INSERT INTO audit_records VALUES (18, 'x', 0, '', '', '', '', '', '', '')")
    await signed.rewrite(18, record(1000, actor="key:thief"))
    await signed.replant()
    await found(signed, "rewritten", first=10)


async def test_a_record_is_slipped_in_at_the_end_without_its_tree(signed: Kept) -> None:
    await signed.change("INSERT INTO audit_records VALUES (40, 'x', 0, '', '', '', '', '', '', '')")
    await signed.rewrite(40, record(1000))
    await found(signed, "inserted", first=40)


# ── records of somewhere else ──


async def test_a_record_of_another_organisation_is_passed_off_as_this_ones(kept: Kept) -> None:
    for number in range(10):
        await kept.write(record(number, organisation="a" if number % 2 else "b"))
    await kept.log.checkpoint()
    await kept.change("UPDATE audit_records SET organisation = 'b' WHERE position = 3")
    await found(kept, "changed", first=3)
    await kept.rewrite(3, record(3, organisation="b"))
    await found(kept, "tree", "rewritten", first=0)


async def test_a_record_of_another_organisation_is_replayed_in_this_ones_name(kept: Kept) -> None:
    for number in range(10):
        await kept.write(record(number, organisation="a" if number % 2 else "b"))
    await kept.log.checkpoint()
    await kept.rewrite(4, record(1004, organisation="b", subject="key:5", action="keys.delete"))
    await kept.replant()
    await found(kept, "rewritten", first=0)


@pytest.fixture
async def foreign(tmp_path: Path) -> AsyncGenerator[Kept, None]:
    """A log of somebody else's, with another name and key."""
    folder = tmp_path / "foreign"
    folder.mkdir()
    async with audit_logs.kept(folder) as log:
        log.log = AuditLog(log.database, signer(OTHER_SEED, "else.example"), log.clock, file=log.file)
        await log.write(*(record(number, actor="key:else") for number in range(40)))
        await log.log.checkpoint()
        yield log


async def test_a_log_of_somewhere_else_is_passed_off_as_this_one(signed: Kept, foreign: Kept) -> None:
    rows = await foreign.database.fetch("SELECT leaf FROM audit_records ORDER BY position")
    for position, (line,) in enumerate(rows):
        await signed.rewrite(position, msgspec.json.decode(line, type=type(record())))
    await signed.replant()
    [(note,)] = await foreign.database.fetch("SELECT note FROM audit_checkpoints")
    await signed.change("DELETE FROM audit_checkpoints")
    await signed.change("INSERT INTO audit_checkpoints VALUES (40, 0, $1)", note)
    report = await signed.verify()
    assert codes(report) >= {"signature", "rewritten"}


async def test_a_checkpoint_of_another_log_of_the_same_key_is_replayed(signed: Kept) -> None:
    note = Checkpoint.sign(signer(origin="else.example"), 10, b"\x01" * 32).note
    await signed.change("UPDATE audit_checkpoints SET note = $1 WHERE size = 10", note)
    await found(signed, "signature")


# ── checkpoints ──


async def test_the_log_is_rewritten_and_signed_again_with_another_key(signed: Kept) -> None:
    await signed.rewrite(17, record(17, actor="key:thief"))
    await signed.replant()
    await signed.change("DELETE FROM audit_checkpoints")
    signed.file.unlink()
    assert await signed.opened(OTHER_SEED).checkpoint()
    report = await found(signed, "signature", first=None)
    assert "not a key that is trusted" in report.problems[0].message
    assert (await signed.verify(OTHER_SEED)).ok


async def test_the_log_is_rewritten_and_signed_again_with_its_own_key(signed: Kept, tmp_path: Path) -> None:
    """Who has the key and the file can do it; not unseen by who kept a checkpoint."""
    kept_elsewhere = tmp_path / "kept"
    kept_elsewhere.write_bytes(signed.file.read_bytes())
    await signed.rewrite(17, record(17, actor="key:thief"))
    await signed.replant()
    await signed.change("DELETE FROM audit_checkpoints")
    signed.file.unlink()
    assert await signed.opened().checkpoint()
    assert (await signed.verify()).ok
    report = await signed.verify(others=[kept_elsewhere])
    assert codes(report) == {"fork", "lost"}


async def test_a_checkpoint_of_a_fork_is_slipped_in(signed: Kept) -> None:
    fork = Checkpoint.sign(signer(), 20, b"\x07" * 32)
    await signed.change("INSERT INTO audit_checkpoints VALUES (20, 0, $1)", fork.note)
    report = await found(signed, "fork", first=10)
    assert "not of this log" in report.problems[0].message
    assert (report.checkpoints, report.signed) == (6, 40)


async def test_two_roots_are_signed_for_one_size(signed: Kept, tmp_path: Path) -> None:
    other = tmp_path / "shown to others"
    other.write_text(Checkpoint.sign(signer(), 40, b"\x07" * 32).note)
    report = await signed.verify(others=[other])
    assert "fork" in codes(report)
    assert any("with different roots of 40 records" in each.message for each in report.problems)


async def test_a_checkpoints_size_is_changed_in_its_column(signed: Kept) -> None:
    await signed.change("UPDATE audit_checkpoints SET size = 11 WHERE size = 10")
    await found(signed, "lost", "unreadable")


async def test_a_checkpoints_root_is_changed(signed: Kept) -> None:
    note = Checkpoint.read((await signed.database.fetch("SELECT note FROM audit_checkpoints WHERE size = 25"))[0][0])
    flipped = note.note.replace(
        note.note.split("\n")[2], Checkpoint.sign(signer(), 1, b"\x09" * 32).note.split("\n")[2]
    )
    await signed.change("UPDATE audit_checkpoints SET note = $1 WHERE size = 25", flipped)
    await found(signed, "signature")


async def test_the_databases_checkpoints_are_deleted(signed: Kept) -> None:
    await signed.change("DELETE FROM audit_checkpoints WHERE size = 25")
    await found(signed, "lost")
    await signed.change("DELETE FROM audit_checkpoints")
    report = await found(signed, "lost")
    assert len(report.problems) == 3


async def test_the_trees_row_is_changed_or_deleted(signed: Kept) -> None:
    [(size, frontier)] = await signed.database.fetch("SELECT size, frontier FROM audit_tree")
    for sql in ("UPDATE audit_tree SET frontier = 'x'", "DELETE FROM audit_tree"):
        await signed.change(sql)
        await found(signed, "tree")
    await signed.change("INSERT INTO audit_tree VALUES (1, $1, $2)", size + 1, frontier)
    await found(signed, "missing", first=40)
    await signed.change("UPDATE audit_tree SET size = 39")
    await found(signed, "inserted", first=39)


# ── the file ──


async def test_the_file_is_deleted(signed: Kept) -> None:
    signed.file.unlink()
    await found(signed, "no_file")
    assert (await signed.verify(file=False)).ok


async def test_the_file_is_emptied_or_cut_at_a_line(signed: Kept) -> None:
    lines = signed.file.read_text().splitlines(keepends=True)
    for left in ("", "".join(lines[:2])):
        signed.file.write_text(left)
        signed.clock.advance(30)
        assert (await signed.verify()).ok  # a server may just be writing it
        signed.clock.advance(31)
        await found(signed, "behind")
        signed.clock.step(-61)


async def test_the_file_is_cut_within_a_line(signed: Kept) -> None:
    signed.file.write_bytes(signed.file.read_bytes()[:-30])
    await found(signed, "unreadable")


@pytest.mark.parametrize("at", [0, 5, 60, 200, 310])
async def test_a_bit_is_flipped_in_the_file(signed: Kept, at: int) -> None:
    data = bytearray(signed.file.read_bytes())
    data[at] ^= 1
    signed.file.write_bytes(data)
    report = await signed.verify()
    assert not report.ok or at < 60  # the time is nobody's word


async def test_lines_of_the_file_change_places(signed: Kept) -> None:
    first, second, third = signed.file.read_text().splitlines(keepends=True)
    signed.file.write_text(second + first + third)
    await found(signed, "disordered")


async def test_a_checkpoint_in_the_file_is_written_twice(signed: Kept) -> None:
    """Two processes may do that."""
    signed.file.write_text("".join(2 * line for line in signed.file.read_text().splitlines(keepends=True)))
    assert (await signed.verify()).ok


async def test_the_file_is_another_logs(signed: Kept, foreign: Kept) -> None:
    signed.file.write_bytes(foreign.file.read_bytes())
    report = await signed.verify()
    assert codes(report) == {"signature"}


# ── time ──


async def test_the_clock_is_set_back(kept: Kept) -> None:
    await kept.grow(10)
    late = record(3).at_us - LATE_US
    await kept.write(record(10, at_us=late), record(11, at_us=record(11).at_us), record(12, at_us=late))
    await kept.log.checkpoint()
    report = await kept.verify()
    assert report.ok
    assert [each.code for each in report.warnings] == ["clock"]
    assert report.warnings[0].position == 10
    assert "66 s older than one before it (2 are over 60 s)" in report.warnings[0].message


async def test_records_of_several_processes_come_a_little_late(kept: Kept) -> None:
    await kept.write(record(9), record(3), record(10))
    await kept.log.checkpoint()
    assert not (await kept.verify()).warnings


# ── what is written into it ──

HOSTILE = (
    '"}\n{"action":"keys.delete"}',
    "\r\n2026-01-01 forged",
    "\x1b[2J\x1b[1;31mall is well\x07",
    "\u2028forged\u2029",
    "\u202etxt.exe",
    "\x9b31m",
    "a\x00b",
    "=cmd|' /C calc'!A0",
    "\ud800",
)


@pytest.mark.parametrize("text", HOSTILE)
async def test_a_log_line_is_injected(kept: Kept, text: str) -> None:
    await kept.write(record(1, actor=text, subject=text, address=text, action=text, detail={text: text}))
    await kept.write(record(2))
    await kept.log.checkpoint()
    assert (await kept.verify()).ok
    for line in await kept.leaves():
        assert len(line.decode().splitlines()) == 1
        assert not any(ord(each) < 32 or 127 <= ord(each) < 160 for each in line.decode())


async def test_a_checkpoint_is_forged_by_a_newline_in_the_origin() -> None:
    with pytest.raises(ValueError, match="cannot name a key"):
        signer(origin="gateway.example/audit\n999\nAAAA")


# ── size ──


async def test_a_thousand_problems_are_told_as_a_hundred_and_a_number(kept: Kept) -> None:
    await kept.grow(1500)
    await kept.log.checkpoint()
    await kept.change("UPDATE audit_records SET actor = 'key:thief' WHERE position >= 200")
    report = await kept.verify()
    assert len(report.problems) == MOST_FINDINGS
    assert report.untold == 1300 - MOST_FINDINGS
    assert report.first == 200


async def test_the_log_grows_while_it_is_checked(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check never takes for damage what others add meanwhile."""
    await kept.grow(10)
    await kept.log.checkpoint()
    fetch, left = kept.database.fetch, 8

    async def and_grow(sql: str, *parameters: object) -> object:
        nonlocal left
        rows = await fetch(sql, *parameters)
        if left and "audit" in sql and not growing:
            left -= 1
            growing.append(1)
            await kept.grow(3)
            await kept.log.checkpoint()
            growing.clear()
        return rows

    growing: list[int] = []
    monkeypatch.setattr(kept.database, "fetch", and_grow)
    report = await kept.verify()
    assert report.ok, report
    assert report.records >= 10


async def test_a_disk_makes_a_text_no_text(tmp_path: Path) -> None:
    async with audit_logs.signed(tmp_path, f"sqlite:///{tmp_path}/x.db") as signed:
        await signed.change("UPDATE audit_records SET actor = CAST(x'ff6162' AS TEXT) WHERE position = 17")
        report = await signed.verify()
        assert codes(report) == {"changed"}
        assert report.first == 17
        assert report.records == 40


def test_a_checkpoint_file_is_only_added_to(tmp_path: Path) -> None:
    file = CheckpointFile(tmp_path / "f")
    made = [Checkpoint.sign(signer(), size, bytes([size]) * 32) for size in (1, 2, 3)]
    for each in made:
        file.append(each, 0)
    file.append(made[1], 0)
    assert [entry.note for entry in entries(file.path)] == [each.note for each in made]
    assert leaf(record()) not in file.path.read_text()
