"""Alerts: where they stand, what fired, the rules and silences that people make, test notices, objectives."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

import msgspec

from headgate.administration.acting import Act, Actor, Acts, Ports, within_organisation
from headgate.administration.problems import Invalid, Path, invalid, problem
from headgate.administration.register import Register, given
from headgate.administration.requests import (
    AlertListing,
    AlertRuleChange,
    IncidentListing,
    Listing,
    NewAlertRule,
    NewSilence,
    NewTestNotice,
    Paged,
)
from headgate.administration.values import microseconds, moment, time_of
from headgate.administration.views import Page, View
from headgate.alerts.book import INCIDENT_COLUMNS, STATE_COLUMNS, every_silence
from headgate.alerts.config import RuleConfig
from headgate.alerts.delivery.courier import CLAIM_US
from headgate.alerts.notices import enqueue, notice, notice_id
from headgate.alerts.objectives import ObjectiveStanding, objectives_in
from headgate.alerts.problems import rule_problems
from headgate.alerts.rules import Rule, configured
from headgate.alerts.silences import active, silenced
from headgate.alerts.standings import burning, standings
from headgate.config import Config
from headgate.errors import Conflict, NotFound, Unsupported
from headgate.storage.records import AlertIncident, AlertNotice, AlertRule, AlertSilence, AlertState
from headgate.storage.tables import ALERT_RULES, ALERT_SILENCES

RULES = Register(ALERT_RULES, "alert rule", "rule", lambda _: None)
SILENCES = Register(ALERT_SILENCES, "silence", "silence", lambda _: None)

WHAT = "what is told of"


class AlertView(msgspec.Struct, frozen=True, kw_only=True):
    """Where one alert is."""

    rule: str
    rule_id: str
    """Its name where it is in headgate.yaml."""
    series: str
    """What it is about, as `model:chat`; empty for all calls."""
    severity: str
    """`page`, `ticket`."""
    status: str
    """`ok`, `pending`, `firing`, `no_data`."""
    since: datetime
    silenced: bool
    """Whether it is not told now."""
    summary: str
    value: float | None
    limit: float | None
    """What the value has to be within."""
    usual: float | None
    """What the value is at such times, where that is known."""
    incident: str | None

    @classmethod
    def of(cls, state: AlertState, quiet: Sequence[AlertSilence], now_us: int) -> AlertView:
        """`quiet` are the silences there are."""
        return cls(
            rule=state.rule_name,
            rule_id=state.rule,
            series=state.series,
            severity=state.severity,
            status=state.status,
            since=moment(state.since_us),
            silenced=silenced(quiet, state.rule, state.rule_name, state.series, now_us),
            summary=state.summary,
            value=state.value,
            limit=state.bound,
            usual=state.usual,
            incident=state.incident if state.status == "firing" else None,
        )


class IncidentView(msgspec.Struct, frozen=True, kw_only=True):
    """An alert from when it fired to when it was over."""

    id: str
    rule: str
    rule_id: str
    series: str
    severity: str
    summary: str
    """As it was when it fired."""
    started_at: datetime
    ended_at: datetime | None
    """Null while it lasts."""

    @classmethod
    def of(cls, row: AlertIncident) -> IncidentView:
        return cls(
            id=row.id,
            rule=row.rule_name,
            rule_id=row.rule,
            series=row.series,
            severity=row.severity,
            summary=row.summary,
            started_at=moment(row.started_us),
            ended_at=time_of(row.ended_us),
        )


class AlertRuleView(msgspec.Struct, frozen=True, kw_only=True):
    """A rule, wherever it comes from."""

    id: str
    """The name of one of headgate.yaml, and of one that is built in."""
    name: str
    source: Literal["file", "builtin", "database"]
    """What is in the file is changed there alone."""
    enabled: bool
    rule: dict[str, Any]
    """What differs from the defaults."""
    channels: list[str]
    """Where it is told."""
    version: int | None = None
    """Of one that people made: goes up with every change."""
    created_by: str | None = None
    archived_at: datetime | None = None


class SilenceView(View, frozen=True, kw_only=True):
    rule: str | None
    """Null for all."""
    series: str | None
    starts_at: datetime
    ends_at: datetime
    repeats: str | None
    until: datetime | None
    timezone: str
    reason: str
    created_by: str
    active: bool
    """Whether it holds now."""


class NoticeView(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was to be told."""

    id: str
    channel: str
    status: str
    """`waiting`, `sent`, `failed`."""
    attempts: int
    error: str | None
    """Why it did not arrive, the last time."""
    created_at: datetime
    next_at: datetime | None
    """When it is tried again, of one that waits."""
    text: str


class ChannelView(msgspec.Struct, frozen=True, kw_only=True):
    """Where alerts are told; its address is not shown."""

    name: str
    kind: str
    severities: list[str]


