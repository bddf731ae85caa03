"""Tables of administered things: one struct per table, one row per struct."""

from __future__ import annotations

import types
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Generic, Protocol, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec.structs import fields, replace

from headgate.errors import BadRequest, Conflict, NotFound
from headgate.storage.database import Row, Transaction
from headgate.storage.records import (
    AlertRule,
    AlertSilence,
    Budget,
    Entity,
    Key,
    Limit,
    Organisation,
    Project,
    PromptHead,
    PromptLabel,
    PromptMove,
    PromptSuite,
    PromptSuiteOutline,
    PromptTest,
    PromptVersion,
    ProviderKey,
    Team,
    User,
)

E = TypeVar("E", bound=Entity)

MAX_PAGE = 1000


class Reader(Protocol):
    """A database, or a transaction of one."""

    async def fetch(self, sql: str, *parameters: Any) -> list[Row]: ...


class Table(Generic[E]):
    """Maps one struct to one table. SQL is made of the struct's own members, when the table is declared."""

    def __init__(self, name: str, struct: type[E]) -> None:
        self.name = name
        self.struct = struct
        self.columns = tuple(field.name for field in fields(struct))
        listed = ", ".join(self.columns)
        places = ", ".join(f"${number}" for number in range(1, len(self.columns) + 1))
        changed = [column for column in self.columns if column not in ("id", "organisation", "version", "created_us")]
        self._changed = [self.columns.index(column) for column in changed]
        assignments = ", ".join(f"{column} = ${number}" for number, column in enumerate(changed, 4))
        one = "WHERE organisation = $1 AND id = $2"
        # ruff: disable[S608] nothing of these comes from anywhere else
        self._select = f"SELECT {listed} FROM {name}"
        self._insert = f"INSERT INTO {name} ({listed}) VALUES ({places})"
        self._update = (
            f"UPDATE {name} SET version = version + 1, {assignments} {one} AND version = $3 RETURNING version"
        )
        self._version = f"SELECT version FROM {name} {one}"
        # ruff: enable[S608]

    @cached_property
    def _codecs(self) -> Sequence[Codec]:
        """How each column is written and read: worked out when the first row is."""
        types = get_type_hints(self.struct)
        return [_codec(types[column]) for column in self.columns]

    async def insert(self, transaction: Transaction, row: E) -> None:
        """Add a row.

        Raises:
            Conflict: there is one of that id, or that digest; it refers to a row that is not there.
            BadRequest: a text holds what a database cannot.
        """
        await transaction.execute(self._insert, *self._values(row))

    async def get(self, reader: Reader, organisation: str, id: str) -> E | None:
        """A row of one organisation, archived or not."""
        rows = await reader.fetch(f"{self._select} WHERE organisation = $1 AND id = $2", organisation, id)
        return self.decode(rows[0]) if rows else None

    async def update(self, transaction: Transaction, row: E) -> E:
        """Put `row` in place of the one with its id, whose version has to be `row`'s still. Returns it as it is now,
        with the next version. Id, organisation and the time it was made do not change.

        Raises:
            NotFound: there is no such row.
            Conflict: it has been changed since; the message names the version it has now.
            BadRequest: a text holds what a database cannot.
        """
        values = self._values(row)
        changes = [values[position] for position in self._changed]
        rows = await transaction.fetch(self._update, row.organisation, row.id, row.version, *changes)
        if rows:
            return replace(row, version=rows[0][0])
        found = await transaction.fetch(self._version, row.organisation, row.id)
        if not found:
            raise NotFound(f"There is no '{row.id}'.")
        raise Conflict(
            f"'{row.id}' has been changed: it is at version {found[0][0]}, the change was made to version "
            f"{row.version}. Read it again.",
            param="version",
        )

    async def list(
        self,
        reader: Reader,
        organisation: str | None,
        filters: Mapping[str, str | int | None] = {},
        cursor: str | None = None,
        limit: int = 100,
        *,
        archived: bool = False,
    ) -> tuple[Sequence[E], str | None]:
        """Rows of one organisation, or of all, from the oldest on, and the cursor that the next page begins at; None at
        the end.

        `filters` are members and what they have to be. Archived rows are left out unless asked for.

        Raises:
            BadRequest: `cursor` is none of this table's.
        """
        if unknown := [name for name in filters if name not in self.columns]:
            raise ValueError(f"the table {self.name} has no {', '.join(unknown)}")
        values: list[Any] = [] if organisation is None else [organisation]
        conditions = ["1 = 1"] if organisation is None else ["organisation = $1"]
        for name, value in filters.items():
            if value is None:
                conditions.append(f"{name} IS NULL")
            else:
                values.append(int(value) if isinstance(value, bool) else value)
                conditions.append(f"{name} = ${len(values)}")
        if not archived:
            conditions.append("archived_us IS NULL")
        if cursor is not None:
            values += _position(cursor)
            conditions.append(f"(created_us, id) > (${len(values) - 1}, ${len(values)})")
        limit = max(1, min(limit, MAX_PAGE))
        values.append(limit + 1)
        where = " AND ".join(conditions)
        found = await reader.fetch(
            f"{self._select} WHERE {where} ORDER BY created_us, id LIMIT ${len(values)}", *values
        )
        rows = [self.decode(row) for row in found[:limit]]
        return rows, _cursor(rows[-1]) if len(found) > limit else None

    async def changed_since(self, reader: Reader, revision: int) -> Sequence[E]:
        """What has been changed or added after `revision` in all organisations, in that order; archived rows too."""
        rows = await reader.fetch(f"{self._select} WHERE revision > $1 ORDER BY revision, id", revision)
        return [self.decode(row) for row in rows]

    def decode(self, row: Row) -> E:
        """The struct of a row with all columns in the order of `columns`."""
        members: dict[str, Any] = {
            name: value if decode is None or value is None else decode(value)
            for name, value, (_, decode) in zip(self.columns, row, self._codecs, strict=True)
        }
        return self.struct(**members)

    def _values(self, row: E) -> Sequence[Any]:
        values: list[Any] = []
        for name, (encode, _) in zip(self.columns, self._codecs, strict=True):
            value = getattr(row, name)
            if isinstance(value, str) and "\0" in value:
                raise BadRequest(f"'{name}' must not hold the character U+0000.", param=name)
            values.append(value if encode is None or value is None else encode(value))
        return values


