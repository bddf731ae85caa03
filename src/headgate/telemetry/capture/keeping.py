"""What a database keeps of what was asked and answered."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any

from headgate.checks.personal import Personal
from headgate.checks.redaction import Redactor
from headgate.clock import Clock
from headgate.errors import StoreUnavailable
from headgate.storage.database import Database
from headgate.telemetry.capture.config import CaptureConfig
from headgate.telemetry.capture.desk import Desk, Means
from headgate.telemetry.capture.redacting import Redacting
from headgate.telemetry.capture.rules import Rules
from headgate.telemetry.capture.stage import Capture
from headgate.telemetry.capture.storing import ContentTable

log = logging.getLogger("headgate.telemetry")

EVERY_S = 60.0
"""How often is looked for what has been kept long enough, and for who has too much."""


class ContentKeeping:
    """All of it, for one process."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.table = ContentTable(database)
        self.desk = Desk(self.table, clock)
        self._clock = clock
        self._config: CaptureConfig | None = None

    def use(self, config: CaptureConfig | None, secrets: Iterable[str]) -> None:
        """Go by this configuration from now on. `secrets` are never stored."""
        self._config = config
        if config is None:
            self.desk.use(None)
        else:
            personal = Personal(config.redact, config.words)
            self.desk.use(Means(config, Redacting(Redactor(secrets), personal)))

    def stage(self, model: str, config: CaptureConfig, slow_s: float) -> Capture | None:
        """What observes the calls of a model; None where none of them can be kept."""
        rules = Rules(model, config.rules)
        return Capture(model, rules, self.desk, slow_s) if rules else None

    def work(self) -> Sequence[Coroutine[Any, Any, Any]]:
        """What goes on until it is cancelled."""
        return [self.desk.run(), self._age()]

    async def _age(self) -> None:
        while True:
            try:
                await self.table.age(self._clock.now_us(), self._config)
            except StoreUnavailable as error:
                log.debug("what is old is deleted later: %s", error.message)
            except Exception:
                log.exception("what is old cannot be deleted, it is tried again")
            await asyncio.sleep(EVERY_S)
