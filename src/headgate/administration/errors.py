"""What failing calls share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import msgspec
from msgspec.structs import replace

from headgate.administration.acting import Actor, Ports, within_organisation
from headgate.administration.problems import Invalid, Problem
from headgate.administration.requests import ErrorsAsked
from headgate.administration.traffic import step_of
from headgate.administration.values import microseconds, moment
from headgate.config import Config
from headgate.errors import BadRequest
from headgate.reports.patterns import Pattern, Patterns, patterns
from headgate.telemetry.listing import CallFilters, CallQueries
from headgate.telemetry.rollups.cubes import DIMENSIONS, cube_of
from headgate.telemetry.rollups.failures import fingerprint
from headgate.telemetry.rollups.reading import STEPS, Query, series, total

DAY_S = 86_400

LISTED = 500
"""Failing calls among which examples are looked for: the newest."""

EXAMPLES = 3
"""Of one fingerprint."""

FILTERS = {"model": "model", "target": "target", "operation": "operation", "key": "key_id", "team": "team_id"}
"""By which dimensions the list of calls can be looked through, and as what."""


class ErrorsView(msgspec.Struct, frozen=True, kw_only=True):
    """Failing calls of a time, by what makes them alike."""

    from_: datetime = msgspec.field(name="from")
    to: datetime
    of: str | None
    """The dimension and the name that all of it is about; null for all calls."""
    calls: int
    failed: int
    looked_at: int
    """How many names were held against others, over all patterns."""
    confidence: float
    """Of the intervals of what is shared: the more was looked at, the higher."""
    patterns: list[Pattern]
    """The most failures first."""


class ErrorReading:
    def __init__(self, ports: Ports, config: Callable[[], Config]) -> None:
        self._ports = ports
        self._config = config
        self._calls = CallQueries(ports.database)

    async def patterns(self, actor: Actor, request: ErrorsAsked) -> ErrorsView:
        """What failing calls share.

        Raises:
            Invalid: there are no sums by that dimension, or the time ends before it begins.
        """
        within_organisation(actor, "what failing calls share")
        now_s = self._ports.clock.now_us() // 1_000_000
        until_s = now_s + 1 if request.to is None else -(-microseconds(request.to) // 1_000_000)
        from_s = until_s - DAY_S if request.from_ is None else microseconds(request.from_) // 1_000_000
        step = step_of(from_s, until_s, now_s, self._config().telemetry.rollups)
        fixed, _, name = (request.of or "").partition(":")
        if self._ports.caught_up is not None:
            await self._ports.caught_up()
        if self._ports.summed_up is not None:
            await self._ports.summed_up()
        query = Query(actor.organisation, from_s, until_s, STEPS[step], None, fixed or None, name)
        try:
            found = await self.found(query)
        except BadRequest as error:
            raise Invalid([Problem("of", "invalid_value", error.message)]) from None
        return ErrorsView(
            from_=moment(from_s * 1_000_000),
            to=moment(until_s * 1_000_000),
            of=request.of,
            calls=found.calls,
            failed=found.failed,
            looked_at=found.looked_at,
            confidence=found.confidence,
            patterns=found.patterns,
        )

    async def found(self, query: Query) -> Patterns:
        """What failing calls of a query share, which is by no dimension. Of what is in the sums by now.

        Raises:
            BadRequest: there are no such sums.
        """
        everything = await self._counts(query)
        names = {
            (dimension, each): counts
            for dimension in DIMENSIONS
            if dimension != query.fixed and cube_of(dimension, query.fixed) is not None
            for each, counts in (await self._counts(query._replace(group=dimension))).items()
        }
        return patterns(everything.get("", {}), names, self._regions(), await self._examples(query))

    async def _counts(self, query: Query) -> Mapping[str, Mapping[str, int]]:
        """What calls come to by name; one sum of all is that of the empty name."""
        found = await series(self._ports.database, query, all_sketches=False)
        return {name: total(steps).counts for name, steps in found.items()}

    async def _examples(self, query: Query) -> Mapping[str, Sequence[str]]:
        """Ids of calls by fingerprint, where the list of calls can be looked through for them."""
        if query.fixed is not None and query.fixed not in FILTERS:
            return {}
        filters = CallFilters(
            organisation=query.organisation,
            failed=True,
            from_us=query.from_s * 1_000_000,
            until_us=query.until_s * 1_000_000,
        )
        if query.fixed is not None:
            filters = replace(filters, **{FILTERS[query.fixed]: query.name})
        rows, _ = await self._calls.page(filters, limit=LISTED)
        found: dict[str, list[str]] = {}
        for row in rows:
            known = found.setdefault(fingerprint(row).text, [])
            if len(known) < EXAMPLES:
                known.append(row.id)
        return found

    def _regions(self) -> Mapping[str, str]:
        """Of providers that have one."""
        providers = self._config().providers
        return {name: provider.region for name, provider in providers.items() if provider.region}
