"""Takes notices from the queue to their channels: at least once each, with an id that is the same each time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from hashlib import sha256

from headgate.alerts.config import AlertsConfig, ChannelConfig
from headgate.alerts.delivery.apprise import AppriseChannel, check_installed
from headgate.alerts.delivery.webhook import Channel, NotDelivered, Webhook
from headgate.audit import AuditLog, audit_id
from headgate.clock import Clock
from headgate.errors import StoreUnavailable
from headgate.storage.database import Database, Row
from headgate.storage.records import AlertNotice, AuditRecord

log = logging.getLogger("headgate.alerts")

EVERY_S = 2.0
AT_ONCE = 8
CLAIM_US = 90 * 1_000_000
"""How long a notice is one process's to send: longer than sending can take."""

FIRST_S, MOST_S = 5.0, 3_600.0
"""The first wait after a failure, which doubles, and the longest."""

AHEAD_US = 2 * 3_600 * 1_000_000
"""A time that lies further ahead was written by a clock that has been set back since."""

ATTEMPTS = 20
"""Attempts after which a notice is given up: six to eleven hours."""

_COLUMNS = ", ".join(AlertNotice.__struct_fields__)


class Courier:
    """Sends what is due. Several may, in one process or many: each notice is claimed by one."""

    def __init__(self, database: Database, audit: AuditLog, clock: Clock) -> None:
        self.sent = 0
        self.failed = 0
        """Attempts that did not arrive."""
        self._database = database
        self._audit = audit
        self._clock = clock
        self._channels: dict[str, tuple[ChannelConfig, Channel]] = {}
        self._retired: list[Channel] = []

    def use(self, config: AlertsConfig) -> None:
        """Go by these channels from now on.

        Raises:
            ConfigError: one needs what is not installed.
        """
        made: dict[str, tuple[ChannelConfig, Channel]] = {}
        for name, channel in config.channels.items():
            held = self._channels.get(name)
            made[name] = held if held is not None and held[0] == channel else (channel, _channel(name, channel))
        kept = {id(channel) for _, channel in made.values()}
        self._retired += [channel for _, channel in self._channels.values() if id(channel) not in kept]
        self._channels = made

    @property
    def channels(self) -> Mapping[str, ChannelConfig]:
        return {name: config for name, (config, _) in self._channels.items()}

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            try:
                while await self.deliver() == AT_ONCE:
                    pass
            except StoreUnavailable as error:
                log.debug("notices wait for the database: %s", error.message)
            except Exception:
                log.exception("notices cannot be sent, it is tried again")
            await asyncio.sleep(EVERY_S)

    async def close(self) -> None:
        for channel in [*self._retired, *(each for _, each in self._channels.values())]:
            await channel.close()
        self._retired.clear()

    async def deliver(self) -> int:
        """Send what is due, `AT_ONCE` of it at most; how much that was.

        Raises:
            StoreUnavailable: the database cannot be reached.
        """
        while self._retired:
            await self._retired.pop().close()
        notices = await self._claimed()
        await asyncio.gather(*map(self._send, notices))
        return len(notices)

    async def send(self, id_: str) -> None:
        """Send one notice that is claimed already, whatever else is due.

        Raises:
            StoreUnavailable: the database cannot be reached.
        """
        for notice in _decoded(await self._database.fetch(_ONE, id_)):
            await self._send(notice)

    async def _claimed(self) -> list[AlertNotice]:
        now_us = self._clock.now_us()
        async with self._database.transaction() as transaction:
            skip = " FOR UPDATE SKIP LOCKED" if transaction.kind == "postgres" else ""
            rows = await transaction.fetch(
                "UPDATE alert_notices SET claimed_until_us = $1 WHERE id IN (SELECT id FROM alert_notices "  # noqa: S608
                "WHERE status = 'waiting' AND (due_us <= $2 OR due_us > $4) AND (claimed_until_us < $2 "
                f"OR claimed_until_us > $4) ORDER BY attempts > 0, due_us LIMIT $3{skip}) RETURNING {_COLUMNS}",
                now_us + CLAIM_US,
                now_us,
                AT_ONCE,
                now_us + AHEAD_US,
            )
        return _decoded(rows)

    async def _send(self, notice: AlertNotice) -> None:
        held = self._channels.get(notice.channel)
        if held is None:
            await self._give_up(notice, "there is no such channel any more")
            return
        try:
            await held[1].send(notice.id, notice.body, self._clock.now_us() // 1_000_000)
        except NotDelivered as error:
            self.failed += 1
            await self._later(notice, str(error))
            return
        except Exception as error:  # a defect: this one waits like any that failed, and holds up no other
            log.exception("notice %s cannot be sent to %s", notice.id, notice.channel)
            self.failed += 1
            await self._later(notice, type(error).__name__)
            return
        self.sent += 1
        await self._database_execute(_SENT, notice.id, notice.attempts + 1)

    async def _later(self, notice: AlertNotice, why: str) -> None:
        attempts = notice.attempts + 1
        if attempts >= ATTEMPTS:
            await self._give_up(notice, why)
            return
        log.warning("notice %s did not reach %s (%s), it is tried again", notice.id, notice.channel, why)
        due_us = self._clock.now_us() + round(wait_s(notice.id, attempts) * 1e6)
        await self._database_execute(_WAIT, notice.id, attempts, due_us, why[:200])

    async def _give_up(self, notice: AlertNotice, why: str) -> None:
        log.error("notice %s is given up: %s: %s", notice.id, notice.channel, why)
        record = AuditRecord(
            id=audit_id(),
            at_us=self._clock.now_us(),
            organisation=notice.organisation,
            actor="system",
            action="alerts.notify",
            subject=f"channel:{notice.channel}",
            outcome="failed",
            detail={"notice": notice.id, "attempts": notice.attempts + 1, "reason": why[:200]},
        )
        async with self._database.transaction() as transaction:
            await transaction.execute(_FAILED, notice.id, notice.attempts + 1, why[:200])
            await self._audit.append(transaction, [record])

    async def _database_execute(self, sql: str, *parameters: object) -> None:
        async with self._database.transaction() as transaction:
            await transaction.execute(sql, *parameters)


def _decoded(rows: Sequence[Row]) -> list[AlertNotice]:
    return [AlertNotice(**dict(zip(AlertNotice.__struct_fields__, row, strict=True))) for row in rows]


_ONE = f"SELECT {_COLUMNS} FROM alert_notices WHERE id = $1"  # noqa: S608
_SENT = "UPDATE alert_notices SET status = 'sent', attempts = $2, error = NULL WHERE id = $1"
_FAILED = "UPDATE alert_notices SET status = 'failed', attempts = $2, error = $3 WHERE id = $1"
_WAIT = "UPDATE alert_notices SET attempts = $2, due_us = $3, claimed_until_us = 0, error = $4 WHERE id = $1"


def wait_s(id_: str, attempts: int) -> float:
    """How long after so many attempts the next one is made: doubling, and less by up to half, so that notices do not
    come all at once.
    """
    part = int.from_bytes(sha256(f"{id_}.{attempts}".encode()).digest()[:4], "big") / 2**32
    return min(MOST_S, FIRST_S * 2 ** (attempts - 1)) * (1 - part / 2)


def _channel(name: str, config: ChannelConfig) -> Channel:
    if config.kind == "apprise":
        check_installed(name)
        return AppriseChannel(config)
    return Webhook(config)
