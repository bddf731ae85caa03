"""From calls that are over to a collector, in the background and within bounds.

    telemetry stage ──> calls that are over ──> encoded spans, metrics ──> messages ──> collector
                        (50 ms, in slices)      (queue; the oldest go)     (one at a time, with a time limit)

Nothing here waits on a call's way, and nothing there waits for this. What cannot be sent is dropped and counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from functools import partial
from random import uniform
from time import monotonic
from traceback import extract_tb

from headgate import __version__
from headgate.clock import Clock
from headgate.observing.kept import LARGE_BYTES, Room, aside
from headgate.telemetry.otel import names
from headgate.telemetry.otel.counts import Counts
from headgate.telemetry.otel.instruments import Series
from headgate.telemetry.otel.meters import Meters, vendor_of
from headgate.telemetry.otel.protobuf import attributes, field, fields, known
from headgate.telemetry.otel.rhythm import Kept
from headgate.telemetry.otel.sending import Delivered, Outcome, Refused, Sender, Unreachable
from headgate.telemetry.otel.settings import Settings
from headgate.telemetry.otel.spans import Ended, spans_of

log = logging.getLogger("headgate.otel")

MAX_PENDING = 10_000
"""Calls that are over and not yet looked at."""
SLICE = 20
"""Calls looked at in one go: a third of a millisecond."""
SLICE_S = 0.005
"""Longest time for that, where there are more of them or they have content."""
MAX_MAKING = 100
"""Calls with much content whose spans are being made."""
SOON_S = 0.05
MAX_QUEUED_BYTES = 64 * 1024 * 1024
MAX_MESSAGE_BYTES = 3 * 1024 * 1024
"""Collectors take 4 MiB over gRPC, unless they are told otherwise."""
FIRST_WAIT_S, MAX_WAIT_S = 1.0, 30.0
FLUSH_S = 3.0
"""What is left at the end is given this long."""

_SCOPE = field(1, b"headgate") + field(2, __version__.encode())


class Pipeline:
    """One process's way to one collector. Nothing is sent before `start`."""

    def __init__(
        self, settings: Settings, traces: Sender | None, metrics: Sender | None, counts: Counts, clock: Clock
    ) -> None:
        self.settings = settings
        self.meters = Meters(settings.names)
        self._traces = traces
        self._metrics = metrics
        self._counts = counts
        self._clock = clock
        self._pending: deque[tuple[Ended, bool]] = deque()
        self._due = False
        self._spans: deque[bytes] = deque()
        self._bytes = 0
        self._due_now = asyncio.Event()
        """There are as many spans as a message takes, or the end has come."""
        self._closing = asyncio.Event()
        self._began_ns = clock.now_us() * 1000
        self._since_ns: dict[str, int] = {}
        """From when on instruments that tell differences have counted, by name."""
        self._resource = field(1, attributes(b"\x0a", [known(name, value) for name, value in settings.resource]))
        self._tasks: list[asyncio.Task[None]] = []
        self._failing: set[str] = set()
        self._making: set[asyncio.Task[None]] = set()
        """What has spans made in a thread."""
        self.room = Room()
        """For the content of streams."""

    @property
    def waiting(self) -> int:
        """Spans that wait to be sent."""
        return len(self._spans)

    # ── taking ──

    def take(self, ended: Ended, *, sampled: bool) -> None:
        """Have a call looked at soon."""
        if len(self._pending) >= MAX_PENDING or self._closing.is_set():
            self._counts.calls_dropped += 1
            return
        self._pending.append((ended, sampled))
        if not self._due:
            self._due = True
            asyncio.get_running_loop().call_later(SOON_S, self._look)

    def _look(self) -> None:
        """Count a few calls and encode their spans; then let others have a turn."""
        pending = self._pending
        until = monotonic() + SLICE_S
        for number in range(min(max(SLICE, len(pending) // 8), len(pending))):  # more, where more come than that
            if number and monotonic() > until:
                break
            ended, sampled = pending.popleft()
            try:
                self._count(ended)
                if sampled and self._traces is not None:
                    self._tell(ended)
            except Exception as error:  # noqa: BLE001  # a defect here costs a trace, and no call
                self._broke(error)
        self._due = bool(pending)
        if pending:
            asyncio.get_running_loop().call_soon(self._look)

    def _tell(self, ended: Ended) -> None:
        """Have the spans of a call sent. Where there is much content in them, a thread makes them."""
        if self.settings.content is None or _content_bytes(ended) <= LARGE_BYTES:
            for span in spans_of(ended, self.settings.names, self.settings.content):
                self._enqueue(span)
        elif len(self._making) < MAX_MAKING:
            self._making.add(task := asyncio.ensure_future(self._told_aside(ended)))
            task.add_done_callback(self._making.discard)
        else:
            self._counts.calls_dropped += 1

    async def _told_aside(self, ended: Ended) -> None:
        try:
            for span in await aside(partial(spans_of, ended, self.settings.names, self.settings.content)):
                self._enqueue(span)
        except asyncio.CancelledError:  # the end came first
            self._counts.calls_dropped += 1
            raise
        except Exception as error:  # noqa: BLE001  # as in _look
            self._broke(error)
        finally:
            if isinstance(ended.rhythm, Kept):
                ended.rhythm.let_go()  # here, and not in the thread

    def _broke(self, error: Exception) -> None:
        """Count a call nothing could be made of, and tell of the first one where that was."""
        self._counts.broken += 1
        if self._counts.broken == 1:
            log.error("no spans could be made of a call: %s; more are counted", _told(error))

    def _count(self, ended: Ended) -> None:
        if self._metrics is None:
            return
        call, account = ended.call, ended.call.account
        operation = names.OPERATIONS.get(call.operation, call.operation)
        answering = account.answering
        self.meters.call(call, ended.code, ended.timing, vendor_of(ended.vendors, answering))
        for attempt in account.attempts:
            rhythm = ended.rhythm if attempt is answering else None
            self.meters.attempt(attempt, operation, vendor_of(ended.vendors, attempt), rhythm)

    def _enqueue(self, span: bytes) -> None:
        spans = self._spans
        spans.append(span)
        self._bytes += len(span)
        while len(spans) > self.settings.queue or self._bytes > MAX_QUEUED_BYTES:
            self._bytes -= len(spans.popleft())
            self._counts.queue_dropped += 1
        if len(spans) >= self.settings.batch:
            self._due_now.set()

    # ── sending ──

    def start(self) -> None:
        if self._traces is not None:
            self._tasks.append(asyncio.create_task(self._send_spans(self._traces)))
        if self._metrics is not None:
            self._tasks.append(asyncio.create_task(self._send_metrics(self._metrics)))

    async def close(self) -> None:
        """Send what there is, for as long as that may take, and let go of everything."""
        until = asyncio.get_running_loop().time() + FLUSH_S
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await self._look_at_all()
        self._counts.calls_dropped += len(self._pending)
        self._pending.clear()
        self._closing.set()
        self._due_now.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await asyncio.gather(*self._tasks)
        if self._spans:
            self._counts.queue_dropped += len(self._spans)
            log.warning("%d spans could not be sent before the end", len(self._spans))
            self._spans.clear()
        for sender in (self._traces, self._metrics):
            if sender is not None:
                await sender.close()

    async def _look_at_all(self) -> None:
        while self._pending or self._making:
            self._look()
            if self._making:
                await asyncio.gather(*self._making)
            else:
                await asyncio.sleep(0)

    async def _send_spans(self, sender: Sender) -> None:
        wait_s = FIRST_WAIT_S
        while self._spans or not self._closing.is_set():
            if len(self._spans) < self.settings.batch:
                await _wait(self._due_now, self.settings.delay_s)  # others may join them
            if not self._closing.is_set():
                self._due_now.clear()
            if not self._spans:
                continue
            outcome = await self._batch_sent(sender)
            if not isinstance(outcome, Unreachable):
                wait_s = FIRST_WAIT_S
            elif self._closing.is_set():
                return
            else:
                told_s, drawn_s = outcome.after_s, uniform(0.5, 1.0) * wait_s  # noqa: S311
                await _wait(self._closing, drawn_s if told_s is None else told_s)
                wait_s = min(wait_s * 2, MAX_WAIT_S)

    async def _batch_sent(self, sender: Sender) -> Outcome:
        """Send the oldest spans. They wait again where the collector cannot be reached, or this is cancelled."""
        batch = self._batch()
        outcome: Outcome | None = None
        try:
            outcome = await self._sent("traces", sender, self._within(fields(2, batch)))
            return outcome
        finally:
            if isinstance(outcome, Delivered | Refused):
                lost = min(outcome.rejected, len(batch)) if isinstance(outcome, Delivered) else len(batch)
                self._counts.refused += lost
                self._counts.spans += len(batch) - lost
            else:
                self._put_back(batch)

    def _batch(self) -> list[bytes]:
        """As many spans as one message takes."""
        batch: list[bytes] = []
        size = 0
        spans = self._spans
        while spans and len(batch) < self.settings.batch and (not batch or size + len(spans[0]) <= MAX_MESSAGE_BYTES):
            batch.append(spans.popleft())
            size += len(batch[-1])
        self._bytes -= size
        return batch

    def _put_back(self, batch: list[bytes]) -> None:
        """Have spans wait again as far as there is room, the latest of them."""
        room = max(0, self.settings.queue - len(self._spans))
        kept = batch[max(0, len(batch) - room) :]
        self._counts.queue_dropped += len(batch) - len(kept)
        self._spans.extendleft(reversed(kept))
        self._bytes += sum(map(len, kept))

    def _within(self, members: bytes) -> bytes:
        """Spans or metrics within their scope, that within the resource, that within a message: both signals are built
        alike.
        """
        url = field(3, self.settings.names.schema_url.encode())
        return field(1, self._resource + field(2, field(1, _SCOPE) + members + url) + url)

    async def _send_metrics(self, sender: Sender) -> None:
        while not self._closing.is_set():
            await _wait(self._closing, self.settings.interval_s)
            try:
                await self._metrics_sent(sender)
            except Exception as error:  # noqa: BLE001  # a defect here costs a message, and none after it
                self._failed("metrics", Refused(_told(error)))

    async def _metrics_sent(self, sender: Sender) -> None:
        """Send all metrics, once, in as few messages as may be. Sums that could not be sent are in the next ones."""
        now_ns, delta = self._clock.now_us() * 1000, self.settings.delta
        taken = deque[tuple[str, Series]]()
        for each in self.meters.instruments:
            series = each.series(self._since_ns.get(each.name, self._began_ns), now_ns, delta=delta)
            if series is not None:
                taken.append((each.name, series))
        try:
            metrics = deque([await _encoded(series) for _, series in taken])
            while metrics:
                some = _first_of(metrics)
                outcome = await self._sent("metrics", sender, self._within(fields(2, some)))
                if isinstance(outcome, Unreachable):
                    return
                self._counts.metrics += isinstance(outcome, Delivered)
                for _ in some:
                    name, _ = taken.popleft()
                    if delta:
                        self._since_ns[name] = now_ns
        finally:
            if delta:
                for _, series in taken:
                    series.give_back()

    async def _sent(self, signal: str, sender: Sender, message: bytes) -> Outcome:
        """Send a message. The log is told when that fails and when it works again, not each time."""
        try:
            outcome = await sender.send(message)
        except Exception as error:  # noqa: BLE001  # a defect there costs a message, and none after it
            outcome = Refused(_told(error))
        if isinstance(outcome, Delivered):
            if signal in self._failing:
                self._failing.discard(signal)
                log.info("the collector takes %s again", signal)
        else:
            self._failed(signal, outcome)
        return outcome

    def _failed(self, signal: str, outcome: Refused | Unreachable) -> None:
        self._counts.failed_sends += 1
        if signal not in self._failing:
            self._failing.add(signal)
            what = "does not want" if isinstance(outcome, Refused) else "cannot be given"
            log.warning(
                "the collector %s %s: %s; calls go on, and what is lost is in /metrics", what, signal, outcome.why
            )


def _content_bytes(ended: Ended) -> int:
    """Of what there is to be read of a call's content, about."""
    kept = ended.rhythm.size if isinstance(ended.rhythm, Kept) else 0
    return ended.call.request.size + (0 if ended.answer is None else ended.answer.size) + kept


POINTS_SLICE = 100
"""Data points encoded in one go: half a millisecond."""


async def _wait(event: asyncio.Event, seconds: float) -> None:
    """Wait for an event, but not longer than that."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def _told(error: Exception) -> str:
    """What a defect is, and where. What the error itself says may hold what a call did."""
    place = extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {place.name}:{place.lineno}"


def _first_of(metrics: deque[bytes]) -> list[bytes]:
    """As many of them as one message takes."""
    some = [metrics.popleft()]
    size = len(some[0])
    while metrics and (size := size + len(metrics[0])) <= MAX_MESSAGE_BYTES:
        some.append(metrics.popleft())
    return some


async def _encoded(series: Series) -> bytes:
    points: list[bytes] = []
    for point in series.points:
        points.append(point)
        if not len(points) % POINTS_SLICE:
            await asyncio.sleep(0)
    return series.whole(b"".join(points))
