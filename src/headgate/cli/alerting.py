"""`headgate alerts`, `headgate objectives`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from headgate.alerts.objectives import objectives_of
from headgate.cli import output
from headgate.cli.administering import given, listed, seconds_of, shown, told, zoned
from headgate.cli.client import HERE, Client, Reach, everything, segment
from headgate.cli.exits import FAILED, OK, CannotRun, Misused
from headgate.cli.keys import Flag
from headgate.config import Config
from headgate.registry import suggest

ALERTS = {
    "status": lambda row: f"{row['status']}{' (silenced)' if row['silenced'] else ''}",
    "severity": lambda row: row["severity"],
    "rule": lambda row: row["rule"],
    "since": lambda row: row["since"],
    "what": lambda row: row["summary"],
}

RULES = {
    "id": lambda row: row["id"],
    "name": lambda row: row["name"],
    "from": lambda row: row["source"] if row["enabled"] else f"{row['source']} (off)",
    "rule": lambda row: row["rule"],
    "told at": lambda row: row["channels"],
}

SILENCES = {
    "id": lambda row: row["id"],
    "rule": lambda row: row["rule"] or "*",
    "of": lambda row: row["series"] or "*",
    "from": lambda row: row["starts_at"],
    "to": lambda row: row["ends_at"],
    "every": lambda row: row["repeats"],
    "now": lambda row: row["active"],
    "reason": lambda row: row["reason"],
}

OBJECTIVES = {
    "model": lambda row: row["model"],
    "objective": lambda row: row["objective"],
    "target": lambda row: _figure(row, "target"),
    "actual": lambda row: _figure(row, "actual"),
    "between": lambda row: "" if row["low"] is None else f"{row['low']:.4%} and {row['high']:.4%}",
    "calls": lambda row: row["calls"],
    "budget left": lambda row: "" if row["budget_left"] is None else f"{row['budget_left']:.1%}",
    "days": lambda row: row["period_days"],
    "met": lambda row: "not known" if row["met"] is None else row["met"],
}


def list_(
    *, status: Literal["ok", "pending", "firing", "no_data"] | None = None, rule: str | None = None, reach: Reach = HERE
) -> int:
    """List alerts, those that fire first. Exits with 1 where one fires that is not silenced.

    Parameters
    ----------
    status
        Those alone.
    rule
        Of one rule alone, by name or id.
    """

    def work(client: Client) -> int:
        rows = client.ask("GET", "/alerts", query=given(status=status, rule=rule, limit=500))["data"]
        listed(reach, rows, ALERTS, "There is nothing to tell.")
        return FAILED if any(row["status"] == "firing" and not row["silenced"] for row in rows) else OK

    return told(reach, work, "alerts list")


def rules(*, reach: Reach = HERE) -> int:
    """List alert rules, those of the configuration first, and where they are told."""
    return told(reach, lambda client: listed(reach, everything(client, "/alerts/rules"), RULES), "alerts rules")


def try_(channel: str, /, *, reach: Reach = HERE) -> int:
    """Send a test notice to a channel. Exits with 1 where it did not arrive.

    Parameters
    ----------
    channel
        Its name under alerts.channels.
    """

    def work(client: Client) -> int:
        sent = client.ask("POST", "/alerts/test", {"channel": channel})
        shown(reach, sent)
        return OK if sent["status"] == "sent" else FAILED

    return told(reach, work, "alerts test")


def silence(
    rule: str = "*",
    /,
    *,
    of: str | None = None,
    lasts: str = "2h",
    reason: str = "",
    every: Literal["day", "week"] | None = None,
    begins: str | None = None,
    timezone: str = "UTC",
    reach: Reach = HERE,
) -> int:
    """Keep alerts from being told for some time. They are looked at all the same, and told once it is over.

    Parameters
    ----------
    rule
        A rule's name or id; `*` stands for any part of it.
    of
        What the alert is about, in the same way: `model:chat`, `key:key_…*`.
    lasts
        How long: 30m, 2h, 7d.
    reason
        Why, for others.
    every
        Makes it a maintenance window: at the same time of every day, or of the same day of every week.
    begins
        When, as 2026-11-01T22:00:00Z; now where nothing is said.
    timezone
        By whose clocks it repeats.
    """
    starts = datetime.now(UTC) if begins is None else zoned(begins)
    if starts is None:
        raise Misused(f"'{output.printable(begins or '')}' is no time with its zone", "Write 2026-11-01T22:00:00Z.")
    ends = starts + timedelta(seconds=seconds_of(lasts))
    body: dict[str, Any] = given(
        rule=None if rule == "*" else rule,
        series=of,
        starts_at=None if begins is None else starts.isoformat(),
        ends_at=ends.isoformat(),
        repeats=every,
        timezone=timezone,
        reason=reason,
    )
    return told(reach, lambda client: shown(reach, client.ask("POST", "/alerts/silences", body)), "alerts silence")


def silences(*, reach: Reach = HERE) -> int:
    """List silences and maintenance windows."""
    return told(
        reach, lambda client: listed(reach, everything(client, "/alerts/silences"), SILENCES), "alerts silences"
    )


def unsilence(silence: str, /, *, reach: Reach = HERE) -> int:
    """Have silenced alerts told again.

    Parameters
    ----------
    silence
        Its id.
    """

    def work(client: Client) -> int:
        return shown(reach, client.ask("DELETE", f"/alerts/silences/{segment(silence)}"))

    return told(reach, work, "alerts unsilence")


def objectives(*, model: str | None = None, unknown_fails: Flag = False, reach: Reach = HERE) -> int:
    """Show how models stand to their objectives. Exits with 1 where one is not met, for pipelines.

    Parameters
    ----------
    model
        Of one model alone.
    unknown_fails
        Exit with 1 too where there were no calls to say anything by.
    """

    def work(client: Client) -> int:
        rows = client.ask("GET", "/objectives")["data"]
        names = {row["model"] for row in rows}
        if model is not None and model not in names:
            what = f"there is no model '{output.printable(model)}' with objectives"
            raise Misused(f"{what}{suggest(model, names)}", "Try 'headgate objectives'.")
        return _met(reach, [row for row in rows if model in (None, row["model"])], unknown_fails)

    return told(reach, work, "objectives")


def check_objectives(path: Path, config: Config, *, unknown_fails: bool, json: bool) -> int:
    """Hold the models of a file against its objectives, by the calls there were: of the server that is set or serves,
    else of the database.

    Raises:
        CannotRun: the file has no objectives, or whoever answers has others.
    """
    reach = Reach(config=path, json=json)
    wanted = {
        (name, each.name, each.target)
        for name, model in config.models.items()
        if model.objectives is not None
        for each in objectives_of(name, model.objectives)
    }
    if not wanted:
        raise CannotRun(f"no model of {path} has objectives", "Write 'objectives:' into a model's block.")

    def work(client: Client) -> int:
        rows = client.ask("GET", "/objectives")["data"]
        if missing := wanted - {(row["model"], row["objective"], row["target"]) for row in rows}:
            model, objective, _ = min(missing)
            what = f"the server goes by another file: {output.printable(model)}: {objective} is not as there"
            raise CannotRun(what, f"Have it load {path} first.")
        return _met(reach, rows, unknown_fails)

    return told(reach, work, "check")


def _met(reach: Reach, rows: Sequence[Any], unknown_fails: bool) -> int:
    """Show how models stand to objectives, and whether that will do."""
    listed(reach, rows, OBJECTIVES, "No model has objectives; write 'objectives:' into its block.")
    missed = [row for row in rows if row["met"] is False]
    unknown = [row for row in rows if row["met"] is None]
    if not reach.json:
        for what, some in (("not met", missed), ("not known, without calls", unknown)):
            for row in some:
                output.complain(f"{what}: {output.printable(row['model'])}: {row['objective']}")
    return FAILED if missed or (unknown_fails and (unknown or not rows)) else OK


def _figure(row: Any, name: str) -> str:
    value = row[name]
    if value is None:
        return ""
    return f"${value:,.6g}" if row["objective"].startswith("cost") else f"{value:.4%}"
