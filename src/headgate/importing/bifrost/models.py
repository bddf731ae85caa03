"""From Bifrost's providers to models: `provider/model` as clients of its own API ask, and the model's name alone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from headgate.importing.bifrost.keys import ALL, Group
from headgate.importing.bifrost.providers import Entry
from headgate.importing.bifrost.vendors import BARE
from headgate.importing.models import joined
from headgate.importing.places import Place, Places
from headgate.importing.prices import PriceList
from headgate.importing.references import escaped
from headgate.importing.report import Report
from headgate.importing.section import Section

Tree = dict[str, Any]
Shares = Mapping[str, Mapping[str, float]]
"""By model, the providers it is shared among and their weights, as virtual keys have them."""

_EQUALS = re.compile(r"""\s*(?:request\.)?model\s*==\s*(?:"([^"\\*]+)"|'([^'\\*]+)')\s*""")
"""The one kind of CEL expression that a model's name can stand for."""


class Models:
    """The models, as they are made."""

    def __init__(self, report: Report, entries: Mapping[str, Entry], *, drop: bool) -> None:
        self._report = report
        self._entries = entries
        self._drop = drop
        self._prices = PriceList(report, "Bifrost")
        self.places = Places()
        self.tree: dict[str, Tree] = {}
        self.providers: dict[str, list[str]] = {}
        """By model or pattern, Bifrost's providers that it goes to."""

    @property
    def unbounded(self) -> bool:
        return self._prices.unbounded

    def build(self, shares: Shares, rules: Sequence[Section]) -> None:
        """Make all of them."""
        for rule in rules:
            self._rule(rule)
        for entry in self._entries.values():
            for model in [each for each in _listed(entry) if f"{entry.name}/{each}" not in self.tree]:
                self._add(f"{entry.name}/{model}", {entry.name: 1.0}, model)
            if any(ALL in group.models for group in entry.groups):
                self._add(f"{entry.name}/*", {entry.name: 1.0}, ALL)
        for model in dict.fromkeys(each for entry in self._entries.values() for each in _listed(entry)):
            if model not in self.tree:
                serving = self._serving(model)
                self._add(model, dict(shares.get(model) or dict.fromkeys(serving, 1.0)), model)
        for entry in self._entries.values():
            for start in BARE.get(entry.name, ()):
                if f"{start}*" not in self.tree and any(ALL in group.models for group in entry.groups):
                    self._add(f"{start}*", {entry.name: 1.0}, ALL, start)

    # ── parts ──

    def _serving(self, model: str) -> list[str]:
        """The providers that a model's name alone stands for: its own vendor, else all that list it."""
        listing = [entry.name for entry in self._entries.values() if model in _listed(entry)]
        own = [name for name in listing if model.startswith(tuple(BARE.get(name, ())))]
        return own or listing

    def _add(self, name: str, providers: dict[str, float], model: str, start: str = "") -> Tree | None:
        """Make a model that goes to some providers by weight; None where none of them has it. A pattern's `*` stands
        for what comes behind `start` there.
        """
        targets: list[Tree] = []
        settings: list[Tree] = []
        named: list[str] = []
        for provider, weight in providers.items():
            entry = self._entries[provider]
            groups = [group for group in entry.groups if (ALL in group.models if model == ALL else group.serves(model))]
            whole = sum(group.weight for group in groups)
            for group in groups:
                self._target(targets, name, entry, group, f"{start}{model}", weight * group.weight / whole)
            if groups:
                settings.append(entry.settings)
                named.append(provider)
        if not targets:
            return None
        made: Tree = {"targets": targets, **deepcopy(joined(settings))}
        if len(targets) > 1:
            made["balance"] = {"by": "weight"}
        else:
            targets[0].pop("weight")
        if self._drop:
            made["drop_unsupported"] = True
        self.tree[name] = made
        self.providers[name] = named
        return made

    def _target(self, targets: list[Tree], name: str, entry: Entry, group: Group, model: str, weight: float) -> None:
        alias = group.at(model)
        kind, there = group.settings["kind"], group.there(model)
        if there is None:
            self._report.cannot(
                "models", f"{entry.name}/{model}", "is left out",
                why="of Vertex AI only Google's own models are served here", do="use that vendor's own API",
            )  # fmt: skip
            return
        place = Place(self.places.add(group.settings, group.wanted), there, kind)
        self._prices.bound(place, name, alias.base_model)
        for known in targets:
            if known["target"] == place.target:
                known["weight"] += weight
                return
        found: Tree = {"target": place.target, "weight": round(weight, 6) or 0.000001}
        if alias.base_model is not None:
            found["base_model"] = escaped(alias.base_model.rpartition("/")[2])
        if entry.most is not None:
            found["max_concurrent"] = entry.most
        targets.append(found)

    # ── routing rules ──

    def _rule(self, rule: Section) -> None:
        """A rule of the one kind that a model's name can stand for."""
        expression = str(rule.take("cel_expression", ""))
        match = _EQUALS.fullmatch(expression)
        enabled, scope = rule.take("enabled", True), rule.take("scope", "global")
        targets, fallbacks = rule.sections("targets"), rule.values("fallbacks")
        for name in ("id", "name", "description", "priority", "query", "scope_id"):
            rule.take(name)
        chained = rule.take("chain_rule")
        rule.close()
        if enabled is False:
            self._report.carries("models", rule.place, "is left out: it is not enabled")
            return
        model = next((each for each in match.groups() if each), "") if match else ""
        if not model or scope != "global" or model in self.tree:
            self._report.cannot(
                "models",
                rule.place,
                "this rule is left out",
                why="a model's name says where its calls go: a rule that asks for one, for everybody, is carried, once",
                do="make a model of its own for these calls, and have their clients ask for it",
            )
            return
        shares = self._shares(targets, model)
        made = self._share(model, shares)
        if made is None:
            self._report.cannot(
                "models", rule.place, "this rule is left out", why="none of its targets is there",
                do="see what became of their providers",
            )  # fmt: skip
            return
        if chained:
            self._report.cannot(
                "models", rule.at("chain_rule"), "is left out", why="one model leads to its targets, and no further",
                do="write the targets that the rules come to",
            )  # fmt: skip
        uses = [use for each in fallbacks if (use := self._use(str(each), model, rule)) is not None]
        if uses:
            made["fallback"] = {"any": uses}
        self._report.carries("models", rule.place, f"is the model '{model}'")

    def _shares(self, targets: list[Section], asked: str) -> list[tuple[str, str, float]]:
        """Providers, models and weights of a rule's targets."""
        found: list[tuple[str, str, float]] = []
        for target in targets:
            provider, model = str(target.take("provider", "")), str(target.take("model", asked))
            weight = target.number("weight")
            for name in ("provider_key_name", "key_id"):
                if target.take(name) is not None:
                    self._report.cannot(
                        "models", target.at(name), "is left out", why="a target has all keys of its provider",
                        do="make a provider of its own for that key",
                    )  # fmt: skip
            target.close()
            if provider in self._entries and ALL not in model:
                found.append((provider, model, 1.0 if weight is None or weight <= 0 else weight))
            else:
                self._report.cannot(
                    "models", target.place, "is left out", why="it names no provider that is there", do="name one"
                )
        return found

    def _share(self, name: str, shares: list[tuple[str, str, float]]) -> Tree | None:
        made: list[Tree] = []
        providers: list[str] = []
        for provider, model, weight in shares:
            part = self._add(name, {provider: weight}, model)
            if part is not None:
                whole = part["targets"] if len(part["targets"]) > 1 else [{**part["targets"][0], "weight": weight}]
                made.append({**part, "targets": whole})
                providers.append(provider)
        if not made:
            return None
        model = joined(made)
        model["targets"] = [target for part in made for target in part["targets"]]
        if len(model["targets"]) > 1:
            model["balance"] = {"by": "weight"}
        else:
            model["targets"][0].pop("weight", None)
        self.tree[name], self.providers[name] = model, providers
        return model

    def _use(self, fallback: str, asked: str, rule: Section) -> str | None:
        """The target of a fallback: a provider with the same model, or `provider/model`."""
        provider, _, model = fallback.partition("/")
        entry = self._entries.get(provider)
        model = model or asked
        group = next((each for each in entry.groups if each.serves(model)), None) if entry else None
        there = group.there(model) if group is not None and ALL not in model else None
        if group is None or there is None:
            self._report.cannot(
                "fallbacks",
                rule.at("fallbacks"),
                f"'{fallback}' is left out",
                why="there is no such place",
                do="add it",
            )
            return None
        return Place(self.places.add(group.settings, group.wanted), there, group.settings["kind"]).target


def _listed(entry: Entry) -> list[str]:
    """The models of a provider that are listed by name, aliases too."""
    return list(dict.fromkeys(
        each for group in entry.groups for each in (*group.models, *group.aliases)
        if each != ALL and group.serves(each)
    ))  # fmt: skip
