"""What a configuration says of its models, before any of them is asked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from headgate.config import Config
from headgate.evals.fingerprints import fingerprint_of, label_of


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
            self._fingerprints[model] = fingerprint_of(self._config, model)
        return self._fingerprints[model]

    def _label(self, model: str) -> str | None:
        """The name under which a model stands in the configuration; None where nothing answers to it."""
        config, label = self._config, label_of(self._config, model)
        if label in config.models:
            return label if label != model or not model.endswith("*") else None
        direct = config.server.direct_targets and model.partition("/")[0] in config.providers and "/" in model
        return model if direct else None
