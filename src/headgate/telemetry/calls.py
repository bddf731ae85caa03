"""Records of calls: made when a call is over, written to the journal, drained into the list of calls and their sums."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec
from msgspec.structs import astuple

from headgate.clock import Clock
from headgate.events import Event, Queued
from headgate.storage.records import CallRow
from headgate.telemetry.config import CallsConfig
from headgate.telemetry.sampling import Sampling
from headgate.trace import read_parent
from headgate.types import Call

log = logging.getLogger("headgate.telemetry")

KIND = b"k"
"""Of the journal's records."""

Append = Callable[[bytes, bytes], None]
"""Writes a record of a kind.

Raises:
    OSError: it cannot be written.
"""

encode = msgspec.json.Encoder().encode


class Timing(NamedTuple):
    """How long a call took."""

    started: float
    """The monotonic second it began at."""
    seconds: float
    """To its last byte."""
    overhead_s: float
    """Until its answer began, without the time an attempt was in flight or in back-off."""


MOST = 2**62
"""Of tokens and picodollars of one call: what a database's integer holds, and sums of two."""

TOGETHER = 64
"""Most calls of one record of the journal."""

WITHIN_S = 0.05
"""How long a call waits for others to be written with: as long as power loss may cost the journal anyway."""


class CallRecorder:
    """Writes records of one process's calls, some of them together. What cannot be written is lost, and counted."""

    def __init__(self, owner: str, append: Append, clock: Clock) -> None:
        """`owner` is an id of this process that no other has, before or after."""
        self.lost = 0
        """Calls the journal could not take."""
        self.sampling = Sampling()
        self._owner = owner
        self._append = append
        self._clock = clock
        self._number = 0
        self._waiting: list[CallRow] = []

    def record(self, call: Call, code: str | None, timing: Timing, config: CallsConfig) -> None:
        """Have the record of a call written that is over; `code` is its error's, None where it succeeded."""
        self._number += 1
        waiting = self._waiting
        waiting.append(self._row(call, self._number, code, timing, config))
        if len(waiting) >= TOGETHER:
            self.flush()
        elif len(waiting) == 1:
            asyncio.get_running_loop().call_later(WITHIN_S, self.flush)

    def flush(self) -> None:
        """Write what waits to be written."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        try:
            self._append(KIND, encode(waiting))
        except (OSError, ValueError) as error:  # the journal is not to be written, or a name is no Unicode
            if not self.lost:
                log.error("calls are missing in lists and sums, they cannot be written down: %s", error)  # noqa: TRY400
            self.lost += len(waiting)

    def _row(self, call: Call, number: int, code: str | None, timing: Timing, config: CallsConfig) -> CallRow:
        identity, account = call.identity, call.account
        attempts, events = account.attempts, account.events
        attempt = account.answering
        target, first_token_us, input_tokens, output_tokens = "", None, 0, 0
        if attempt is not None:
            target, usage = attempt.target, attempt.usage
            if attempt.first_token_s is not None:
                first_token_us = int((attempt.started + attempt.first_token_s - timing.started) * 1e6)
            if usage is not None:
                input_tokens = min(usage.total_input_tokens, MOST)  # a vendor may tell any number
                output_tokens = min(usage.total_output_tokens, MOST)
        cost = account.cost_picodollars
        duration_us = int(timing.seconds * 1e6)
        tools = call.request.parsed("tools")
        return CallRow(  # in its members' order: by name it would take ten times as long
            call.id,
            self._owner,
            number,
            self.sampling.kept(code, timing.seconds, timing.started + timing.seconds, config),
            identity.organisation,
            self._clock.now_us() - duration_us,
            duration_us,
            call.label if call.label == UNKNOWN else call.model,
            target,
            call.operation,
            1 if call.stream else 0,
            code,
            len(attempts),
            identity.key_id,
            identity.team_id,
            identity.project_id,
            identity.user_id,
            account.end_user,
            first_token_us,
            int(timing.overhead_s * 1e6),
            int(queued_s(events) * 1e6) if events else 0,
            input_tokens,
            output_tokens,
            None if cost is None else min(cost, MOST),
            account.prompt,
            None,
            _trace_id(call),
            call.tags,
            tuple(told(event) for event in events) if events else (),
            call.request.size,
            len(tools) if type(tools) is list else 0,
        )


def trace_id(traceparent: str) -> str | None:
    """The trace a caller's request belongs to (W3C Trace Context, section 3.2); None where that is not well-formed."""
    parent = read_parent(traceparent)
    return None if parent is None else parent.trace_id


def _trace_id(call: Call) -> str | None:
    """The trace a call is in: its caller's, or our own."""
    if call.account.trace is not None:
        return call.account.trace.trace_id
    parent = call.headers.get("traceparent")
    return trace_id(parent) if parent else None


def queued_s(events: Iterable[Event]) -> float:
    """How long a call waited for places at targets."""
    return sum(event.wait_s for event in events if type(event) is Queued)


def told(event: Event) -> tuple[str, ...]:
    """An event's name and what it says."""
    return (type(event).__name__, *("" if value is None else str(value) for value in astuple(event)))


UNKNOWN = "(unknown)"
"""What a model is called that nobody knows, so that clients cannot make names."""
