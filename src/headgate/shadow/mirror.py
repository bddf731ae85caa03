"""Making mirrored calls, beside everything else: a few at a time, a few that wait, and the others counted."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Collection, Sequence
from functools import partial
from time import monotonic
from typing import Any

import msgspec

from headgate.clock import Clock
from headgate.errors import BudgetExceeded, HeadgateError, StoreUnavailable
from headgate.ids import request_id
from headgate.observing.kept import Kept, Room, aside
from headgate.observing.line import Line
from headgate.shadow.config import ShadowConfig
from headgate.shadow.pair import Side, compared, look
from headgate.shadow.shape import Shape
from headgate.stage import Next
from headgate.storage.records import Comparison
from headgate.types import Call

log = logging.getLogger("headgate.shadow")

GATHER_S = 1.0
"""How long drops are counted before their number is written down."""

SPARE_S = 1.0
"""After its deadline a mirrored call that does not end by itself is given up."""

COMPLAIN_S = 3600.0
"""How often the log is told that a shadow's budget keeps calls from it."""

Tell = Callable[[Comparison], None]
"""Keeps a record. Raises OSError where it cannot."""


class Job(msgspec.Struct, frozen=True):
    """A call that is to be mirrored, and what its client got."""

    call: Call
    """As it goes to the shadow, its deadline aside."""
    call_id: str
    """The client's."""
    organisation: str
    next: Next
    primary: Side
    wants_json: bool
    timeout_s: float
    size: int
    """Bytes of the request."""

    def let_go(self) -> None:
        """Let go of the answer that was kept."""
        self.primary.kept.let_go()


