"""What a configuration says of its models, before any of them is asked."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from headgate.config import Config


class Configured:
    """The models of a configuration."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._fingerprints: dict[str, Any] = {}

    async def learn(self, models: Iterable[str]) -> None:
        """Nothing: the configuration says it all."""

    def names(self, model: str) -> bool:
        """Whether there is such a model."""
        return self._label(model) is not None

    def unknown(self, model: str) -> str:
        """That there is no such model, where, and what lists those there are."""
        return f"there is no model '{model}' in the configuration; 'headgate models' lists them"

    def takes_inputs(self, model: str) -> bool:
        """Whether it is a prompt itself, and renders what it is given."""
        block = self._config.models.get(self._label(model) or model)
        return block is not None and block.prompt is not None

    def fingerprint(self, model: str) -> Any:
        """All the configuration says of a model that its answers may depend on; no secrets."""
        if model not in self._fingerprints:
            config = self._config
            block = msgspec.to_builtins(config.models.get(self._label(model) or model))
            providers = {
                name: [each.kind, each.base_url, each.region, each.api_version, each.body, _digest(each.script)]
                for name, each in config.providers.items()
            }
            self._fingerprints[model] = [block, providers]
        return self._fingerprints[model]

    def _label(self, model: str) -> str | None:
        """The name under which a model stands in the configuration; None where nothing answers to it."""
        config = self._config
        if model in config.models and not model.endswith("*"):
            return model
        patterns = [name for name in config.models if name.endswith("*") and model.startswith(name[:-1])]
        if patterns:
            return max(patterns, key=len)
        direct = config.server.direct_targets and model.partition("/")[0] in config.providers and "/" in model
        return model if direct else None


def _digest(script: str | None) -> str | None:
    """Of what a simulator is told to answer."""
    return None if script is None else sha256(Path(script).read_bytes()).hexdigest()
