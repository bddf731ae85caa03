"""`/dashboard/models`: what can be asked for, where that goes, and how it is doing there."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from headgate.config import Config
from headgate.config.retirements import Retiring
from headgate.dashboard.charts import Chart, Column, chosen
from headgate.dashboard.figures import Figures, largest, points
from headgate.dashboard.looking import Csv, Look, TargetNow, Targets, Template
from headgate.dashboard.tables import Group, figures_grid, groups
from headgate.dashboard.tested import golden, verdict
from headgate.prompts.reference import Reference, parse
from headgate.routing.config import ModelConfig

PATH = "/dashboard/models"

MOST = 200
"""Models that are listed."""

TOLD_BY = {
    "server": "What is so now is what this server knows; others know of rests through the shared state.",
    "workers": "What is so now is of all workers of this server together: a target rests where any of them leaves "
    "it alone, and what fails is the worst of them.",
    "worker": "What is so now is what one worker of this server knows: the others cannot be asked at this moment.",
}
"""Whose knowledge of targets is shown."""


async def page(look: Look) -> Template | Csv:
    look.need("metrics", "ledger.read")
    targets = await _groups(look, "target")
    models = await _groups(look, "model")
    grids = [figures_grid(each, money=look.viewer.may("ledger.read")) for each in (targets, models) if each is not None]
    charts = [] if targets is None else await latencies(look, largest([line.id for line in targets.lines]))
    if csv := look.asked.get("csv"):
        return chosen(csv, [*charts, *grids])
    now = await look.house.targets()
    values = {
        "targets": states(look, now, targets),
        "told_by": TOLD_BY[now.of],
        "models": routes(look.house.config(), models),
        "golden": await golden(look),
        "verdict": verdict,
        "charts": charts,
        "kept": targets is not None,
    }
    return Template(name="models.html", title="Models and targets", values=values)


async def _groups(look: Look, by: str) -> Group | None:
    if look.house.administration is None:
        return None
    return await groups(look, await look.actor(), by)


async def latencies(look: Look, busiest: Sequence[str]) -> list[Chart]:
    """p95 of the busiest targets; none for a team, of which there are no sums by two dimensions more."""
    actor, traffic = await look.actor(), look.administration.traffic
    if actor.team_id is not None:
        return []
    found = [
        await traffic.found(actor, look.asked.traffic(of=f"target:{name}"), all_sketches=False) for name in busiest
    ]

    def drawn() -> list[Chart]:
        lines = [points(each.series, "", each.from_s, each.until_s, each.step) for each in found]
        rows = [
            (at, [line[at].quantiles("duration", (0.95,))[0] for line in lines]) for at in (lines[0] if lines else ())
        ]
        columns = [Column(name) for name in busiest]
        title, step = "Latency p95 by target", found[0].step if found else look.asked.step
        return [Chart(id="target-latency", title=title, kind="ms", columns=columns, rows=rows, step=step, told="Calls")]

    return await asyncio.to_thread(drawn)


# ── targets ──


def states(look: Look, now: Targets, traffic: Group | None) -> list[Mapping[str, Any]]:
    """Every target that is configured or has been asked, with its state and its traffic."""
    live = {each.target: each for each in now.found}
    lines = {line.id: line for line in traffic.lines} if traffic is not None else {}
    configured = configured_targets(look.house.config())
    retires = {each.model: each.day for _, each in Retiring(look.house.config()).every()}
    names = [*configured, *(name for name in {**live, **lines} if name not in configured and name)]
    return [
        {
            "name": name,
            "live": live.get(name),
            "line": lines.get(name),
            "figures": lines[name].figures if name in lines else Figures(None),
            "settings": configured.get(name),
            "state": _state(live.get(name)),
            "retires": retires.get(name),
        }
        for name in names[:MOST]
    ]


def _state(live: TargetNow | None) -> tuple[str, str]:
    """A colour and a word."""
    if live is None:
        return "", "not asked yet"
    if live.rests:
        return "bad", f"rests {live.rests_s:.0f} s more" if live.rests_s else "rests"
    return ("warn", "half open") if live.breaker == "half_open" else ("good", "in use")


def configured_targets(config: Config) -> dict[str, Mapping[str, Any]]:
    """Targets without a `*`, and what the vendor allows there."""
    found: dict[str, Mapping[str, Any]] = {}
    for model in config.models.values():
        for each in model.targets:
            if "*" not in each.target and each.target not in found:
                found[each.target] = {"rpm": each.rpm, "tpm": each.tpm, "max_concurrent": each.max_concurrent}
    return found


# ── models ──


def routes(config: Config, traffic: Group | None) -> list[Mapping[str, Any]]:
    """Every model that is configured, with its targets and its traffic, and what else was asked for."""
    lines = {line.id: line for line in traffic.lines} if traffic is not None else {}
    found: list[Mapping[str, Any]] = [
        {
            "name": name,
            "prompt": prompt_of(model),
            "targets": where(model),
            "fallback": fallbacks(model),
            "line": lines.get(name),
        }
        for name, model in config.models.items()
    ]
    others = [name for name in lines if name not in config.models]
    found += [{"name": name, "prompt": None, "targets": [], "fallback": [], "line": lines[name]} for name in others]
    return found[:MOST]


def prompt_of(model: ModelConfig) -> Reference | None:
    """The prompt a model is."""
    return None if model.prompt is None else parse(model.prompt.use)


def where(model: ModelConfig) -> list[str]:
    """A model's targets in words."""
    weighed = len({each.weight for each in model.targets}) > 1
    ranked = len({each.priority for each in model.targets}) > 1
    return [
        each.target
        + (f" · weight {each.weight:g}" if weighed else "")
        + (f" · priority {each.priority}" if ranked else "")
        for each in model.targets
    ]


def fallbacks(model: ModelConfig) -> Sequence[str]:
    return [
        each.use + ("" if cause == "any" else f" ({cause})")
        for cause, listed in model.fallback.items()
        for each in listed
    ]
