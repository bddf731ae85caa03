"""What the database holds of alerts: where each is, what fired when, who looks at the rules."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from hashlib import sha256

from msgspec.structs import astuple, replace

from headgate.alerts.judged import Judged
from headgate.alerts.rules import Rule
from headgate.alerts.silences import silenced
from headgate.alerts.states import Change, State, Status, step
from headgate.stats.detection import NO_DATA, Verdict
from headgate.storage import lease
from headgate.storage.database import Database, Transaction
from headgate.storage.records import AlertIncident, AlertRule, AlertSilence, AlertState
from headgate.storage.tables import ALERT_RULES, ALERT_SILENCES, MAX_PAGE, Reader

LOCK = 0x68656164_616C7274
"""PostgreSQL's advisory lock of who changes states."""

KEPT_US = 7 * 86_400 * 1_000_000
"""How long is known of an alert that it is ok, or has no data."""

INCIDENTS_US = 400 * 86_400 * 1_000_000
"""How long incidents are kept."""

MOST_SUMMARY = 600

MOST_SERIES = 300
"""Characters of a series' name: clients make up models and tags."""

STATE_COLUMNS = AlertState.__struct_fields__
INCIDENT_COLUMNS = AlertIncident.__struct_fields__

_LISTED = ", ".join(STATE_COLUMNS)
# ruff: disable[S608] nothing of these comes from anywhere else
_STATES = f"SELECT {_LISTED} FROM alert_states WHERE organisation = $1"
_PUT = (
    f"INSERT INTO alert_states ({_LISTED}) VALUES ({', '.join(f'${at}' for at in range(1, len(STATE_COLUMNS) + 1))}) "
    "ON CONFLICT (organisation, rule, series) DO UPDATE SET "
    f"{', '.join(f'{name} = excluded.{name}' for name in STATE_COLUMNS[3:])}"
)
_BEGUN = (
    f"INSERT INTO alert_incidents ({', '.join(INCIDENT_COLUMNS)}) "
    f"VALUES ({', '.join(f'${at}' for at in range(1, len(INCIDENT_COLUMNS) + 1))})"
)
# ruff: enable[S608]
_OVER = "UPDATE alert_incidents SET ended_us = $2 WHERE id = $1"
_FORGET = "DELETE FROM alert_states WHERE organisation = $1 AND rule = $2 AND series = $3"


class Changed:
    """What one round changed of one alert."""

    def __init__(self, change: Change, state: AlertState) -> None:
        self.change = change
        self.state = state


async def leads(database: Database, owner: str, now_us: int, until_us: int) -> bool:
    """Whether this process is the one that looks at the rules until then.

    Raises:
        StoreUnavailable: the database cannot be reached.
    """
    return await lease.leads(database, "alert_lease", owner, now_us, until_us)


async def every_rule(reader: Reader) -> Sequence[AlertRule]:
    """Those that people made, of all organisations."""
    found: list[AlertRule] = []
    cursor: str | None = None
    while True:
        rows, cursor = await ALERT_RULES.list(reader, None, cursor=cursor, limit=MAX_PAGE)
        found += rows
        if cursor is None:
            return found


async def every_silence(reader: Reader, organisation: str, now_us: int) -> Sequence[AlertSilence]:
    """Those of an organisation that are not over."""
    found: list[AlertSilence] = []
    cursor: str | None = None
    while True:
        rows, cursor = await ALERT_SILENCES.list(reader, organisation, cursor=cursor, limit=MAX_PAGE)
        found += [row for row in rows if row.repeats is not None or row.ends_us > now_us]
        if cursor is None:
            return found


async def lock(transaction: Transaction) -> None:
    """Have the states for this transaction alone."""
    if transaction.kind == "postgres":
        await transaction.execute("SELECT pg_advisory_xact_lock($1)", LOCK)


async def states(reader: Reader, organisation: str) -> list[AlertState]:
    return [
        AlertState(**dict(zip(STATE_COLUMNS, row, strict=True))) for row in await reader.fetch(_STATES, organisation)
    ]


async def take(
    transaction: Transaction,
    organisation: str,
    results: Sequence[tuple[Rule, Sequence[Judged]]],
    there: Iterable[str],
    quiet: Sequence[AlertSilence],
    now_us: int,
) -> tuple[list[AlertState], list[Changed]]:
    """Take over what rules have said: where all alerts are now, and what fired or is over.

    `there` are the ids of all rules of this organisation: what is left of others is over.
    """
    held = {(each.rule, each.series): each for each in await states(transaction, organisation)}
    known = set(there)
    changed: list[Changed] = []
    after: dict[tuple[str, str], AlertState] = {}
    for rule, judged in results:
        said = [each._replace(series=bounded(each.series)) for each in judged]
        for each in [*said, *_unsaid(rule, said, held)]:
            key = (rule.id, each.series)
            before = held.get(key)
            now, change = _next(rule, each, before, organisation, quiet, now_us)
            after[key] = now
            if change is not None:
                changed.append(Changed(change, now))
    for key, before in held.items():
        if key not in after and before.status in ("firing", "pending"):
            after[key], change = _left(before, quiet, now_us, there=before.rule in known)
            if change is not None:
                changed.append(Changed(change, after[key]))
    await _write(transaction, held, after, changed, now_us)
    await _forget(transaction, held, after, known - {rule.id for rule, _ in results}, now_us)
    return list((held | after).values()), changed


