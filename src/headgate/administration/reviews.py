"""Periods held against those before them."""

from __future__ import annotations

import asyncio
from datetime import date

from headgate.administration.acting import Actor, Ports, within_organisation
from headgate.administration.errors import ErrorReading
from headgate.administration.problems import invalid
from headgate.administration.requests import ReviewAsked
from headgate.reports.periods import period
from headgate.reports.reading import read
from headgate.reports.review import Review, review
from headgate.telemetry.rollups.reading import Query

DIMENSIONS = (None, "model", "target", "key", "team")
"""What a review is by."""

DURATIONS = (None, "model", "target")
"""By which of them all durations are looked at."""


class Reviews:
    def __init__(self, ports: Ports, errors: ErrorReading) -> None:
        self._ports = ports
        self._errors = errors

    async def review(self, actor: Actor, request: ReviewAsked) -> Review:
        """What a day, a week or a month was like.

        Raises:
            Invalid: there is no such day, or nothing of what ends there is over yet.
        """
        within_organisation(actor, "a review")
        now_s = self._ports.clock.now_us() // 1_000_000
        span = period(request.period, now_s, _day(request.ending))
        if not span.blocks:
            raise invalid("ending", "names a time of which nothing is over yet", "out_of_range")
        if self._ports.caught_up is not None:
            await self._ports.caught_up()
        if self._ports.summed_up is not None:
            await self._ports.summed_up()
        database, organisation = self._ports.database, actor.organisation
        groups = {by: await read(database, organisation, span, by, sketches=by in DURATIONS) for by in DIMENSIONS}
        failing = await self._errors.found(Query(organisation, span.from_s, span.until_s, span.step_s))
        return await asyncio.to_thread(review, span, groups, failing)


def _day(text: str | None) -> date | None:
    """
    Raises:
        Invalid: it is none.
    """
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise invalid("ending", "is no day; write 2026-11-01") from None
    if not date(2000, 1, 1) <= day <= date(9000, 1, 1):
        raise invalid("ending", "is no day anything was called on", "out_of_range")
    return day
