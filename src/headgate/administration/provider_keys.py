"""A team's own credentials at providers. They are put in and taken out, and never told."""

from __future__ import annotations

from collections.abc import Callable, Collection

from headgate.administration import teams
from headgate.administration.acting import Act, Actor, Acts, Ports, expect
from headgate.administration.problems import invalid
from headgate.administration.register import Register
from headgate.administration.requests import Listing, NewProviderKey
from headgate.administration.sealing import Sealer, owner_of
from headgate.administration.views import Page, ProviderKeyView
from headgate.errors import Conflict, NotFound
from headgate.registry import suggest
from headgate.storage.records import ProviderKey
from headgate.storage.tables import PROVIDER_KEYS, Reader

register = Register(PROVIDER_KEYS, "provider_key", "pk", lambda row: row.team_id)

_HINT_FROM = 16
"""Shorter credentials have no hint: four characters would be too much of them."""


class ProviderKeys:
    def __init__(self, ports: Ports, acts: Acts, sealer: Sealer, providers: Callable[[], Collection[str]]) -> None:
        self._database = ports.database
        self._acts = acts
        self._sealer = sealer
        self._providers = providers
        """The names of the providers there are."""

    async def list(self, actor: Actor, team: str, request: Listing) -> Page[ProviderKeyView]:
        team_row = await teams.register.get(self._database, actor, team)
        filters = {"team_id": team_row.id} | ({} if request.name is None else {"provider": request.name})
        rows, cursor = await register.list(self._database, actor, request, filters)
        return Page([ProviderKeyView.of(row) for row in rows], cursor)

    async def put(
        self, actor: Actor, team: str, provider: str, request: NewProviderKey, version: int | None
    ) -> ProviderKeyView:
        """Give a team a credential at a provider, in place of the one it has there.

        Raises:
            Conflict: there is no secret to encrypt it under.
        """
        known = self._providers()
        if provider not in known:
            raise invalid("provider", f"is none of the configuration's{suggest(provider[:100], known)}", "not_found")
        async with self._acts.begin(actor) as act:
            team_row = await teams.register.get(act.transaction, actor, team)
            teams.register.check_in_use(team_row)
            sealed = self._sealer.seal(request.credential, owner_of(actor.organisation, team_row.id, provider))
            hint = request.credential[-4:] if len(request.credential) >= _HINT_FROM else ""
            row = await self._held(act.transaction, actor, team_row.id, provider)
            if row is None:
                row = ProviderKey(**act.common("pk"), team_id=team_row.id, provider=provider, sealed=sealed, hint=hint)
                return ProviderKeyView.of(await register.add(act, row, ["team_id", "provider"]))
            expect(row, version)
            row = await PROVIDER_KEYS.update(act.transaction, act.changed(row, sealed=sealed, hint=hint))
            self._record(act, row, "change")
            return ProviderKeyView.of(row)

    async def delete(self, actor: Actor, team: str, provider: str, version: int | None) -> ProviderKeyView:
        """Take a team's credential out. Nothing of it is kept.

        Raises:
            NotFound: the team has none there.
        """
        async with self._acts.begin(actor) as act:
            team_row = await teams.register.get(act.transaction, actor, team)
            row = await self._held(act.transaction, actor, team_row.id, provider)
            if row is None:
                raise NotFound(f"This team has no credential at '{provider[:100]}'.")
            expect(row, version)
            row = await PROVIDER_KEYS.update(act.transaction, act.changed(row, sealed="", archived_us=act.at_us))
            self._record(act, row, "archive")
            return ProviderKeyView.of(row)

    async def _held(self, reader: Reader, actor: Actor, team_id: str, provider: str) -> ProviderKey | None:
        filters = {"team_id": team_id, "provider": provider}
        found, _ = await PROVIDER_KEYS.list(reader, actor.organisation, filters, limit=2)
        if len(found) > 1:
            raise Conflict("This team has more than one credential there.")
        return found[0] if found else None

    def _record(self, act: Act, row: ProviderKey, what: str) -> None:
        detail = {"team_id": row.team_id, "provider": row.provider}
        act.record(f"provider_keys.{what}", f"provider_key:{row.id}", detail)