def _left(
    before: AlertState, quiet: Sequence[AlertSilence], now_us: int, *, there: bool
) -> tuple[AlertState, Change | None]:
    """An alert of a rule that was not looked at: a silence holds for it all the same. Without its rule it is over."""
    if there:
        still = silenced(quiet, before.rule, before.rule_name, before.series, now_us)
        return replace(before, silenced=int(still)), None
    over = replace(before, status="ok", since_us=now_us, seen_us=now_us, summary="The rule is no longer there.")
    return over, "resolved" if before.status == "firing" else None


def bounded(series: str) -> str:
    """A series' name as it is kept: of a long one the beginning, and what tells it from others that begin so."""
    if len(series) <= MOST_SERIES:
        return series
    return f"{series[: MOST_SERIES - 17]}~{sha256(series.encode()).hexdigest()[:16]}"


def _unsaid(rule: Rule, judged: Sequence[Judged], held: Mapping[tuple[str, str], AlertState]) -> list[Judged]:
    """Alerts of a rule that it said nothing of this time, as far as that changes anything: nothing happens there any
    more, or is known.
    """
    said = {each.series for each in judged}
    verdict, rests = (Verdict("fine"), "ok") if rule.kind in ("unusual", "budget", "prompt") else (NO_DATA, "no_data")
    return [
        Judged(state.series, verdict, state.summary)
        for (rule_id, series), state in held.items()
        if rule_id == rule.id and series not in said and state.status != rests
    ]


def _next(
    rule: Rule,
    judged: Judged,
    before: AlertState | None,
    organisation: str,
    quiet: Sequence[AlertSilence],
    now_us: int,
) -> tuple[AlertState, Change | None]:
    status: Status = before.status if before is not None else "ok"  # type: ignore[assignment]
    state = (
        State(status, before.since_us, before.fine_us, before.gone_us) if before is not None else State("ok", now_us)
    )
    verdict, config = judged.verdict, rule.config
    now, change = step(state, verdict.standing, now_us, config.for_s, config.clear_s)
    incident = before.incident if before is not None else None
    return AlertState(
        organisation=organisation,
        rule=rule.id,
        series=judged.series,
        rule_name=rule.name,
        grp=rule.group,
        severity=config.severity,
        status=now.status,
        since_us=now.since_us,
        fine_us=now.fine_us,
        gone_us=now.gone_us,
        seen_us=now_us,
        incident=f"inc_{secrets.token_hex(12)}" if change == "fired" else incident,
        told=before.told if before is not None else None,
        silenced=int(silenced(quiet, rule.id, rule.name, judged.series, now_us)),
        summary=judged.summary[:MOST_SUMMARY],
        value=verdict.value,
        bound=verdict.limit,
        usual=verdict.usual,
    ), change


async def _write(
    transaction: Transaction,
    held: Mapping[tuple[str, str], AlertState],
    after: Mapping[tuple[str, str], AlertState],
    changed: Sequence[Changed],
    now_us: int,
) -> None:
    for key, now in after.items():
        before = held.get(key)
        unsaid = before is None and now.status == "ok"
        same = before is not None and before.status == now.status and now.status not in ("firing", "pending")
        if not unsaid and not same:
            await put(transaction, now)
    for each in changed:
        state = each.state
        if each.change == "fired":
            incident = AlertIncident(
                id=state.incident or "",
                organisation=state.organisation,
                rule=state.rule,
                rule_name=state.rule_name,
                series=state.series,
                severity=state.severity,
                summary=state.summary,
                started_us=now_us,
            )
            await transaction.execute(_BEGUN, *astuple(incident))
        elif state.incident is not None:
            await transaction.execute(_OVER, state.incident, now_us)
    if changed:
        await transaction.execute("DELETE FROM alert_incidents WHERE started_us < $1", now_us - INCIDENTS_US)


async def _forget(
    transaction: Transaction,
    held: Mapping[tuple[str, str], AlertState],
    after: Mapping[tuple[str, str], AlertState],
    not_looked_at: AbstractSet[str],
    now_us: int,
) -> None:
    """Forget alerts of which nothing was said for long. Of rules that were not looked at this time nothing could be."""
    for key, before in held.items():
        old = before.status in ("ok", "no_data") and before.seen_us < now_us - KEPT_US
        if old and key not in after and before.rule not in not_looked_at:
            await transaction.execute(_FORGET, before.organisation, *key)


async def put(transaction: Transaction, state: AlertState) -> None:
    """Write where an alert is."""
    await transaction.execute(_PUT, *astuple(state))
