"""All metrics of one server process: what it counted, and what its parts know of themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import get_args

from headgate.dashboard.looking import TargetNow
from headgate.gateway import Gateway
from headgate.routing.breaker import State
from headgate.routing.status import TargetStatus
from headgate.server.lag import Lag
from headgate.server.testing import Testing
from headgate.telemetry.logs.handler import installed
from headgate.telemetry.metrics import Gauge, Level
from headgate.telemetry.snapshot import Snapshot, taken

RESTING = "headgate_target_resting"
BREAKER = "headgate_target_breaker"
FAILING = "headgate_target_failing"
IN_FLIGHT = "headgate_target_in_flight"
LIMIT = "headgate_target_limit"
WAITING = "headgate_target_waiting"

WORST: tuple[State, ...] = ("open", "half_open", "closed")
"""States of breakers, the worst first."""


class Figures:
    """Of one process."""

    def __init__(self, gateway: Gateway, lag: Lag, testing: Testing | None = None) -> None:
        self._gateway = gateway
        self._lag = lag
        self._testing = testing

    def taken(self) -> Snapshot:
        """All of them, now."""
        gateway = self._gateway
        return taken(gateway.metrics, gauges(gateway.targets()), self._levels())

    def _levels(self) -> Iterator[Level]:
        store, services = self._gateway.store, self._gateway.services
        yield Level("headgate_event_loop_late_seconds", "How late the event loop was lately", self._lag.late_s, "max")
        yield Level("headgate_ready", "Whether this server takes calls", self._gateway.ready, "max")
        if (logs := installed()) is not None:
            yield Level("headgate_log_lost_lines_total", "Lines of the log that nobody read in time", logs.lost)
        if store is not None:
            yield from store.levels()
        for each in (*services.shadows.levels(), *services.evaluations.levels()):
            yield Level(*each)
        yield from services.otel.levels()
        if self._testing is not None:
            yield from self._testing.levels()


def gauges(targets: Sequence[TargetStatus]) -> list[Gauge]:
    """How targets are doing. Models that use one with other settings see it in their own way."""
    resting: dict[tuple[str, ...], float] = {}
    in_flight: dict[tuple[str, ...], float] = {}
    limit: dict[tuple[str, ...], float] = {}
    waiting: dict[tuple[str, ...], float] = {}
    failing: dict[tuple[str, ...], float] = {}
    breaker: dict[tuple[str, ...], float] = {}
    for each in targets:
        name = (each.target,)
        resting[name] = max(resting.get(name, 0.0), float(each.rests_s != 0))
        in_flight[name] = in_flight.get(name, 0.0) + each.in_flight
        limit[name] = limit.get(name, 0.0) + each.limit
        waiting[name] = waiting.get(name, 0.0) + each.waiting
        failing[name] = max(failing.get(name, 0.0), each.failure_rate)
        for state in get_args(State):
            held = float(each.breaker == state)
            breaker[each.target, state] = max(breaker.get((each.target, state), 0.0), held)
    return [
        Gauge(RESTING, "Whether a target is left alone", resting, of_many="max"),
        Gauge(BREAKER, "Whether a breaker is in this state anywhere", breaker,
              ("target", "state"), "max"),
        Gauge(FAILING, "The share of a target's latest attempts that failed", failing, of_many="max"),
        Gauge(IN_FLIGHT, "Calls under way at a target", in_flight),
        Gauge(LIMIT, "Most calls a target is given at a time", limit),
        Gauge(WAITING, "Calls that wait for a place at a target", waiting),
    ]  # fmt: skip


def targets_now(gauges: Mapping[str, Mapping[tuple[str, ...], float]], own: Sequence[TargetStatus]) -> list[TargetNow]:
    """How targets are doing, from the gauges of one process or of all workers, by name. Only `own` statuses know
    for how long a target rests.
    """
    known = {each.target: each.rests_s for each in own if each.rests_s}
    found: list[TargetNow] = []
    for name in gauges.get(RESTING, {}):
        [target] = name
        rests = gauges[RESTING][name] > 0
        held: list[State] = [state for state in WORST if gauges[BREAKER].get((target, state))]
        found.append(
            TargetNow(
                target=target,
                breaker=held[0] if held else "closed",
                rests=rests,
                rests_s=known.get(target) if rests else 0.0,
                failing=gauges[FAILING].get(name, 0.0),
                in_flight=int(gauges[IN_FLIGHT].get(name, 0)),
                limit=int(gauges[LIMIT].get(name, 0)),
                waiting=int(gauges[WAITING].get(name, 0)),
            )
        )
    return found