class Alerts:
    def __init__(self, ports: Ports, acts: Acts, config: Callable[[], Config]) -> None:
        self._ports = ports
        self._acts = acts
        self._config = config

    # ── how things stand ──

    async def list(self, actor: Actor, request: AlertListing) -> Page[AlertView]:
        within_organisation(actor, WHAT)
        conditions, values = ["organisation = $1"], [actor.organisation]
        if request.status is not None:
            values.append(request.status)
            conditions.append(f"status = ${len(values)}")
        if request.rule is not None:
            values.append(request.rule)
            conditions.append(f"(rule = ${len(values)} OR rule_name = ${len(values)})")
        rows = await self._ports.database.fetch(
            f"SELECT {', '.join(STATE_COLUMNS)} FROM alert_states WHERE {' AND '.join(conditions)} "  # noqa: S608
            "ORDER BY CASE status WHEN 'firing' THEN 0 WHEN 'pending' THEN 1 WHEN 'no_data' THEN 3 ELSE 2 END, "
            f"since_us DESC, rule, series LIMIT {request.limit}",
            *values,
        )
        states = [AlertState(**dict(zip(STATE_COLUMNS, row, strict=True))) for row in rows]
        now_us = self._ports.clock.now_us()
        quiet = await every_silence(self._ports.database, actor.organisation, now_us) if states else []
        return Page([AlertView.of(each, quiet, now_us) for each in states], None)

    async def firing(self, actor: Actor) -> int:
        """How many alerts fire and are not silenced."""
        found = await self.list(actor, AlertListing(status="firing", limit=500))
        return sum(not each.silenced for each in found.data)

    async def incidents(self, actor: Actor, request: IncidentListing) -> Page[IncidentView]:
        within_organisation(actor, WHAT)
        conditions: list[str] = ["organisation = $1"]
        values: list[Any] = [actor.organisation]
        if request.rule is not None:
            values.append(request.rule)
            conditions.append(f"(rule = ${len(values)} OR rule_name = ${len(values)})")
        for bound, sign in ((request.from_, ">="), (request.to, "<")):
            if bound is not None:
                values.append(microseconds(bound))
                conditions.append(f"started_us {sign} ${len(values)}")
        rows = await self._ports.database.fetch(
            f"SELECT {', '.join(INCIDENT_COLUMNS)} FROM alert_incidents WHERE {' AND '.join(conditions)} "  # noqa: S608
            f"ORDER BY started_us DESC, id DESC LIMIT {request.limit}",
            *values,
        )
        found = [AlertIncident(**dict(zip(INCIDENT_COLUMNS, row, strict=True))) for row in rows]
        return Page([IncidentView.of(each) for each in found], None)

    async def objectives(self, actor: Actor) -> Page[ObjectiveStanding]:
        """How models stand to what the configuration says of them."""
        within_organisation(actor, "how models stand to their objectives")
        if self._ports.summed_up is not None:
            await self._ports.summed_up()
        objectives = objectives_in(self._config().models)
        now_s = self._ports.clock.now_us() // 1_000_000
        database, organisation = self._ports.database, actor.organisation
        stand = await standings(database, organisation, objectives, now_s)
        return Page(await burning(database, organisation, objectives, stand, now_s), None)

    async def channels(self, actor: Actor) -> Page[ChannelView]:
        within_organisation(actor, WHAT)
        found = self._config().alerts.channels.items()
        return Page(
            [ChannelView(name=name, kind=each.kind, severities=list(each.severities)) for name, each in found], None
        )

    # ── rules ──

    async def rules(self, actor: Actor, request: Listing) -> Page[AlertRuleView]:
        """Those of the configuration first, then those that people made."""
        within_organisation(actor, WHAT)
        rows, cursor = await RULES.list(self._ports.database, actor, request, request.filters)
        views = [self._row_view(row) for row in rows]
        if request.cursor is None:
            own = [each for each in self._configured(actor) if request.name in (None, each.name)]
            views = [*(self._view(each) for each in own), *views]
        return Page(views, cursor)

    async def rule(self, actor: Actor, id: str) -> AlertRuleView:
        within_organisation(actor, WHAT)
        for each in self._configured(actor):
            if each.id == id:
                return self._view(each)
        return self._row_view(await RULES.get(self._ports.database, actor, id))

    async def create_rule(self, actor: Actor, request: NewAlertRule) -> AlertRuleView:
        within_organisation(actor, WHAT)
        tree = self._checked(actor, request.rule)
        async with self._acts.begin(actor) as act:
            await self._check_name(act, request.name)
            row = AlertRule(
                **act.common("rule"), name=request.name, rule=tree, enabled=request.enabled, created_by=actor.name
            )
            return self._row_view(await RULES.add(act, row, ["name", "rule", "enabled"]))

    async def change_rule(self, actor: Actor, id: str, request: AlertRuleChange, version: int | None) -> AlertRuleView:
        within_organisation(actor, WHAT)
        self._check_not_configured(actor, id)
        fields = given(request, ["name", "rule", "enabled"])
        if "rule" in fields:
            fields["rule"] = self._checked(actor, fields["rule"])
        async with self._acts.begin(actor) as act:
            row = await RULES.get(act.transaction, actor, id)
            if fields.get("name", row.name) != row.name:
                await self._check_name(act, fields["name"], row.id)
            return self._row_view(await RULES.change(act, row, version, fields))

    async def archive_rule(self, actor: Actor, id: str, version: int | None) -> AlertRuleView:
        within_organisation(actor, WHAT)
        self._check_not_configured(actor, id)
        async with self._acts.begin(actor) as act:
            row = await RULES.get(act.transaction, actor, id)
            return self._row_view(await RULES.archive(act, row, version))

    # ── silences ──

    async def silences(self, actor: Actor, request: Paged) -> Page[SilenceView]:
        within_organisation(actor, WHAT)
        rows, cursor = await SILENCES.list(self._ports.database, actor, request, {})
        return Page([self._silence_view(row) for row in rows], cursor)

    async def create_silence(self, actor: Actor, request: NewSilence) -> SilenceView:
        within_organisation(actor, WHAT)
        now_us = self._ports.clock.now_us()
        starts_us = now_us if request.starts_at is None else microseconds(request.starts_at)
        ends_us = microseconds(request.ends_at)
        if starts_us < now_us - 366 * DAY_US:
            raise invalid("starts_at", "is more than a year ago", "out_of_range")
        if ends_us <= (starts_us if request.repeats is not None else max(starts_us, now_us)):
            raise invalid("ends_at", "is over already", "out_of_range")
        longest_us = {"day": DAY_US, "week": 7 * DAY_US}.get(request.repeats or "", 366 * DAY_US)
        if ends_us - starts_us > longest_us:
            raise invalid(
                "ends_at", "is too far from the beginning: a year at most, a day or a week of one that repeats"
            )
        async with self._acts.begin(actor) as act:
            row = AlertSilence(
                **act.common("silence"),
                rule=request.rule,
                series=request.series,
                starts_us=starts_us,
                ends_us=ends_us,
                repeats=request.repeats,
                until_us=None if request.until is None else microseconds(request.until),
                timezone=request.timezone,
                reason=request.reason,
                created_by=actor.name,
            )
            shown = ["rule", "series", "starts_us", "ends_us", "repeats", "until_us", "timezone", "reason"]
            return self._silence_view(await SILENCES.add(act, row, shown))

    async def archive_silence(self, actor: Actor, id: str, version: int | None) -> SilenceView:
        """Have what is silenced told again."""
        within_organisation(actor, WHAT)
        async with self._acts.begin(actor) as act:
            row = await SILENCES.get(act.transaction, actor, id)
            return self._silence_view(await SILENCES.archive(act, row, version))

    # ── notices ──

    async def test(self, actor: Actor, request: NewTestNotice) -> NoticeView:
        """Send a test notice, and say what came of the first attempt."""
        within_organisation(actor, WHAT)
        if request.channel not in self._config().alerts.channels:
            raise NotFound(f"There is no channel '{request.channel}' under alerts.channels of headgate.yaml.")
        if self._ports.deliver is None:
            raise Unsupported("Nothing here sends notices.")
        now_us = self._ports.clock.now_us()
        id_ = notice_id(actor.organisation, "test", request.channel, secrets.token_hex(8))
        state = AlertState(
            organisation=actor.organisation,
            rule="test",
            series="",
            rule_name="test",
            grp="test",
            severity="ticket",
            status="firing",
            since_us=now_us,
            seen_us=now_us,
            summary=f"This is a test of the channel {request.channel}. Nothing is wrong.",
        )
        body = notice(id_, "test", actor.organisation, "test", [state], 0, now_us)
        async with self._acts.begin(actor) as act:
            claimed_us = now_us + CLAIM_US
            await enqueue(act.transaction, id_, actor.organisation, request.channel, body, now_us, claimed_us)
            act.record("alerts.test", f"channel:{request.channel}", {"notice": id_})
        await self._ports.deliver(id_)
        return await self.notice(actor, id_)

    async def notices(self, actor: Actor) -> Page[NoticeView]:
        """The newest hundred."""
        within_organisation(actor, WHAT)
        rows = await self._ports.database.fetch(
            f"{_NOTICES} ORDER BY created_us DESC, id LIMIT 100", actor.organisation
        )
        return Page([_notice_view(row) for row in rows], None)

    async def notice(self, actor: Actor, id: str) -> NoticeView:
        within_organisation(actor, WHAT)
        rows = await self._ports.database.fetch(f"{_NOTICES} AND id = $2", actor.organisation, id)
        if not rows:
            raise NotFound(f"There is no notice '{id[:100]}'.")
        return _notice_view(rows[0])

    # ── parts ──

    def _configured(self, actor: Actor) -> Sequence[Rule]:
        return [each for each in configured(self._config().alerts) if each.organisation in (None, actor.organisation)]

    def _check_not_configured(self, actor: Actor, id: str) -> None:
        if any(each.id == id for each in self._configured(actor)):
            raise Conflict(f"The rule '{id}' is in headgate.yaml, or built in; change it there.")

    async def _check_name(self, act: Act, name: str, but: str = "") -> None:
        if any(each.name == name for each in self._configured(act.actor)):
            raise Conflict(f"There is a rule called '{name}' in headgate.yaml, or built in.", param="name")
        await RULES.check_name(act, name, but)

    def _checked(self, actor: Actor, tree: Mapping[str, Any]) -> dict[str, Any]:
        """A rule that can be kept.

        Raises:
            Invalid: with what is wrong.
        """
        plain = _plain(tree)
        try:
            msgspec.convert(plain, RuleConfig)
        except msgspec.ValidationError as error:
            what, _, at = str(error).partition(" - at ")
            raise Invalid([problem(_path(at), "invalid_value", f"is not as a rule wants it: {what}")]) from None
        if plain.get("organisation") not in (None, actor.organisation):
            raise invalid("rule.organisation", "is another one than that acted in; leave it out")
        found = [
            problem(("rule", *path), "invalid_value", what)
            for path, what in rule_problems(plain, self._config().alerts.channels)
        ]
        if found:
            raise Invalid(found)
        return plain

    def _view(self, rule: Rule) -> AlertRuleView:
        return AlertRuleView(
            id=rule.id,
            name=rule.name,
            source="file" if rule.source == "file" else "builtin",
            enabled=True,
            rule=_sparse(rule.config),
            channels=rule.channels(self._config().alerts),
        )

    def _row_view(self, row: AlertRule) -> AlertRuleView:
        try:
            config = msgspec.convert(row.rule, RuleConfig)
            channels = Rule(row.id, row.name, config, "database", row.organisation).channels(self._config().alerts)
        except msgspec.ValidationError:
            channels = []
        return AlertRuleView(
            id=row.id,
            name=row.name,
            source="database",
            enabled=row.enabled,
            rule=row.rule,
            channels=channels,
            version=row.version,
            created_by=row.created_by,
            archived_at=time_of(row.archived_us),
        )

    def _silence_view(self, row: AlertSilence) -> SilenceView:
        now_us = self._ports.clock.now_us()
        return SilenceView(
            id=row.id,
            organisation=row.organisation,
            version=row.version,
            created_at=moment(row.created_us),
            updated_at=moment(row.updated_us),
            archived_at=time_of(row.archived_us),
            rule=row.rule,
            series=row.series,
            starts_at=moment(row.starts_us),
            ends_at=moment(row.ends_us),
            repeats=row.repeats,
            until=time_of(row.until_us),
            timezone=row.timezone,
            reason=row.reason,
            created_by=row.created_by,
            active=row.archived_us is None and active(row, now_us),
        )


