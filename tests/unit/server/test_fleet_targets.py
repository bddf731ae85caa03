"""How targets are doing, from gauges that are those of several workers."""

from __future__ import annotations

from headgate.routing.status import TargetStatus
from headgate.server.figures import gauges, targets_now
from headgate.telemetry.metrics import Metrics
from headgate.telemetry.snapshot import decode, encode, summed, taken


def status(breaker: str, rests_s: float | None, failing: float, in_flight: int) -> TargetStatus:
    return TargetStatus(
        target="a/x", breaker=breaker, rests_s=rests_s, failure_rate=failing, in_flight=in_flight, limit=4, waiting=1,  # type: ignore[arg-type]
        whole_ms=0, first_token_ms=0,
    )  # fmt: skip


def test_of_several_workers_the_worst_state_is_told_and_places_are_added():
    here, there = status("closed", 0.0, 0.1, 2), status("open", 12.0, 0.9, 1)
    one, other = (decode(encode(taken(Metrics(), gauges([each])))) for each in (here, there))
    [found] = targets_now({each.name: dict(each.values) for each in summed([one, other])}, [here])
    assert (found.target, found.breaker, found.rests, found.rests_s) == ("a/x", "open", True, None)
    assert (found.failing, found.in_flight, found.limit, found.waiting) == (0.9, 3, 8, 2)


def test_a_process_knows_for_how_long_its_own_targets_rest_and_models_share_them():
    own = [status("open", 12.0, 0.9, 1), status("closed", 0.0, 0.0, 2)]
    [found] = targets_now({each.name: each.values for each in gauges(own)}, own)
    assert (found.rests, found.rests_s, found.in_flight, found.limit) == (True, 12.0, 3, 8)
    [well] = targets_now({each.name: each.values for each in gauges(own[1:])}, own[1:])
    assert (well.rests, well.rests_s, well.breaker) == (False, 0.0, "closed")
