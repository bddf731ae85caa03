"""When what people name retires: models of a configuration, their targets, and models by their vendor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from headgate.catalog.retirements import SOON_DAYS, Retirement, Retirements
from headgate.config.problem import Path
from headgate.config.schema import Config
from headgate.prompts.reference import parse
from headgate.providers.config import ProviderConfig
from headgate.providers.row import ROWS, find_row
from headgate.routing.config import ModelConfig, TargetConfig

_VENDORS = {"googleai": "gemini", "google": "gemini", "vertexai": "vertex", "vertex_ai": "vertex", "x-ai": "xai"}
"""Kinds of providers by what other tools call them in prompt files."""


class Retiring:
    """What retires of all that one configuration knows."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._days = Retirements(config.retirements)

    def of(self, name: str) -> Sequence[Retirement]:
        """What retires of what a name means, the earliest first; nothing of a name that means nothing here.

        `name` is a model of the configuration, whose targets and targets of fallbacks it is, `provider/model-id`, or
        `vendor/model` where no provider is called like that.
        """
        found = [Retirement(target, day) for _, target, day in self._model(name)]
        if not found:
            day = self._day(name)
            found = [Retirement(name, day)] if day is not None else []
        return sorted(set(found), key=lambda each: (each.day, each.model))

    def prompt(self, reference: str) -> Sequence[str]:
        """The models of the configuration that a released prompt is, by `name@label`."""
        models = self._config.models.items()
        return [name for name, model in models if model.prompt and str(parse(model.prompt.use)) == reference]

    def every(self) -> Iterator[tuple[Path, Retirement]]:
        """What retires of all models' targets, and where in the configuration it stands."""
        for name, model in self._config.models.items():
            for path, target, day in _targets(self, name, model, name):
                yield path, Retirement(target, day)

    def soon(self, today: date) -> list[tuple[Path, Retirement]]:
        """The same, of what retires within `SOON_DAYS`, or has."""
        return [(path, each) for path, each in self.every() if each.day <= today + timedelta(days=SOON_DAYS)]

    def target(self, name: str, target: TargetConfig | None = None) -> date | None:
        """When one target retires, by the model it stands for."""
        return self._day(name, target.base_model if target is not None else None)

    def listed(self, vendor: str, model: str) -> Sequence[tuple[str, date]]:
        """The kinds of providers of a vendor, as price lists call it, at which a model retires, and when."""
        kinds = [kind for kind in ROWS if find_row(kind).catalog == vendor]
        return [(kind, day) for kind in kinds if (day := self._days.day(kind, model)) is not None]

    def _model(self, name: str) -> Iterator[tuple[Path, str, date]]:
        model = self._config.models.get(name)
        if model is not None:
            yield from _targets(self, name, model, name)
            return
        patterns = [each for each in self._config.models if each.endswith("*") and name.startswith(each[:-1])]
        if patterns:
            pattern = max(patterns, key=len)
            yield from _targets(self, pattern, self._config.models[pattern], name)

    def _day(self, name: str, base_model: str | None = None) -> date | None:
        provider_name, slash, model = name.partition("/")
        if not slash or "*" in name:
            return None
        provider = self._config.providers.get(provider_name)
        if provider is None:
            return self._days.day(_VENDORS.get(provider_name, provider_name), model)
        return self._days.day(provider.kind, base_model or _base_model(provider, model))


def _base_model(provider: ProviderConfig, model: str) -> str:
    known = provider.models.get(model)
    return known.base_model if known else model


def _targets(known: Retiring, name: str, model: ModelConfig, asked: str) -> Iterator[tuple[Path, str, date]]:
    """The targets of a model that retire, and those of its fallbacks, where they stand; `*` is what was asked for."""
    at: Path = ("models", name)
    rest = asked[len(name) - 1 :] if name.endswith("*") and not asked.endswith("*") else "*"
    for index, target in enumerate(model.targets):
        full = target.target.replace("*", rest)
        day = known.target(full, target)
        if day is not None:
            yield (*at, "targets", index), full, day
    for cause, entries in model.fallback.items():
        for index, entry in enumerate(entries):
            day = known.target(entry.use.replace("*", rest)) if "/" in entry.use else None
            if day is not None:
                yield (*at, "fallback", cause, index), entry.use.replace("*", rest), day
