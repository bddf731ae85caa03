"""What a model's answers may depend on, as far as a configuration says it: another one, and they may be others."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from headgate.config import Config
from headgate.providers.config import ProviderConfig

BESIDE = frozenset({
    "timeout", "retry", "breaker", "queue", "hedge", "once", "evaluate", "objectives", "shadow",
})  # fmt: skip
"""What of a model's block decides when there is an answer, or what is done beside it, and not what it says."""


def label_of(config: Config, model: str) -> str:
    """The name under which a model stands in a configuration: itself, or the longest pattern that it fits."""
    patterns = [name for name in config.models if name.endswith("*") and model.startswith(name[:-1])]
    return model if model in config.models or not patterns else max(patterns, key=len)


def fingerprint_of(config: Config, model: str) -> Any:
    """All that a configuration says of a model, those it falls back to included, or of a target, that its answers may
    depend on; no secrets. Plain values. Of a model that is a prompt and has no targets, it says nothing of the prompt's
    own model.
    """
    names = list(_reached(config, label_of(config, model)))
    providers = dict.fromkeys(each.partition("/")[0] for each in names if each not in config.models)
    return [
        [[each, _said(config, each)] for each in names if each in config.models],
        {each: _provider(config.providers[each]) for each in sorted(providers) if each in config.providers},
    ]


def _reached(config: Config, name: str) -> Iterator[str]:
    """A model, and the models and targets its calls may go to."""
    found: dict[str, None] = {}
    waiting = [name]
    while waiting:
        each = waiting.pop(0)
        if each in found:
            continue
        found[each] = None
        model = config.models.get(each)
        if model is not None:
            waiting += [target.target for target in model.targets]
            waiting += [entry.use for entries in model.fallback.values() for entry in entries]
    yield from found


def _said(config: Config, name: str) -> Any:
    block: dict[str, Any] = msgspec.to_builtins(config.models[name])
    return {member: value for member, value in block.items() if member not in BESIDE}


def _provider(config: ProviderConfig) -> Any:
    return [config.kind, config.base_url, config.region, config.api_version, config.body, _digest(config.script)]


def _digest(script: str | None) -> str | None:
    """Of what a simulator is told to answer; nothing where that cannot be read now."""
    try:
        return None if script is None else sha256(Path(script).read_bytes()).hexdigest()
    except OSError:
        return None
