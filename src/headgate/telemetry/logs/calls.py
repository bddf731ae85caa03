"""A line of every call, where the configuration wants one."""

from __future__ import annotations

import logging

from headgate.money import format_usd
from headgate.telemetry.calls import Timing, queued_s, trace_id
from headgate.telemetry.logs.context import FIELDS
from headgate.types import Call

log = logging.getLogger("headgate.calls")


def say(call: Call, code: str | None, timing: Timing) -> None:
    """Log a call that is over: who, what and how, nothing of what was said."""
    account, identity = call.account, call.identity
    attempt = account.answering
    usage = attempt.usage if attempt is not None else None
    first_ms = None
    if attempt is not None and attempt.first_token_s is not None:
        first_ms = _ms(attempt.started + attempt.first_token_s - timing.started)
    cost, parent = account.cost_picodollars, call.headers.get("traceparent")
    fields = {
        "request_id": call.id,
        "trace_id": account.trace.trace_id if account.trace is not None else trace_id(parent) if parent else None,
        "organisation": identity.organisation,
        "key": identity.key_id,
        "team": identity.team_id,
        "model": call.model,
        "target": attempt.target if attempt is not None else None,
        "operation": call.operation,
        "stream": call.stream,
        "outcome": code or "ok",
        "attempts": len(account.attempts),
        "duration_ms": _ms(timing.seconds),
        "first_token_ms": first_ms,
        "overhead_ms": _ms(timing.overhead_s),
        "queued_ms": _ms(queued_s(account.events)) if account.events else 0.0,
        "input_tokens": usage.total_input_tokens if usage is not None else None,
        "output_tokens": usage.total_output_tokens if usage is not None else None,
        "cost_usd": None if cost is None else format_usd(cost),
    }
    log.info("call", extra={FIELDS: fields})


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
