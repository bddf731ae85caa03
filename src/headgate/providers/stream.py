"""Reading a vendor's stream, piece by piece, into the client's dialect."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

from headgate.dialects.eventstream import EventStreamFramer
from headgate.dialects.framing import Framer, SseFramer
from headgate.errors import ConnectionFailed, HeadgateError, MalformedOutput, Timeout
from headgate.events import LineSkipped, StreamBroken
from headgate.providers.transport import HttpResponse
from headgate.providers.usage import estimate
from headgate.providers.wire import Wire, WireStream
from headgate.timers import Watchdog
from headgate.types import JSON, Attempt, Call, Chunk, Chunks, Frame

LINGER_S = 0.1
"""How long after a stream's terminator its connection is given to end, so that it can be used again."""

MAX_PREAMBLE_BYTES = 4 * 1024 * 1024
"""Most that is held of a stream before its first content: what a vendor repeats of a request may be long."""

MAX_MALFORMED_FRAMES = 1
"""Frames of a stream that may be unreadable and are skipped; one more and the stream is given up."""


class VendorStream:
    """Reads one vendor stream, in pieces as they come, in the client's dialect."""

    def __init__(
        self,
        call: Call,
        attempt: Attempt,
        response: HttpResponse,
        wire: Wire,
        stall_s: float,
        watchdog: Watchdog,
        keep_secrets: Callable[[HeadgateError], None],
        always: JSON,
    ) -> None:
        """`keep_secrets` goes over every error before it is let out; `always` is what every request to the provider
        has in it.
        """
        self._keep_secrets = keep_secrets
        self._always = always
        self._call = call
        self._attempt = attempt
        self._response = response
        self._sent_bytes = len(wire.body)
        self._pieces = response.chunks()
        self._framer: Framer = SseFramer() if wire.vendor.framing == "sse" else EventStreamFramer()
        self._stream: WireStream = wire.stream()
        self._progress = self._stream.progress
        self._received = 0
        self._seen = False
        """Any event at all has come."""
        self._stall_s = stall_s
        self._watchdog = watchdog
        self._malformed = 0
        self._finished = False

    async def first(self) -> Chunk:
        """Everything up to and including the first content: what comes before it commits to nothing.

        Raises:
            HeadgateError: the stream failed or ended before any content.
        """
        held: Chunk = []
        try:
            while not (self._progress.started or self._progress.ended or self._finished):
                held += await self._read()
                if self._received > MAX_PREAMBLE_BYTES and not self._progress.started:
                    raise MalformedOutput(f"'{self._attempt.target}' sent {self._received} bytes without any content")
        except BaseException:
            self._take_stock()
            raise
        self._attempt.first_token_s = monotonic() - self._attempt.started
        self._watchdog.disarm()
        return held

    async def chunks(self, first: Chunk) -> Chunks:
        """The stream, beginning with what `first` gave."""
        try:
            yield first
            while not self._finished:
                frames = await self._next()
                if frames:
                    yield frames
        except HeadgateError as error:
            self._keep_secrets(error)
            self._call.account.events.append(StreamBroken(self._attempt.target, error.code))
            raise
        finally:
            self._watchdog.close()
            self._take_stock()
            await self._response.close()

    async def _next(self) -> Chunk:
        """The next piece, within the time it may take. A complete stream that is left open is not waited for."""
        ended = self._progress.ended
        wait_s = LINGER_S if ended else self._stall_s
        self._watchdog.arm(min(self._call.deadline, monotonic() + wait_s))
        try:
            return await self._read()
        except asyncio.CancelledError:
            if not self._watchdog.absorb():
                raise
            if not ended:
                raise Timeout(f"'{self._attempt.target}' stopped sending in the middle of a stream") from None
            self._finished = True
            return []
        finally:
            self._watchdog.disarm()

    async def _read(self) -> Chunk:
        """What the next piece from the network holds for the client; may be nothing."""
        try:
            piece = await anext(self._pieces)
        except StopAsyncIteration:
            return self._end()
        except HeadgateError:
            if not self._progress.ended:
                raise
            return self._end()  # all is there, however its connection ended
        self._received += len(piece)
        frames: Chunk = []
        for frame in self._framer.feed(piece):
            self._take(frame, frames)
        return frames

    def _end(self) -> Chunk:
        self._finished = True
        frames: Chunk = []
        for frame in self._framer.close():
            self._take(frame, frames)
        frames += self._stream.close()
        if self._progress.error is not None:
            raise self._progress.error
        if not self._progress.ended and self._progress.stop is None:
            if not self._seen:
                raise MalformedOutput(f"'{self._attempt.target}' was asked for a stream and sent none")
            raise ConnectionFailed(f"the stream of '{self._attempt.target}' was cut before its end")
        return frames

    def _take(self, frame: Frame, into: Chunk) -> None:
        self._seen = True
        try:
            into += self._stream.feed(frame)
        except MalformedOutput:
            self._malformed += 1
            self._call.account.events.append(LineSkipped(self._attempt.target))
            if self._malformed > MAX_MALFORMED_FRAMES:
                raise
        if self._progress.error is not None:
            raise self._progress.error

    def _take_stock(self) -> None:
        """Write down what the stream has used: as reported, or at an upper estimate if it did not get that far."""
        attempt, progress = self._attempt, self._progress
        attempt.stop, attempt.tier = progress.stop, progress.tier
        if progress.usage is not None and (progress.ended or progress.stop is not None):
            attempt.usage = progress.usage
        else:
            estimate(self._call, attempt, self._sent_bytes, self._received, progress.usage, always=self._always)
