"""`/dashboard/alerts`: what fires, what rules look at, how objectives stand, what is silenced, and what was told."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import msgspec

from headgate.administration import Actor
from headgate.administration.alerts import (
    AlertRuleView,
    AlertView,
    ChannelView,
    IncidentView,
    NoticeView,
    SilenceView,
)
from headgate.administration.reading import read
from headgate.administration.requests import AlertListing, IncidentListing, Listing, NewSilence, NewTestNotice, Paged
from headgate.alerts.config import RuleConfig, Severity
from headgate.alerts.objectives import ObjectiveStanding
from headgate.alerts.rules import OBJECTIVES, Rule, decoded
from headgate.dashboard import formats
from headgate.dashboard.alerted import about, kind_of, named, shown
from headgate.dashboard.asking import OWN
from headgate.dashboard.asking import read as read_time
from headgate.dashboard.charts import Grid, chosen
from headgate.dashboard.followed import event
from headgate.dashboard.forms import told, version
from headgate.dashboard.looking import Csv, Look, Template
from headgate.dashboard.writing import written
from headgate.errors import HeadgateError

PATH = "/dashboard/alerts"
LIVE = f"{PATH}/live"
RULES = f"{PATH}/rules"
SILENCES = f"{PATH}/silences"
TEST = f"{PATH}/test"

MOST = 500
"""Alerts, rules, silences and incidents that are read."""

LISTED = 50
"""Of each of them, what a table shows; its CSV has all that were read."""

LASTS = {
    "30m": ("30 minutes", 1_800), "2h": ("2 hours", 7_200), "8h": ("8 hours", 28_800), "1d": ("a day", 86_400),
    "3d": ("3 days", 259_200), "7d": ("a week", 604_800),
}  # fmt: skip
"""How long a silence may hold: what it is called, and seconds."""

STATES = {"firing": ("bad", "fires"), "pending": ("warn", "pending"), "no_data": ("", "no data"), "ok": ("good", "ok")}
"""A colour and a word."""

SAID = {"firing": "fires", "pending": "is pending", "no_data": "has no data", "ok": "is over"}

EVERY_US = 1_900_000
"""How often is looked for changes while somebody follows: rules are looked at once a minute."""

SAID_MOST = 3
"""Most changes that are said at once."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """An alert as pages show it."""

    alert: AlertView
    state: tuple[str, str]
    series: str
    """With people's names, as what it says is too."""
    summary: str
    value: str
    limit: str
    usual: str
    url: str
    """Of its rule, with this alert's value over time."""


class RuleRow(msgspec.Struct, frozen=True, kw_only=True):
    view: AlertRuleView
    kind: str
    url: str
    states: Mapping[str, int]
    """How many of its alerts are where."""


# ── how alerts stand ──


async def firing(look: Look) -> int:
    """How many alerts fire, for who may know; 0 where that cannot be told."""
    if not seen(look):
        return 0
    try:
        return await look.administration.alerts.firing(await look.actor())
    except HeadgateError:  # no page is missing for it
        return 0


def seen(look: Look) -> bool:
    """Whether somebody may see alerts."""
    whole = look.viewer.identity.team_id is None
    return look.house.administration is not None and whole and look.viewer.may("alerts.read")


async def alerts_of(look: Look, actor: Actor, rule: str | None = None) -> list[Row]:
    """All alerts, or those of one rule; those that fire first."""
    rules = {each.id: config(each) for each in await rules_of(look, actor)}
    found = await look.administration.alerts.list(actor, AlertListing(rule=rule, limit=MOST))
    return [_row(look, each, rules.get(each.rule_id)) for each in found.data]


def _row(look: Look, alert: AlertView, rule: RuleConfig | None) -> Row:
    if alert.rule_id.startswith(f"{OBJECTIVES}:"):
        rule = RuleConfig()
    figures = [shown(rule, alert.series, each) for each in (alert.value, alert.limit, alert.usual)]
    at_bound = alert.status in ("firing", "pending")  # of others the figures are those of when they became it
    value, limit, usual = figures if at_bound else [formats.NOTHING] * 3
    return Row(
        alert=alert,
        state=STATES[alert.status],
        series=named(look.house, alert.series),
        summary=about(look.house, alert.series, alert.summary),
        value=value,
        limit=limit,
        usual=usual,
        url=rule_url(look, alert.rule_id, alert.series),
    )


def rule_url(look: Look, rule: str, series: str | None = None) -> str:
    return look.asked.elsewhere(f"{RULES}/{quote(rule, safe=':')}", series=series)


async def rules_of(look: Look, actor: Actor) -> list[AlertRuleView]:
    """All rules; those that models' objectives make come last."""
    found = await look.administration.alerts.rules(actor, Listing(limit=MOST))
    objectives = any(model.objectives is not None for model in look.house.config().models.values())
    own = [objective_rule(look, "page"), objective_rule(look, "ticket")] if objectives else []
    return [*found.data, *own]


