"""Looking records up, and taking them out."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from audit_logs import ORIGIN, OTHER_SEED, Kept, record, signer
from headgate.audit.export import CSV_COLUMNS, csv_head, csv_line, moment
from headgate.audit.leaves import leaf, parse, storable
from headgate.audit.listing import Query, exported, listed, newest_checkpoint, position_of
from headgate.audit.verify import verify_export

KEYS = [signer().verifier]


@pytest.fixture
async def various(kept: Kept) -> Kept:
    await kept.write(
        record(0, organisation="a", action="keys.create"),
        record(1, organisation="b", action="keys.revoke", actor="user:1"),
        record(2, organisation="a", action="login.failed", outcome="denied"),
        record(3, organisation="a", action="keysmith.hired"),
        record(4, organisation="b", action="keys.create", subject="key:9"),
    )
    return kept


@pytest.mark.parametrize(
    ("query", "positions"),
    [
        ({}, [4, 3, 2, 1, 0]),
        ({"organisation": "a"}, [3, 2, 0]),
        ({"organisation": "b", "actor": "user:1"}, [1]),
        ({"action": "keys.create"}, [4, 0]),
        ({"action": "keys.*"}, [4, 1, 0]),
        ({"action": "%"}, []),
        ({"action": "*"}, [4, 3, 2, 1, 0]),
        ({"outcome": "denied"}, [2]),
        ({"subject": "key:9"}, [4]),
        ({"since_us": record(1).at_us, "until_us": record(3).at_us}, [2, 1]),
        ({"limit": 2}, [4, 3]),
        ({"limit": 2, "before": 3}, [2, 1]),
        ({"actor": "' OR 1=1 --"}, []),
    ],
)
async def test_records_are_found(various: Kept, query: dict[str, Any], positions: list[int]) -> None:
    found = await listed(various.database, Query(**query))
    assert [each.position for each in found] == positions
    assert all(each.record["id"] == record(each.position).id for each in found)


async def test_records_have_positions_and_the_log_a_newest_checkpoint(signed: Kept) -> None:
    assert await position_of(signed.database, record(17).id) == 17
    assert await position_of(signed.database, "none") is None
    newest = await newest_checkpoint(signed.database)
    assert newest
    assert (newest.size, newest.origin) == (40, ORIGIN)


async def test_an_empty_log_has_no_checkpoint_and_no_pages(kept: Kept) -> None:
    checkpoint, size, pages = await exported(kept.database)
    assert (checkpoint, size, [page async for page in pages]) == (None, 0, [])
    assert await newest_checkpoint(kept.database) is None


# ── an export, without the database ──


@pytest.fixture
async def export(signed: Kept, tmp_path: Path) -> Path:
    """The log as JSON lines, and its checkpoints."""
    _, _, pages = await exported(signed.database)
    path = tmp_path / "log.jsonl"
    path.write_text("".join(f"{line}\n" for page in [page async for page in pages] for line in page))
    return path


def test_an_export_is_verified_by_a_checkpoint_or_by_many(export: Path, tmp_path: Path) -> None:
    report = verify_export(export, KEYS, [tmp_path / "audit.checkpoints"])
    assert report.ok
    assert (report.records, report.checkpoints, report.signed) == (40, 3, 40)


@pytest.mark.parametrize(
    ("change", "codes", "first"),
    [
        (lambda lines: [*lines[:17], lines[17].replace("admin", "thief"), *lines[18:]], {"rewritten"}, 10),
        (lambda lines: [*lines[:17], lines[17].replace(",", ", "), *lines[18:]], {"changed", "rewritten"}, 17),
        (lambda lines: [*lines[:17], *lines[18:]], {"rewritten", "truncated"}, 10),
        (lambda lines: [*lines[:17], lines[18], lines[17], *lines[19:]], {"rewritten"}, 10),
        (lambda lines: [*lines[:17], lines[16], *lines[17:]], {"rewritten"}, 10),
        (lambda lines: lines[:33], {"truncated"}, 33),
        (lambda lines: lines[:25], {"truncated"}, 25),
        (lambda lines: [*lines[:39], lines[39][:-9]], {"truncated", "changed", "rewritten"}, 39),
        (lambda lines: [*lines[:17], "\n", *lines[18:]], {"changed", "rewritten"}, 17),
        (lambda lines: [*lines[:17], lines[17].replace("\n", "\r\n"), *lines[18:]], {"changed", "rewritten"}, 17),
        (lambda lines: [], {"truncated"}, 0),
    ],
)
def test_an_export_that_was_changed_is_found_out(
    export: Path, tmp_path: Path, change: Any, codes: set[str], first: int
) -> None:
    lines = export.read_text().splitlines(keepends=True)
    export.write_text("".join(change(lines)), newline="")
    report = verify_export(export, KEYS, [tmp_path / "audit.checkpoints"])
    assert {each.code for each in report.problems} == codes, report
    assert report.first == first


def test_an_export_that_is_no_text_is_found_out(export: Path, tmp_path: Path) -> None:
    export.write_bytes(export.read_bytes().replace(b"aud_000017", b"aud_\xff0017"))
    report = verify_export(export, KEYS, [tmp_path / "audit.checkpoints"])
    assert report.first == 17


def test_an_export_is_no_other_keys(export: Path, tmp_path: Path) -> None:
    report = verify_export(export, [signer(OTHER_SEED).verifier], [tmp_path / "audit.checkpoints"])
    assert {each.code for each in report.problems} == {"signature"}
    assert report.signed == 0


def test_an_export_may_go_beyond_its_checkpoint(export: Path, tmp_path: Path) -> None:
    with export.open("a") as file:
        file.write(f"{leaf(record(40))}\n")
    report = verify_export(export, KEYS, [tmp_path / "audit.checkpoints"])
    assert report.ok
    assert [each.code for each in report.warnings] == ["unsigned"]


# ── CSV ──


def cells(text: str) -> list[str]:
    [row] = csv.reader(io.StringIO(text))
    return row


def test_a_line_of_csv_has_the_columns_of_its_head() -> None:
    assert cells(csv_head()) == list(CSV_COLUMNS)
    assert dict(zip(CSV_COLUMNS, cells(csv_line(7, parse(leaf(record(7))))), strict=True)) == {
        "position": "7",
        "id": "aud_000007",
        "at": "2027-01-15T08:00:07.000000Z",
        "organisation": "default",
        "actor": "key:admin",
        "address": "192.0.2.7",
        "action": "keys.create",
        "subject": "key:7",
        "outcome": "done",
        "detail": '{"name":"key 7"}',
    }


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0", "  =1", "\t=1", "\r=1", "\n=1", "＝1", "\u2028=1", "%0A=1"],
)
def test_a_spreadsheet_reckons_nothing(text: str) -> None:
    line = csv_line(0, parse(leaf(storable(record(subject=text, actor=text, detail={text: text})))))
    assert len(line.splitlines()) == 1
    for cell in cells(line):
        assert not cell.lstrip().startswith(("=", "+", "-", "@", "＝", "%"))


def test_quotes_and_commas_stay_in_their_cell() -> None:
    text = 'a","b\n=1'
    assert cells(csv_line(0, parse(leaf(record(subject=text)))))[7] == 'a","b\\u000a=1'


def test_a_time_no_calendar_has_is_its_number() -> None:
    assert moment(2**63 - 1) == str(2**63 - 1)
    assert moment(0) == "1970-01-01T00:00:00.000000Z"
