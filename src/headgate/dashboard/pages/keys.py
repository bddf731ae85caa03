"""`/dashboard/keys`: keys and teams, and the acts on them, each administration's own and in the audit log like any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from headgate.administration import Actor
from headgate.administration.reading import read, read_query
from headgate.administration.requests import KeyListing, Listing, NewKey, NewTeam, Rotation, TrafficAsked
from headgate.administration.views import BudgetView, KeyMade, KeyView
from headgate.dashboard import formats
from headgate.dashboard.charts import Grid, chosen
from headgate.dashboard.figures import Figures, ranked
from headgate.dashboard.forms import told, version
from headgate.dashboard.looking import Csv, Look, Template
from headgate.dashboard.pages.calls import picodollars
from headgate.errors import HeadgateError

PATH = "/dashboard/keys"

LISTED = 100

USED_DAYS = 30
"""Days whose use is told beside each key."""

PERIODS = ("day", "week", "month", "total")


async def page(look: Look) -> Template | Csv:
    look.need("keys.read")
    return await shown(look)


async def shown(
    look: Look, *, made: KeyMade | None = None, said: str = "", problem: HeadgateError | None = None
) -> Template | Csv:
    """The page, after an act with what came of it."""
    actor, asked = await look.actor(), look.asked
    query: dict[str, Sequence[str]] = {"limit": [str(LISTED)]}
    for name in ("status", "team", "name", "cursor"):
        if asked.get(name) and look.form == {}:
            query[name] = [asked.get(name)]
    found = await look.administration.keys.list(actor, read_query(KeyListing, query))
    teams = await look.administration.teams.list(actor, Listing(limit=500)) if look.viewer.may("teams.read") else None
    used = await use(look, actor) if look.viewer.may("ledger.read") else {}
    if asked.get("csv"):
        return chosen("keys", [grid(found.data, used)])
    values = {
        "keys": [{"view": each, "used": used.get(each.id), "budget": budget(each)} for each in found.data],
        "next": found.next,
        "teams": teams.data if teams is not None else [],
        "named": look.house.named,
        "writes": look.viewer.may("keys.write"),
        "makes_teams": look.viewer.may("teams.write") and actor.team_id is None,
        "roles": look.administration.ports.roles().names,
        "periods": PERIODS,
        "made": made,
        "said": said,
        "problems": told(problem),
        "form": look.form if problem is not None else {},
    }
    return Template(
        name="keys.html", title="Keys and teams", values=values, status=200 if problem is None else problem.status
    )


async def use(look: Look, actor: Actor) -> Mapping[str, Figures]:
    """What each key's calls came to of late."""
    now = look.asked.now
    asked = TrafficAsked(from_=now - timedelta(days=USED_DAYS), to=now, step="hour", by="key")
    return ranked(await look.administration.traffic.totals(actor, asked, all_sketches=False))


def budget(key: KeyView) -> Mapping[str, Any] | None:
    """The budget that is nearest to its end."""

    def used(each: BudgetView) -> float:
        return (picodollars(each.spent_usd) or 0) / (picodollars(each.amount_usd) or 1)

    nearest = max(key.budgets, key=used, default=None)
    if nearest is None:
        return None
    spent = picodollars(nearest.spent_usd) or 0
    return {"amount": picodollars(nearest.amount_usd), "spent": spent, "period": nearest.period}


def grid(keys: Sequence[KeyView], used: Mapping[str, Figures]) -> Grid:
    heads = ["id", "name", "status", "team", "roles", "models", "created_at", "expires_at", "calls_30d", "cost_30d_usd"]
    rows = [
        [
            each.id, each.name, each.status, each.team, " ".join(each.roles),
            "all" if each.models is None else " ".join(each.models), each.created_at, each.expires_at,
            used[each.id].calls if each.id in used else 0,
            formats.dollars(used[each.id].cost) if each.id in used else "0",
        ]
        for each in keys
    ]  # fmt: skip
    return Grid(id="keys", heads=heads, rows=rows)


# ── acts ──


async def create(look: Look) -> Template | Csv:
    look.need("keys.write")
    try:
        request = read(NewKey, _wanted(look))
        made = await look.administration.keys.create(await look.actor(), request)
    except HeadgateError as error:
        return await shown(look, problem=error)
    return await shown(look, made=made, said=f"The key “{made.name}” is made.")


def _wanted(look: Look) -> dict[str, Any]:
    """What the form says, as the admin API is told it."""
    days = look.value("expires_days")
    tree: dict[str, Any] = {"name": look.value("name"), "roles": list(look.form.get("roles", ()))}
    if team := look.value("team"):
        tree["team"] = team
    if models := look.value("models").replace(",", " ").split():
        tree["models"] = models
    if amount := look.value("budget_usd"):
        tree["budget_usd"] = amount.removeprefix("$")
        tree["budget_period"] = look.value("budget_period") or "month"
    if requests := look.value("requests"):
        tree["limits"] = [{"per": "minute", "requests": int(requests) if requests.isdigit() else requests}]
    if days:
        whole = days.isascii() and days.isdigit() and len(days) < 6
        expires = look.asked.now + timedelta(days=int(days)) if whole else None
        tree["expires_at"] = days if expires is None else f"{expires:%Y-%m-%dT%H:%M:%SZ}"
    return tree


async def revoke(look: Look) -> Template | Csv:
    look.need("keys.write")
    try:
        view = await look.administration.keys.revoke(await look.actor(), look.params["id"], version(look))
    except HeadgateError as error:
        return await shown(look, problem=error)
    return await shown(look, said=f"The key “{formats.plain(view.name)}” opens nothing any more.")


async def rotate(look: Look) -> Template | Csv:
    look.need("keys.write")
    hours = look.value("overlap_h") or "0"
    overlap_s: Any = int(hours) * 3600 if hours.isascii() and hours.isdigit() and len(hours) < 6 else hours
    try:
        request = read(Rotation, {"overlap_s": overlap_s})
        made = await look.administration.keys.rotate(await look.actor(), look.params["id"], request, version(look))
    except HeadgateError as error:
        return await shown(look, problem=error)
    goes_on = (
        f" The one before it works for {hours} h more." if overlap_s else " The one before it opens nothing any more."
    )
    return await shown(look, made=made, said=f"“{formats.plain(made.name)}” has another key.{goes_on}")


async def create_team(look: Look) -> Template | Csv:
    look.need("teams.write")
    try:
        tree = {"name": look.value("name"), "timezone": look.value("timezone") or "UTC"}
        made = await look.administration.teams.create(await look.actor(), read(NewTeam, tree))
    except HeadgateError as error:
        return await shown(look, problem=error)
    return await shown(look, said=f"The team “{formats.plain(made.name)}” is made.")
