"""Looking up versions and labels of prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from headgate.administration.problems import invalid
from headgate.errors import Conflict
from headgate.prompts.reference import SHORT, Malformed, Reference, parse
from headgate.storage.records import PromptHead, PromptLabel
from headgate.storage.tables import MAX_PAGE, PROMPT_LABELS, Reader, Table

WHAT = "what is released"
"""What a team's key may not touch."""


H = TypeVar("H", bound=PromptHead)


class Unmoved(Conflict):
    """Nothing is to be done: it is so already, or waits to be."""

    code = "label_unmoved"


class Withdrawn(Conflict):
    """A version can be served to nobody, and no label can stand for it."""

    code = "prompt_withdrawn"

    def __init__(self, row: PromptHead, param: str | None = None) -> None:
        why = f": {row.withdrawn_for}" if row.withdrawn_for else ""
        super().__init__(
            f"'{row.name}@{row.digest[:SHORT]}' was withdrawn{why}. Restore it first "
            f"(headgate prompts restore {row.name}@{row.digest[:SHORT]}), or choose another version.",
            param=param,
        )


def reference(text: str, param: str) -> Reference:
    """
    Raises:
        Invalid: it is none.
    """
    try:
        return parse(text)
    except Malformed as error:
        raise invalid(param, str(error)) from None


async def found(table: Table[H], reader: Reader, organisation: str, asked: Reference, param: str) -> H:
    """The version that a label stands for, or that begins with some digits: with its files, or its head alone.

    Raises:
        Invalid: there is none, or more than one.
    """
    digest = asked.digest
    if asked.label is not None:
        label = await label_of(reader, organisation, asked.name, asked.label)
        if label is None or label.archived_us is not None:
            raise invalid(param, f"names nothing that is there: there is no '{asked}'", "not_found")
        digest = label.digest
    rows = await reader.fetch(
        f"SELECT {', '.join(table.columns)} FROM {table.name} "  # noqa: S608
        "WHERE organisation = $1 AND name = $2 AND digest LIKE $3 LIMIT 2",
        organisation,
        asked.name,
        f"{digest}%",
    )
    if len(rows) > 1:
        raise invalid(param, "is how more than one version begins; write more of its digits")
    if not rows:
        raise invalid(param, f"names nothing that is there: there is no '{asked}'", "not_found")
    return table.decode(rows[0])


async def label_of(reader: Reader, organisation: str, name: str, label: str) -> PromptLabel | None:
    """A label's row, also where it has been taken away; None where there has never been one."""
    filters = {"name": name, "label": label}
    rows, _ = await PROMPT_LABELS.list(reader, organisation, filters, limit=1, archived=True)
    return rows[0] if rows else None


async def labels_of(reader: Reader, organisation: str, name: str | None = None) -> Sequence[PromptLabel]:
    """What stands for something now."""
    return await everything(PROMPT_LABELS, reader, organisation, {} if name is None else {"name": name})


async def everything(
    table: Table[Any], reader: Reader, organisation: str, filters: Mapping[str, str | int | None]
) -> list[Any]:
    """All rows of a list, page by page."""
    rows: list[Any] = []
    cursor: str | None = None
    while True:
        part, cursor = await table.list(reader, organisation, filters, cursor, MAX_PAGE)
        rows += part
        if cursor is None:
            return rows
