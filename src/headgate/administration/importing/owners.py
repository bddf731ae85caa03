"""Teams, projects and users that are taken over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from msgspec.structs import replace

from headgate.administration import keyring, projects, teams, users
from headgate.administration.acting import Act
from headgate.administration.importing.ids import Ids
from headgate.administration.importing.requests import ImportedProject, ImportedTeam, ImportedUser, NewImport
from headgate.administration.importing.tally import Tally
from headgate.administration.register import Register
from headgate.storage.records import Entity, Project, Team, User

E = TypeVar("E", bound=Entity)


class Owners:
    def __init__(self, act: Act, ids: Ids, source: str, tally: Tally) -> None:
        self._act = act
        self._ids = ids
        self._source = source
        self._tally = tally

    async def take(self, asked: NewImport) -> None:
        await self._rows("teams", teams.register, asked.teams, self._team, ["name", "timezone"])
        await self._rows("projects", projects.register, asked.projects, self._project, ["name", "team_id"])
        await self._rows("users", users.register, asked.users, self._user, ["team_id"])

    async def _rows(
        self, name: str, register: Register[E], asked: Sequence[Any], make: Callable[[Any], E], shown: Sequence[str]
    ) -> None:
        act, table = self._act, register.table
        ids = (self._ids.of(register.noun, each.id) for each in asked)
        found = await keyring.of_ids(act.transaction, table, self._ids.organisation, ids)
        known = {row.id: row for row in found}
        for row in map(make, asked):
            if (there := known.get(row.id)) is not None:
                self._tally.known[name] += 1
                if row.archived_us is not None and there.archived_us is None:
                    await register.archive(act, there, None)
                    self._tally.archived += 1
                continue
            if isinstance(row, Team | Project):
                row = replace(row, name=await self._free_name(register, row.name))
            await register.add(act, row, shown)
            self._tally.made[name] += 1

    async def _free_name(self, register: Register[Any], name: str) -> str:
        """A name nothing in use has: the one asked for, unless it is taken."""
        wanted, number = name, 1
        transaction, organisation = self._act.transaction, self._ids.organisation
        while (await register.table.list(transaction, organisation, {"name": wanted}, limit=1))[0]:
            suffix = f" ({self._source}{f' {number}' if number > 1 else ''})"
            wanted, number = f"{name[: 200 - len(suffix)]}{suffix}", number + 1
        return wanted

    def _team(self, asked: ImportedTeam) -> Team:
        common = self._common("team", asked.id)
        return Team(**common, name=asked.name, timezone=asked.timezone, archived_us=self._since(asked.archived))

    def _project(self, asked: ImportedProject) -> Project:
        common = self._common("project", asked.id)
        team_id = self._ids.reference("team", asked.team)
        return Project(**common, name=asked.name, team_id=team_id, archived_us=self._since(asked.archived))

    def _user(self, asked: ImportedUser) -> User:
        return User(
            **self._common("user", asked.id),
            name=asked.name,
            email=asked.email,
            team_id=self._ids.reference("team", asked.team),
            roles=[],
        )

    def _common(self, kind: str, id: str) -> dict[str, Any]:
        return self._act.common(kind, self._ids.of(kind, id))

    def _since(self, archived: bool) -> int | None:
        return self._act.at_us if archived else None
