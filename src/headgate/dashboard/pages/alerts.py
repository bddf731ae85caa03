"""`/dashboard/alerts`: what fires, what rules look at, how objectives stand, what is silenced, and what was told."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from headgate.administration import Actor
from headgate.administration.alerts import ChannelView, SilenceView
from headgate.administration.reading import read
from headgate.administration.requests import NewSilence, NewTestNotice, Paged
from headgate.dashboard import formats
from headgate.dashboard.alert_rows import (
    LISTED,
    MOST,
    Row,
    alert_grid,
    alerts_of,
    by_time,
    holds,
    incident_grid,
    incident_rows,
    incidents_of,
    notice_grid,
    objective_grid,
    rule_rows,
    rules_of,
)
from headgate.dashboard.asking import read as read_time
from headgate.dashboard.charts import chosen
from headgate.dashboard.followed import event
from headgate.dashboard.forms import told, version
from headgate.dashboard.looking import Csv, Look, Template
from headgate.dashboard.writing import written
from headgate.errors import HeadgateError

PATH = "/dashboard/alerts"
LIVE = f"{PATH}/live"
SILENCES = f"{PATH}/silences"
TEST = f"{PATH}/test"

LASTS = {
    "30m": ("30 minutes", 1_800), "2h": ("2 hours", 7_200), "8h": ("8 hours", 28_800), "1d": ("a day", 86_400),
    "3d": ("3 days", 259_200), "7d": ("a week", 604_800),
}  # fmt: skip
"""How long a silence may hold: what it is called, and seconds."""

SAID = {"firing": "fires", "pending": "is pending", "no_data": "has no data", "ok": "is over"}

EVERY_US = 1_900_000
"""How often is looked for changes while somebody follows: rules are looked at once a minute."""

SAID_MOST = 3
"""Most changes that are said at once."""


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
        "who": look.who,
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


async def _channels(look: Look, actor: Actor) -> Sequence[ChannelView]:
    return (await look.administration.alerts.channels(actor)).data


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
