"""`/dashboard/alerts/rules/<id>`: one alert rule: what it says, where its alerts are, and their values over time."""

from __future__ import annotations

from collections.abc import Sequence
from glob import escape
from typing import Any

from headgate.administration import Actor
from headgate.administration.alerts import AlertRuleView
from headgate.alerts.rules import OBJECTIVES
from headgate.dashboard import alert_rows
from headgate.dashboard.alert_rows import LISTED, RULES, Row
from headgate.dashboard.alerted import chart, kind_of
from headgate.dashboard.charts import Chart, chosen
from headgate.dashboard.looking import Csv, Look, Template
from headgate.dashboard.pages.alerts import silence_form
from headgate.dashboard.pages.config import lines

PATH = RULES


async def page(look: Look) -> Template | Csv:
    look.need("alerts.read")
    actor, id_ = await look.actor(), look.params["id"]
    view = await _rule(look, actor, id_)
    rows = await alert_rows.alerts_of(look, actor, view.id)
    series = look.asked.get("series") or (rows[0].alert.series if rows else "")
    charts = await _charts(look, actor, view, rows, series)
    incidents = await alert_rows.incidents_of(look, actor, view.id)
    if csv := look.asked.get("csv"):
        return chosen(csv, [*charts, alert_rows.alert_grid(rows), alert_rows.incident_grid(incidents)])
    config = alert_rows.config(view)
    values: dict[str, Any] = {
        "view": view,
        "kind": "" if config is None else kind_of(config).replace("_", " "),
        "settings": lines(view.rule),
        "rows": rows[: 2 * LISTED],
        "series": series,
        "charts": charts,
        "incidents": alert_rows.incident_rows(look, incidents),
        "more": len(incidents) > LISTED,
        "writes": look.viewer.may("alerts.write"),
        **silence_form(look, again=False),
    }
    values["form"] = {"rule": view.name, "series": escape(series)}
    return Template(name="rule.html", title=f"Rule {view.name}", values=values)


async def _rule(look: Look, actor: Actor, id_: str) -> AlertRuleView:
    """
    Raises:
        NotFound: there is no such rule.
    """
    kind, _, severity = id_.partition(":")
    if kind == OBJECTIVES and severity in ("page", "ticket"):
        return alert_rows.objective_rule(look, severity)
    return await look.administration.alerts.rule(actor, id_)


async def _charts(look: Look, actor: Actor, view: AlertRuleView, rows: Sequence[Row], series: str) -> list[Chart]:
    """The value of the alert that is asked for."""
    config = alert_rows.config(view)
    if config is None:
        return []
    alert = next((each.alert for each in rows if each.alert.series == series), None)
    made = await chart(look, actor, config, series, alert)
    return [] if made is None else [made]
