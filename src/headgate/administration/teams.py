"""Teams."""

from __future__ import annotations

from headgate.administration.acting import Actor, Acts, Ports, within_organisation
from headgate.administration.register import Register, given
from headgate.administration.requests import Listing, NewTeam, TeamChange
from headgate.administration.views import Page, TeamView
from headgate.storage.records import Team
from headgate.storage.tables import TEAMS

register = Register(TEAMS, "team", "team", lambda team: team.id)


class Teams:
    """Who belongs to a team sees that one, and changes none."""

    def __init__(self, ports: Ports, acts: Acts) -> None:
        self._database = ports.database
        self._acts = acts

    async def list(self, actor: Actor, request: Listing) -> Page[TeamView]:
        rows, cursor = await register.list(self._database, actor, request, request.filters)
        return Page([TeamView.of(row) for row in rows], cursor)

    async def get(self, actor: Actor, id: str) -> TeamView:
        return TeamView.of(await register.get(self._database, actor, id))

    async def create(self, actor: Actor, request: NewTeam) -> TeamView:
        within_organisation(actor, "making teams")
        async with self._acts.begin(actor) as act:
            await register.check_name(act, request.name)
            row = Team(**act.common("team"), name=request.name, timezone=request.timezone)
            return TeamView.of(await register.add(act, row, ["name", "timezone"]))

    async def change(self, actor: Actor, id: str, request: TeamChange, version: int | None) -> TeamView:
        within_organisation(actor, "changing teams")
        async with self._acts.begin(actor) as act:
            row = await register.get(act.transaction, actor, id)
            fields = given(request, ["name", "timezone"])
            if "name" in fields:
                await register.check_name(act, fields["name"], row.id)
            return TeamView.of(await register.change(act, row, version, fields))

    async def archive(self, actor: Actor, id: str, version: int | None) -> TeamView:
        """Take a team out of use: its keys open nothing from then on."""
        within_organisation(actor, "taking teams out of use")
        async with self._acts.begin(actor) as act:
            row = await register.get(act.transaction, actor, id)
            return TeamView.of(await register.archive(act, row, version))
