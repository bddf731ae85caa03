"""How the calls of a config go, whatever its strategies are nested in: here, by weight; then there, on what fails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from headgate.importing.models import joined
from headgate.routing.config import FallbackCause

Tree = dict[str, Any]

PASSED = "*"
"""In place of a model's id: the one that the client asks for."""


class Leaf(msgspec.Struct, frozen=True, kw_only=True):
    """One target."""

    settings: Tree
    """Its provider."""
    wanted: str | None
    """What that is best called."""
    model: str
    """The model's id there, or `PASSED`."""
    where: str
    """Where it stands in the config."""
    weight: float = 1.0
    base_model: str | None = None
    override: Tree = {}
    """Members set in requests there, whatever the client says."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """Where calls go once what was before has failed."""

    causes: list[FallbackCause]
    leaves: list[Leaf]
    """Several are shared among by weight."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How calls go."""

    first: list[Leaf]
    then: list[Step] = []
    settings: Tree = {}
    """Of the model: retry, timeout, breaker, balance."""

    @property
    def passes(self) -> bool:
        """Whether the model that the client asks for is passed on."""
        return any(leaf.model == PASSED for leaf in self.first)


def shared(plans: Sequence[tuple[Plan, float]]) -> Plan:
    """One plan in which several have each their share."""
    first: list[Leaf] = []
    then: list[Step] = []
    for plan, weight in plans:
        whole = sum(leaf.weight for leaf in plan.first)
        first += [msgspec.structs.replace(leaf, weight=weight * leaf.weight / whole) for leaf in plan.first]
        then += [step for step in plan.then if step not in then]
    return Plan(first=first, then=then, settings=joined(plan.settings for plan, _ in plans))


def chained(plans: Sequence[Plan], causes: list[FallbackCause]) -> Plan:
    """One plan in which each follows on the failure of what is before it."""
    head, *rest = plans
    then = list(head.then)
    for plan in rest:
        then += [Step(causes=causes, leaves=plan.first), *plan.then]
    return Plan(first=head.first, then=then, settings=joined(plan.settings for plan in plans))