def objective_rule(look: Look, severity: Severity) -> AlertRuleView:
    """One of the rules that models' objectives make."""
    id_, settings = f"{OBJECTIVES}:{severity}", RuleConfig(severity=severity)
    channels = Rule(id_, OBJECTIVES, settings, OBJECTIVES, None).channels(look.house.config().alerts)
    return AlertRuleView(
        id=id_, name=OBJECTIVES, source="file", enabled=True, rule={"severity": severity}, channels=channels
    )


def config(view: AlertRuleView) -> RuleConfig | None:
    """A rule's settings; None where a newer release wrote it."""
    return decoded(view.rule)


# ── the page ──


async def page(look: Look) -> Template | Csv:
    look.need("alerts.read")
    return await _shown(look)


async def _shown(look: Look, *, said: str = "", problem: HeadgateError | None = None) -> Template | Csv:
    """The page, after an act with what came of it."""
    actor, alerts = await look.actor(), look.administration.alerts
    rows = await alerts_of(look, actor)
    rules = rule_rows(look, await rules_of(look, actor), rows)
    objectives = (await alerts.objectives(actor)).data
    silences = by_time((await alerts.silences(actor, Paged(limit=MOST))).data, look.asked.now)
    incidents = await incidents_of(look, actor)
    notices = (await alerts.notices(actor)).data
    if csv := look.asked.get("csv"):
        return chosen(
            csv, [alert_grid(rows), objective_grid(objectives), incident_grid(incidents), notice_grid(notices)]
        )
    values = {
        **standing(look, rows),
        "rules": rules,
        "objectives": objectives,
        "silences": [{"view": each, "state": holds(each, look.asked.now)} for each in silences[:LISTED]],
        "incidents": incident_rows(look, incidents),
        "more": len(incidents) > LISTED,
        "notices": notices[:LISTED],
        "channels": await _channels(look, actor),
        "writes": look.viewer.may("alerts.write"),
        "live": look.asked.url(LIVE),
        "said": said,
        "problems": told(problem),
        **silence_form(look, problem is not None),
    }
    status = 200 if problem is None else problem.status
    return Template(name="alerts.html", title="Alerts", values=values, status=status)


def standing(look: Look, rows: Sequence[Row]) -> Mapping[str, Any]:
    """What the part of the page shows that is told anew while somebody looks."""
    counts = Counter(each.alert.status for each in rows)
    return {
        "rows": [each for each in rows if each.alert.status in ("firing", "pending")][: 2 * LISTED],
        "without_data": [each for each in rows if each.alert.status == "no_data"][: 2 * LISTED],
        "counts": counts,
        "quiet": sum(each.alert.silenced for each in rows if each.alert.status == "firing"),
        "asked": look.asked,
    }


def rule_rows(look: Look, rules: Sequence[AlertRuleView], rows: Sequence[Row]) -> list[RuleRow]:
    counts: dict[str, Counter[str]] = {}
    for each in rows:
        counts.setdefault(each.alert.rule_id, Counter())[each.alert.status] += 1
    made: list[RuleRow] = []
    for view in rules:
        settings = config(view)
        kind = "of another release" if settings is None else kind_of(settings).replace("_", " ")
        url = rule_url(look, view.id)
        made.append(RuleRow(view=view, kind=kind, url=url, states=counts.get(view.id, Counter())))
    return made


async def incidents_of(look: Look, actor: Actor, rule: str | None = None) -> Sequence[IncidentView]:
    """What fired in the page's time."""
    asked = look.asked
    until = asked.to if asked.range == OWN else None
    listing = IncidentListing(rule=rule, from_=asked.from_, to=until, limit=MOST)
    return (await look.administration.alerts.incidents(actor, listing)).data


def incident_rows(look: Look, incidents: Sequence[IncidentView]) -> list[Mapping[str, Any]]:
    """What fired, as tables show it."""
    house = look.house
    return [
        {"view": each, "series": named(house, each.series), "summary": about(house, each.series, each.summary)}
        for each in incidents[:LISTED]
    ]


async def _channels(look: Look, actor: Actor) -> Sequence[ChannelView]:
    return (await look.administration.alerts.channels(actor)).data


def by_time(silences: Sequence[SilenceView], now: datetime) -> list[SilenceView]:
    """Those that hold first, then those to come, then those that are over."""
    order = {"holds": 0, "to come": 1, "over": 2}
    return sorted(silences, key=lambda each: (order[holds(each, now)], each.starts_at))


def holds(silence: SilenceView, now: datetime) -> str:
    """Whether it holds now, will, or is over."""
    if silence.active:
        return "holds"
    ends = silence.until if silence.repeats is not None else silence.ends_at
    return "to come" if ends is None or ends > now else "over"


# ── told while somebody looks ──


