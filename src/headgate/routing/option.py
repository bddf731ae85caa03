"""One target of a route."""

from __future__ import annotations

from headgate.routing.target import Target
from headgate.stage import Next


class Option:
    """A target as one model uses it: how to call it, and what it is worth."""

    __slots__ = ("attempt", "cost", "name", "priority", "provisioned", "target", "weight")

    def __init__(
        self,
        target: Target,
        attempt: Next,
        *,
        weight: float = 1.0,
        priority: int = 1,
        provisioned: bool = False,
        cost: int | None = None,
    ) -> None:
        self.target = target
        self.name = target.name
        self.attempt = attempt
        self.weight = weight
        self.priority = priority
        """Targets of the lowest number are chosen from."""
        self.provisioned = provisioned
        """Chosen before the others of its priority."""
        self.cost = cost
        """Picodollars of a call of ordinary size there; None where that is not known."""
