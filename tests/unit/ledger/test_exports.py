"""A ledger row in a file is the row: every member, money to the picodollar, and no formula for a spreadsheet to run."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from headgate.ledger.exports import COLUMNS, FORMATS, Encoder, Lines, Parquet, Sheet, encoded, encoded_batches, plain
from headgate.ledger.exports.columns import rfc3339
from headgate.ledger.exports.parquet import GROUP_ROWS
from headgate.money import to_decimal
from headgate.storage.records import LedgerRow
from headgate.types import Usage
from ledger_rows import NOVEMBER_US, row, rows


def whole(encoder: Encoder, *given: LedgerRow) -> bytes:
    return b"".join(encoded(given, encoder))


def sheet(*given: LedgerRow) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(whole(Sheet(), *given).decode(), newline="")))


def table(*given: LedgerRow) -> Any:
    import pyarrow.parquet as pq

    return pq.read_table(io.BytesIO(whole(Parquet(), *given)))


MEMBERS = {"started_us": "started_at", "cost_picodollars": "cost_usd", "saving_picodollars": "saving_usd"}
MEMBERS |= {"reserved_picodollars": "reserved_usd"}


def test_every_member_of_a_row_is_a_column() -> None:
    names = [column.name for column in COLUMNS]
    expected = {MEMBERS.get(name, name) for name in LedgerRow.__struct_fields__ if name != "usage"}
    assert set(names) == expected | set(Usage.__struct_fields__)
    assert len(names) == len(set(names))


def test_money_is_exact_to_the_picodollar_in_every_format() -> None:
    one = row(cost_picodollars=1, saving_picodollars=123_456_789_012_345_678, reserved_picodollars=-5)
    [line] = sheet(one)
    assert (line["cost_usd"], line["saving_usd"], line["reserved_usd"]) == (
        "0.000000000001",
        "123456.789012345678",
        "-0.000000000005",
    )
    shown = json.loads(whole(Lines(), one))
    assert (shown["cost_usd"], shown["saving_usd"]) == ("0.000000000001", "123456.789012345678")
    [held] = table(one).to_pylist()
    assert held["cost_usd"] == Decimal("0.000000000001")
    assert held["saving_usd"] == Decimal("123456.789012345678")


def test_what_is_not_known_is_empty_and_what_is_nothing_is_zero() -> None:
    unknown, free = row(cost_picodollars=None), row(cost_picodollars=0)
    assert [line["cost_usd"] for line in sheet(unknown, free)] == ["", "0"]
    assert [json.loads(line)["cost_usd"] for line in whole(Lines(), unknown, free).splitlines()] == [None, "0"]
    assert table(unknown, free)["cost_usd"].to_pylist() == [None, Decimal(0)]


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠x", "=cmd|' /C calc'!A0"]
)
def test_a_text_that_begins_as_a_formula_is_a_text_to_a_spreadsheet(text: str) -> None:
    [line] = sheet(row(model=text, end_user=text, tags=(("a", text),)))
    assert line["model"] == line["end_user"] == f"'{text}"
    assert line["tags"].startswith("{")


def test_a_negative_amount_stays_a_number() -> None:
    assert sheet(row(cost_picodollars=-(10**12)))[0]["cost_usd"] == "-1"


def test_csv_is_as_rfc_4180_has_it() -> None:
    made = whole(Sheet(), row(model='say "hi", twice', end_user="two\r\nlines"))
    head, rest = made.split(b"\r\n", 1)
    assert head.decode().split(",") == [column.name for column in COLUMNS]
    assert b'"say ""hi"", twice"' in rest
    assert b'"two\r\nlines"' in rest
    assert made.endswith(b"\r\n")


@given(rows())
def test_csv_gives_every_member_back(one: LedgerRow) -> None:
    [line] = sheet(one)
    for column in COLUMNS:
        value, cell = column.get(one), line[column.name]
        match column.kind:
            case "text":
                back: Any = (cell.removeprefix("'")) or ("" if value == "" else None)
            case "count":
                back = int(cell) if cell else None
            case "money":
                back, value = (Decimal(cell) if cell else None), (None if value is None else to_decimal(value))
            case "time":
                back, value = cell, rfc3339(value)
            case "truth":
                back = cell == "true"
            case "tags":
                back = tuple(json.loads(cell or "{}").items())
            case "list":
                back = tuple(json.loads(cell or "[]"))
        assert back == value, column.name


@given(rows())
def test_json_lines_give_every_member_back(one: LedgerRow) -> None:
    made = whole(Lines(), one)
    assert made.endswith(b"\n")
    assert made.count(b"\n") == 1
    shown = json.loads(made)
    assert shown == json.loads(msgspec.json.encode(plain(one)))
    for column in COLUMNS:
        value = column.get(one)
        if column.kind == "money" and value is not None:
            assert Decimal(shown[column.name]) == to_decimal(value)
        elif column.kind in ("text", "count", "truth"):
            assert shown[column.name] == value
    assert tuple(shown["tags"].items()) == one.tags


@settings(max_examples=25)
@given(rows())
def test_parquet_gives_every_member_back(one: LedgerRow) -> None:
    [held] = table(one).to_pylist()
    for column in COLUMNS:
        value = column.get(one)
        if column.kind == "money" and value is not None:
            value = to_decimal(value)
        if column.kind == "time":
            value = datetime.fromisoformat(rfc3339(value))
        assert held[column.name] == (list(value) if isinstance(value, tuple) else value)


def test_parquet_has_the_types_a_warehouse_wants() -> None:
    schema = table(row()).schema
    assert str(schema.field("cost_usd").type) == "decimal128(38, 12)"
    assert str(schema.field("started_at").type) == "timestamp[us, tz=UTC]"
    assert str(schema.field("input_tokens").type) == "int64"
    assert str(schema.field("tags").type).startswith("map<string, string")


def test_times_are_exact() -> None:
    one = row(started_us=NOVEMBER_US + 1)
    assert sheet(one)[0]["started_at"] == "2026-11-01T00:00:00.000001Z"
    assert table(one)["started_at"].to_pylist()[0] == datetime(2026, 11, 1, 0, 0, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize("name", FORMATS)
def test_an_export_of_nothing_is_a_file_that_can_be_read(name: str) -> None:
    made = whole(FORMATS[name]())
    if name == "csv":
        assert list(csv.DictReader(io.StringIO(made.decode()))) == []
        assert made.startswith(b"id,call_id,")
    elif name == "jsonl":
        assert made == b""
    else:
        assert table().num_rows == 0


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_comes_in_pieces_as_its_rows_are_read(name: str) -> None:
    read = 0

    def many() -> Iterable[LedgerRow]:
        nonlocal read
        for number in range(2 * GROUP_ROWS + 10):
            read = number
            yield row(id=f"r{number}", cost_picodollars=number)

    pieces = encoded(many(), FORMATS[name]())
    next(pieces)
    if name == "parquet":
        next(pieces)  # its magic number comes first, then a row group
    assert read <= GROUP_ROWS + 1000
    rest = list(pieces)
    assert len(rest) > 1
    assert read == 2 * GROUP_ROWS + 9


def test_parquet_is_written_in_row_groups_of_bounded_size() -> None:
    import pyarrow.parquet as pq

    many = [row(id=f"r{number}", cost_picodollars=number) for number in range(GROUP_ROWS + 10)]
    file = pq.ParquetFile(io.BytesIO(whole(Parquet(), *many)))
    sizes = [file.metadata.row_group(index).num_rows for index in range(file.metadata.num_row_groups)]
    assert sizes == [GROUP_ROWS, 10]
    assert file.read()["cost_usd"].to_pylist()[-1] == to_decimal(GROUP_ROWS + 9)


def test_csv_holds_no_more_of_a_long_ledger_than_a_piece() -> None:
    def many() -> Iterable[LedgerRow]:
        return (row(id=f"r{number}") for number in range(30_000))

    for _ in encoded((row() for _ in range(2000)), Sheet()):
        pass
    tracemalloc.start()
    size = sum(len(piece) for piece in encoded(many(), Sheet()))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size > 5_000_000
    assert peak < 4_000_000


async def test_rows_that_come_page_by_page_make_the_same_file() -> None:
    given = [row(id=f"r{number}") for number in range(5)]

    async def pages() -> AsyncIterator[Sequence[LedgerRow]]:
        yield given[:2]
        yield given[2:]

    pieces = [piece async for piece in encoded_batches(pages(), Sheet())]
    assert b"".join(pieces) == whole(Sheet(), *given)


def test_parquet_without_pyarrow_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"pip install 'headgate\[parquet\]'"):
        Parquet()
