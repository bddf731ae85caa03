"""One kind of administered thing, as far as an actor may see it. What he may not see is not there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from msgspec import UNSET

from headgate.administration.acting import Act, Actor, differences, expect, told
from headgate.administration.problems import invalid, shown
from headgate.administration.requests import Paged
from headgate.errors import BadRequest, Conflict, NotFound
from headgate.storage.records import Entity
from headgate.storage.tables import Reader, Table

E = TypeVar("E", bound=Entity)

Filters = Mapping[str, str | int | None]


class Register(Generic[E]):
    """The rows of one table."""

    def __init__(self, table: Table[E], noun: str, prefix: str, team: Callable[[E], str | None]) -> None:
        self.table = table
        self.noun = noun
        self.prefix = prefix
        self._team = team
        """The team a row belongs to."""

    async def visible(self, reader: Reader, actor: Actor, rows: Sequence[E]) -> list[E]:
        """Those of some rows that the actor may see: who belongs to a team sees what is that team's."""
        return [row for row in rows if actor.team_id in (None, self._team(row))]

    async def get(self, reader: Reader, actor: Actor, id: str) -> E:
        """A row by its id, out of use or not.

        Raises:
            NotFound: there is none that the actor may see.
        """
        row = await self.table.get(reader, actor.organisation, id)
        if row is None or not await self.visible(reader, actor, [row]):
            raise NotFound(f"There is no {self.noun.replace('_', ' ')} '{id[:100]}'.")
        return row

    async def list(
        self,
        reader: Reader,
        actor: Actor,
        asked: Paged,
        filters: Filters,
        *,
        keep: Callable[[E], bool] = lambda _: True,
    ) -> tuple[list[E], str | None]:
        """A page of rows from the oldest on, and where the next begins. A page is shorter than asked for where some of
        its rows are kept back, and empty only at the end.

        Raises:
            Invalid: the cursor is none that a list gave.
        """
        cursor = asked.cursor
        while True:
            rows, cursor = await page(self.table, reader, actor.organisation, asked, filters, cursor)
            found = [row for row in await self.visible(reader, actor, rows) if keep(row)]
            if found or cursor is None:
                return found, cursor

    async def resolve(self, reader: Reader, actor: Actor, reference: str, param: str) -> E:
        """What is in use and called so, by id or by name.

        Raises:
            Invalid: there is none that the actor may see, or more than one.
        """
        row = await self.table.get(reader, actor.organisation, reference)
        if row is not None and row.archived_us is None:
            found: Sequence[E] = [row]
        else:
            found, _ = await self.table.list(reader, actor.organisation, {"name": reference}, limit=2)
        found = await self.visible(reader, actor, found)
        if len(found) > 1:
            raise invalid(param, f"is the name of more than one {self.noun}; write an id")
        if not found:
            raise invalid(param, f"names no {self.noun}: there is no {self.noun} {shown(reference)}", "not_found")
        return found[0]

    async def check_name(self, act: Act, name: str, but: str = "") -> None:
        """Raise `Conflict` where something in use has the name already."""
        found, _ = await self.table.list(act.transaction, act.actor.organisation, {"name": name}, limit=2)
        if any(row.id != but for row in found):
            raise Conflict(f"There is a {self.noun} called '{name}' already.", param="name")

    async def add(self, act: Act, row: E, shown: Sequence[str]) -> E:
        """Put a new row in, and write down who did so. `shown` are the members worth writing down."""
        await self.table.insert(act.transaction, row)
        act.record(f"{self.table.name}.create", f"{self.noun}:{row.id}", self.detail(row, shown))
        return row

    def detail(self, row: E, shown: Sequence[str]) -> dict[str, str | int | bool | None]:
        """What of a new row is written down."""
        values = {name: getattr(row, name) for name in shown}
        return {name: told(value) for name, value in values.items() if value not in (None, [], {}, "")}

    async def change(
        self, act: Act, row: E, version: int | None, fields: Mapping[str, Any], hidden: Sequence[str] = ()
    ) -> E:
        """Give a row other values, and write down which. Values it has already change nothing.

        Raises:
            Stale: it is not at `version` any more.
            Conflict: it is out of use.
        """
        expect(row, version)
        self.check_in_use(row)
        if all(getattr(row, name) == value for name, value in fields.items()):
            return row
        after = act.changed(row, **fields)
        told_of = differences(row, after, list(fields), hidden)
        after = await self.table.update(act.transaction, after)
        act.record(f"{self.table.name}.change", f"{self.noun}:{row.id}", told_of)
        return after

    async def archive(self, act: Act, row: E, version: int | None) -> E:
        """Take a row out of use. Again is fine.

        Raises:
            Stale: it is not at `version` any more.
        """
        if row.archived_us is not None:
            return row
        expect(row, version)
        row = await self.table.update(act.transaction, act.changed(row, archived_us=act.at_us))
        act.record(f"{self.table.name}.archive", f"{self.noun}:{row.id}")
        return row

    def check_in_use(self, row: E) -> None:
        """Raise `Conflict` for what is out of use."""
        if row.archived_us is not None:
            raise Conflict(f"This {self.noun} is out of use, and does not change any more.")


async def page(
    table: Table[E],
    reader: Reader,
    organisation: str | None,
    asked: Paged,
    filters: Filters,
    cursor: str | None,
) -> tuple[Sequence[E], str | None]:
    """A page of a table's rows, of one organisation or of all.

    Raises:
        Invalid: the cursor is none that a list gave.
    """
    try:
        return await table.list(reader, organisation, filters, cursor, asked.limit, archived=asked.archived)
    except BadRequest:
        raise invalid("cursor", "is none that a list gave; begin without one") from None


def given(request: Any, names: Mapping[str, str] | Sequence[str]) -> dict[str, Any]:
    """The members of a change that are there, by the names they have in a row."""
    renamed = names if isinstance(names, Mapping) else {name: name for name in names}
    return {column: value for name, column in renamed.items() if (value := getattr(request, name)) is not UNSET}
