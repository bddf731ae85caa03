"""All of administration behind one object."""

from __future__ import annotations

from collections.abc import Callable

from headgate.administration.acting import ANYWHERE, Actor, Acts, Ports
from headgate.administration.alerts import Alerts
from headgate.administration.auditing import AuditReading
from headgate.administration.budgets import Budgets
from headgate.administration.contents import Contents
from headgate.administration.errors import ErrorReading
from headgate.administration.first import first_key
from headgate.administration.importing import Imports
from headgate.administration.keys import Keys
from headgate.administration.ledger import Ledger
from headgate.administration.limits import Limits
from headgate.administration.organisations import Organisations
from headgate.administration.projects import Projects
from headgate.administration.prompt_suites import PromptSuites
from headgate.administration.prompt_tests import PromptTests
from headgate.administration.prompts import Prompts
from headgate.administration.provider_keys import ProviderKeys
from headgate.administration.quality import QualityReading
from headgate.administration.reviews import Reviews
from headgate.administration.sealing import Sealer
from headgate.administration.shadows import ShadowReading
from headgate.administration.standing import Standings
from headgate.administration.teams import Teams
from headgate.administration.traffic import Traffic
from headgate.administration.users import Users
from headgate.config import Config
from headgate.errors import Forbidden
from headgate.storage.counters import Counters
from headgate.types import Identity


class Administration:
    """What administrators do, whichever way they come."""

    def __init__(
        self,
        ports: Ports,
        config: Callable[[], Config],
        *,
        secret: str | None,
        counters: Counters | None,
    ) -> None:
        """`secret` is what providers' credentials are encrypted under; `counters` know what is set aside."""
        self._acts = acts = Acts(ports)
        standings = Standings(ports.clock, counters)
        self.ports = ports
        self.config = config
        self.organisations = Organisations(ports, acts)
        self.teams = Teams(ports, acts)
        self.projects = Projects(ports, acts)
        self.users = Users(ports, acts)
        self.limits = Limits(ports, acts)
        self.budgets = Budgets(ports, acts, standings)
        self.keys = Keys(ports, acts, self.budgets)
        self.provider_keys = ProviderKeys(ports, acts, Sealer(secret), lambda: config().providers)
        self.ledger = Ledger(ports, acts, standings, config)
        self.shadows = ShadowReading(ports)
        self.traffic = Traffic(ports, config)
        self.quality = QualityReading(ports, acts)
        self.contents = Contents(ports, acts)
        self.alerts = Alerts(ports, acts, config)
        self.prompts = Prompts(ports, acts, config)
        self.prompt_tests = PromptTests(ports, acts, config)
        self.prompt_suites = PromptSuites(ports, acts)
        self.imports = Imports(ports, acts, counters)
        self.errors = ErrorReading(ports, config)
        self.reviews = Reviews(ports, self.errors)
        self.audit = AuditReading(ports)

    async def first_key(self) -> str | None:
        """A new key that may do everything, where there has never been one; None where there has."""
        return await first_key(self._acts)

    async def actor(
        self, identity: Identity, organisation: str | None = None, address: str | None = None, name: str | None = None
    ) -> Actor:
        """Who acts, in an organisation: his own unless he may act in all and says which.

        Raises:
            Forbidden: he may not act in that one.
            NotFound: there is no such organisation.
        """
        own = identity.organisation
        acting_in = own if organisation is None else organisation
        if acting_in != own:
            if ANYWHERE not in identity.scopes:
                raise Forbidden(f"Acting in another organisation needs the scope '{ANYWHERE}'.")
            if identity.team_id is not None:
                raise Forbidden("This key belongs to a team, and acts in its organisation only.")
            await self.organisations.check(acting_in)
        return Actor(identity=identity, organisation=acting_in, name=name or identity.actor, address=address)
