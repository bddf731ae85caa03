"""Settling: every attempt becomes one ledger row, however it ends."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from msgspec.structs import replace

from headgate.clock import Clock
from headgate.errors import HeadgateError
from headgate.events import AttemptFailed
from headgate.ledger.port import Ledger
from headgate.stage import EVERY_OPERATION, Next
from headgate.storage.records import LedgerRow
from headgate.types import Attempt, Call, Chunks, Reply, Usage

Pricer = Callable[[str, Usage], int | None]
"""The cost of a usage of one of a provider's models in picodollars; None where the price is unknown."""

_NOTHING = Usage()


class Settle:
    """Opens an attempt, waits for what comes of it, prices its usage and records the row.

    Settling itself never awaits, so a cancelled call is settled like any other. What was refused before anything was
    sent is no attempt.
    """

    operations = EVERY_OPERATION

    def __init__(self, target: str, price: Pricer, ledger: Ledger, clock: Clock) -> None:
        self._target = target
        self._price = price
        self._ledger = ledger
        self._clock = clock

    async def __call__(self, call: Call, next: Next) -> Reply:
        account = call.account
        attempt = Attempt(
            id=f"{call.id}-{account.begun}",
            label=self._target,
            target=self._target if call.matched is None else self._target.replace("*", call.matched),
            started_us=self._clock.now_us(),
            started=monotonic(),
            cause=call.cause,
        )
        account.begun += 1
        account.attempts.append(attempt)
        try:
            reply = await next(replace(call, attempt=attempt))
        except BaseException as error:
            if attempt.sent:
                account.upstream_s += monotonic() - attempt.started
                self._fail(call, attempt, error)
            else:
                account.attempts.remove(attempt)
            raise
        if not attempt.sent:
            account.attempts.remove(attempt)
            return reply
        account.upstream_s += monotonic() - attempt.started
        if reply.chunks is None:
            self._settle(call, attempt)
            return reply
        return replace(reply, chunks=self._metered(call, attempt, reply.chunks))

    async def _metered(self, call: Call, attempt: Attempt, chunks: Chunks) -> Chunks:
        try:
            async for chunk in chunks:
                yield chunk
        except BaseException as error:
            await chunks.aclose()
            self._fail(call, attempt, error)
            raise
        self._settle(call, attempt)

    def _fail(self, call: Call, attempt: Attempt, error: BaseException) -> None:
        if isinstance(error, HeadgateError):
            attempt.code = error.code
            attempt.status = error.upstream_status or attempt.status
        else:
            attempt.code = "cancelled" if not isinstance(error, Exception) else "internal_error"
        upstream_status = attempt.status or None
        call.account.events.append(AttemptFailed(attempt.target, attempt.code, upstream_status))
        self._settle(call, attempt)

    def _settle(self, call: Call, attempt: Attempt) -> None:
        usage = attempt.usage or _NOTHING
        attempt.duration_s = monotonic() - attempt.started
        known = attempt.usage is not None or attempt.code is not None
        attempt.cost_picodollars = self._price(attempt.target.partition("/")[2], usage) if known else None
        attempt.settled = True
        self._ledger.record(
            LedgerRow(
                id=attempt.id,
                call_id=call.id,
                organisation=call.identity.organisation,
                key_id=call.identity.key_id,
                model=call.model,
                target=attempt.target,
                operation=call.operation,
                cause=attempt.cause,
                started_us=attempt.started_us,
                duration_us=round(attempt.duration_s * 1_000_000),
                status=attempt.status,
                code=attempt.code,
                usage=usage,
                usage_source=attempt.usage_source,
                cost_picodollars=attempt.cost_picodollars,
                streamed=call.stream,
                vendor_request_id=attempt.vendor_request_id,
                tags=call.tags,
            )
        )