DAY_US = 86_400_000_000

_NOTICES = f"SELECT {', '.join(AlertNotice.__struct_fields__)} FROM alert_notices WHERE organisation = $1"  # noqa: S608


def _notice_view(row: Sequence[Any]) -> NoticeView:
    found = AlertNotice(**dict(zip(AlertNotice.__struct_fields__, row, strict=True)))
    return NoticeView(
        id=found.id,
        channel=found.channel,
        status=found.status,
        attempts=found.attempts,
        error=found.error,
        created_at=moment(found.created_us),
        next_at=moment(found.due_us) if found.status == "waiting" else None,
        text=str(msgspec.json.decode(found.body).get("text", "")),
    )


def _plain(value: Any) -> Any:
    """A tree with numbers that a rule can hold."""
    match value:
        case Decimal():
            return int(value) if value == value.to_integral_value() and abs(value) < 2**53 else float(value)
        case dict():
            return {name: _plain(each) for name, each in value.items()}
        case list():
            return [_plain(each) for each in value]
        case _:
            return value


def _path(at: str) -> Path:
    """Where `$.threshold.above` of a message is."""
    return ("rule", *(each for each in at.strip("`").removeprefix("$").split(".") if each))


def _sparse(config: RuleConfig) -> dict[str, Any]:
    """What of a rule is not as it is by default; of its kind all."""
    fields = msgspec.structs.fields(RuleConfig)
    tree = msgspec.to_builtins(config)
    return {
        field.encode_name: tree[field.encode_name] for field in fields if getattr(config, field.name) != field.default
    }
