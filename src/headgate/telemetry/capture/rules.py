"""Which rule is a call's."""

from __future__ import annotations

from collections.abc import Sequence

from headgate.telemetry.capture.config import CaptureRule
from headgate.types import Call


class Rules:
    """The rules that some call of one model may fit, in their order."""

    def __init__(self, model: str, rules: Sequence[CaptureRule]) -> None:
        """`model` is a name of the configuration, or a pattern."""
        self._model = model
        self._rules = [rule for rule in rules if not rule.models or any(_meet(model, each) for each in rule.models)]

    def __bool__(self) -> bool:
        return any(rule.share or rule.errors or rule.slow for rule in self._rules)

    def find(self, call: Call) -> CaptureRule | None:
        """The first that fits; None where that keeps nothing, or there is none. A call of another model, a prompt which
        this one answers, is that one's to keep.
        """
        if not _is(call.model, self._model):
            return None
        for rule in self._rules:
            if _fits(rule, call):
                return rule if rule.share or rule.errors or rule.slow else None
        return None


def _fits(rule: CaptureRule, call: Call) -> bool:
    identity = call.identity
    return (
        (not rule.operations or call.operation in rule.operations)
        and (not rule.keys or identity.key_id in rule.keys)
        and (not rule.organisations or identity.organisation in rule.organisations)
        and (not rule.teams or identity.team_id in rule.teams)
        and (not rule.projects or identity.project_id in rule.projects)
        and (not rule.models or any(_is(call.model, each) for each in rule.models))
    )


def _is(name: str, pattern: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


def _meet(model: str, pattern: str) -> bool:
    """Whether there is a name that both stand for."""
    if not model.endswith("*"):
        return _is(model, pattern)
    prefix = model[:-1]
    return _is(prefix, pattern) or pattern.startswith(prefix)
