"""A text of headings, paragraphs, tables and lists, as Markdown and as a page of HTML. Names in it are anybody's
own: nothing in them is markup.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import NamedTuple


class Heading(NamedTuple):
    text: str
    level: int = 2


class Paragraph(NamedTuple):
    text: str


class Table(NamedTuple):
    """Cells of the first column stand left, others right."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


class Listed(NamedTuple):
    """A point for each, what belongs to it below."""

    points: Sequence[tuple[str, str]]


Block = Heading | Paragraph | Table | Listed
Document = Sequence[Block]


# ── Markdown ──

_MARKUP = re.compile(r"([\\`*_\[\]<>|#~$])")


def markdown(document: Document) -> str:
    """As GitHub's Markdown."""
    return "\n\n".join(_markdown(block) for block in document) + "\n"


def _markdown(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"{'#' * level} {_plain(text)}"
        case Paragraph(text):
            return _plain(text)
        case Listed(points):
            return "\n".join(f"- **{_plain(point)}**  \n  {_plain(below)}" for point, below in points)
        case Table(columns, rows):
            head = f"| {' | '.join(map(_plain, columns))} |"
            rule = f"|---|{'---:|' * (len(columns) - 1)}"
            return "\n".join([head, rule, *(f"| {' | '.join(map(_plain, row))} |" for row in rows)])


def _plain(text: str) -> str:
    """A text in which nothing is markup, on one line."""
    return _MARKUP.sub(r"\\\1", _one_line(text))


def _one_line(text: str) -> str:
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


# ── HTML ──

_STYLE = """
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;display:block;overflow-x:auto}
th,td{padding:.25rem .75rem;border-bottom:1px solid #8884;text-align:right;font-variant-numeric:tabular-nums}
th:first-child,td:first-child{text-align:left}
li{margin:.5rem 0}
"""


def html(document: Document, title: str) -> str:
    """As a page on its own, that loads nothing."""
    body = "\n".join(_html(block) for block in document)
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{_safe(title)}</title>\n'
        f'<meta http-equiv="content-security-policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{_STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"
    )


def _html(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"<h{level}>{_safe(text)}</h{level}>"
        case Paragraph(text):
            return f"<p>{_safe(text)}</p>"
        case Listed(points):
            items = "\n".join(f"<li><strong>{_safe(one)}</strong><br>{_safe(below)}</li>" for one, below in points)
            return f"<ul>\n{items}\n</ul>"
        case Table(columns, rows):
            head = "".join(f'<th scope="col">{_safe(each)}</th>' for each in columns)
            lines = "\n".join(f"<tr>{''.join(f'<td>{_safe(cell)}</td>' for cell in row)}</tr>" for row in rows)
            return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{lines}\n</tbody></table>"


def _safe(text: str) -> str:
    """Right-to-left texts among it turn nothing around."""
    return escape(_one_line(text))