async def next_revision(transaction: Transaction) -> int:
    """Count up the revision of the whole database: what every transaction that changes one of these tables begins with.
    From there to its end it is the only one.
    """
    rows = await transaction.fetch("UPDATE revisions SET value = value + 1 WHERE id = 1 RETURNING value")
    return rows[0][0]


async def revision(reader: Reader) -> int:
    """The revision of the whole database: 0 where nothing has been changed yet."""
    rows = await reader.fetch("SELECT value FROM revisions WHERE id = 1")
    return rows[0][0]


Codec = tuple[Callable[[Any], Any] | None, Callable[[Any], Any] | None]
"""How a member becomes a column's value, and back; None where it is one."""


def _codec(type_: Any) -> Codec:
    options = [each for each in _options(type_) if each is not types.NoneType]
    if options == [bool]:
        return int, bool
    if all(each in (str, int) or isinstance(each, str) for each in options):
        return None, None
    return _encode_json, msgspec.json.Decoder(type_).decode


def _options(type_: Any) -> Sequence[Any]:
    """The types a value can have; of a Literal its values."""
    if get_origin(type_) is None:
        return [type_]
    if get_origin(type_) in (Union, types.UnionType):
        return [option for each in get_args(type_) for option in _options(each)]
    return get_args(type_) if isinstance(get_args(type_)[0], str) else [get_origin(type_)]


def _encode_json(value: Any) -> str:
    return msgspec.json.encode(value, order="deterministic").decode()


def _cursor(row: Entity) -> str:
    return urlsafe_b64encode(f"{row.created_us} {row.id}".encode()).decode().rstrip("=")


def _position(cursor: str) -> tuple[int, str]:
    """Where a page begins: after the row made at that time, with that id."""
    try:
        created, _, name = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition(" ")
        position = int(created)
    except ValueError:
        position, name = -1, ""
    if not name or not 0 <= position < 2**63:
        raise BadRequest("'cursor' is none that a list gave; begin without one.", param="cursor")
    return position, name


ORGANISATIONS = Table("organisations", Organisation)
TEAMS = Table("teams", Team)
PROJECTS = Table("projects", Project)
USERS = Table("users", User)
KEYS = Table("keys", Key)
LIMITS = Table("limits", Limit)
BUDGETS = Table("budgets", Budget)
PROVIDER_KEYS = Table("provider_keys", ProviderKey)
ALERT_RULES = Table("alert_rules", AlertRule)
ALERT_SILENCES = Table("alert_silences", AlertSilence)
PROMPT_VERSIONS = Table("prompt_versions", PromptVersion)
PROMPT_HEADS = Table("prompt_versions", PromptHead)
PROMPT_LABELS = Table("prompt_labels", PromptLabel)
PROMPT_MOVES = Table("prompt_moves", PromptMove)
PROMPT_TESTS = Table("prompt_tests", PromptTest)
PROMPT_SUITES = Table("prompt_suites", PromptSuite)
PROMPT_SUITE_OUTLINES = Table("prompt_suites", PromptSuiteOutline)

TABLES: tuple[Table[Any], ...] = (ORGANISATIONS, TEAMS, PROJECTS, USERS, KEYS, LIMITS, BUDGETS, PROVIDER_KEYS)
"""What calls have to do with, what is referred to before what refers to it."""
