"""What is told of alerts, together and not too often."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from math import inf
from typing import Literal, NamedTuple

import msgspec
from msgspec.structs import astuple, replace

from headgate.alerts.book import put
from headgate.alerts.config import AlertsConfig
from headgate.alerts.rules import Rule
from headgate.storage.database import Transaction
from headgate.storage.records import AlertNotice, AlertState

GROUP_S = 60.0
"""How long after a group was told it is not told again, so that what fires together is told together."""

MOST_WAITING = 1_000
"""Notices of one organisation that wait. Beyond it the oldest are given up."""

MOST_TOLD = 50
"""Alerts in one notice; how many there are beyond is said."""

SENT_US = 7 * 86_400 * 1_000_000
"""How long is known what was sent."""

Event = Literal["firing", "resolved", "still_firing", "test"]


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One alert in a notice."""

    rule: str
    series: str
    status: str
    """`firing`, `resolved`; `no_data` of one that ended since nothing was known of it any more."""
    severity: str
    since: str
    summary: str
    incident: str | None = None
    value: float | None = None
    limit: float | None = None
    usual: float | None = None


class NoticeBody(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent as JSON, version 1."""

    type: str = "headgate.alerts"
    version: int = 1
    id: str
    """The same however often it is sent: who has seen it need not look again."""
    event: Event
    organisation: str
    group: str
    severity: str
    """`page` where any of them is."""
    at: str
    firing: int
    """How many fire in the group now."""
    alerts: list[Told]
    more: int = 0
    """Alerts that are left out of `alerts`."""
    text: str
    """All of it for a person."""


class _Group(NamedTuple):
    """What a round has to tell of one."""

    event: Event
    telling: Sequence[AlertState]
    firing: Sequence[AlertState]


async def tell(
    transaction: Transaction,
    organisation: str,
    states: Sequence[AlertState],
    rules: Mapping[str, Rule],
    config: AlertsConfig,
    now_us: int,
) -> None:
    """Put what is to be told into the queue, in the transaction that changed the states: once, whoever looks."""
    rows = await transaction.fetch(
        "SELECT grp, told_us, number FROM alert_groups WHERE organisation = $1", organisation
    )
    groups = {grp: (told_us, number) for grp, told_us, number in rows}
    by_group: dict[str, list[AlertState]] = {}
    for state in states:
        by_group.setdefault(state.grp, []).append(state)
    for grp, members in by_group.items():
        told_us, number = groups.get(grp, (0, 0))
        group = _due(members, rules, now_us, told_us)
        if group is None:
            continue
        await _queue(transaction, organisation, grp, number + 1, group, rules, config, now_us)
        await _mark(transaction, group, now_us)
        await transaction.execute(_TOLD, organisation, grp, now_us, number + 1)
    await _bound(transaction, organisation, now_us)


_TOLD = (
    "INSERT INTO alert_groups (organisation, grp, told_us, number) VALUES ($1, $2, $3, $4) "
    "ON CONFLICT (organisation, grp) DO UPDATE SET told_us = excluded.told_us, number = excluded.number"
)


def _due(members: Sequence[AlertState], rules: Mapping[str, Rule], now_us: int, told_us: int) -> _Group | None:
    """What is to be told of a group now."""
    firing = [each for each in members if each.status == "firing" and not each.silenced]
    fired = [each for each in firing if each.told is None]
    over = [each for each in members if each.status != "firing" and each.told is not None]
    if (fired or over) and _passed_s(told_us, now_us) >= GROUP_S:
        return _Group("firing" if fired else "resolved", [*fired, *over], firing)
    again = [each for each in firing if each.told is not None]
    for each in again:
        if each.rule in rules and _passed_s(int(each.told or 0), now_us) >= rules[each.rule].config.repeat_s:
            return _Group("still_firing", again, firing)  # all of it together, so that it stays together
    return None


def _passed_s(then_us: int, now_us: int) -> float:
    """Seconds since then. What lies ahead was written by a clock that has been set back: long ago."""
    return (now_us - then_us) / 1e6 if then_us <= now_us else inf


async def _queue(
    transaction: Transaction,
    organisation: str,
    grp: str,
    number: int,
    group: _Group,
    rules: Mapping[str, Rule],
    config: AlertsConfig,
    now_us: int,
) -> None:
    channels: dict[str, list[AlertState]] = {}
    for each in group.telling:
        rule = rules.get(each.rule)
        names = await _told_before(transaction, each) if rule is None else rule.channels(config)
        for channel in names:
            channels.setdefault(channel, []).append(each)
    for channel, telling in channels.items():
        id_ = notice_id(organisation, grp, str(number), channel)
        body = notice(id_, group.event, organisation, grp, telling, len(group.firing), now_us)
        await enqueue(transaction, id_, organisation, channel, body, now_us)


async def _told_before(transaction: Transaction, state: AlertState) -> list[str]:
    """Where it was told that an alert fires whose rule is gone: there its end is told."""
    rows = await transaction.fetch(
        "SELECT DISTINCT channel FROM alert_notices WHERE organisation = $1 AND body LIKE $2 ORDER BY 1",
        state.organisation,
        f'%"{state.incident}"%',
    )
    return [channel for (channel,) in rows]


async def enqueue(
    transaction: Transaction,
    id_: str,
    organisation: str,
    channel: str,
    body: NoticeBody,
    now_us: int,
    claimed_until_us: int = 0,
) -> None:
    """Have a notice sent: by whom it is claimed until then, else by anybody. One whose id is there already changes
    nothing.
    """
    row = AlertNotice(
        id=id_,
        organisation=organisation,
        channel=channel,
        body=msgspec.json.encode(body).decode(),
        created_us=now_us,
        due_us=now_us,
        claimed_until_us=claimed_until_us,
    )
    await transaction.execute(_ENQUEUE, *astuple(row))


_ENQUEUE = (
    f"INSERT INTO alert_notices ({', '.join(AlertNotice.__struct_fields__)}) VALUES "  # noqa: S608
    f"({', '.join(f'${at}' for at in range(1, len(AlertNotice.__struct_fields__) + 1))}) ON CONFLICT (id) DO NOTHING"
)


async def _mark(transaction: Transaction, group: _Group, now_us: int) -> None:
    for each in group.telling:
        await put(transaction, replace(each, told=str(now_us) if each.status == "firing" else None))


async def _bound(transaction: Transaction, organisation: str, now_us: int) -> None:
    """Keep the queue from growing for ever: a channel that takes nothing costs its own notices."""
    [[waiting]] = await transaction.fetch(
        "SELECT count(*) FROM alert_notices WHERE organisation = $1 AND status = 'waiting'", organisation
    )
    if waiting > MOST_WAITING:
        await transaction.execute(
            "UPDATE alert_notices SET status = 'failed', error = 'more waited than may' WHERE id IN "
            "(SELECT id FROM alert_notices WHERE organisation = $1 AND status = 'waiting' "
            "ORDER BY created_us LIMIT $2)",
            organisation,
            waiting - MOST_WAITING,
        )
    await transaction.execute(
        "DELETE FROM alert_notices WHERE organisation = $1 AND status <> 'waiting' AND created_us < $2",
        organisation,
        now_us - SENT_US,
    )


def notice_id(*parts: str) -> str:
    """What a notice is known by: it follows from what it tells, so that it is told once."""
    return f"ntc_{sha256(chr(0).join(parts).encode()).hexdigest()[:32]}"


def notice(
    id_: str, event: Event, organisation: str, group: str, telling: Sequence[AlertState], firing: int, now_us: int
) -> NoticeBody:
    """A notice of some alerts."""
    shown = telling[:MOST_TOLD]
    severity = "page" if any(each.severity == "page" for each in telling) else "ticket"
    return NoticeBody(
        id=id_,
        event=event,
        organisation=organisation,
        group=group,
        severity=severity,
        at=_time(now_us),
        firing=firing,
        alerts=[_told(each) for each in shown],
        more=len(telling) - len(shown),
        text="\n".join(_lines(event, group, telling, shown)),
    )


def _told(state: AlertState) -> Told:
    return Told(
        rule=state.rule_name,
        series=plain(state.series),
        status=state.status if state.status in ("firing", "no_data") else "resolved",
        severity=state.severity,
        since=_time(state.since_us),
        summary=plain(state.summary),
        incident=state.incident,
        value=state.value,
        limit=state.bound,
        usual=state.usual,
    )


_STANDS = {"firing": "FIRING", "no_data": "no data"}

_WORDS: Mapping[Event, str] = {
    "firing": "alert",
    "resolved": "over",
    "still_firing": "still firing",
    "test": "test",
}


def _lines(event: Event, group: str, telling: Sequence[AlertState], shown: Sequence[AlertState]) -> list[str]:
    lines = [f"Headgate, {group}: {_WORDS[event]}"]
    lines += [f"{_STANDS.get(each.status, 'over')}  {plain(each.summary)}" for each in shown]
    if len(telling) > len(shown):
        lines.append(f"and {len(telling) - len(shown)} more")
    return lines


def plain(text: str) -> str:
    """A text without what could be more than text where it is shown: names come from clients."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def _time(us: int) -> str:
    return datetime.fromtimestamp(us / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
