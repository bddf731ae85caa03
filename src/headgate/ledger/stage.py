"""Settling: every attempt becomes one ledger row, however it ends."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from time import monotonic

from msgspec.structs import replace

from headgate.catalog import Price, cost
from headgate.clock import Clock
from headgate.errors import HeadgateError, StoreUnavailable
from headgate.events import AttemptFailed, Unpriced
from headgate.ledger.port import Ledger
from headgate.stage import EVERY_OPERATION, Next
from headgate.storage.records import LedgerRow
from headgate.types import Attempt, Call, Chunks, Reply, Usage

log = logging.getLogger("headgate.ledger")

Pricer = Callable[[str], Price | None]
"""What one of a provider's models charges; None where that is not known."""

Reserving = Callable[[Call, Attempt], Awaitable[Call]]
"""Sets aside what an attempt can cost, and gives the call as it may be made then. Raises where it may not be."""

INTERRUPTED = "interrupted"
"""The code of an attempt whose process died before it was settled."""

INTERNAL_ERROR = "internal_error"
"""The code of an attempt that a defect put an end to, Headgate's own or that of a user's stage."""

_NOTHING = Usage()


class Settle:
    """Opens an attempt, lets its budgets set money aside, waits for what comes of it, prices its usage and records it.

    Settling itself never awaits, so a cancelled call is settled like any other. What was refused before anything was
    sent is no attempt.
    """

    operations = EVERY_OPERATION

    def __init__(
        self,
        target: str,
        price: Pricer,
        ledger: Ledger,
        clock: Clock,
        reserve: Reserving | None = None,
        *,
        lenient: bool = False,
    ) -> None:
        """`lenient` says that attempts are made where what stands for them cannot be kept."""
        self._target = target
        self._price = price
        self._ledger = ledger
        self._clock = clock
        self._reserve = reserve
        self._lenient = lenient

    async def __call__(self, call: Call, next: Next) -> Reply:
        account = call.account
        attempt = Attempt(
            id=f"{call.id}-{account.begun}",
            label=self._target,
            target=self._target if call.matched is None else self._target.replace("*", call.matched),
            started_us=self._clock.now_us(),
            started=monotonic(),
            cause=call.cause,
            prompt=None if call.prompt is None else call.prompt.used,
        )
        account.begun += 1
        if account.pots is not None and self._reserve is not None:
            call = await self._reserve(call, attempt)
            attempt.started = monotonic()
            if attempt.hold is not None or attempt.reserved_picodollars:
                self._open(call, attempt)
        account.attempts.append(attempt)
        try:
            reply = await next(replace(call, attempt=attempt))
        except BaseException as error:
            if attempt.sent:
                account.upstream_s += monotonic() - attempt.started
                self._fail(call, attempt, error)
            else:
                self._forget(call, attempt)
            raise
        if not attempt.sent:
            self._forget(call, attempt)
            return reply
        account.upstream_s += monotonic() - attempt.started
        if reply.chunks is None:
            self._settle(call, attempt)
            return reply
        return replace(reply, chunks=self._metered(call, attempt, reply.chunks))

    def _open(self, call: Call, attempt: Attempt) -> None:
        """Keep what stands for an attempt with money set aside if nothing else comes of it.

        Raises:
            StoreUnavailable: it cannot be kept.
        """
        try:
            self._ledger.open(self._row(call, attempt, _NOTHING, attempt.reserved_picodollars, interrupted=True))
        except OSError as error:
            if not self._lenient:
                self._release(attempt, 0)
                raise StoreUnavailable(f"the ledger's journal cannot be written: {error}") from None
        except BaseException:
            self._release(attempt, 0)
            raise

    def _forget(self, call: Call, attempt: Attempt) -> None:
        """What was never sent is no attempt, and costs nothing."""
        call.account.attempts.remove(attempt)
        if attempt.hold is not None:
            self._ledger.void(attempt.id)
            self._release(attempt, 0)

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
            attempt.code = "cancelled" if not isinstance(error, Exception) else INTERNAL_ERROR
        upstream_status = attempt.status or None
        call.account.events.append(AttemptFailed(attempt.target, attempt.code, upstream_status))
        self._settle(call, attempt)

    def _settle(self, call: Call, attempt: Attempt) -> None:
        usage = attempt.usage or _NOTHING
        attempt.duration_s = monotonic() - attempt.started
        price = self._price(attempt.target.partition("/")[2])
        if price is not None and attempt.tier is not None:
            price = price.processed(attempt.tier)
        known = attempt.usage is not None or attempt.code is not None or (price is not None and price.free)
        picodollars = cost(usage, price) if known and price is not None else None
        if picodollars is not None and attempt.usage_source == "estimated" and attempt.reserved_picodollars is not None:
            picodollars = min(picodollars, attempt.reserved_picodollars)  # which is the most it can have been
        if attempt.usage is None and attempt.code == INTERNAL_ERROR:  # nobody looked at what the vendor made of it
            attempt.usage_source, picodollars = "estimated", attempt.reserved_picodollars
        attempt.cost_picodollars = picodollars
        attempt.settled = True
        if picodollars is None:
            call.account.events.append(Unpriced(attempt.target, "price" if price is None else "usage"))
        self._keep(self._row(call, attempt, usage, picodollars, price.version if price is not None else None))
        self._release(attempt, picodollars)

    def _keep(self, row: LedgerRow) -> None:
        """Record a row. One that cannot be written yet is not the answer's fault: it is there, and it was paid for."""
        try:
            self._ledger.record(row)
        except OSError as error:
            log.error("the ledger's journal cannot be written, the row of %s waits: %s", row.id, error)  # noqa: TRY400

    @staticmethod
    def _release(attempt: Attempt, picodollars: int | None) -> None:
        if attempt.hold is not None:
            attempt.hold.settle(picodollars)
            attempt.hold = None

    def _row(
        self,
        call: Call,
        attempt: Attempt,
        usage: Usage,
        picodollars: int | None,
        price_version: str | None = None,
        *,
        interrupted: bool = False,
    ) -> LedgerRow:
        identity, hold, first_token_s = call.identity, attempt.hold, attempt.first_token_s
        return LedgerRow(  # in its members' order: by name it would take ten times as long
            attempt.id,
            call.id,
            identity.organisation,
            identity.key_id,
            call.model,
            attempt.target,
            call.operation,
            attempt.cause,
            attempt.started_us,
            int(attempt.duration_s * 1_000_000),
            attempt.status,
            INTERRUPTED if interrupted else attempt.code,
            usage,
            "estimated" if interrupted else attempt.usage_source,
            picodollars,
            call.stream,
            attempt.vendor_request_id,
            identity.team_id,
            identity.project_id,
            identity.user_id,
            call.account.end_user,
            None if first_token_s is None else int(first_token_s * 1_000_000),
            attempt.reserved_picodollars,
            price_version,
            None,
            call.parent,
            call.payer if call.account.brought is None else "client",
            attempt.prompt,
            call.tags,
            () if hold is None else hold.charged,
        )
