"""Choosing among a model's targets."""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Sequence
from itertools import accumulate
from time import monotonic

import msgspec
from msgspec.structs import replace

from headgate.errors import NotFound
from headgate.events import Routed
from headgate.stage import Next
from headgate.types import Call, Reply


class Option(msgspec.Struct, frozen=True):
    """One target of a route: its name and what calls it."""

    target: str
    attempt: Next
    weight: float = 1.0
    priority: int = 1
    """Targets of the lowest number are chosen from."""


class Route:
    """Sends each call to one of a model's targets, by weight. The end of the model fold.

    A call that is pinned goes to the target that holds what it refers to, whatever the weights say.
    """

    def __init__(self, model: str, options: Sequence[Option], total_s: float) -> None:
        self._model = model
        self._total_s = total_s
        self._by_target = {option.target: option for option in options}
        first = min(option.priority for option in options)
        self._choices = [option for option in options if option.priority == first]
        self._bounds = list(accumulate(option.weight for option in self._choices))

    async def __call__(self, call: Call) -> Reply:
        option = self._choose(call)
        if len(self._choices) > 1:
            call.account.events.append(Routed(self._model, option.target))
        deadline = min(call.deadline, monotonic() + self._total_s)
        return await option.attempt(replace(call, deadline=deadline))

    def _choose(self, call: Call) -> Option:
        if call.pinned is not None:
            return self._pinned(call, call.pinned)
        if len(self._choices) == 1:
            return self._choices[0]
        point = random.random() * self._bounds[-1]  # noqa: S311  # spreads load, guards nothing
        return self._choices[bisect(self._bounds, point)]

    def _pinned(self, call: Call, target: str) -> Option:
        for name, option in self._by_target.items():
            if target == (name if call.matched is None else name.replace("*", call.matched)):
                return option
        raise NotFound(
            f"This request refers to something held by '{target}', which model '{self._model}' does not use. "
            f"Ask for the model it was made with."
        )
