"""Alerts, rules, silences and what fired, as the dashboard's pages show them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

import msgspec

from headgate.administration import Actor
from headgate.administration.alerts import AlertRuleView, AlertView, IncidentView, NoticeView, SilenceView
from headgate.administration.requests import AlertListing, IncidentListing, Listing
from headgate.alerts.config import RuleConfig, Severity
from headgate.alerts.objectives import ObjectiveStanding
from headgate.alerts.rules import OBJECTIVES, Rule, decoded
from headgate.dashboard import formats
from headgate.dashboard.alerted import about, kind_of, named, place, shown
from headgate.dashboard.asking import OWN
from headgate.dashboard.charts import Grid
from headgate.dashboard.looking import Look
from headgate.errors import HeadgateError

RULES = "/dashboard/alerts/rules"
"""Where each rule has a page."""

MOST = 500
"""Alerts, rules, silences and incidents that are read."""

LISTED = 50
"""Of each of them, what a table shows; its CSV has all that were read."""

STATES = {"firing": ("bad", "fires"), "pending": ("warn", "pending"), "no_data": ("", "no data"), "ok": ("good", "ok")}
"""A colour and a word."""


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
    about: str
    """Of the prompt or the golden sets it is about, for who may see them; empty where it is of neither."""


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
        about=_about(look, rule, alert.series),
    )


def _about(look: Look, rule: RuleConfig | None, series: str) -> str:
    found = place(rule, series) if look.viewer.may("prompts.read") else None
    return "" if found is None else look.asked.elsewhere(found[0], **found[1])


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


# ── rules, and what fired ──


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


# ── silences ──


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
