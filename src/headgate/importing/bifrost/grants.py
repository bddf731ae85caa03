"""What virtual keys may ask for, and where that goes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from headgate.importing.bifrost.keys import ALL
from headgate.importing.bifrost.providers import Entry
from headgate.importing.bifrost.vendors import BARE
from headgate.importing.report import Report
from headgate.importing.section import Section


class Granted(msgspec.Struct):
    """What one virtual key may do."""

    allowed: dict[str, list[str]]
    """By provider, the models it may ask for there."""
    weights: dict[str, float]
    """By provider, its share of the key's calls."""


class Grants:
    """Reads that."""

    def __init__(self, entries: Mapping[str, Entry], older: bool, report: Report) -> None:
        self._entries = entries
        self._older = older
        """Whether empty lists allow everything, as before release 1.5."""
        self._report = report

    def read(self, section: Section, place: str) -> Granted:
        """What a virtual key may do; `place` is what it is called."""
        key = Granted({}, {})
        configs = section.sections("provider_configs", "keys")
        for config in configs:
            self._provider(config, key, place)
        if section.take("allow_all_providers") is True:
            key.allowed = {name: key.allowed.get(name, [ALL]) for name in self._entries}
        elif not configs and self._older:
            key.allowed = {name: [ALL] for name in self._entries}
        return key

    def shares(self, keys: Iterable[Granted]) -> dict[str, dict[str, float]]:
        """By model, the providers that virtual keys share its calls among."""
        listed = list(keys)
        found: dict[str, dict[str, float]] = {}
        models = dict.fromkeys(
            each for entry in self._entries.values() for group in entry.groups for each in group.models
        )
        for model in [each for each in models if each != ALL]:
            for key in listed:
                own = {
                    provider: key.weights.get(provider, 1.0)
                    for provider, allowed in key.allowed.items()
                    if (ALL in allowed or model in allowed)
                    and any(group.serves(model) and ALL not in group.models for group in self._entries[provider].groups)
                }
                known = found.setdefault(model, own)
                if own and own != known:
                    self._report.changes(
                        "models",
                        model,
                        "is shared among the providers of all virtual keys that may ask for it",
                        why="a model goes to the same places, whoever asks; weights are those of the first key",
                        do="where they have to be apart, have clients ask for provider/model",
                    )
                    found[model] = {**own, **known}
        return {model: providers for model, providers in found.items() if providers}

    def models(self, key: Granted, place: str, providers: Mapping[str, Sequence[str]]) -> list[str]:
        """What a key may ask for: `provider/model`, and the model alone where it goes nowhere else."""
        found: dict[str, None] = {}
        apart: list[str] = []
        for provider, allowed in key.allowed.items():
            if ALL in allowed:
                found[f"{provider}/*"] = None
                bare = [name for name, of in providers.items() if provider in of and not _full(name, self._entries)]
                bare += [f"{start}*" for start in BARE.get(provider, ()) if f"{start}*" in providers]
            else:
                found |= {f"{provider}/{model}": None for model in allowed}
                bare = list(allowed)
            for name in bare:
                of = providers.get(name) or next(
                    (of for start, of in providers.items() if start.endswith("*") and name.startswith(start[:-1])), []
                )
                if of and all(each in key.allowed for each in of):
                    found[name] = None
                elif of:
                    apart.append(name)
        if apart:
            self._report.cannot(
                "keys", place, f"may not ask for {', '.join(dict.fromkeys(apart))} by that name alone",
                why="these models go to other providers too, which the key may not use",
                do="have its clients ask for provider/model",
            )  # fmt: skip
        return list(found)

    def _provider(self, config: Section, key: Granted, place: str) -> None:
        """What a virtual key may do at one provider."""
        provider, weight = str(config.take("provider", "")), config.number("weight")
        listed = [str(each) for each in config.values("allowed_models") if each]
        allowed = [each for each in listed if each == ALL or not (ALL in each or each.startswith("regex:"))]
        ids = [str(each) for each in (config.values("key_ids") or config.values("allowed_keys"))]
        for name in ("id", "virtual_key_id"):
            config.take(name)
        for each in config.values("blacklisted_models"):
            self._report.cannot(
                "keys", place, f"may ask for {provider}/{each} all the same, where its models allow it",
                why="what a key may ask for is a list, without exceptions", do="name its models one by one",
            )  # fmt: skip
        if config.take("rate_limit_id") is not None or config.take("budget_id") is not None or config.values("budgets"):
            config.take("budget_id")
            self._report.cannot(
                "limits", place, f"its limit or budget at {provider} alone is left out",
                why="a limit here is of one subject: of a key or of a model, not of both",
                do="make a key of its own for that provider, or limit the models",
            )  # fmt: skip
        if strange := [each for each in listed if each not in allowed]:
            self._report.cannot(
                "keys", place, f"may not ask {provider} for {', '.join(strange)}", why="only '*' alone is known there",
                do="write the models' names",
            )  # fmt: skip
        config.close()
        entry = self._entries.get(provider)
        if entry is None:
            self._report.cannot(
                "keys", place, f"may not ask {provider} for anything", why="there is no such provider here",
                do="see what became of it",
            )  # fmt: skip
            return
        if self._older:
            allowed, ids = allowed if listed else [ALL], ids or [ALL]
        if not allowed or not ids:
            self._report.cannot(
                "keys", place, f"may not ask {provider} for anything",
                why="it lists no models or no keys of that provider, which allows none",
                do='write ["*"]; or "version": 1 at the top if your Bifrost is older than 1.5, where it allows all',
            )  # fmt: skip
            return
        if ALL not in ids and any(not set(group.names) & set(ids) for group in entry.groups):
            self._report.cannot(
                "keys", place, f"uses all keys of {provider}, and not only those it names",
                why="a target has all keys of its provider",
                do="make a provider and models of their own for these keys, and name those as the key's models",
            )  # fmt: skip
        key.allowed[provider] = allowed
        if weight is not None and weight > 0:
            key.weights[provider] = weight


def _full(name: str, entries: Mapping[str, Entry]) -> bool:
    """Whether a model's name begins with its provider's."""
    return name.partition("/")[0] in entries and "/" in name
