"""`/dashboard/prompts/diff`: two versions of a prompt beside each other: texts, figures, tests, and who asks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from headgate.administration.prompts import ListedView, VersionView
from headgate.administration.requests import DiffAsked
from headgate.dashboard import formats
from headgate.dashboard.looking import Look, Template
from headgate.dashboard.pages.prompt import deciding, listed, versions_of
from headgate.dashboard.pages.prompts import PATH as ALL
from headgate.dashboard.prompt_figures import lines
from headgate.dashboard.sides import rows
from headgate.dashboard.tested import verdict
from headgate.prompts.reference import RELEASED, SHORT

PATH = f"{ALL}/diff"

MOST_ROWS = 2_000
"""Lines of a file that are shown."""


async def page(look: Look) -> Template:
    look.need("prompts.read")
    name = look.asked.get("name")
    actor = await look.actor()
    prompt = await listed(look, actor, name)
    versions = await versions_of(look, actor, name)
    wanted_after = look.asked.get("after") or prompt.latest
    wanted_before = look.asked.get("before") or _other(prompt, versions, wanted_after)
    asked = DiffAsked(before=f"{name}@{wanted_before}"[:300], after=f"{name}@{wanted_after}"[:300])
    found = await look.administration.prompts.diff(actor, asked)
    before, after = (each.rpartition("@")[2] for each in (found.before, found.after))
    two = [each for each in versions if each.version in (before, after)]
    counted = look.viewer.may("ledger.read", "metrics")
    figures = {each.version: each for each in await lines(look, actor, name, two)} if counted and two else {}
    texts = await asyncio.to_thread(lambda: [(each.file, rows(each.lines)) for each in found.texts])
    values: dict[str, Any] = {
        "name": name,
        "before": before,
        "after": after,
        "views": {each.version: each for each in two},
        "found": found,
        "texts": texts,
        "most": MOST_ROWS,
        "choices": versions,
        "figures": [figures.get(each[:SHORT]) for each in (before, after)],
        "counted": counted,
        "money": look.viewer.may("ledger.read"),
        "tests": await look.administration.prompt_tests.sides(actor, name, before, after),
        "verdict": verdict,
        "short": SHORT,
        "who": look.who,
        **await deciding(look, actor, name),
    }
    values["waiting"] = [each for each in values["waiting"] if each.to_version == after]
    return Template(name="prompt_diff.html", title=f"Diff of {formats.plain(name)}", values=values)


def _other(prompt: ListedView, versions: Sequence[VersionView], after: str) -> str:
    """What a version is held against where nobody says: what is released, or the one published before it."""
    released = prompt.labels.get(RELEASED)
    if released is not None and released != after:
        return released
    at = next((number for number, each in enumerate(versions) if each.version == after), 0)
    return versions[min(at + 1, len(versions) - 1)].version
