"""Calls one by one, and what they come to over time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from headgate.administration.acting import Actor, Ports
from headgate.administration.problems import Invalid, Problem, invalid
from headgate.administration.requests import CallListing, TrafficAsked
from headgate.administration.values import Usd, microseconds, moment, usd_of
from headgate.administration.views import Page
from headgate.config import Config
from headgate.errors import BadRequest, Forbidden, NotFound
from headgate.ledger.exports import plain
from headgate.ledger.queries import Filters, LedgerQueries
from headgate.quality.reading import Evaluated, Satisfaction, evaluations_of, satisfaction_of
from headgate.storage.records import CallRow
from headgate.telemetry.config import RollupsConfig
from headgate.telemetry.listing import CallFilters, CallQueries
from headgate.telemetry.rollups.merging import DAY_S
from headgate.telemetry.rollups.reading import STEPS, Query, Series, Sum, aligned, counted, series, total, totals

QUANTILES = (0.5, 0.95, 0.99)

DURATIONS = (
    "duration", "first_token", "per_token", "overhead", "queued", "attempt_duration", "attempt_first_token",
)  # fmt: skip

STEP_OF_S = ((3 * 3600, "minute"), (15 * 86_400, "hour"))
"""Up to how many seconds which steps are shown, where nothing is asked for."""


class CallView(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a call."""

    id: str
    kept: str
    """Why it is listed: `error`, `slow`, `sample`."""
    started: datetime
    duration_ms: float
    model: str
    target: str
    """Where the answer came from, or the last attempt went; empty where there was none."""
    operation: str
    streamed: bool
    code: str | None
    """The error's code; null where the call succeeded."""
    attempts: int
    key_id: str
    team_id: str | None
    project_id: str | None
    user_id: str | None
    end_user: str | None
    """Whom the client calls for, hashed."""
    first_token_ms: float | None
    overhead_ms: float
    """Until the answer began, without the time an attempt was in flight or in back-off."""
    queued_ms: float
    input_tokens: int
    output_tokens: int
    cost_usd: Usd | None
    """Of all attempts; null where the price of any is unknown, or nothing was used."""
    prompt_version: str | None
    arm: str | None
    trace_id: str | None
    tags: dict[str, str]
    events: list[list[str]]
    """What happened on the way: each event's name and what it says."""


class CallDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A call, and every attempt at it as the ledger has it."""

    call: CallView | None
    """Null where the call is not listed: it was not sampled, or is too old."""
    attempts: list[dict[str, Any]]


class SumView(msgspec.Struct, frozen=True, kw_only=True):
    """What calls come to. Durations are quantiles in milliseconds, right to within one per cent; null where there was
    nothing to take.
    """

    calls: int
    failed: int
    streamed: int
    attempts: int
    attempts_failed: int
    errors: dict[str, int]
    """Calls, by the error's code."""
    attempt_errors: dict[str, int]
    events: dict[str, int]
    tokens: dict[str, int]
    cost_usd: Usd
    """Of attempts whose cost is known, whoever pays."""
    cost_by_payer: dict[str, Usd]
    """As far as others than the caller pay: `internal`, `client`."""
    saving_usd: Usd
    unpriced: int
    """Attempts whose cost is not known."""
    durations_ms: dict[str, dict[str, float | None]]
    """Of calls `duration`, `first_token`, `per_token`, `overhead`, `queued`; of attempts `attempt_duration`,
    `attempt_first_token`. Each with `p50`, `p95`, `p99`.
    """
    satisfaction: Satisfaction
    """What users said of the calls."""
    evaluations: dict[str, Evaluated]
    """What evaluators found in those they looked at, by evaluator."""


