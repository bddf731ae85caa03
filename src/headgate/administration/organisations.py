"""Organisations: the tenants. Who may act in all of them makes them; others see their own."""

from __future__ import annotations

from typing import Any

from headgate.administration.acting import ANYWHERE, Act, Actor, Acts, Ports, new_id
from headgate.administration.register import Register, given, page
from headgate.administration.requests import Listing, NewOrganisation, OrganisationChange
from headgate.administration.views import OrganisationView, Page
from headgate.errors import Conflict, Forbidden, NotFound
from headgate.storage.database import Database
from headgate.storage.records import Organisation
from headgate.storage.tables import ORGANISATIONS, Reader


class Organisations:
    def __init__(self, ports: Ports, acts: Acts) -> None:
        self._database: Database = ports.database
        self._acts = acts
        self._register = Register(ORGANISATIONS, "organisation", "org", lambda _: None)

    async def check(self, organisation: str) -> None:
        """Raise `NotFound` for an organisation there is not, or that is out of use."""
        row = await ORGANISATIONS.get(self._database, organisation, organisation)
        if row is None or row.archived_us is not None:
            raise NotFound(f"There is no organisation '{organisation[:100]}'.")

    async def list(self, actor: Actor, request: Listing) -> Page[OrganisationView]:
        anywhere = ANYWHERE in actor.identity.scopes and actor.team_id is None
        within = None if anywhere else actor.organisation
        filters = {} if request.name is None else {"name": request.name}
        rows, cursor = await page(
            ORGANISATIONS, self._database, within, filters, request.cursor, request.limit, archived=request.archived
        )
        return Page([OrganisationView.of(row) for row in rows], cursor)

    async def get(self, actor: Actor, id: str) -> OrganisationView:
        return OrganisationView.of(await self._get(self._database, actor, id))

    async def create(self, actor: Actor, request: NewOrganisation) -> OrganisationView:
        self._check_anywhere(actor)
        async with self._acts.begin(actor) as act:
            own = request.id or new_id("org")
            if await ORGANISATIONS.get(act.transaction, own, own) is not None:
                raise Conflict(f"There is an organisation '{own}' already.", param="id")
            await self._check_name(act, request.name)
            common: dict[str, Any] = {**act.common("org", own), "organisation": own}
            row = Organisation(**common, name=request.name)
            return OrganisationView.of(await self._register.add(act, row, ["name"]))

    async def change(self, actor: Actor, id: str, request: OrganisationChange, version: int | None) -> OrganisationView:
        self._check_anywhere(actor)
        async with self._acts.begin(actor) as act:
            row = await self._get(act.transaction, actor, id)
            fields = given(request, ["name"])
            if "name" in fields:
                await self._check_name(act, fields["name"], row.id)
            return OrganisationView.of(await self._register.change(act, row, version, fields))

    async def archive(self, actor: Actor, id: str, version: int | None) -> OrganisationView:
        """Take an organisation out of use, and with it everything that is its own."""
        self._check_anywhere(actor)
        if id == actor.identity.organisation:
            raise Conflict("This is the organisation you belong to; you would lock yourself out.")
        async with self._acts.begin(actor) as act:
            row = await self._get(act.transaction, actor, id)
            return OrganisationView.of(await self._register.archive(act, row, version))

    async def _get(self, reader: Reader, actor: Actor, id: str) -> Organisation:
        own = id in (actor.organisation, actor.identity.organisation)
        anywhere = ANYWHERE in actor.identity.scopes and actor.team_id is None
        row = await ORGANISATIONS.get(reader, id, id) if own or anywhere else None
        if row is None:
            raise NotFound(f"There is no organisation '{id[:100]}'.")
        return row

    async def _check_name(self, act: Act, name: str, but: str = "") -> None:
        found, _ = await ORGANISATIONS.list(act.transaction, None, {"name": name}, limit=2)
        if any(row.id != but for row in found):
            raise Conflict(f"There is an organisation called '{name}' already.", param="name")

    def _check_anywhere(self, actor: Actor) -> None:
        if actor.team_id is not None:
            raise Forbidden("This key belongs to a team, and organisations are not a team's.")
