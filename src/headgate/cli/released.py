"""The versions of prompts that a label stands for, from the registry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headgate.cli.client import Client, Reach, Refused, everything, reached
from headgate.cli.exits import CannotRun
from headgate.prompts.dotprompt import Library, Prompt, PromptNotFound, PromptsInvalid, load_sources

HINT = "Try 'headgate prompts list --registered'."


def labelled(client: Client, label: str) -> list[str]:
    """The names of the prompts that have a label."""
    rows: Sequence[Any] = everything(client, "/prompts")
    return [row["name"] for row in rows if label in row["labels"]]


def shown(client: Client, name: str, label: str) -> Mapping[str, Any]:
    """The version of a prompt that a label stands for: `version`, and `sources` by their places."""
    return client.ask("GET", "/prompts/show", query={"prompt": f"{name}@{label}"})


def library_of(reach: Reach, label: str, names: Sequence[str]) -> Library:
    """Those of some prompts that have a label, each as it was published. No prompt of them sees files of another.

    Raises:
        CannotRun: they cannot be had.
    """
    found: dict[str, Prompt] = {}
    try:
        with reached(reach) as client:
            there = labelled(client, label)
            for name in names:
                if name in there:
                    found[name] = _prompt(name, label, shown(client, name, label))
    except Refused as error:
        raise CannotRun(f"what '{label}' stands for cannot be had: {error}", HINT) from None
    return Library(found, (), {}, {})


def _prompt(name: str, label: str, row: Mapping[str, Any]) -> Prompt:
    try:
        prompt = load_sources(row["sources"]).get(name)
    except (PromptsInvalid, PromptNotFound) as error:
        raise CannotRun(f"{name}@{label} cannot be used here: {error}", "Is the server of another release?") from None
    if prompt.version != row["version"]:
        raise CannotRun(
            f"{name}@{label} is {row['version'][:12]} there, and its files come to {prompt.version[:12]} here",
            "Use the release of Headgate that the server has.",
        )
    return prompt
