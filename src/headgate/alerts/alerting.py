"""All of alerts, for one process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any

from headgate.alerts.config import AlertsConfig
from headgate.alerts.delivery.courier import Courier
from headgate.alerts.evaluator import Evaluator
from headgate.alerts.objectives import objectives_in
from headgate.audit import AuditLog
from headgate.catalog.retirements import RetiringNames
from headgate.clock import Clock
from headgate.routing.config import ModelConfig
from headgate.storage.database import Database
from headgate.telemetry.metrics import Level


class Alerting:
    """Looks at rules and sends notices, while `work` runs. Nothing of it is on a call's way."""

    def __init__(
        self, database: Database, audit: AuditLog, clock: Clock, owner: str, summed_up: Callable[[], Awaitable[None]]
    ) -> None:
        self.evaluator = Evaluator(database, audit, clock, owner, summed_up)
        self.courier = Courier(database, audit, clock)

    def use(self, config: AlertsConfig, models: Mapping[str, ModelConfig], retiring: RetiringNames) -> None:
        """Go by this configuration from now on. `retiring` knows what its names retire with.

        Raises:
            ConfigError: a channel needs what is not installed.
        """
        self.courier.use(config)
        self.evaluator.config = config
        self.evaluator.objectives = objectives_in(models)
        self.evaluator.retiring = retiring

    def work(self) -> Sequence[Coroutine[Any, Any, Any]]:
        """What goes on until it is cancelled."""
        return [self.evaluator.run(), self.courier.run()]

    async def close(self) -> None:
        await self.courier.close()

    def levels(self) -> list[Level]:
        """How it is doing, for Prometheus."""
        return [
            Level("headgate_alert_rounds_total", "Times this process looked at the rules", self.evaluator.rounds),
            Level("headgate_alert_rules_failed_total", "Rules that could not be looked at", self.evaluator.failed),
            Level("headgate_alert_notices_sent_total", "Notices this process has sent", self.courier.sent),
            Level(
                "headgate_alert_notices_undelivered_total", "Attempts to send that did not arrive", self.courier.failed
            ),
        ]
