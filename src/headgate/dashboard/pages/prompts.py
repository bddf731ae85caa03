"""`/dashboard/prompts`: what is published, what labels stand for, who answers for it, and what waits to be approved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headgate.administration import Actor
from headgate.administration.prompt_tests import TestView
from headgate.administration.prompts import ListedView, MoveView
from headgate.administration.requests import MoveListing, PromptListing
from headgate.dashboard.charts import Grid, chosen
from headgate.dashboard.looking import Csv, Look, Template
from headgate.dashboard.tested import verdict, worst
from headgate.prompts.reference import RELEASED, SHORT

PATH = "/dashboard/prompts"

LISTED = 200

TESTED_DAYS = 30
"""How old tests may be that the list tells of."""

SHOWN = {
    "": "all",
    "released": "released",
    "waiting": "to be approved",
    "due": "overdue",
    "worse": "worse in tests",
    "unowned": "without an owner",
}
"""Which prompts are listed, and what that is called."""


async def page(look: Look) -> Template | Csv:
    look.need("prompts.read")
    actor = await look.actor()
    prompts = (await look.administration.prompts.list(actor, PromptListing())).data
    tests = await _tests(look, actor, prompts)
    waits = await waiting(look, actor)
    worse = {name for name, test in tests.items() if test.verdict == "regression"}
    asked = {each.name for each in waits}
    found = [each for each in prompts if _wanted(look, each, worse, asked)]
    if csv := look.asked.get("csv"):
        return chosen(csv, [grid(found, tests)])
    values = {
        "prompts": found[:LISTED],
        "found": len(found),
        "all": len(prompts),
        "released": sum(RELEASED in each.labels for each in prompts),
        "due": sum(bool(each.due) for each in prompts),
        "worse": len(worse),
        "tests": tests,
        "waiting": waits,
        "who": look.who,
        "show": SHOWN,
        "verdict": verdict,
        "days": TESTED_DAYS,
        "short": SHORT,
        "RELEASED": RELEASED,
    }
    return Template(name="prompts.html", title="Prompts", values=values)


async def waiting(look: Look, actor: Actor, name: str | None = None) -> Sequence[MoveView]:
    """What waits for a second person."""
    asked = MoveListing(name=name, status="waiting", limit=500)
    return (await look.administration.prompts.moves(actor, asked)).data


def meant(prompt: ListedView) -> str:
    """The version a prompt's name stands for where nobody says more."""
    return prompt.labels.get(RELEASED) or prompt.latest


async def _tests(look: Look, actor: Actor, prompts: Sequence[ListedView]) -> Mapping[str, TestView]:
    """How the newest tests of what is released came out, by prompt: the worst of several."""
    since_us = int(look.asked.now.timestamp() - TESTED_DAYS * 86_400) * 1_000_000
    released = {(each.name, meant(each)) for each in prompts}
    found: dict[str, list[TestView]] = {}
    for test in await look.administration.prompt_tests.standing(actor, "prompt", since_us):
        if test.prompt is not None and (test.prompt, test.version) in released:
            found.setdefault(test.prompt, []).append(test)
    return {name: test for name, tests in found.items() if (test := worst(tests)) is not None}


def _wanted(look: Look, prompt: ListedView, worse: set[str], asked: set[str]) -> bool:
    words = look.asked.get("find").lower()
    if words not in prompt.name.lower() and words not in (prompt.owner or "").lower():
        return False
    match look.asked.get("show"):
        case "released":
            return RELEASED in prompt.labels
        case "waiting":
            return prompt.name in asked
        case "due":
            return bool(prompt.due)
        case "worse":
            return prompt.name in worse
        case "unowned":
            return prompt.owner is None
        case _:
            return True


def grid(prompts: Sequence[ListedView], tests: Mapping[str, TestView]) -> Grid:
    heads = [
        "name", "labels", "versions", "latest", "published_at", "owner", "review_by", "expires", "due", "tests",
    ]  # fmt: skip
    rows = [
        [
            each.name, " ".join(f"{label}={version}" for label, version in sorted(each.labels.items())),
            each.versions, each.latest, each.published_at.isoformat(), each.owner, each.review_by, each.expires,
            each.due, tests[each.name].verdict if each.name in tests else "",
        ]
        for each in prompts
    ]  # fmt: skip
    return Grid(id="prompts", heads=heads, rows=rows)
