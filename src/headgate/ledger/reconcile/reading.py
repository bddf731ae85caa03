"""Reading exports: which vendor's a file is, and in which of its forms, is told by what is in it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, NoReturn

from headgate.ledger.reconcile import anthropic, openai
from headgate.ledger.reconcile.export import Export, UnreadableExport
from headgate.ledger.reconcile.fields import Fields

MOST_BYTES = 256 * 1024 * 1024


def read(source: str, raw: bytes) -> Export:
    """One file.

    JSON: a page of a vendor's API, a list of pages, or pages line by line. CSV: a vendor's own export.

    Raises:
        UnreadableExport: it is neither, or something in it is wrong.
    """
    if len(raw) > MOST_BYTES:
        raise UnreadableExport(source, f"is longer than {MOST_BYTES // 1024**2} MiB: export fewer days at once")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableExport(source, f"is not UTF-8, at byte {error.start}") from None
    if not text.strip():
        raise UnreadableExport(source, "is empty")
    return _json(source, text) if text.lstrip()[0] in "{[" else _csv(source, text)


def read_all(files: Iterable[tuple[str, bytes]]) -> list[Export]:
    """Several files of one vendor, which together are one account of it.

    Raises:
        UnreadableExport: one cannot be read, they are of different vendors, two say the same, or one breaks off where a
            further page has to come.
    """
    exports = [read(source, raw) for source, raw in files]
    if not exports:
        raise UnreadableExport("no file", "name at least one export")
    told: dict[tuple[object, ...], str] = {}
    for export in exports:
        if export.vendor != exports[0].vendor:
            raise UnreadableExport(export.source, f"is {export.vendor}'s, and {exports[0].source} is not")
        own: set[tuple[object, ...]] = set()
        for bucket in export.buckets:
            if bucket.identity in told:
                raise UnreadableExport(bucket.where, f"says again what {told[bucket.identity]} has said")
            own.add(bucket.identity)
        told |= dict.fromkeys(own, export.source)
    return exports


def _json(source: str, text: str) -> Export:
    documents = [Fields(source, page) for page in _pages(source, text)]
    if all(page.has("has_more") and page.truth("has_more") for page in documents):
        raise UnreadableExport(
            f"{source}: has_more", "is true: fetch the pages that follow, and put them beside this one"
        )
    first = next((bucket for page in documents for bucket in page.objects("data")), None)
    if first is None:
        raise UnreadableExport(source, "covers no time at all")
    if first.has("start_time"):
        return openai.pages(source, documents)
    if first.has("starting_at"):
        return anthropic.pages(source, documents)
    raise UnreadableExport(first.where, "has neither OpenAI's 'start_time' nor Anthropic's 'starting_at'")


def _pages(source: str, text: str) -> Sequence[dict[str, Any]]:
    try:
        documents = [_load(text)]
    except ValueError as error:
        try:
            documents = [_load(line) for line in text.splitlines() if line.strip()]
        except ValueError:
            line = error.lineno if isinstance(error, json.JSONDecodeError) else 1
            raise UnreadableExport(f"{source}:{line}", f"is no JSON: {error}") from None
    pages = [page for each in documents for page in (each if isinstance(each, list) else [each])]
    for page in pages:
        if not isinstance(page, dict):
            raise UnreadableExport(source, "holds something else than pages, which are objects")
    return pages


def _load(text: str) -> Any:
    """JSON with its numbers as they are written."""
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _csv(source: str, text: str) -> Export:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        head = next(reader)
        names = [name.strip() for name in head]
        columns = frozenset(names)
        if len(columns) != len(names):
            raise UnreadableExport(f"{source}:1", "names a column twice")
        parse = _sheet(source, columns)
        lines: list[Fields] = []
        for cells in reader:
            where = f"{source}:{reader.line_num}"
            if not any(cells):
                continue
            if len(cells) != len(names):
                raise UnreadableExport(where, f"has {len(cells)} cells under {len(names)} names")
            lines.append(Fields(where, dict(zip(names, cells, strict=True))))
    except csv.Error as error:
        raise UnreadableExport(f"{source}:{reader.line_num}", f"is no CSV: {error}") from None
    return parse(source, lines, columns)


def _sheet(source: str, columns: frozenset[str]) -> Any:
    if columns >= anthropic.USAGE_COLUMNS or columns >= anthropic.COST_COLUMNS:
        return anthropic.sheet
    if columns >= openai.COST_COLUMNS or columns >= openai.USAGE_COLUMNS or columns == openai.EMPTY_COLUMNS:
        return openai.sheet
    raise UnreadableExport(f"{source}:1", _nearest(columns))


def _nearest(columns: frozenset[str]) -> str:
    """What the sheet lacks to be the one it is most like."""
    known = {
        "OpenAI's usage": openai.USAGE_COLUMNS,
        "OpenAI's costs": openai.COST_COLUMNS,
        "Anthropic's usage": anthropic.USAGE_COLUMNS,
        "Anthropic's costs": anthropic.COST_COLUMNS,
    }
    name, wanted = max(known.items(), key=lambda each: len(each[1] & columns))
    if not wanted & columns:
        return "has none of the columns of OpenAI's or Anthropic's exports"
    return f"lacks {', '.join(sorted(wanted - columns))} to be {name}"