class PointView(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a series."""

    at: datetime
    """When it begins."""
    sum: SumView


class SeriesView(msgspec.Struct, frozen=True, kw_only=True):
    """What the calls of one name come to."""

    name: str
    """In the dimension asked for; empty where none was."""
    total: SumView
    points: list[PointView]
    """Steps in which something was called, in order."""


class TrafficView(msgspec.Struct, frozen=True, kw_only=True):
    """What calls come to, by a dimension."""

    from_: datetime = msgspec.field(name="from")
    to: datetime
    step: str
    by: str | None
    series: list[SeriesView]
    """The name with the most calls first."""


class Found(NamedTuple):
    """What calls come to, as the sums themselves."""

    from_s: int
    until_s: int
    """Both at the bounds of steps."""
    step: str
    series: Series


class Counted(NamedTuple):
    """Some counts of calls over time."""

    from_s: int
    until_s: int
    step: str
    series: dict[str, dict[int, Sequence[int]]]
    """By name, and the second a step begins at; in the order they were asked for."""


class Traffic:
    """A key of a team sees its team's calls and no others."""

    def __init__(self, ports: Ports, config: Callable[[], Config]) -> None:
        """`config` gives the configuration in force: how long sums are kept."""
        self._ports = ports
        self._config = config
        self._calls = CallQueries(ports.database)
        self._ledger = LedgerQueries(ports.database)

    async def list(self, actor: Actor, request: CallListing) -> Page[CallView]:
        """Calls, the newest first.

        Raises:
            Invalid: the cursor is none that a list gave.
        """
        filters = CallFilters(
            organisation=actor.organisation,
            key_id=request.key,
            team_id=_own_team(actor, request.team),
            model=request.model,
            target=request.target,
            operation=request.operation,
            code=request.code,
            failed=request.failed,
            trace_id=request.trace,
            at_least_us=None if request.slower_ms is None else int(request.slower_ms * 1000),
            from_us=None if request.from_ is None else microseconds(request.from_),
            until_us=None if request.to is None else microseconds(request.to),
        )
        await self._caught_up()
        try:
            rows, cursor = await self._calls.page(filters, request.cursor, request.limit)
        except BadRequest:
            raise invalid("cursor", "is none that a list gave; begin without one") from None
        return Page([view_of(row) for row in rows], cursor)

    async def get(self, actor: Actor, id: str) -> CallDetail:
        """A call by its id, or that of its trace.

        Raises:
            NotFound: nobody knows it.
        """
        await self._caught_up()
        row = await self._calls.find(actor.organisation, id, actor.team_id)
        call_id = id if row is None else row.id
        found, _ = await self._ledger.page(
            Filters(organisation=actor.organisation, call_id=call_id, team_id=actor.team_id),
            limit=500,
            oldest_first=True,
        )
        if row is None and not found:
            raise NotFound(f"There is no call '{id}': it is too old, or was never made.")
        return CallDetail(call=None if row is None else view_of(row), attempts=[plain(each) for each in found])

    async def sums(self, actor: Actor, request: TrafficAsked) -> TrafficView:
        """What calls come to.

        Raises:
            Invalid: there are no such sums.
        """
        found = await self.found(actor, request)
        views = [
            SeriesView(
                name=name,
                total=_sum(total(steps)),
                points=[PointView(at=moment(at * 1_000_000), sum=_sum(steps[at])) for at in sorted(steps)],
            )
            for name, steps in found.series.items()
        ]
        views.sort(key=lambda each: (-each.total.calls, each.name))
        return TrafficView(
            from_=moment(found.from_s * 1_000_000),
            to=moment(found.until_s * 1_000_000),
            step=found.step,
            by=request.by,
            series=views,
        )

    async def found(
        self, actor: Actor, request: TrafficAsked, *, all_sketches: bool = True, names: Sequence[str] = ()
    ) -> Found:
        """The sums that `sums` tells of, of some names alone where any are given. With not `all_sketches`, of the
        durations only `duration`: both are quicker.

        Raises:
            Invalid: there are no such sums.
            Forbidden: they would be of others than the actor's team.
        """
        query, step = await self._ready(actor, request)
        found = await series(self._ports.database, query, all_sketches=all_sketches, names=names)
        return Found(query.from_s, query.until_s, step, found)

    async def totals(
        self, actor: Actor, request: TrafficAsked, *, all_sketches: bool = True, names: Sequence[str] = ()
    ) -> dict[str, Sum]:
        """What `found` would come to in all of its time, by name.

        Raises:
            Invalid, Forbidden: as of `found`.
        """
        query, _ = await self._ready(actor, request)
        return await totals(self._ports.database, query, all_sketches=all_sketches, names=names)

    async def counted(
        self, actor: Actor, request: TrafficAsked, names: Sequence[str], counts: Sequence[str]
    ) -> Counted:
        """The same series, of some names and counts alone.

        Raises:
            Invalid, Forbidden: as of `found`.
        """
        query, step = await self._ready(actor, request)
        found = await counted(self._ports.database, query, names, counts)
        return Counted(query.from_s, query.until_s, step, found)

    async def _ready(self, actor: Actor, request: TrafficAsked) -> tuple[Query, str]:
        """What is asked of the sums, once all is in them, and the name of its steps."""
        query, step = self._query(actor, request)
        await self._caught_up()
        if self._ports.summed_up is not None:
            await self._ports.summed_up()
        try:
            if request.step is not None:  # what makes no sense is refused, whatever steps there are
                aligned(query._replace(step_s=STEPS[request.step]))
            return aligned(query), step
        except BadRequest as error:
            raise Invalid([Problem("by", "invalid_value", error.message)]) from None

    def _query(self, actor: Actor, request: TrafficAsked) -> tuple[Query, str]:
        """What is asked of the sums, and the name of its steps."""
        now_s = self._ports.clock.now_us() // 1_000_000
        until_s = now_s + 1 if request.to is None else -(-microseconds(request.to) // 1_000_000)
        from_s = until_s - 3600 if request.from_ is None else microseconds(request.from_) // 1_000_000
        step = step_of(from_s, until_s, now_s, self._config().telemetry.rollups, request.step)
        fixed, _, name = (request.of or "").partition(":")
        if actor.team_id is not None:
            if fixed and (fixed, name) != ("team", actor.team_id):
                raise Forbidden("This key belongs to a team: it sees what the team's calls come to, by one dimension.")
            fixed, name = "team", actor.team_id
        return Query(actor.organisation, from_s, until_s, STEPS[step], request.by, fixed or None, name), step

    async def _caught_up(self) -> None:
        if self._ports.caught_up is not None:
            await self._ports.caught_up()


def step_of(from_s: int, until_s: int, now_s: int, kept: RollupsConfig, asked: str | None = None) -> str:
    """The steps in which a time is shown: those that are asked for, or that suit its length, or the next longer ones of
    which there are still all.
    """
    step = asked or next((step for most, step in STEP_OF_S if until_s - from_s <= most), "day")
    if step == "minute" and from_s < now_s - kept.minutes_days * DAY_S:
        step = "hour"
    return "day" if step == "hour" and from_s < now_s - kept.hours_days * DAY_S else step


def _own_team(actor: Actor, team: str | None) -> str | None:
    """The team whose calls are listed.

    Raises:
        Forbidden: another one is asked for than the actor's own.
    """
    if actor.team_id is not None and team not in (None, actor.team_id):
        raise Forbidden("This key belongs to a team, and sees that team's calls only.")
    return actor.team_id or team


def view_of(row: CallRow) -> CallView:
    """A call as lists tell it."""
    return CallView(
        id=row.id,
        kept=row.kept,
        started=moment(row.started_us),
        duration_ms=row.duration_us / 1000,
        model=row.model,
        target=row.target,
        operation=row.operation,
        streamed=bool(row.streamed),
        code=row.code,
        attempts=row.attempts,
        key_id=row.key_id,
        team_id=row.team_id,
        project_id=row.project_id,
        user_id=row.user_id,
        end_user=row.end_user,
        first_token_ms=None if row.first_token_us is None else row.first_token_us / 1000,
        overhead_ms=row.overhead_us / 1000,
        queued_ms=row.queued_us / 1000,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cost_usd=usd_of(row.cost_picodollars),
        prompt_version=row.prompt_version,
        arm=row.arm,
        trace_id=row.trace_id,
        tags=dict(row.tags),
        events=[list(event) for event in row.events],
    )


def _sum(sum_: Sum) -> SumView:
    counts = sum_.counts
    return SumView(
        calls=counts.get("calls", 0),
        failed=counts.get("failed", 0),
        streamed=counts.get("streamed", 0),
        attempts=counts.get("attempts", 0),
        attempts_failed=counts.get("attempts_failed", 0),
        errors=_named(counts, "error."),
        attempt_errors=_named(counts, "attempt_error."),
        events=_named(counts, "event."),
        tokens=_named(counts, "tokens."),
        cost_usd=usd_of(counts.get("cost_picodollars", 0)) or "0",
        cost_by_payer={payer: usd_of(cost) or "0" for payer, cost in _named(counts, "cost_picodollars.").items()},
        saving_usd=usd_of(counts.get("saving_picodollars", 0)) or "0",
        unpriced=counts.get("unpriced", 0),
        durations_ms={name: _quantiles(sum_, name) for name in DURATIONS},
        satisfaction=satisfaction_of(counts),
        evaluations=evaluations_of(counts),
    )


def _named(counts: Mapping[str, int], prefix: str) -> dict[str, int]:
    """Counts whose names begin like that, by what follows."""
    return {name.removeprefix(prefix): number for name, number in counts.items() if name.startswith(prefix)}


def _quantiles(sum_: Sum, name: str) -> dict[str, float | None]:
    values = sum_.sketch(name).quantiles(QUANTILES)
    return {
        f"p{share * 100:.0f}": None if value is None else float(f"{value / 1000:.6g}")
        for share, value in zip(QUANTILES, values, strict=True)
    }
