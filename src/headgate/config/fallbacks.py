"""Where models fall back to: whether it is there, and whether it ever ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from headgate.config.problem import Path, Problem
from headgate.config.rules import member, reference
from headgate.config.source import Source
from headgate.registry import suggest
from headgate.types import JSON

MAX_DEPTH = 8
"""Models a call may go through, one falling back to the next."""


def check(source: Source) -> Iterator[Problem]:
    """The problems of all fallbacks."""
    tree = source.tree
    if not isinstance(tree, dict):
        return
    models = member(tree, "models", dict)
    for name, model in models.items():
        for path, entry in _entries(name, model):
            yield from _entry(source, tree, name, path, entry)
    yield from _endless(models)


def _entries(name: str, model: Any) -> Iterator[tuple[Path, Any]]:
    fallback = member(model, "fallback", dict)
    for cause in fallback:
        for index, entry in enumerate(member(fallback, cause, list)):
            yield ("models", name, "fallback", cause, index), entry


def _entry(source: Source, tree: JSON, model: str, path: Path, entry: Any) -> Iterator[Problem]:
    use = entry.get("use") if isinstance(entry, dict) else None
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
        name: [entry["use"] for entry in _named(name, model) if entry["use"] in models]
        for name, model in models.items()
    }
    longest: dict[str, list[str]] = {}
    cycles: list[list[str]] = []

    def follow(name: str, chain: list[str]) -> list[str]:
        """The longest way from a model; ways back are noted, and not followed."""
        if name in longest:
            return longest[name]
        best: list[str] = []
        for use in ways[name]:
            if use in chain:
                cycles.append([*chain[chain.index(use) :], use])
            else:
                best = max(best, follow(use, [*chain, use]), key=len)
        longest[name] = [name, *best]
        return longest[name]

    for name in models:
        follow(name, [name])
    for cycle in cycles:
        what = f"comes back to itself: {' > '.join(cycle)}; take one of them out"
        yield Problem(("models", cycle[0], "fallback"), what)
    for name, way in longest.items():
        if len(way) > MAX_DEPTH and not any(name in other[1:] for other in longest.values()):
            what = f"goes through more than {MAX_DEPTH} models: {' > '.join(way)}; make it shorter"
            yield Problem(("models", name, "fallback"), what)


def _named(name: str, model: Any) -> list[JSON]:
    """The entries that say where they lead."""
    entries = [entry for _, entry in _entries(name, model)]
    return [entry for entry in entries if isinstance(entry, dict) and isinstance(entry.get("use"), str)]
