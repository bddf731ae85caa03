"""`/dashboard/models/golden`: golden sets: what came of the same tests of each model, night by night."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headgate.administration import Actor
from headgate.administration.prompt_tests import TestView
from headgate.dashboard import formats, tested
from headgate.dashboard.charts import chosen
from headgate.dashboard.looking import Csv, Look, Template
from headgate.dashboard.pages.models import PATH as MODELS
from headgate.errors import NotFound

PATH = f"{MODELS}/golden"
ONE = f"{PATH}/one"

LISTED = 200


async def page(look: Look) -> Template | Csv:
    look.need("prompts.read")
    actor = await look.actor()
    sets = await standing(look, actor)
    if csv := look.asked.get("csv"):
        return chosen(csv, [tested.grid(sets)])
    values: dict[str, Any] = {
        "sets": sets[:LISTED],
        "all": len(sets),
        "models": len({each.model for each in sets}),
        "worse": sum(each.verdict == "regression" for each in sets),
        "oldest": min((each.at for each in sets), default=None),
        "verdict": tested.verdict,
        "one": ONE,
        "commands": look.commands(actor),
    }
    return Template(name="golden.html", title="Golden sets", values=values)


async def standing(look: Look, actor: Actor) -> Sequence[TestView]:
    """The newest of each golden set at each model, those that are worse first."""
    found = await look.administration.prompt_tests.standing(actor, "model")
    return sorted(found, key=lambda each: (each.verdict != "regression", each.model or "", each.suite))


async def detail(look: Look) -> Template | Csv:
    look.need("prompts.read")
    name = look.asked.get("model")
    actor = await look.actor()
    tests = tested.by_time(await look.administration.prompt_tests.latest(actor, f"model:{name}", tested.TESTS))
    if not tests:
        raise NotFound(f"No golden set of a model '{formats.plain(name[:100])}' is kept.")
    chart = tested.chart(tests)
    if csv := look.asked.get("csv"):
        return chosen(csv, [chart, tested.grid(tests)])
    now = tested.standing(tests)
    baselines = {each.id: each for each in tests}
    values: dict[str, Any] = {
        "model": name,
        "configured": name in look.house.config().models,
        "sets": now,
        "baselines": {each.id: baselines.get(each.baseline or "") for each in now},
        "answered": _answered(tests),
        "charts": [chart],
        "tests": tests[:LISTED],
        "all": len(tests),
        "worst": tested.worst(now),
        "verdict": tested.verdict,
        "who": look.who,
        "money": look.viewer.may("ledger.read"),
        "commands": look.commands(actor),
    }
    return Template(name="golden_one.html", title=f"Golden sets of {formats.plain(name)}", values=values)


def _answered(tests: Sequence[TestView]) -> Sequence[tuple[str, TestView, TestView]]:
    """Models that answered, as vendors call them, each with the first and the newest run it did; the newest first."""
    found: dict[str, tuple[TestView, TestView]] = {}
    for test in tests:
        for model in test.answered_by:
            found[model] = (test, found.get(model, (test, test))[1])
    return [(model, first, last) for model, (first, last) in found.items()]
