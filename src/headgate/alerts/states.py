"""What becomes of an alert: ok, pending, firing, no data. Pure.

    ok ── bad ──> pending ── bad for `for_s` ──> firing ── fine for `clear_s` ──> ok
          └────────── not bad any more ──────> ok

Between bad and fine lies what a detector is not sure of: it neither begins an alert nor ends one. No data begins
nothing; an alert that fires goes on without data for `GONE_S`, since an outage of what is measured is no end of it.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from headgate.stats.detection import Standing

Status = Literal["ok", "pending", "firing", "no_data"]

GONE_S = 6 * 3600.0
"""How long an alert without data goes on."""

Change = Literal["fired", "resolved"]


class State(msgspec.Struct, frozen=True):
    """Where one alert is."""

    status: Status = "ok"
    since_us: int = 0
    """When that began."""
    fine_us: int | None = None
    """Of one that fires: since when all is well."""
    gone_us: int | None = None
    """Of one that fires: since when there is no data."""


def step(state: State, standing: Standing, now_us: int, for_s: float, clear_s: float) -> tuple[State, Change | None]:
    """What comes after a state, and what is to be told. Times that lie ahead, since a clock was set back, are now."""
    state = State(state.status, min(state.since_us, now_us), _by(state.fine_us, now_us), _by(state.gone_us, now_us))
    if state.status == "firing":
        return _firing(state, standing, now_us, clear_s)
    if standing == "bad":
        begun_us = state.since_us if state.status == "pending" else now_us
        if now_us - begun_us >= for_s * 1e6:
            return State("firing", now_us), "fired"
        return State("pending", begun_us), None
    if standing == "unclear" and state.status == "pending":
        return state, None
    after: Status = "no_data" if standing == "no_data" else "ok"
    return (state if state.status == after else State(after, now_us)), None


def _by(us: int | None, now_us: int) -> int | None:
    return None if us is None else min(us, now_us)


def _firing(state: State, standing: Standing, now_us: int, clear_s: float) -> tuple[State, Change | None]:
    match standing:
        case "fine":
            fine_us = state.fine_us if state.fine_us is not None else now_us
            if now_us - fine_us >= clear_s * 1e6:
                return State("ok", now_us), "resolved"
            return State("firing", state.since_us, fine_us), None
        case "no_data":
            gone_us = state.gone_us if state.gone_us is not None else now_us
            if now_us - gone_us >= GONE_S * 1e6:
                return State("no_data", now_us), "resolved"
            return State("firing", state.since_us, state.fine_us, gone_us), None
        case _:
            return State("firing", state.since_us), None
