"""From plans to models: what clients ask for, and where that goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from headgate.importing.places import Place, Places
from headgate.importing.portkey.plans import PASSED, Leaf, Plan
from headgate.importing.portkey.strategies import Branches
from headgate.importing.prices import PriceList
from headgate.importing.report import Report

Tree = dict[str, Any]

_ANTHROPIC = ("max_tokens", "temperature", "top_p", "top_k", "thinking")
"""Members of a request that are called in Anthropic's dialect what they are in OpenAI's."""

_OTHERS = ("gemini", "vertex", "bedrock", "cohere")
"""Kinds that speak another dialect than the one overrides are written in."""


class Models:
    """The models, as plans are published."""

    def __init__(self, report: Report, names: Sequence[str]) -> None:
        self._report = report
        self._names = names
        self._prices = PriceList(report, "Portkey")
        self.places = Places()
        self.tree: dict[str, Tree] = {}

    @property
    def unbounded(self) -> bool:
        return self._prices.unbounded

    def publish(self, branches: Branches, config: str) -> None:
        """Give the plans of a config the names that clients ask for. `config` is its own, where there are several."""
        before = f"{config}/" if config else ""
        made = [self._named(f"{before}{name}", plan) for name, plan in branches.names.items()]
        for name, plan in branches.models.items():
            self.add(f"{before}{name}", plan, name)
            made.append(f"{before}{name}")
        if branches.rest is not None:
            made += self._rest(branches, branches.rest, config)
        if config and made:
            self._report.changes(
                "models",
                config,
                f"is asked for as {', '.join(made)}",
                why="which config a call is for is said by its model's name here, not by x-portkey-config",
                do="have its clients ask for that",
            )

    def _rest(self, branches: Branches, plan: Plan, config: str) -> list[str]:
        """Where everything else goes."""
        if config:
            return [self._named(config, plan, asked=bool(branches.models))]
        for name in self._names:
            self.add(name, plan, name)
        if not self._names:
            self.add(PASSED, plan)
            self._report.carries("models", "names", "clients may ask for any model, as there: the model '*' takes all")
        return []

    def _named(self, name: str, plan: Plan, *, asked: bool = False) -> str:
        """Make a model that is called after no model of a vendor's: a pattern, where it matters which of these a client
        asks for (`asked`, or since it is passed on).
        """
        name = f"{name}/*" if asked or plan.passes else name
        self.add(name, plan)
        return name

    def add(self, name: str, plan: Plan, passed: str = PASSED) -> None:
        """Make a model. `passed` is what targets get that pass on what the client asks for."""
        if name in self.tree or not name or "*" in name[:-1]:
            self._report.cannot(
                "models", name, "is left out", why="there is a model of that name, or it cannot be one",
                do="add it by hand under another name",
            )  # fmt: skip
            return
        model: Tree = {"targets": []}
        self.tree[name] = model
        shared = len(plan.first) > 1
        for leaf in plan.first:
            self._target(model["targets"], name, self._with_body(leaf), passed, shared=shared)
        for step in plan.then:
            entries = self._entries(name, step.leaves, passed)
            for cause in step.causes:
                known = model.setdefault("fallback", {}).setdefault(cause, [])
                known += [entry for entry in entries if entry not in known]
        settings = dict(plan.settings)
        if len(model["targets"]) < 2:
            settings.pop("balance", None)
        model.update(settings)

    # ── parts ──

    def _target(self, targets: list[Tree], name: str, leaf: Leaf, passed: str, *, shared: bool) -> None:
        place = self._place(leaf, passed)
        self._prices.bound(place, name, leaf.base_model)
        for known in targets:
            if known["target"] == place.target:
                known["weight"] = _weight(known.get("weight", 1) + leaf.weight)
                self._report.changes(
                    "models", leaf.where or "the config", f"adds to the weight of {place.target}",
                    why="the same place twice is one target",
                )  # fmt: skip
                return
        found: Tree = {"target": place.target}
        if leaf.base_model is not None:
            found["base_model"] = leaf.base_model
        if shared:
            found["weight"] = _weight(leaf.weight)
        targets.append(found)

    def _entries(self, name: str, leaves: Sequence[Leaf], passed: str) -> list[str | Tree]:
        """The entries of a fallback that one step comes to."""
        if len(leaves) > 1 and not any(leaf.model == PASSED for leaf in leaves):
            return [self._group(name, leaves)]
        if len(leaves) > 1:
            self._report.changes(
                "fallbacks", leaves[0].where, "are asked in the order of their weights",
                why="a fallback is a list; only a model of its own shares among several",
            )  # fmt: skip
        found: list[str | Tree] = []
        for leaf in sorted(leaves, key=lambda each: -each.weight):
            place = self._place(leaf, passed)
            self._prices.bound(place, name, leaf.base_model)
            found.append({"use": place.target, "set": leaf.override} if leaf.override else place.target)
        return found

    def _group(self, name: str, leaves: Sequence[Leaf]) -> str:
        """A model of its own for a fallback that shares among several targets."""
        base, number = name.removesuffix("*").strip("/@") or "any", 1
        while (made := f"{base}-fallback-{number}") in self.tree:
            number += 1
        self.add(made, Plan(first=list(leaves), settings={"balance": {"by": "weight"}}))
        self._report.changes(
            "fallbacks",
            leaves[0].where,
            f"is the model '{made}'",
            why="a fallback that shares among several is a model",
        )
        return made

    def _place(self, leaf: Leaf, passed: str) -> Place:
        model = passed if leaf.model == PASSED else leaf.model
        return Place(self.places.add(leaf.settings, leaf.wanted), model, leaf.settings["kind"])

    def _with_body(self, leaf: Leaf) -> Leaf:
        """A target whose provider sets what the config overrides."""
        values = leaf.override
        if not values:
            return leaf
        kind = leaf.settings["kind"]
        place = f"{leaf.where}.override_params" if leaf.where else "override_params"
        fit = {
            name: value for name, value in values.items()
            if kind not in _OTHERS and (kind != "anthropic" or name in _ANTHROPIC)
        }  # fmt: skip
        for name in [each for each in values if each not in fit]:
            self._report.cannot(
                "models", f"{place}.{name}", "is not set",
                why=f"it is in OpenAI's words, and a provider of kind {kind} speaks another dialect",
                do="have clients send it",
            )  # fmt: skip
        if not fit:
            return leaf
        self._report.changes(
            "models", place, f"is set in every body: {', '.join(fit)}",
            why="it becomes providers.<name>.body, which is for all calls of that provider, whatever the operation",
        )  # fmt: skip
        return msgspec.structs.replace(leaf, settings={**leaf.settings, "body": fit}, override={})


def _weight(weight: float) -> float | int:
    rounded = round(weight, 6)
    return int(rounded) if rounded == int(rounded) else max(rounded, 0.000001)
