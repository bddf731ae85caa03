"""Alerts over a database in memory whose sums are written as they are needed, and a clock that stands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from headgate.alerts.alerting import Alerting
from headgate.audit.log import AuditLog
from headgate.audit.notes import Signer
from headgate.clock import ManualClock
from headgate.config import loads
from headgate.config.retirements import Retiring
from headgate.storage.opening import open_database
from headgate.telemetry.rollups.cell import Cell
from headgate.telemetry.rollups.rows import columns_of
from ledger_rows import NOVEMBER_US

HOUR_S, DAY_S, WEEK_S = 3_600, 86_400, 604_800

START_S = NOVEMBER_US // 1_000_000 + 18 * DAY_S + 14 * HOUR_S
"""A Thursday, two o'clock."""


class Watched:
    """One organisation, and what looks after it."""

    def __init__(
        self,
        alerts: str = "{}",
        models: str = "{chat: {targets: [sim/gpt-4o-mini]}}",
        url: str = "sqlite:///:memory:",
        providers: str = "{sim: {kind: simulator}}",
        retirements: str = "{}",
    ) -> None:
        self._url = url
        self.clock = ManualClock(START_S * 1_000_000)
        text = f"providers: {providers}\nmodels: {models}\nalerts: {alerts}\nretirements: {retirements}\n"
        self.config = loads(text, "headgate.yaml", {})

    async def __aenter__(self) -> Self:
        self.database = await open_database(self._url, clock=self.clock)
        self.audit = AuditLog(self.database, Signer("test", Ed25519PrivateKey.generate()), self.clock)
        self.alerting = self.another("one")
        async with self.database.transaction() as transaction:
            await transaction.execute("UPDATE rollup_closed SET until_s = $1 WHERE level = 3600", self.hour_s)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.alerting.close()
        await self.database.close()

    def another(self, owner: str) -> Alerting:
        """One process more."""
        alerting = Alerting(self.database, self.audit, self.clock, owner, _nothing)
        alerting.use(self.config.alerts, self.config.models, Retiring(self.config))
        return alerting

    @property
    def now_s(self) -> int:
        return self.clock.now_us() // 1_000_000

    @property
    def hour_s(self) -> int:
        return self.now_s // HOUR_S * HOUR_S

    async def minute(self, back: int, counts: Mapping[str, int], **more: Any) -> None:
        """What there was in a minute, so many before now."""
        await self._write(60, self.now_s // 60 * 60 - back * 60, counts, **more)

    async def lately(self, minutes: int, counts: Mapping[str, int], **more: Any) -> None:
        """The same in each of the last minutes."""
        for back in range(1, minutes + 1):
            await self.minute(back, counts, **more)

    async def weeks(self, counts: Mapping[str, int], *, weeks: int = 8, around: int = 3, **more: Any) -> None:
        """The same in every hour of the past, as far as hours near this one of any day go."""
        for day in range(1, weeks * 7 + 1):
            for beside in range(-around, around + 1):
                await self._write(HOUR_S, self.hour_s - day * DAY_S + beside * HOUR_S, counts, **more)
        for back in range(1, around + 1):
            await self._write(HOUR_S, self.hour_s - back * HOUR_S, counts, **more)

    async def _write(
        self, level: int, start_s: int, counts: Mapping[str, int], *, cube: str = "all", first: str = "",
        second: str = "", durations: Mapping[str, Mapping[float, int]] | None = None,
    ) -> None:  # fmt: skip
        """`durations` are, by name, how many took so many seconds."""
        cell = Cell()
        cell.counts = dict(counts)
        for name, values in (durations or {}).items():
            for seconds, times in values.items():
                cell.observe(name, seconds * 1e6)
                cell.sketches[name].add(seconds * 1e6, times - 1)
        async with self.database.transaction() as transaction:
            await transaction.execute(
                "INSERT INTO rollups (organisation, cube, level, start_s, first, second, counts, duration, sketches) "
                "VALUES ('default', $1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
                cube, level, start_s, first, second, *columns_of(cell),
            )  # fmt: skip
            await transaction.execute(
                "INSERT INTO rollup_names (organisation, cube, day_s, first, second) "
                "VALUES ('default', $1, $2, $3, $4) ON CONFLICT DO NOTHING",
                cube, start_s // DAY_S * DAY_S, first, second,
            )  # fmt: skip

    async def turn(self, minutes: float = 0) -> None:
        """Let time pass, and look at the rules."""
        self.clock.advance(minutes * 60)
        await self.alerting.evaluator.turn()

    async def states(self) -> dict[tuple[str, str], str]:
        """By rule and series, where alerts are."""
        rows = await self.database.fetch(
            "SELECT rule_name, series, status FROM alert_states ORDER BY status = 'firing', 1, 2"
        )
        return {(rule, series): status for rule, series, status in rows}

    async def firing(self) -> list[tuple[str, str]]:
        return [each for each, status in (await self.states()).items() if status == "firing"]

    async def summary(self, rule: str) -> str:
        rows = await self.database.fetch(
            "SELECT summary FROM alert_states WHERE rule_name = $1 ORDER BY status <> 'firing' LIMIT 1", rule
        )
        return rows[0][0] if rows else ""

    async def summaries(self) -> list[str]:
        rows = await self.database.fetch("SELECT summary FROM alert_states WHERE status = 'firing'")
        return [summary for (summary,) in rows]

    async def notices(self) -> list[tuple[str, str]]:
        """Channel and text of what is to be told, the oldest first."""
        rows = await self.database.fetch("SELECT channel, body FROM alert_notices ORDER BY created_us, channel")
        return [(channel, json.loads(body)["text"]) for channel, body in rows]

    async def audited(self) -> list[str]:
        rows = await self.database.fetch("SELECT action FROM audit_records ORDER BY position")
        return [action for (action,) in rows]


async def _nothing() -> None:
    return
