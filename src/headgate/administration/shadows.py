"""Shadows: what mirrored calls say of moving a model."""

from __future__ import annotations

import asyncio

import msgspec

from headgate.administration.acting import Actor, Ports, within_organisation
from headgate.administration.problems import invalid
from headgate.administration.requests import VerdictAsked
from headgate.administration.values import microseconds
from headgate.errors import NotFound
from headgate.shadow.comparisons import comparisons
from headgate.shadow.page import page
from headgate.shadow.verdict import Verdict, verdict

MOST = 50_000
"""Comparisons that are looked at: the newest."""


class VerdictView(msgspec.Struct, frozen=True, kw_only=True):
    """What a model's shadow made of its calls. Intervals are of 95 % confidence; null stands for what is not known."""

    verdict: Verdict
    page: str
    """The same for a person."""


class ShadowReading:
    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    async def verdict(self, actor: Actor, request: VerdictAsked) -> VerdictView:
        """What the comparisons of a time say of one model, with one of its shadows: the latest unless it is named.

        Raises:
            Invalid: the time ends before it begins.
            NotFound: none of its calls was drawn in that time.
        """
        within_organisation(actor, "the verdict on a shadow")
        now_us = self._ports.clock.now_us()
        from_us = 0 if request.from_ is None else microseconds(request.from_)
        until_us = now_us + 1 if request.to is None else microseconds(request.to)
        if from_us > until_us:
            raise invalid("to", "is before the time it begins at", "out_of_range")
        if self._ports.caught_up is not None:
            await self._ports.caught_up()
        database, model, shadow = self._ports.database, request.model, request.shadow
        rows = await comparisons(database, actor.organisation, model, from_us, until_us, MOST, shadow)
        if not rows:
            raise NotFound(
                f"No call of '{model}' was mirrored{f' to {shadow!r}' if shadow else ''} in that time. Its "
                f"'shadow:' in headgate.yaml says which are; comparisons are kept for a month."
            )
        found = await asyncio.to_thread(verdict, rows, model, rows[0].shadow, cut=len(rows) == MOST)
        return VerdictView(verdict=found, page=page(found))
