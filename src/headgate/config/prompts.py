"""Models that are prompts: what they refer to, and what goes with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from headgate.config.problem import Path, Problem
from headgate.config.rules import member
from headgate.config.source import Source
from headgate.prompts.config import PromptsConfig
from headgate.prompts.reference import Malformed, check_label, parse
from headgate.registry import suggest
from headgate.types import JSON

if TYPE_CHECKING:
    from headgate.prompts.at_hand import Served

_ALONE = frozenset({"prompt"})
"""What a model says that has no targets of its own."""


def check(source: Source) -> Iterator[Problem]:
    """The problems of all prompts that models are, and of where they come from."""
    tree = source.tree
    if not isinstance(tree, dict):
        return
    block = member(tree, "prompts", dict)
    if block.get("folder") is not None and block.get("package") is not None:
        yield Problem(("prompts", "package"), "stands beside a folder; keep one of them")
    for index, label in enumerate(member(block, "protected", list)):
        if isinstance(label, str):
            try:
                check_label(label)
            except Malformed as error:
                yield Problem(("prompts", "protected", index), f"{error}")
    models = member(tree, "models", dict)
    for name, model in models.items():
        if isinstance(model, dict) and isinstance(model.get("prompt"), dict):
            yield from _prompt(source, name, model)
        yield from _fallbacks(models, name, model)


def _prompt(source: Source, name: str, model: JSON) -> Iterator[Problem]:
    at: Path = ("models", name)
    use = model["prompt"].get("use")
    if isinstance(use, str):
        try:
            parse(use)
        except Malformed as error:
            yield Problem((*at, "prompt", "use"), f"{error}: {source.show((*at, 'prompt', 'use'), use)}")
    if name.endswith("*"):
        yield Problem((*at, "prompt"), "cannot be that of a pattern; write a model with a name of its own")
    if model.get("targets", []) == []:
        for setting in sorted(set(model) - _ALONE - {"targets"}):
            what = "has no effect: without targets calls go to the prompt's own model, as that is configured"
            yield Problem((*at, setting), f"{what}; write targets, or take it out")


def _fallbacks(models: JSON, name: str, model: Any) -> Iterator[Problem]:
    """A fallback that is a prompt has its own instructions."""
    fallback = member(model, "fallback", dict)
    for cause in fallback:
        for index, entry in enumerate(member(fallback, cause, list)):
            use = entry.get("use") if isinstance(entry, dict) else None
            if not isinstance(use, str) or member(models, use, dict).get("prompt") is None:
                continue
            for setting in ("system", "set"):
                if entry.get(setting):
                    yield Problem(
                        ("models", name, "fallback", cause, index, setting),
                        f"goes with no prompt, and {use!r} is one; write it there",
                    )


def file_problems(source: Source) -> list[str]:
    """What is wrong in the files of prompts, each with its place; and models whose prompt is not among them though
    nothing else could have it.
    """
    from headgate.errors import ConfigError
    from headgate.prompts import files  # a template language is for who has prompts

    block = member(source.tree, "prompts", dict)
    folder, package = block.get("folder"), block.get("package")
    if not isinstance(folder, str | None) or not isinstance(package, str | None) or folder is package is None:
        return []
    try:
        served = files.of(PromptsConfig(folder=folder, package=package))
    except ConfigError as error:
        return list(error.problems)
    source.add(_missing(source.tree, served))
    source.add(_going_nowhere(source.tree, served))
    return []


def _missing(tree: JSON, served: Mapping[str, Served]) -> Iterator[Problem]:
    """Prompts without a label or version that are not in the folder: they were meant to be."""
    for name, model in member(tree, "models", dict).items():
        use = member(model, "prompt", dict).get("use")
        if isinstance(use, str) and "@" not in use and use not in served:
            what = f"is not in the folder of prompts{suggest(use, served)}; write name@label for a published one"
            yield Problem(("models", name, "prompt", "use"), what)


def _going_nowhere(tree: JSON, served: Mapping[str, Served]) -> Iterator[Problem]:
    """Models without targets, whose prompt says no model that their calls could go to."""
    for name, model in member(tree, "models", dict).items():
        use = member(model, "prompt", dict).get("use")
        found = served.get(use.partition("@")[0]) if isinstance(use, str) else None
        if found is None or member(model, "targets", list):
            continue
        own = found.prompt.model
        if own is None:
            what = "is a prompt that names no model; write 'model:' in its file, or targets here"
            yield Problem(("models", name, "prompt", "use"), what)
        elif not _answers(tree, own):
            what = f"is a prompt for {own[:100]!r}, which is neither a model here that is no prompt, nor a target"
            yield Problem(("models", name, "prompt", "use"), f"{what}; write another in its file, or targets here")


def _answers(tree: JSON, own: str) -> bool:
    """Whether a prompt's own model is one that can be asked."""
    models = member(tree, "models", dict)
    if own in models:
        return not own.endswith("*") and member(models, own, dict).get("prompt") is None
    provider, _, model = own.partition("/")
    return provider in member(tree, "providers", dict) and bool(model) and "*" not in model
