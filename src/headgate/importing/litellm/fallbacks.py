"""Fallbacks between models. LiteLLM lets them lead back to where they began; here that is refused, so such a step goes
to the targets of the model it names.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from headgate.importing.references import escaped, is_secret
from headgate.importing.report import Report

Tree = dict[str, Any]

CAUSES = {
    "fallbacks": "any",
    "context_window_fallbacks": "context_too_long",
    "content_policy_fallbacks": "content_filtered",
}
"""LiteLLM's lists of fallbacks, and the causes they are for."""


_NOT_SET = frozenset(
    {"model", "messages", "api_key", "api_base", "base_url", "api_version", "headers", "extra_headers", "extra_body"}
)
"""Members of a fallback that are none of the request, or what it says."""


class Fallbacks:
    """The fallbacks of the models there are."""

    def __init__(self, models: dict[str, Tree], report: Report) -> None:
        self._models = models
        self._report = report
        self.aliases: dict[str, str] = {}
        """Further names of models: by alias, the model it stands for."""

    def add(self, lists: Any, cause: str, place: str) -> None:
        """Read one of the lists: mappings of a model to what it falls back to."""
        for index, each in enumerate(lists if isinstance(lists, list) else [lists]):
            if not isinstance(each, dict):
                self._unreadable(f"{place}[{index}]")
                continue
            for name, uses in each.items():
                self._of(str(name), uses, cause, f"{place}[{index}].{name}")

    def add_default(self, uses: Any, place: str) -> None:
        """Read what all models fall back to that have nothing of their own."""
        if not isinstance(uses, list):
            self._unreadable(place)
            return
        for name in [each for each in self._models if each not in self.aliases]:
            if not self._models[name].get("fallback", {}).get("any"):
                self._give(name, [use for use in uses if use != name], "any", place)

    def share(self) -> None:
        """Give aliases what their models have come to, once that is all there."""
        for alias, name in self.aliases.items():
            self._models[alias] = deepcopy(self._models[name])

    def _of(self, name: str, uses: Any, cause: str, place: str) -> None:
        name = self.aliases.get(name, name)
        if name == "*":
            self.add_default(uses, place)
        else:
            self._give(name, uses, cause, place)

    def _give(self, name: str, uses: Any, cause: str, place: str) -> None:
        """Let a model fall back to others."""
        if not isinstance(uses, list):
            self._unreadable(place)
            return
        model = self._models.get(name) or self._concrete(name)
        if model is None:
            self._report.cannot(
                "fallbacks", place, "is left out", why=f"there is no model '{name}'", do="add it, or take this out"
            )
            return
        entries = [entry for use in uses for entry in self._entries(name, use, place)]
        if entries:
            known = model.setdefault("fallback", {}).setdefault(cause, [])
            known += [entry for entry in entries if entry not in known]
            self._report.carries("fallbacks", place, "are the model's fallbacks")

    def _entries(self, name: str, use: Any, place: str) -> list[str | Tree]:
        """The entries that one fallback comes to."""
        more: Tree = {}
        if isinstance(use, dict):
            more = {
                name: escaped(value) if isinstance(value, str) else value
                for name, value in use.items()
                if name not in _NOT_SET and not is_secret(str(name), value)
            }
            if len(more) + 1 < len(use):
                self._report.cannot(
                    "fallbacks",
                    place,
                    "goes on with the request's own messages and the model's own credentials",
                    why="a fallback changes members of the request, not what it says or where it goes",
                    do="make a model of its own for it",
                )
            use = use.get("model")
        found = self._uses(name, str(use), place)
        return [{"use": each, "set": more} if more else each for each in found]

    def _uses(self, name: str, use: str, place: str) -> list[str]:
        use = self.aliases.get(use, use)
        if use == name:
            return []
        model = self._models.get(use)
        if model is None or use.endswith("*"):
            target = self._target_of(use)
            if target is None:
                self._report.cannot(
                    "fallbacks",
                    place,
                    f"'{use}' is left out",
                    why="there is no such model",
                    do="add it, or take it out",
                )
                return []
            return [target]
        if not self._leads(use, name):
            return [use]
        self._report.changes(
            "fallbacks",
            place,
            f"goes to the targets of '{use}' themselves",
            why=f"'{use}' falls back to '{name}', and here fallbacks do not lead back to where they began",
        )
        return [target["target"] for target in model["targets"]]

    def _leads(self, start: str, end: str) -> bool:
        """Whether fallbacks lead from one model to another."""
        seen: set[str] = set()
        ahead = [start]
        while ahead:
            name = ahead.pop()
            if name == end:
                return True
            if name in seen or name not in self._models:
                continue
            seen.add(name)
            for entries in self._models[name].get("fallback", {}).values():
                ahead += [entry["use"] if isinstance(entry, dict) else entry for entry in entries]
        return False

    def _concrete(self, name: str) -> Tree | None:
        """A model for a name that a pattern stands for, so that it can have fallbacks of its own."""
        pattern = self._pattern_of(name)
        if pattern is None:
            return None
        matched = name[len(pattern) - 1 :]
        model = {**self._models[pattern]}
        model["targets"] = [{**target, "target": target["target"].replace("*", matched)} for target in model["targets"]]
        model.pop("fallback", None)
        self._models[name] = model
        return model

    def _target_of(self, use: str) -> str | None:
        pattern = self._pattern_of(use)
        if pattern is None:
            return None
        return self._models[pattern]["targets"][0]["target"].replace("*", use[len(pattern) - 1 :])

    def _pattern_of(self, name: str) -> str | None:
        patterns = [each for each in self._models if each.endswith("*") and name.startswith(each[:-1]) and each != name]
        return max(patterns, key=len, default=None)

    def _unreadable(self, place: str) -> None:
        self._report.cannot(
            "fallbacks", place, "is left out", why="it is no list of models", do="write 'model: [other]' there"
        )
