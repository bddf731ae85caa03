"""What the folds stand on, and what outlives a reload: in memory, or on a database with what drains into it."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from headgate.access import Directory, IdCodec
from headgate.alerts.config import AlertsConfig
from headgate.catalog.retirements import RetiringNames
from headgate.clock import Clock, SystemClock
from headgate.ledger import Ledger, MemoryLedger
from headgate.limits import NO_RULES, Alerts, Calendar, NoSeeds, Rules, Seeder
from headgate.prompts.shelf import Shelf
from headgate.providers.own import NO_CREDENTIALS, Credentials
from headgate.quality.config import FeedbackConfig
from headgate.quality.evaluating import Evaluations
from headgate.routing.conditions import Conditions
from headgate.routing.config import ModelConfig
from headgate.shadow.mirror import Shadows
from headgate.stage import Stage
from headgate.storage.counters import Counters
from headgate.storage.memory_counters import MemoryCounters
from headgate.storage.state import MemoryState, SharedState
from headgate.telemetry import CallKeeping, Metrics
from headgate.telemetry.capture.config import CaptureConfig
from headgate.telemetry.metrics import Level
from headgate.telemetry.networks import NetworkRecorder
from headgate.telemetry.otel.export import Export
from headgate.types import Identity

log = logging.getLogger("headgate")


class TakesFeedback(Protocol):
    """What takes feedback."""

    config: FeedbackConfig
    """What it goes by from now on."""


class Alerting(Protocol):
    """What looks at alert rules: `alerts.Alerting`."""

    def use(self, config: AlertsConfig, models: Mapping[str, ModelConfig], retiring: RetiringNames) -> None:
        """Go by this configuration from now on."""
        ...

    def work(self) -> Sequence[Coroutine[Any, Any, Any]]:
        """What goes on until it is cancelled."""
        ...


class Captures(Protocol):
    """What keeps what was asked and answered: `telemetry.capture.keeping.ContentKeeping`."""

    def use(self, config: CaptureConfig | None, secrets: Iterable[str]) -> None:
        """Go by this configuration from now on. `secrets` are never stored."""
        ...

    def stage(self, model: str, config: CaptureConfig, slow_s: float) -> Stage | None:
        """What observes the calls of a model; None where none of them can be kept."""
        ...


class Keeper(Protocol):
    """What stands on a database, as far as calls have to do with it: `store.Store`."""

    directory: Directory
    calls: CallKeeping
    networks: NetworkRecorder

    @property
    def alerting(self) -> Alerting: ...

    @property
    def quality(self) -> TakesFeedback: ...

    @property
    def contents(self) -> Captures: ...

    def levels(self) -> list[Level]:
        """How it is doing, for Prometheus."""
        ...

    def blocked(self, identity: Identity, action: str, address: str, subject: str, reason: str) -> None:
        """Note that a caller was refused something."""
        ...

    def reloaded(self, *, done: bool) -> None:
        """Note that the configuration was loaded anew, or could not be."""
        ...

    def login_failed(self, reason: str, address: str, key: str) -> None:
        """Note that somebody came without a valid key: `key` is as much of it as may be said."""
        ...

    async def close(self) -> None: ...


class Services(msgspec.Struct, frozen=True, kw_only=True):
    """All of it."""

    clock: Clock
    ledger: Ledger
    counters: Counters
    shared: SharedState
    rules: Rules
    seeder: Seeder
    calendar: Calendar
    alerts: Alerts
    conditions: Conditions
    """How targets are doing, and what models may still spend on retries."""
    metrics: Metrics
    ids: IdCodec
    shadows: Shadows
    """What mirrors calls."""
    evaluations: Evaluations
    """What evaluates answers."""
    otel: Export
    """What sends traces and metrics."""
    shelf: Shelf
    """Prompts at hand."""
    credentials: Credentials = NO_CREDENTIALS
    """Of teams, at providers."""
    store: Keeper | None = None
    """What stands on a database; None where nothing is kept."""

    async def close(self) -> None:
        """Let go of everything, once all that was settled is where it belongs. No collector holds that up."""
        await asyncio.gather(self.otel.close(), self._records_closed())

    async def _records_closed(self) -> None:
        await self.counters.close()
        if self.store is not None:
            await self.store.close()


def in_memory(environ: Mapping[str, str]) -> Services:
    """Services of one process that keep nothing."""
    clock = SystemClock()
    counters, metrics = MemoryCounters(clock), Metrics()
    return Services(
        clock=clock,
        ledger=MemoryLedger(),
        counters=counters,
        shared=MemoryState(clock),
        rules=NO_RULES,
        seeder=Seeder(counters, NoSeeds()),
        calendar=Calendar(clock),
        alerts=Alerts(),
        conditions=Conditions(),
        metrics=metrics,
        ids=_codec(environ),
        shadows=Shadows(clock),
        evaluations=Evaluations(clock, metrics.evaluated),
        otel=Export(environ, clock),
        shelf=Shelf(),
    )


def _codec(environ: Mapping[str, str]) -> IdCodec:
    return IdCodec(environ.get("HEADGATE_SECRET", "").encode() or os.urandom(32))