class Mirror(Line[Job]):
    """The mirrored calls of one model. Outlives a reload that leaves it where it goes to."""

    def __init__(self, model: str, to: str, shadows: Shadows) -> None:
        super().__init__(f"mirroring '{model}' to '{to}'", shadows.room, shadows.under_way)
        self.model = model
        self.to = to
        self._shadows = shadows
        self._short: set[asyncio.Task[str | None]] = set()
        """Those under way that wait for their budget."""
        self._complained = -COMPLAIN_S

    def drop(self, reason: str, organisation: str) -> None:
        """Count a call that is not mirrored."""
        self._shadows.drop((organisation, self.model, self.to, reason))

    async def work(self, job: Job) -> str | None:
        """Make the call and write down what came of it; why nothing can be written down."""
        primary, call = job.primary, job.call
        primary.look = await look(primary.kept, call.request.dialect)
        shadow = Side(Kept(self.room))
        try:
            reason = await self._admitted(job, shadow)
            if reason is not None:
                return reason
            shadow.look = await look(shadow.kept, call.request.dialect)
        finally:
            shadow.kept.let_go()
        compare = partial(compared, primary, shadow, json=job.wants_json)
        quick = primary.look is None or isinstance(primary.look, Shape)
        self._shadows.tell(self._comparison(job, compare() if quick else await aside(compare)))
        return None

    async def _admitted(self, job: Job, shadow: Side) -> str | None:
        """The shadow's answer, as soon as its budget has room for what the call may cost; why there is none."""
        while True:
            try:
                await self._answered(job, shadow)
            except (BudgetExceeded, StoreUnavailable) as error:
                short = isinstance(error, BudgetExceeded)
                if short and not job.call.account.attempts and await self._other_ended():
                    continue
                self._complain(error)
                return "budget" if short else "store_unavailable"
            return None

    async def _other_ended(self) -> bool:
        """Wait until another call is over, and what was set aside for it is free; False where all are waiting so."""
        task = asyncio.current_task()
        others = {each for each in self._under_way if each is not task and each not in self._short}
        if task is None or not others:
            return False
        self._short.add(task)
        try:
            await asyncio.wait(others, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._short.discard(task)
        return True

    async def _answered(self, job: Job, shadow: Side) -> None:
        """Take the shadow's answer to its end, or its failure for one.

        Raises:
            BudgetExceeded: the shadow's budget has not enough left.
            StoreUnavailable: nobody knows what it has left.
        """
        began = monotonic()
        call = msgspec.structs.replace(job.call, deadline=began + job.timeout_s)
        try:
            async with asyncio.timeout(job.timeout_s + SPARE_S):
                await self._taken(job.next, call, shadow, began)
        except (BudgetExceeded, StoreUnavailable):
            raise
        except HeadgateError as error:
            shadow.code = error.code
        except TimeoutError:
            shadow.code = "timeout"
        shadow.duration_s = monotonic() - began
        answering = call.account.answering
        shadow.target = answering.target if answering is not None else None
        shadow.cost_picodollars = call.account.cost_picodollars if call.account.attempts else 0

    async def _taken(self, next: Next, call: Call, shadow: Side, began: float) -> None:
        reply = await next(call)
        if reply.chunks is None:
            assert reply.payload is not None
            shadow.kept.whole(reply.payload)
            return
        shadow.first_token_s = monotonic() - began
        try:
            async for chunk in reply.chunks:
                shadow.kept.piece(chunk)
        finally:
            await reply.chunks.aclose()

    def _complain(self, error: HeadgateError) -> None:
        now = monotonic()
        if now - self._complained >= COMPLAIN_S:
            self._complained = now
            log.warning("calls of '%s' are not mirrored to '%s' now: %s", self.model, self.to, error.message)

    def _comparison(self, job: Job, about: dict[str, Any]) -> Comparison:
        return Comparison(
            id=job.call.id,
            at_us=self._shadows.clock.now_us(),
            organisation=job.organisation,
            model=self.model,
            shadow=self.to,
            call_id=job.call_id,
            operation=job.call.operation,
            streamed=int(job.call.stream),
            **about,
        )


class Shadows:
    """The mirrors of all models of one process, and what they found out lately."""

    def __init__(self, clock: Clock, keep: Tell | None = None, latest: int = 1000) -> None:
        """`keep` is told every record; without it the `latest` in memory are all there is."""
        self.clock = clock
        self.room = Room()
        self.under_way: set[asyncio.Task[str | None]] = set()
        """Mirrored calls, those of mirrors that were stopped too."""
        self.compared = 0
        self.dropped = Counter[str]()
        """Calls that were not mirrored, by why."""
        self.lost = 0
        """Records that could not be kept."""
        self.latest = deque[Comparison](maxlen=latest)
        self._keep = keep
        self._mirrors: dict[tuple[str, str], Mirror] = {}
        self._pending = Counter[tuple[str, str, str, str]]()
        """Drops not written down yet: by organisation, model, where to and why."""
        self._timer: asyncio.TimerHandle | None = None

    def mirror(self, model: str, config: ShadowConfig) -> Mirror:
        """What mirrors a model's calls, with these bounds from now on."""
        key = model, config.to
        mirror = self._mirrors.get(key)
        if mirror is None:
            mirror = self._mirrors[key] = Mirror(model, config.to, self)
        mirror.concurrency, mirror.queue = config.concurrency, config.queue
        return mirror

    def only(self, kept: Collection[tuple[str, str]]) -> None:
        """Stop all mirrors but those of these models, each with where it goes to."""
        for key in [key for key in self._mirrors if key not in kept]:
            self._mirrors.pop(key).stop()

    def remember(self, latest: int) -> None:
        """Hold the latest so many in memory."""
        self.latest = deque(self.latest, maxlen=max(1, latest))

    async def idle(self) -> None:
        """Wait until no mirrored call waits or is under way."""
        while self.under_way:
            await asyncio.wait(self.under_way)

    async def close(self) -> None:
        """Give up what is under way, and write down what is still to be written."""
        self.only(())
        await self.idle()
        self.flush()

    def tell(self, record: Comparison) -> None:
        """Keep a comparison."""
        self.compared += 1
        self._record(record)

    def drop(self, key: tuple[str, str, str, str]) -> None:
        """Count a call that is not mirrored; the number is written down soon."""
        self.dropped[key[3]] += 1
        self._pending[key] += 1
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GATHER_S, self.flush)

    def flush(self) -> None:
        """Write down how many calls were not mirrored."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        pending, self._pending = self._pending, Counter()
        for (organisation, model, to, reason), calls in pending.items():
            self._record(
                Comparison(
                    id=f"drop_{request_id().removeprefix('req_')}",
                    at_us=self.clock.now_us(),
                    organisation=organisation,
                    model=model,
                    shadow=to,
                    dropped=reason,
                    calls=calls,
                )
            )

    def levels(self) -> Sequence[tuple[str, str, float]]:
        """How they are doing, for Prometheus; nothing where nothing was ever mirrored."""
        mirrors = self._mirrors.values()
        if not mirrors and not self.compared and not self.dropped:
            return ()
        return [
            ("headgate_shadow_under_way", "Mirrored calls under way", len(self.under_way)),
            ("headgate_shadow_waiting", "Mirrored calls that wait", sum(each.waiting for each in mirrors)),
            ("headgate_shadow_compared_total", "Calls compared with what their shadow made of them", self.compared),
            ("headgate_shadow_dropped_total", "Calls drawn that were not mirrored", self.dropped.total()),
            ("headgate_shadow_lost_records_total", "Comparisons that could not be written down", self.lost),
        ]

    def _record(self, record: Comparison) -> None:
        self.latest.append(record)
        if self._keep is None:
            return
        try:
            self._keep(record)
        except OSError as error:
            self.lost += record.calls
            log.error("a comparison cannot be written down: %s", error)  # noqa: TRY400
