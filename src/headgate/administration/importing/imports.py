"""The act of importing: one transaction, and what live counters have to be told of it."""

from __future__ import annotations

from headgate.administration.acting import Actor, Acts, Ports, within_organisation
from headgate.administration.importing.ids import Ids
from headgate.administration.importing.keys import Keys
from headgate.administration.importing.owners import Owners
from headgate.administration.importing.requests import ImportMade, NewImport
from headgate.administration.importing.rules import Rules
from headgate.administration.importing.spent import Spent
from headgate.administration.importing.tally import Tally
from headgate.administration.users import check_roles
from headgate.limits.calendar import Calendar
from headgate.storage.counters import Counters


class Imports:
    def __init__(self, ports: Ports, acts: Acts, counters: Counters | None) -> None:
        self._acts = acts
        self._roles = ports.roles
        self._calendar = Calendar(ports.clock)
        self._ledger = ports.ledger
        self._counters = counters

    async def create(self, actor: Actor, request: NewImport) -> ImportMade:
        """Take everything over, or nothing.

        Raises:
            Invalid: it refers to what is not there.
            Conflict: another organisation has one of the keys.
            Forbidden: a key would be more than the actor may do.
        """
        within_organisation(actor, "importing")
        roles = self._roles()
        for key in request.keys:
            check_roles(roles, key.roles)
        ids, tally = Ids(actor.organisation, request.source), Tally()
        async with self._acts.begin(actor) as act:
            rules = Rules(act, ids, tally)
            spent = Spent(act, ids, request.source, self._calendar, tally, self._ledger)
            await Owners(act, ids, request.source, tally).take(request)
            await Keys(act, ids, roles, tally).take(request.keys)
            await rules.check_subjects(request)
            await rules.take(request)
            await spent.take(request.spend)
            made = tally.summary()
            if tally.changed:
                counts = {f"made_{name}": count for name, count in made.made.items() if count}
                ended = {"revoked": made.revoked, "archived": made.archived}
                detail = {"source": request.source, **ended, "spent_usd": made.spent_usd, **counts}
                act.record("imports.create", f"organisation:{actor.organisation}", detail)
        self._count(spent)
        return made

    def _count(self, spent: Spent) -> None:
        """Let counters that have begun already have it too; those that have not begin with what the ledger has."""
        if self._counters is not None:
            for claim, picodollars in spent.charged.items():
                self._counters.owe([claim])(picodollars)
