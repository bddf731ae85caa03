"""The server's own running of tests, over its gateway."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING

from headgate.administration import Administration
from headgate.errors import Overloaded
from headgate.gateway import Gateway
from headgate.routing.target import Target
from headgate.server.lag import Lag
from headgate.store import Store
from headgate.telemetry.metrics import Level
from headgate.types import Call, Reply

if TYPE_CHECKING:
    from headgate.retesting.retests import Retests

log = logging.getLogger("headgate.tests")

LOOKED_S = 5.0
"""How often it is looked whether there are tests to be run, before there are any."""


class Testing:
    """Begins it once the configuration says so: most servers run no tests, and load nothing of it."""

    __test__ = False

    def __init__(self, gateway: Gateway, administration: Administration, store: Store, lag: Lag) -> None:
        self._gateway = gateway
        self._administration = administration
        self._store = store
        self._lag = lag

    @cached_property
    def retests(self) -> Retests:
        from headgate.retesting.retests import Retests

        gateway = self._gateway
        return Retests(self._administration, self._store.id, self._ask, self._answering, lambda: gateway.ready)

    async def run(self) -> None:
        """Go on until cancelled."""
        while self._gateway.config.prompts.tests is None:  # noqa: ASYNC110 - a reload tells nobody
            await asyncio.sleep(LOOKED_S)
        try:
            await asyncio.to_thread(import_module, "headgate.retesting.retests")
            await self.retests.run()
        except Exception:
            log.exception("no tests are run before the next start")

    def levels(self) -> Sequence[Level]:
        """How it is doing, for Prometheus; nothing as long as there are no tests to be run."""
        loaded = "retests" in self.__dict__ or self._gateway.config.prompts.tests is not None
        return self.retests.levels() if loaded else ()

    async def _ask(self, call: Call) -> Reply:
        """Make a call. Users' calls go before it."""
        if self._lag.overloaded:
            raise Overloaded("This gateway has more to do than it can; tests wait.", retry_after_s=1)
        return await self._gateway.tested(call)

    def _answering(self) -> Mapping[str, AbstractSet[str]]:
        """By target, what its vendor called the models that answered users last."""
        found: dict[str, set[str]] = {}
        for target in self._gateway.services.conditions.of(Target):
            if target.answered_by is not None:
                found.setdefault(target.name, set()).add(target.answered_by)
        return found


def testing(gateway: Gateway, administration: Administration | None, lag: Lag) -> Testing | None:
    """What runs tests; None where nothing is kept, so that there are none."""
    store = gateway.store
    if administration is None or not isinstance(store, Store):
        return None
    return Testing(gateway, administration, store, lag)