async def follow(look: Look) -> AsyncGenerator[Sequence[bytes]]:
    """How alerts stand, each time that changes.

    Raises:
        Forbidden: they may not be told.
    """
    look.need("alerts.read")
    actor = await look.actor()
    before: Sequence[Row] | None = None
    looked_us = 0
    while True:
        if look.house.now_us() - looked_us < EVERY_US:
            yield []
            continue
        looked_us = look.house.now_us()
        rows = await alerts_of(look, actor)
        pieces: list[bytes] = []
        if rows != before:
            fire = sum(row.alert.status == "firing" and not row.alert.silenced for row in rows)
            pieces = [
                event("standing", written("alerts_now.html", {**standing(look, rows)})),
                event("firing", str(fire).encode()),
            ]
        if before is not None and (said := changes(before, rows)):
            pieces.append(event("said", said.encode()))
        before = rows
        yield pieces


def changes(before: Sequence[Row], rows: Sequence[Row]) -> str:
    """In words what is other than before; empty where only figures are."""
    was = {(each.alert.rule_id, each.alert.series): each.alert.status for each in before}
    found = [
        f"{each.alert.rule}{f', {each.series}' if each.series else ''} {SAID[each.alert.status]}."
        for each in rows
        if each.alert.status != was.get((each.alert.rule_id, each.alert.series), "ok")
    ]
    more = f" And {len(found) - SAID_MOST} more." if len(found) > SAID_MOST else ""
    return formats.plain(" ".join(found[:SAID_MOST])) + more


# ── acts ──


def silence_form(look: Look, again: bool) -> Mapping[str, Any]:
    """What the form of a silence begins with; with `again` what somebody wrote."""
    return {"lasts": LASTS, "form": {name: look.value(name) for name in FIELDS} if again else {}}


FIELDS = ("rule", "series", "lasts", "starts", "repeats", "until", "timezone", "reason")


async def silence(look: Look) -> Template | Csv:
    look.need("alerts.write")
    try:
        made = await look.administration.alerts.create_silence(await look.actor(), read(NewSilence, _wanted(look)))
    except HeadgateError as error:
        return await _shown(look, problem=error)
    what = f"“{made.rule}”" if made.rule else "All rules"
    return await _shown(look, said=f"{formats.plain(what)} will not be told {_when(made)}.")


def _when(silence: SilenceView) -> str:
    if silence.repeats is not None:
        return f"every {silence.repeats} from {silence.starts_at:%H:%M} to {silence.ends_at:%H:%M} UTC, as of now"
    return f"until {formats.moment(silence.ends_at)} UTC"


def _wanted(look: Look) -> dict[str, Any]:
    """What the form says, as the admin API is told it.

    Raises:
        Invalid: a time is none.
    """
    starts = read_time("starts", look.value("starts")) if look.value("starts") else None
    lasts = LASTS.get(look.value("lasts"), LASTS["2h"])[1]
    ends = (starts or look.asked.now) + timedelta(seconds=lasts)
    tree: dict[str, Any] = {"ends_at": ends.isoformat()}
    if starts is not None:
        tree["starts_at"] = starts.isoformat()
    if look.value("until"):
        tree["until"] = read_time("until", look.value("until")).isoformat()
    for name in ("rule", "series", "repeats", "timezone", "reason"):
        if look.value(name):
            tree[name] = look.value(name)
    return tree


async def end_silence(look: Look) -> Template | Csv:
    look.need("alerts.write")
    try:
        await look.administration.alerts.archive_silence(await look.actor(), look.params["id"], version(look))
    except HeadgateError as error:
        return await _shown(look, problem=error)
    return await _shown(look, said="The silence has ended: what fires is told.")


async def test(look: Look) -> Template | Csv:
    look.need("alerts.write")
    try:
        request = read(NewTestNotice, {"channel": look.value("channel")})
        sent = await look.administration.alerts.test(await look.actor(), request)
    except HeadgateError as error:
        return await _shown(look, problem=error)
    if sent.status == "sent":
        return await _shown(look, said=f"The test notice has reached {sent.channel}.")
    why = f": {sent.error}" if sent.error else ""
    return await _shown(look, said=f"The test notice has not reached {sent.channel} yet, and is tried again{why}")


# ── files ──


def alert_grid(rows: Sequence[Row]) -> Grid:
    names = list(AlertView.__struct_fields__)
    return Grid(id="alerts", heads=names, rows=[[_cell(getattr(each.alert, name)) for name in names] for each in rows])


def objective_grid(objectives: Sequence[ObjectiveStanding]) -> Grid:
    names = [name for name in ObjectiveStanding.__struct_fields__ if name != "burn_rates"]
    windows = ("1h", "6h", "1d", "3d")
    rows = [
        [*(getattr(each, name) for name in names), *(each.burn_rates.get(window) for window in windows)]
        for each in objectives
    ]
    return Grid(id="objectives", heads=[*names, *(f"burn_rate_{window}" for window in windows)], rows=rows)


def incident_grid(incidents: Sequence[IncidentView]) -> Grid:
    names = list(IncidentView.__struct_fields__)
    return Grid(
        id="incidents", heads=names, rows=[[_cell(getattr(each, name)) for name in names] for each in incidents]
    )


def notice_grid(notices: Sequence[NoticeView]) -> Grid:
    names = list(NoticeView.__struct_fields__)
    return Grid(id="notices", heads=names, rows=[[_cell(getattr(each, name)) for name in names] for each in notices])


def _cell(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
