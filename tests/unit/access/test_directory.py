"""What is administered is known in memory, and known soon."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from msgspec.structs import replace
from place import Place, key_row

from headgate.access import directory as directory_module
from headgate.access.directory import Directory
from headgate.access.roles import Roles
from headgate.errors import StoreUnavailable, Unauthenticated
from headgate.storage.opening import open_database
from headgate.storage.records import Organisation, Project, ProviderKey, Team, User
from headgate.types import Identity

ACME = Organisation(id="acme", organisation="acme", name="Acme")
TEAM = Team(id="team_1", organisation="acme", name="search", timezone="Europe/Berlin")
PROJECT = Project(id="project_1", organisation="acme", name="index", team_id="team_1")
USER = User(id="user_1", organisation="acme", name="Jo", team_id="team_1", roles=["operator"])


async def test_an_identity_is_all_that_the_row_and_its_owners_say(place: Place):
    row = key_row(
        "hg-1",
        organisation="acme",
        project_id="project_1",
        user_id="user_1",
        roles=["caller", "auditor"],
        models=["gpt-*"],
        endpoints=["chat"],
        tags={"stage": "test"},
        prompt_label="live",
        policy="strict",
    )
    await place.put(ACME, TEAM, PROJECT, USER, row)
    assert place.identify("hg-1") == Identity(
        organisation="acme",
        key_id="key_hg-1",
        team_id="team_1",
        project_id="project_1",
        user_id="user_1",
        roles=frozenset({"caller", "auditor"}),
        scopes=Roles().scopes(["caller", "auditor"]),
        models=("gpt-*",),
        endpoints=frozenset({"chat"}),
        tags=(("stage", "test"),),
        timezone="Europe/Berlin",
        prompt_label="live",
        policy="strict",
    )


async def test_a_keys_own_time_zone_goes_before_its_teams(place: Place):
    await place.put(ACME, TEAM, key_row("hg-1", organisation="acme", team_id="team_1", timezone="Asia/Tokyo"))
    assert place.identify("hg-1").timezone == "Asia/Tokyo"


async def test_a_role_that_is_no_longer_configured_opens_nothing(place: Place):
    await place.put(key_row("hg-1", roles=["gone"]))
    assert place.identify("hg-1").scopes == frozenset()


async def test_other_roles_are_gone_by_at_once(place: Place):
    await place.put(key_row("hg-1", roles=["helper"]))
    before = place.directory.generation
    place.directory.use(Roles({"helper": ["call", "metrics"]}))
    assert place.identify("hg-1").scopes == {"call", "metrics"}
    assert place.directory.generation > before
    before = place.directory.generation
    place.directory.use(Roles({"helper": ["metrics", "call"]}))
    assert place.directory.generation == before, "they are no others"


@pytest.mark.parametrize("owner", [ACME, TEAM, PROJECT, USER], ids=lambda row: type(row).__name__)
async def test_what_belongs_to_something_archived_opens_nothing(place: Place, owner: Any):
    row = key_row("hg-1", organisation="acme", team_id="team_1", project_id="project_1", user_id="user_1")
    await place.put(ACME, TEAM, PROJECT, USER, row)
    place.identify("hg-1")
    await place.put(replace(owner, archived_us=1))
    with pytest.raises(Unauthenticated):
        place.identify("hg-1")
    await place.put(replace(owner, archived_us=None))
    place.identify("hg-1")


async def test_a_key_of_an_archived_projects_team_opens_nothing(place: Place):
    """The team is not in the key's own row, only in its project's."""
    await place.put(ACME, TEAM, PROJECT, key_row("hg-1", organisation="acme", project_id="project_1"))
    await place.put(replace(TEAM, archived_us=1))
    with pytest.raises(Unauthenticated):
        place.identify("hg-1")


async def test_a_team_of_another_organisation_is_no_team(place: Place):
    """Databases refuse such rows; nobody relies on it."""
    await place.put(ACME, TEAM, key_row("hg-1", organisation="acme", team_id="team_1"))
    snapshot = place.directory._snapshot
    snapshot.take_over({Team: [replace(TEAM, organisation="default")]})
    with pytest.raises(Unauthenticated):
        place.identify("hg-1")


async def test_people_are_who_their_rows_say(place: Place):
    await place.put(ACME, TEAM, USER)
    person = place.directory.person("user_1")
    assert person is not None
    assert (person.organisation, person.key_id, person.team_id, person.timezone) == (
        "acme",
        "user:user_1",
        "team_1",
        "Europe/Berlin",
    )
    assert person.scopes == Roles().scopes(["operator"])
    assert person.actor == "user:user_1"
    await place.put(replace(USER, archived_us=1))
    assert place.directory.person("user_1") is None
    assert place.directory.person("user_2") is None


async def test_a_person_of_an_archived_team_is_nobody(place: Place):
    await place.put(ACME, replace(TEAM, archived_us=1), USER)
    assert place.directory.person("user_1") is None


async def test_a_teams_own_provider_key(place: Place):
    first = ProviderKey(id="pk_1", organisation="acme", team_id="team_1", provider="openai", sealed="1", hint="1")
    await place.put(ACME, TEAM, first)
    second = replace(first, id="pk_2", sealed="2")
    await place.put(replace(first, archived_us=1), second)
    held = place.directory.provider_key("team_1", "openai")
    assert held is not None
    assert held.sealed == "2"
    await place.put(replace(first, archived_us=2))
    assert place.directory.provider_key("team_1", "openai") is not None, "the archived one is another"
    await place.put(replace(second, archived_us=2))
    assert place.directory.provider_key("team_1", "openai") is None
    assert place.directory.provider_key(None, "openai") is None


async def test_names_stand_for_rows_where_they_are_one(place: Place):
    directory = place.directory
    await place.put(ACME, TEAM, replace(TEAM, id="team_2", name="ads"))
    for name in ("search", "team_1"):
        found = directory.named(Team, "acme", name)
        assert found is not None
        assert found.id == "team_1"
    assert directory.named(Team, "default", "search") is None
    await place.put(replace(TEAM, id="team_3"))
    assert directory.named(Team, "acme", "search") is None, "two are called so"
    await place.put(replace(TEAM, id="team_3", archived_us=1))
    assert directory.named(Team, "acme", "search") is not None


# ── keeping up ──


async def test_only_what_has_changed_is_read(place: Place):
    await place.put(key_row("hg-1"))
    await place.put(key_row("hg-2"))
    read: list[tuple[Any, ...]] = []
    fetch = place.database.fetch

    async def counted(sql: str, *parameters: Any) -> Any:
        rows = await fetch(sql, *parameters)
        read.extend(rows if "FROM keys" in sql else [])
        return rows

    place.directory._database = Fetching(counted)
    await place.put(key_row("hg-3"))
    assert len(read) == 1
    for key in ("hg-1", "hg-2", "hg-3"):
        place.identify(key)


async def test_nothing_is_read_where_nothing_has_changed(place: Place):
    statements: list[str] = []
    fetch = place.database.fetch

    async def counted(sql: str, *parameters: Any) -> Any:
        statements.append(sql)
        return await fetch(sql, *parameters)

    place.directory._database = Fetching(counted)
    await place.directory.refresh()
    assert len(statements) == 1


async def test_another_process_learns_of_a_revocation_by_asking(place: Place, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(directory_module, "POLL_S", 0.005)
    await place.put(key_row("hg-1"))
    other = Directory(place.database, Roles())
    await other.load()
    polling = asyncio.create_task(other.run(shared=True))
    digest = bytes.fromhex(key_row("hg-1").digest)
    try:
        await place.write(key_row("hg-1", revoked_us=1))
        async with asyncio.timeout(10):
            while (holder := other.holder(digest)) is None or holder.refusal != "revoked":
                await asyncio.sleep(0.005)
    finally:
        polling.cancel()


async def test_a_revocation_holds_at_another_replica_within_a_second(postgres_url: str):
    """As it is configured: nothing is hurried for the test."""
    mine, theirs = await open_database(postgres_url), await open_database(postgres_url)
    here, there = Place(mine), Place(theirs)
    await here.directory.load()
    await here.put(key_row("hg-1"))
    await there.directory.load()
    polling = asyncio.create_task(there.directory.run(shared=True))
    assert there.identify("hg-1").key_id == "key_hg-1"
    await here.write(key_row("hg-1", revoked_us=1))
    async with asyncio.timeout(1.0 + BUSY_S):
        while there.directory.holder(bytes.fromhex(key_row("hg-1").digest)).refusal is None:  # type: ignore[union-attr]
            await asyncio.sleep(0.01)
    polling.cancel()
    await asyncio.gather(polling, return_exceptions=True)
    await mine.close()
    await theirs.close()


BUSY_S = 4.0
"""What a busy test machine may add."""


def test_the_poll_leaves_room_within_a_second():
    assert directory_module.POLL_S <= 0.5


async def test_alone_with_its_database_it_does_not_ask(place: Place, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(directory_module, "POLL_S", 0.001)
    await place.write(key_row("hg-1"))
    polling = asyncio.create_task(place.directory.run(shared=False))
    await asyncio.sleep(0.02)
    polling.cancel()
    assert place.directory.holder(bytes.fromhex(key_row("hg-1").digest)) is None


async def test_while_the_database_is_away_the_last_snapshot_stays(place: Place, caplog: pytest.LogCaptureFixture):
    await place.put(key_row("hg-1"))
    database = place.directory._database
    place.directory._database = Fetching(away)
    with caplog.at_level(logging.INFO, "headgate.access"):
        for _ in range(3):
            await place.directory.refresh()
        assert place.identify("hg-1").key_id == "key_hg-1"
        assert len(caplog.records) == 1, "once is enough"
        await place.write(key_row("hg-1", revoked_us=1))
        place.directory._database = database
        await place.directory.refresh()
        assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    with pytest.raises(Unauthenticated):
        place.identify("hg-1")


async def test_alone_it_catches_up_on_what_it_could_not_read(place: Place, monkeypatch: pytest.MonkeyPatch):
    """An act was done, and the read after it failed."""
    monkeypatch.setattr(directory_module, "POLL_S", 0.001)
    database = place.directory._database
    place.directory._database = Fetching(away)
    await place.put(key_row("hg-1"))
    place.directory._database = database
    polling = asyncio.create_task(place.directory.run(shared=False))
    async with asyncio.timeout(10):
        while place.directory.holder(bytes.fromhex(key_row("hg-1").digest)) is None:
            await asyncio.sleep(0.001)
    polling.cancel()


async def test_without_a_database_there_is_no_start(place: Place):
    with pytest.raises(StoreUnavailable):
        await Directory(Fetching(away), Roles()).load()


async def test_a_restored_backup_is_read_anew(place: Place):
    await place.put(key_row("hg-1"))
    await place.put(key_row("hg-2"))
    backup = await open_database("sqlite:///:memory:")
    restored = Place(backup)
    await restored.write(key_row("hg-1"))
    place.directory._database = backup
    await place.directory.refresh()
    place.identify("hg-1")
    with pytest.raises(Unauthenticated):
        place.identify("hg-2")
    await backup.close()


async def test_a_damaged_row_opens_nothing_and_hinders_nobody(place: Place):
    await place.put(key_row("hg-1", digest="no hexadecimal"), key_row("hg-2"), key_row("hg-3", networks=["nonsense"]))
    place.identify("hg-2")
    for key in ("hg-1", "hg-3"):
        with pytest.raises(Unauthenticated):
            place.identify(key)


async def away(sql: str, *parameters: Any) -> Any:
    raise StoreUnavailable("the database is away")


class Fetching:
    """A database that is only read, in a way of the test's."""

    kind = "sqlite"

    def __init__(self, fetch: Callable[..., Awaitable[Any]]) -> None:
        self.fetch = fetch

    def transaction(self) -> Any:
        raise AssertionError("the directory writes nothing")

    async def close(self) -> None: ...
