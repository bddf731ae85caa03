"""Rows of administered things: what is put in comes out, changes are seen once, nobody sees another tenant's."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import fields, replace

from headgate.errors import BadRequest, Conflict, NotFound
from headgate.storage.database import Database
from headgate.storage.migrating import MigratedDatabase
from headgate.storage.opening import open_database
from headgate.storage.records import AuditRecord, Budget, Entity, Key, LedgerRow, Limit, Project, Team, User
from headgate.storage.tables import (
    BUDGETS,
    KEYS,
    LIMITS,
    PROJECTS,
    TABLES,
    TEAMS,
    USERS,
    Table,
    next_revision,
    revision,
)
from headgate.types import Usage


@pytest.fixture
async def memory() -> Any:
    opened = await open_database("sqlite:///:memory:")
    yield opened
    await opened.close()


async def write(database: Database, table: Table[Any], *rows: Entity) -> None:
    async with database.transaction() as transaction:
        for row in rows:
            await table.insert(transaction, row)


def team(id: str, organisation: str = "default", **changes: Any) -> Team:
    return Team(**{"id": id, "organisation": organisation, "name": f"Team {id}", **changes})


def key(id: str, **changes: Any) -> Key:
    return Key(**{"id": id, "organisation": "default", "name": id, "digest": f"{id:0>64}", "hint": "abcd", **changes})


# ── columns ──


def filled(table: Table[Any]) -> Entity:
    """A row with something in every member that a row of its own need not refer to."""
    hints = msgspec.inspect.type_info(table.struct)
    assert isinstance(hints, msgspec.inspect.StructType)
    members: dict[str, Any] = {}
    for field in hints.fields:
        types = field.type.types if isinstance(field.type, msgspec.inspect.UnionType) else (field.type,)
        members[field.name] = _example(field.name, types[0])
    references = [name for name in members if name in ("team_id", "project_id", "user_id")]
    return table.struct(**{**members, **dict.fromkeys(references, None), "organisation": "x", "id": "x"})


def _example(name: str, type_: Any) -> Any:
    match type_:
        case msgspec.inspect.StrType():
            return f"{name} ü'\"\\$1"
        case msgspec.inspect.IntType():
            return 2**63 - 1
        case msgspec.inspect.BoolType():
            return False
        case msgspec.inspect.ListType():
            return [80, 100] if isinstance(type_.item_type, msgspec.inspect.IntType) else ["a", "ü"]
        case msgspec.inspect.DictType():
            return {"b": "1", "a": "ü"}
        case msgspec.inspect.LiteralType():
            return type_.values[0]
    raise AssertionError(name)


@pytest.mark.parametrize(
    "table", [table for table in TABLES if table.name != "provider_keys"], ids=lambda table: table.name
)
async def test_every_member_of_a_row_comes_back_as_it_was(database: MigratedDatabase, table: Table[Any]):
    row = filled(table)
    await write(database, table, row)
    assert await table.get(database, row.organisation, row.id) == row


async def test_what_is_not_given_comes_back_as_none(database: MigratedDatabase):
    row = key("k", models=None, endpoints=[], networks=None, expires_us=None)
    await write(database, KEYS, row)
    assert await KEYS.get(database, "default", "k") == row


async def test_every_table_has_the_columns_of_its_struct(database: MigratedDatabase):
    ledger = [field.name for field in fields(LedgerRow) if field.name != "usage"]
    expected = {table.name: set(table.columns) for table in TABLES}
    expected["ledger"] = {*ledger, *(field.name for field in fields(Usage))}
    for name, columns in expected.items():
        assert await _columns(database, name) == columns, name
    kept = {field.name for field in fields(AuditRecord)} - {"address", "detail"}  # those two are in the leaf only
    assert await _columns(database, "audit_records") == {*kept, "position", "leaf", "leaf_hash"}


async def _columns(database: Database, table: str) -> set[str]:
    if database.kind == "sqlite":
        rows = await database.fetch(f"SELECT name FROM pragma_table_info('{table}')")
    else:
        rows = await database.fetch(
            f"SELECT attname::text FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attnum > 0"
        )
    return {name for (name,) in rows}


# ── tenants and references ──


async def test_rows_of_another_organisation_are_not_there(database: MigratedDatabase):
    await write(database, TEAMS, team("a", "one"), team("b", "two"))
    assert await TEAMS.get(database, "two", "a") is None
    assert [row.id for row in (await TEAMS.list(database, "one"))[0]] == ["a"]
    with pytest.raises(NotFound):
        async with database.transaction() as transaction:
            await TEAMS.update(transaction, team("a", "two", name="stolen"))


async def test_a_row_cannot_refer_to_another_organisations(database: MigratedDatabase):
    await write(database, TEAMS, team("a", "one"))
    await write(database, PROJECTS, Project(id="p", organisation="one", name="p", team_id="a"))
    with pytest.raises(Conflict, match="not there"):
        await write(database, PROJECTS, Project(id="q", organisation="two", name="q", team_id="a"))


@pytest.mark.parametrize(
    ("table", "one", "other"),
    [
        (TEAMS, team("a"), team("a", "two")),
        (KEYS, key("a"), key("b", digest=key("a").digest)),
        (
            USERS,
            User(id="a", organisation="o", name="a", issuer="https://idp", subject="7"),
            User(id="b", organisation="o", name="b", issuer="https://idp", subject="7"),
        ),
    ],
    ids=["id", "digest", "subject"],
)
async def test_what_has_to_be_there_once_is_refused_a_second_time(
    database: MigratedDatabase, table: Table[Any], one: Entity, other: Entity
):
    await write(database, table, one)
    with pytest.raises(Conflict):
        await write(database, table, other)


# ── changes ──


async def test_a_change_counts_up_the_version_and_keeps_when_it_was_made(database: MigratedDatabase):
    await write(database, TEAMS, team("a", created_us=5))
    async with database.transaction() as transaction:
        changed = await TEAMS.update(transaction, team("a", name="other", created_us=9, updated_us=9, revision=3))
    assert changed.version == 2
    held = await TEAMS.get(database, "default", "a")
    assert held == team("a", name="other", created_us=5, updated_us=9, revision=3, version=2)


async def test_a_change_to_an_older_version_is_told_which_there_is(database: MigratedDatabase):
    await write(database, TEAMS, team("a"))
    async with database.transaction() as transaction:
        await TEAMS.update(transaction, team("a", name="first"))
    with pytest.raises(Conflict, match="at version 2, the change was made to version 1") as caught:
        async with database.transaction() as transaction:
            await TEAMS.update(transaction, team("a", name="second"))
    assert caught.value.param == "version"
    held = await TEAMS.get(database, "default", "a")
    assert held is not None
    assert held.name == "first"


async def test_what_changed_since_a_revision_comes_in_order_of_all_organisations(database: MigratedDatabase):
    assert await revision(database) == 0
    for number, row in enumerate([team("a", "one"), team("b", "two"), team("c", "one", archived_us=1)], 1):
        async with database.transaction() as transaction:
            assert await next_revision(transaction) == number
            await TEAMS.insert(transaction, replace(row, revision=number))
    assert [row.id for row in await TEAMS.changed_since(database, 0)] == ["a", "b", "c"]
    assert [row.id for row in await TEAMS.changed_since(database, 2)] == ["c"]
    assert await revision(database) == 3


# ── lists ──


async def test_pages_give_every_row_once_from_the_oldest_on(database: MigratedDatabase):
    rows = [team(f"t{number}", created_us=number // 3) for number in range(10)]
    await write(database, TEAMS, *reversed(rows), team("other", "two"))
    seen: list[str] = []
    cursor = None
    for _ in range(4):
        page, cursor = await TEAMS.list(database, "default", cursor=cursor, limit=3)
        seen += [row.id for row in page]
    assert seen == [row.id for row in rows]
    assert cursor is None


async def test_a_page_that_just_holds_the_rest_is_the_last(database: MigratedDatabase):
    await write(database, TEAMS, team("a"), team("b"))
    page, cursor = await TEAMS.list(database, "default", limit=2)
    assert len(page) == 2
    assert cursor is None


async def test_lists_are_filtered_and_leave_out_what_is_archived(database: MigratedDatabase):
    await write(database, TEAMS, team("a"), team("b"))
    await write(
        database, KEYS, key("1", team_id="a"), key("2", team_id="b"), key("3"), key("4", team_id="a", archived_us=5)
    )
    listed = {}
    for name, filters in {
        "a": {"team_id": "a"},
        "none": {"team_id": None},
        "both": {"team_id": "a", "name": "2"},
    }.items():
        listed[name] = [row.id for row in (await KEYS.list(database, "default", filters))[0]]
    assert listed == {"a": ["1"], "none": ["3"], "both": []}
    rows, _ = await KEYS.list(database, "default", {"team_id": "a"}, archived=True)
    assert [row.id for row in rows] == ["1", "4"]


async def test_truths_can_be_filtered_by(memory: MigratedDatabase):
    budget = Budget(id="a", organisation="o", subject="team:x", amount_picodollars=1, period="day")
    await write(memory, BUDGETS, budget, replace(budget, id="b", hard=False))
    rows, _ = await BUDGETS.list(memory, "o", {"hard": False})
    assert [row.id for row in rows] == ["b"]


async def test_only_members_can_be_filtered_by(memory: MigratedDatabase):
    with pytest.raises(ValueError, match="has no 1=1 OR name"):
        await TEAMS.list(memory, "default", {"1=1 OR name": "x"})


@pytest.mark.parametrize("cursor", ["", "x", "!!!", "ü", "MTIz", "LTEgYQ", "MSA", "OTk5OTk5OTk5OTk5OTk5OTk5OTkgYQ"])
async def test_a_cursor_no_list_gave_is_refused(memory: MigratedDatabase, cursor: str):
    with pytest.raises(BadRequest) as caught:
        await TEAMS.list(memory, "default", cursor=cursor)
    assert caught.value.param == "cursor"


async def test_a_cursor_shows_nothing_of_another_organisation(memory: MigratedDatabase):
    await write(memory, TEAMS, *(team(f"a{number}", "one") for number in range(3)), team("b", "two"))
    _, cursor = await TEAMS.list(memory, "one", limit=1)
    assert [row.id for row in (await TEAMS.list(memory, "two", cursor=cursor))[0]] == ["b"]


# ── bad input ──


async def test_what_a_database_cannot_hold_is_refused_by_name(memory: MigratedDatabase):
    with pytest.raises(BadRequest, match=r"'name' must not hold the character U\+0000") as caught:
        await write(memory, TEAMS, team("a", name="a\0b"))
    assert caught.value.param == "name"


async def test_mappings_are_stored_alike_whatever_their_order(memory: MigratedDatabase):
    await write(memory, KEYS, key("1", tags={"b": "1", "a": "2"}), key("2", tags={"a": "2", "b": "1"}))
    assert await memory.fetch("SELECT DISTINCT tags FROM keys") == [('{"a":"2","b":"1"}',)]


async def test_limits_without_a_bound_stay_without(memory: MigratedDatabase):
    row = Limit(id="l", organisation="o", subject="key:k", per="minute", requests=0)
    await write(memory, LIMITS, row)
    assert await LIMITS.get(memory, "o", "l") == row
