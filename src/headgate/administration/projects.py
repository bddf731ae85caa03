"""Projects: what calls are made for, within a team or across them."""

from __future__ import annotations

from headgate.administration import teams
from headgate.administration.acting import Act, Actor, Acts, Ports
from headgate.administration.register import Register, given
from headgate.administration.requests import NewProject, OwnedListing, ProjectChange
from headgate.administration.views import Page, ProjectView
from headgate.storage.records import Project
from headgate.storage.tables import PROJECTS, Reader

register = Register(PROJECTS, "project", "proj", lambda project: project.team_id)


class Projects:
    def __init__(self, ports: Ports, acts: Acts) -> None:
        self._database = ports.database
        self._acts = acts

    async def list(self, actor: Actor, request: OwnedListing) -> Page[ProjectView]:
        filters = await owned(self._database, actor, request)
        rows, cursor = await register.list(self._database, actor, request, filters)
        return Page([ProjectView.of(row) for row in rows], cursor)

    async def get(self, actor: Actor, id: str) -> ProjectView:
        return ProjectView.of(await register.get(self._database, actor, id))

    async def create(self, actor: Actor, request: NewProject) -> ProjectView:
        async with self._acts.begin(actor) as act:
            await register.check_name(act, request.name)
            team_id = await team_of(act, request.team)
            row = Project(**act.common("proj"), name=request.name, team_id=team_id)
            return ProjectView.of(await register.add(act, row, ["name", "team_id"]))

    async def change(self, actor: Actor, id: str, request: ProjectChange, version: int | None) -> ProjectView:
        async with self._acts.begin(actor) as act:
            row = await register.get(act.transaction, actor, id)
            fields = given(request, {"name": "name", "team": "team_id"})
            if "name" in fields:
                await register.check_name(act, fields["name"], row.id)
            if "team_id" in fields:
                fields["team_id"] = await team_of(act, fields["team_id"])
            return ProjectView.of(await register.change(act, row, version, fields))

    async def archive(self, actor: Actor, id: str, version: int | None) -> ProjectView:
        """Take a project out of use: its keys open nothing from then on."""
        async with self._acts.begin(actor) as act:
            row = await register.get(act.transaction, actor, id)
            return ProjectView.of(await register.archive(act, row, version))


async def team_of(act: Act, reference: str | None) -> str | None:
    """The id of a team a request names; the actor's own where it names none.

    Raises:
        Invalid: there is no such team that the actor may act in.
    """
    if reference is None:
        return act.actor.team_id
    return (await teams.register.resolve(act.transaction, act.actor, reference, "team")).id


async def owned(reader: Reader, actor: Actor, request: OwnedListing) -> dict[str, str | None]:
    """The filters of a list by name and team."""
    filters = request.filters
    if request.team is not None:
        filters["team_id"] = (await teams.register.resolve(reader, actor, request.team, "team")).id
    return filters
