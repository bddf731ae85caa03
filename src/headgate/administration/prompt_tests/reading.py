"""What is kept of tests, read."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Literal

from headgate.administration.acting import Actor, Ports
from headgate.administration.prompt_tests.outcomes import sides
from headgate.administration.prompt_tests.views import SidesView, TestView, test_view
from headgate.administration.register import page
from headgate.administration.requests import TestListing
from headgate.administration.views import Page
from headgate.storage.records import PromptTest
from headgate.storage.tables import PROMPT_TESTS, Reader

KNOWN_DAYS = 90
"""Days after which a test is not told of as the newest any more."""

MOST_SIDES = 20
"""Suites at a cell that are held against each other at once."""

_DAY_US = 86_400_000_000

# ruff: disable[S608] nothing of these comes from anywhere else
_WITHOUT_CASES = ", ".join("'[]' AS cases" if name == "cases" else name for name in PROMPT_TESTS.columns)
"""What views are made of: cases are by far the most of a row, and only what is held against it needs them."""

_LAST = (
    f"SELECT {_WITHOUT_CASES} FROM prompt_tests WHERE organisation = $1 AND subject = $2 AND digest = $3 "
    "AND suite = $4 AND cell = $5 ORDER BY created_us DESC, id DESC LIMIT 1"
)

_LATEST = (
    f"SELECT {_WITHOUT_CASES} FROM prompt_tests WHERE organisation = $1 AND subject = $2 "
    "ORDER BY created_us DESC, id DESC LIMIT $3"
)

_STANDING = (
    f"SELECT {_WITHOUT_CASES} FROM prompt_tests WHERE id IN (SELECT id FROM (SELECT id, row_number() OVER ("
    "PARTITION BY subject, digest, suite, cell ORDER BY created_us DESC, id DESC) AS place FROM prompt_tests "
    "WHERE organisation = $1 AND substr(subject, 1, length($2)) = $2 {}) AS ranked WHERE place = 1) "
    "ORDER BY subject, suite, cell, created_us DESC"
)
"""By ids first, which an index has: rows are large, and most of them are old."""

_OF_VERSION = (
    f"SELECT {', '.join(PROMPT_TESTS.columns)} FROM prompt_tests WHERE id IN (SELECT id FROM (SELECT id, row_number() "
    "OVER (PARTITION BY suite, cell ORDER BY created_us DESC, id DESC) AS place FROM prompt_tests "
    "WHERE organisation = $1 AND subject = $2 AND digest = $3) AS ranked WHERE place = 1)"
)
# ruff: enable[S608]


class Reading:
    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    async def list(self, actor: Actor, request: TestListing) -> Page[TestView]:
        """From the oldest on."""
        filters: dict[str, str | int | None] = {}
        for kind in ("prompt", "model"):
            if (name := getattr(request, kind)) is not None:
                filters["subject"] = f"{kind}:{name}"
        rows, cursor = await page(
            PROMPT_TESTS, self._ports.database, actor.organisation, request, filters, request.cursor
        )
        return Page([test_view(row) for row in rows], cursor)

    async def standing(self, actor: Actor, kind: Literal["prompt", "model"], since_us: int = 0) -> Sequence[TestView]:
        """The newest of each suite at each cell and of each version, of all prompts or of all models, by their names;
        of those alone that were kept since some time.
        """
        return await _standing(self._ports.database, actor.organisation, kind, since_us)

    async def sides(self, actor: Actor, name: str, before: str, after: str) -> Sequence[SidesView]:
        """What came of the newest tests of two versions, side by side.

        Args:
            before, after: whole versions of the prompt.
        """
        one, two = [await self._by_place(actor, f"prompt:{name}", digest) for digest in (before, after)]
        places = sorted({*one, *two})[:MOST_SIDES]
        return await asyncio.to_thread(lambda: [sides(*at, one.get(at), two.get(at)) for at in places])

    async def _by_place(self, actor: Actor, subject: str, digest: str) -> Mapping[tuple[str, str], PromptTest]:
        """The newest tests of a version, by suite and cell."""
        rows = await self._ports.database.fetch(_OF_VERSION, actor.organisation, subject, digest)
        return {(row.suite, row.cell): row for row in map(PROMPT_TESTS.decode, rows)}

    async def latest(self, actor: Actor, subject: str, most: int) -> Sequence[TestView]:
        """The newest of a prompt or model, from the oldest of them on."""
        rows = await self._ports.database.fetch(_LATEST, actor.organisation, subject, most)
        return [test_view(PROMPT_TESTS.decode(row)) for row in reversed(rows)]


async def newest(reader: Reader, organisation: str, now_us: int) -> Sequence[TestView]:
    """The newest test of every suite, version and cell, but for those of long ago."""
    return await _standing(reader, organisation, "", now_us - KNOWN_DAYS * _DAY_US)


async def last(
    reader: Reader, organisation: str, subject: str, digest: str, suite: str, cell: str
) -> PromptTest | None:
    """The newest test of one suite at one version and cell, without its cases."""
    rows = await reader.fetch(_LAST, organisation, subject, digest, suite, cell)
    return PROMPT_TESTS.decode(rows[0]) if rows else None


async def _standing(reader: Reader, organisation: str, kind: str, since_us: int) -> Sequence[TestView]:
    since = () if since_us == 0 else (since_us,)
    statement = _STANDING.format("AND created_us >= $3" if since else "")
    rows = await reader.fetch(statement, organisation, kind, *since)
    return [test_view(PROMPT_TESTS.decode(row)) for row in rows]
