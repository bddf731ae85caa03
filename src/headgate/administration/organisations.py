"""Organisations: the tenants. Who may act in all of them makes them; others see their own."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from headgate.administration.acting import ANYWHERE, Act, Actor, Acts, Ports, new_id
from headgate.administration.auditing import OPERATORS
from headgate.administration.register import Register, given, page
from headgate.administration.requests import Listing, NewOrganisation, OrganisationChange
from headgate.administration.views import OrganisationView, Page
from headgate.errors import Conflict, Forbidden, NotFound
from headgate.storage.database import Database
from headgate.storage.migrating import applied_to
from headgate.storage.records import Organisation
from headgate.storage.tables import ORGANISATIONS, Reader


class Organisations:
    def __init__(self, ports: Ports, acts: Acts) -> None:
        self._database: Database = ports.database
        self._acts = acts
        self._register = Register(ORGANISATIONS, "organisation", "org", lambda _: None)

    async def check(self, organisation: str) -> None:
        """Raise `NotFound` for an organisation there is not, or that is out of use."""
        row = await self._row(self._database, organisation)
        if row is None or row.archived_us is not None:
            raise _missing(organisation)

    async def list(self, actor: Actor, request: Listing) -> Page[OrganisationView]:
        """A page. `default` is the first, and no row; a cursor of that name is for what comes after it."""
        anywhere = self._anywhere(actor)
        seen = request.name in (None, OPERATORS) and (anywhere or actor.organisation == OPERATORS)
        rows: list[Organisation] = []
        if request.cursor == OPERATORS:
            request = replace(request, cursor=None)
        elif request.cursor is None and seen:
            rows.append(await self._get(self._database, actor, OPERATORS))
            if request.limit == 1:
                return Page([OrganisationView.of(row) for row in rows], OPERATORS)
            request = replace(request, limit=request.limit - 1)
        within = None if anywhere else actor.organisation
        more, cursor = await page(ORGANISATIONS, self._database, within, request, request.filters, request.cursor)
        return Page([OrganisationView.of(row) for row in (*rows, *more)], cursor)

    async def get(self, actor: Actor, id: str) -> OrganisationView:
        return OrganisationView.of(await self._get(self._database, actor, id))

    async def create(self, actor: Actor, request: NewOrganisation) -> OrganisationView:
        self._check_anywhere(actor)
        async with self._acts.begin(actor) as act:
            own = request.id or new_id("org")
            if own == OPERATORS or await ORGANISATIONS.get(act.transaction, own, own) is not None:
                raise Conflict(f"There is an organisation '{own}' already.", param="id")
            await self._check_name(act, request.name)
            common: dict[str, Any] = {**act.common("org", own), "organisation": own}
            row = Organisation(**common, name=request.name)
            return OrganisationView.of(await self._register.add(act, row, ["name"]))

    async def change(self, actor: Actor, id: str, request: OrganisationChange, version: int | None) -> OrganisationView:
        self._check_anywhere(actor)
        _check_changes(id)
        async with self._acts.begin(actor) as act:
            row = await self._get(act.transaction, actor, id)
            fields = given(request, ["name"])
            if "name" in fields:
                await self._check_name(act, fields["name"], row.id)
            return OrganisationView.of(await self._register.change(act, row, version, fields))

    async def archive(self, actor: Actor, id: str, version: int | None) -> OrganisationView:
        """Take an organisation out of use, and with it everything that is its own."""
        self._check_anywhere(actor)
        _check_changes(id)
        if id == actor.identity.organisation:
            raise Conflict("This is the organisation you belong to; you would lock yourself out.")
        async with self._acts.begin(actor) as act:
            row = await self._get(act.transaction, actor, id)
            return OrganisationView.of(await self._register.archive(act, row, version))

    async def _get(self, reader: Reader, actor: Actor, id: str) -> Organisation:
        own = id in (actor.organisation, actor.identity.organisation)
        row = await self._row(reader, id) if own or self._anywhere(actor) else None
        if row is None:
            raise _missing(id)
        return row

    async def _row(self, reader: Reader, id: str) -> Organisation | None:
        """An organisation. The default one is there from the first migration on, without being a row."""
        if id != OPERATORS:
            return await ORGANISATIONS.get(reader, id, id)
        made_us = (await applied_to(self._database))[0].applied_us
        return Organisation(id=id, organisation=id, revision=0, created_us=made_us, updated_us=made_us, name=id)

    async def _check_name(self, act: Act, name: str, but: str = "") -> None:
        found, _ = await ORGANISATIONS.list(act.transaction, None, {"name": name}, limit=2)
        if any(row.id != but for row in found):
            raise Conflict(f"There is an organisation called '{name}' already.", param="name")

    def _anywhere(self, actor: Actor) -> bool:
        return ANYWHERE in actor.identity.scopes and actor.team_id is None

    def _check_anywhere(self, actor: Actor) -> None:
        if actor.team_id is not None:
            raise Forbidden("This key belongs to a team, and organisations are not a team's.")


def _missing(id: str) -> NotFound:
    return NotFound(f"There is no organisation '{id[:100]}'.", param="organisation")


def _check_changes(id: str) -> None:
    """Raise `Conflict` for the organisation that never changes."""
    if id == OPERATORS:
        raise Conflict(f"The organisation '{OPERATORS}' runs the gateway: it does not change, and stays in use.")
