"""Asking providers whether they are well, beside watching how calls go there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from time import monotonic

from headgate.providers.provider import Provider
from headgate.routing.conditions import Conditions
from headgate.routing.target import Target

log = logging.getLogger("headgate.routing")

LOOK_S = 0.5
"""How often it is looked which provider is to be asked."""


class HealthChecks:
    """Asks every provider that has a `health` block, each at its own pace.

    A provider whose check fails several times in a row is not called, whatever its breakers say; the first check that
    goes well brings it back.
    """

    def __init__(self, providers: Callable[[], Mapping[str, Provider]], conditions: Conditions) -> None:
        self._providers = providers
        self._conditions = conditions
        self._due: dict[str, float] = {}
        self._failures: dict[str, int] = {}

    async def run(self) -> None:
        """Go on until cancelled. Providers do not wait for each other."""
        async with asyncio.TaskGroup() as group:
            while True:
                now = monotonic()
                for name, provider in self._providers().items():
                    if provider.config.health is not None and self._due.get(name, 0.0) <= now:
                        self._due[name] = now + provider.config.health.every_s + provider.config.health.timeout_s
                        group.create_task(self.check(provider))
                await asyncio.sleep(LOOK_S)

    async def check(self, provider: Provider) -> None:
        """Ask one provider, and let its targets know."""
        config = provider.config.health
        if config is None:
            return
        name = provider.name
        try:
            async with asyncio.timeout(config.timeout_s):
                well = await provider.is_well(config.path)
        except Exception as error:  # noqa: BLE001  # whatever it is, the provider did not say that it is well
            log.info("the health check of '%s' failed: %s", name, error)
            well = False
        self._due[name] = monotonic() + config.every_s
        self._failures[name] = 0 if well else self._failures.get(name, 0) + 1
        down = self._failures[name] >= config.failures
        for target in self._conditions.of(Target):
            if target.name.partition("/")[0] == name and target.down != down:
                target.down = down
                log.warning("'%s' is %s: its provider's health check says so", target.name, "down" if down else "back")
