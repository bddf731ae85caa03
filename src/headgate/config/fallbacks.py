"""Where models fall back to: whether it is there, and whether it ever ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from itertools import islice
from typing import Any, get_args

from headgate.config.problem import Path, Problem
from headgate.config.rules import member, reference, unknown
from headgate.config.source import Source
from headgate.registry import suggest
from headgate.routing.config import FallbackCause
from headgate.types import JSON

MAX_DEPTH = 8
"""Models a call may go through, one falling back to the next."""


MAX_CYCLES = 20
"""Ways back that are told at a time."""


RESERVED = frozenset({"model", "stream"})
"""Members of a request that a fallback leaves alone."""


def check(source: Source) -> Iterator[Problem]:
    """The problems of all fallbacks."""
    tree = source.tree
    if not isinstance(tree, dict):
        return
    models = member(tree, "models", dict)
    for name, model in models.items():
        yield from unknown(("models", name, "fallback"), member(model, "fallback", dict), get_args(FallbackCause))
        for path, entry in _entries(name, model):
            yield from _entry(source, tree, name, path, entry)
    yield from _endless(models)


def _entries(name: str, model: Any) -> Iterator[tuple[Path, Any]]:
    fallback = member(model, "fallback", dict)
    for cause in fallback:
        for index, entry in enumerate(member(fallback, cause, list)):
            yield ("models", name, "fallback", cause, index), entry


def _entry(source: Source, tree: JSON, model: str, path: Path, entry: Any) -> Iterator[Problem]:
    for name in RESERVED & set(member(entry, "set", dict)):
        yield Problem((*path, "set", name), "cannot be set here: the client and the route decide it; take it out")
    use = entry.get("use") if isinstance(entry, dict) else None
    if isinstance(use, str) and use in member(tree, "models", dict) and use.endswith("*") and not model.endswith("*"):
        what = f"is a pattern, and the model {model!r} has nothing its '*' could stand for; write a model or a target"
        yield Problem((*path, "use"), what)
    if not isinstance(use, str) or use in member(tree, "models", dict):
        return
    path = (*path, "use")
    if "/" in use:
        yield from reference(source, tree, model, path, use)
    else:
        known = suggest(use, member(tree, "models", dict))
        yield Problem(path, f"is neither a model nor a target: {source.show(path, use)}{known}")


def _endless(models: Mapping[str, Any]) -> Iterator[Problem]:
    """Ways that come back to where they were, each told once, and ways that are too long."""
    ways = {
        name: list(dict.fromkeys(entry["use"] for entry in _named(name, model) if entry["use"] in models))
        for name, model in models.items()
    }
    cycles = list(islice(_cycles(ways), MAX_CYCLES))
    for cycle in cycles:
        what = f"comes back to itself: {' > '.join(cycle)}; take one of them out"
        yield Problem(("models", cycle[0], "fallback"), what)
    if cycles:
        return
    longest: dict[str, list[str]] = {}
    for name in TopologicalSorter(ways).static_order():
        longest[name] = [name, *max((longest[use] for use in ways[name]), key=len, default=[])][: MAX_DEPTH + 1]
    led = {use for uses in ways.values() for use in uses}
    for name, way in longest.items():
        if len(way) > MAX_DEPTH and name not in led:
            what = f"goes through more than {MAX_DEPTH} models: {' > '.join(way)}; make it shorter"
            yield Problem(("models", name, "fallback"), what)


def _cycles(ways: dict[str, list[str]]) -> Iterator[list[str]]:
    """The ways that come back to where they were, from the first of their models on; each is cut where it does."""
    places = {name: place for place, name in enumerate(ways)}
    while True:
        try:
            TopologicalSorter(ways).prepare()
        except CycleError as error:
            cycle: list[str] = error.args[1][:0:-1]
            first = min(range(len(cycle)), key=lambda at: places[cycle[at]])
            cycle = [*cycle[first:], *cycle[:first], cycle[first]]
            ways[cycle[-2]].remove(cycle[-1])
            yield cycle
        else:
            return


def _named(name: str, model: Any) -> list[JSON]:
    """The entries that say where they lead."""
    entries = [entry for _, entry in _entries(name, model)]
    return [entry for entry in entries if isinstance(entry, dict) and isinstance(entry.get("use"), str)]
