"""Models as they are being made."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

from headgate.importing.report import Report

Tree = dict[str, Any]


def set_retries(model: Tree, retries: int) -> None:
    """Have a model's attempts be one more than the retries."""
    attempts = min(10, max(1, retries + 1))
    settings = model.setdefault("retry", {})
    settings["attempts"] = max(attempts, settings.get("attempts", 1))


def joined(settings: Iterable[Tree]) -> Tree:
    """The settings of one model for several: the larger of each number."""
    found: Tree = {}
    for each in settings:
        for name, value in each.items():
            found[name] = _larger(found.get(name), value)
    return found


def _larger(one: Any, other: Any) -> Any:
    if isinstance(one, dict) and isinstance(other, dict):
        return joined([one, other])
    if isinstance(one, int | float) and isinstance(other, int | float):
        return max(one, other)
    return deepcopy(other) if one is None else one


def tell(models: dict[str, Tree], report: Report) -> None:
    """Say where models go."""
    for name, model in models.items():
        targets = ", ".join(target["target"] for target in model["targets"])
        report.carries("models", name, f"goes to {targets}")


def tell_fallbacks(models: dict[str, Tree], report: Report) -> None:
    """Say where models go on to, and on what."""
    for name, model in models.items():
        ways: dict[str, list[str]] = {}
        for cause, entries in model.get("fallback", {}).items():
            way = ", ".join(entry["use"] if isinstance(entry, dict) else entry for entry in entries)
            ways.setdefault(way, []).append(cause)
        for way, causes in ways.items():
            report.carries("fallbacks", name, f"on {', '.join(causes)} goes on to {way}")


def tell_retries(models: dict[str, Tree], report: Report, source: str, *, as_there: bool) -> None:
    """Say what models do of which nothing says how often they ask. `as_there` is where `source` does the same, and does
    not retry nothing.
    """
    for name in [name for name, model in models.items() if "attempts" not in model.get("retry", {})]:
        if as_there:
            report.carries("models", name, f"asks a target up to three times, as {source} does unless told otherwise")
            continue
        report.changes(
            "models",
            name,
            "asks a target up to three times",
            why=f"that is what a model does that says nothing of retries; at {source} there are none then",
            do="set retry.attempts: 1 if it is to be as it was",
        )
