"""`/dashboard/prompts`: what is published, what labels stand for, who answers for it, and what waits to be approved."""

from __future__ import annotations

from collections.abc import Sequence

from headgate.administration import Actor
from headgate.administration.prompts import ListedView, MoveView
from headgate.administration.requests import MoveListing, PromptListing
from headgate.dashboard.charts import Grid, chosen
from headgate.dashboard.looking import Csv, Look, Template
from headgate.prompts.reference import RELEASED, SHORT

PATH = "/dashboard/prompts"

LISTED = 200


async def page(look: Look) -> Template | Csv:
    look.need("prompts.read")
    actor = await look.actor()
    prompts = (await look.administration.prompts.list(actor, PromptListing())).data
    if csv := look.asked.get("csv"):
        return chosen(csv, [grid(prompts)])
    values = {
        "prompts": prompts[:LISTED],
        "all": len(prompts),
        "released": sum(RELEASED in each.labels for each in prompts),
        "due": [each for each in prompts if each.due],
        "waiting": await waiting(look, actor),
        "short": SHORT,
        "RELEASED": RELEASED,
    }
    return Template(name="prompts.html", title="Prompts", values=values)


async def waiting(look: Look, actor: Actor, name: str | None = None) -> Sequence[MoveView]:
    """What waits for a second person."""
    asked = MoveListing(name=name, status="waiting", limit=500)
    return (await look.administration.prompts.moves(actor, asked)).data


def grid(prompts: Sequence[ListedView]) -> Grid:
    heads = ["name", "labels", "versions", "latest", "published_at", "owner", "review_by", "expires", "due"]
    rows = [
        [
            each.name, " ".join(f"{label}={version}" for label, version in sorted(each.labels.items())),
            each.versions, each.latest, each.published_at.isoformat(), each.owner, each.review_by, each.expires,
            each.due,
        ]
        for each in prompts
    ]  # fmt: skip
    return Grid(id="prompts", heads=heads, rows=rows)
