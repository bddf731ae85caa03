"""The innermost step of every call: one request to one target, its answer brought back in the client's dialect."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from time import monotonic

import msgspec
from msgspec.structs import replace

from headgate import dialects
from headgate.clock import Clock
from headgate.dialects.base import Context, Fit, Peek
from headgate.dialects.eventstream import EventStreamFramer
from headgate.dialects.framing import Framer, SseFramer
from headgate.dialects.hub import TokenCount
from headgate.errors import ConnectionFailed, HeadgateError, MalformedOutput, Timeout, Unsupported
from headgate.events import FieldDropped, LineSkipped, StreamBroken
from headgate.providers.provider import Provider
from headgate.providers.transport import HttpResponse
from headgate.providers.wire import OPAQUE, Passed, Same, Translated, Wire, WireStream
from headgate.timers import Watchdog
from headgate.types import Attempt, Call, Chunk, Chunks, Frame, Payload, Reply, Usage

MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""Longest whole answer taken, decompressed."""
MAX_ERROR_BYTES = 1024 * 1024
"""Longest error document taken."""
LINGER_S = 0.1
"""How long after a stream's terminator its connection is given to end, so that it can be used again."""
MAX_MALFORMED_FRAMES = 1
"""Frames of a stream that may be unreadable and are skipped; one more and the stream is given up."""


DEFAULT_CONNECT_S = 5.0
"""What a provider's transport takes where a model says nothing else."""


class Limits(msgspec.Struct, frozen=True):
    """How long a target may take. Seconds."""

    connect_s: float
    first_token_s: float
    stall_s: float


class Facts(msgspec.Struct, frozen=True):
    """What is known of a provider's models."""

    base_model: Callable[[str], str]
    """The model a deployment stands for; the name itself where it is one."""
    output_limit: Callable[[str], int | None]
    """The most tokens a model puts out; None where that is not known."""


class Exchange:
    """Calls one target. The end of the attempt fold."""

    def __init__(
        self,
        provider: Provider,
        model: str,
        limits: Limits,
        drop: bool,
        facts: Facts,
        clock: Clock,
    ) -> None:
        self._provider = provider
        self._model = model
        self._limits = limits
        self._drop = drop
        self._facts = facts
        self._clock = clock

    async def __call__(self, call: Call) -> Reply:
        attempt = call.attempt
        assert attempt is not None, "the attempt fold begins with a settling stage"
        model = self._model if call.matched is None else self._model.replace("*", call.matched)
        if call.operation == "count_tokens" and not self._provider.dialects("count_tokens"):
            return self._counted(call, attempt, model)
        wire = self._wire(call, model)
        attempt.vendor_dialect = wire.vendor.name
        watchdog = Watchdog()
        try:
            watchdog.arm(min(call.deadline, monotonic() + self._limits.first_token_s) if call.stream else call.deadline)
            try:
                return await self._exchange(call, attempt, model, wire, watchdog)
            except asyncio.CancelledError:
                estimate(attempt, wire.body)
                if watchdog.absorb():
                    raise Timeout(f"'{attempt.target}' did not answer in time") from None
                raise
        except BaseException:
            watchdog.close()
            raise

    def _wire(self, call: Call, model: str) -> Wire:
        """Choose the vendor's dialect: the client's own where the vendor speaks it, else its preferred one."""
        provider = self._provider
        mine = call.request.dialect
        if mine == OPAQUE:
            return Passed(call, model)
        spoken = provider.dialects(call.operation)
        if not spoken:
            raise Unsupported(f"The provider '{provider.name}' does not do '{call.operation}'.", param="model")
        if mine in spoken:
            return Same(dialects.get(mine), call, model, provider.quirks.stream_usage)
        fit = Fit(
            model=model,
            base_model=self._facts.base_model(model),
            max_output_tokens=self._facts.output_limit(model),
            drop=self._drop,
            quirks=provider.quirks,
            dropped=[],
        )
        created = self._clock.now_us() // 1_000_000
        wire = Translated(dialects.get(mine), dialects.get(spoken[0]), call, fit, created)
        for field in fit.dropped:
            call.account.events.append(FieldDropped(provider.name, field))
        return wire

    def _counted(self, call: Call, attempt: Attempt, model: str) -> Reply:
        """A count the vendor cannot make, estimated here."""
        from headgate.catalog.tokens import estimate as estimate_tokens  # a quarter of a second to load

        attempt.cause = "local"
        attempt.usage = Usage()
        count = TokenCount(input_tokens=estimate_tokens(call.request.tree, self._facts.base_model(model)))
        context = Context(asked=call.request.tree, id=call.id, created=self._clock.now_us() // 1_000_000)
        tree = dialects.get(call.request.dialect).encode_answer(count, context)
        return Reply(payload=Payload(call.request.dialect, tree=tree), target=attempt.target)

    async def _exchange(self, call: Call, attempt: Attempt, model: str, wire: Wire, watchdog: Watchdog) -> Reply:
        provider = self._provider
        if isinstance(wire, Passed):
            request = await provider.opaque(
                call.operation, call.method, call.path, wire.content_type, wire.body, call.headers
            )
        else:
            request = await provider.request(wire.vendor.name, model, call.stream, wire.body, call.headers)
        if self._limits.connect_s != DEFAULT_CONNECT_S:
            request = replace(request, connect_s=self._limits.connect_s)
        response = await provider.transport.send(request)
        attempt.status = response.status
        try:
            attempt.vendor_request_id = provider.request_id(response.headers)
            if response.status >= 300:
                raise await self._error(wire, response)
            headers = provider.passed_headers(response.headers)
            if not call.stream:
                payload, peek = wire.whole(await response.read(MAX_ANSWER_BYTES), response.headers)
                note(attempt, peek, response.headers)
                watchdog.close()
                await response.close()
                return Reply(payload=payload, target=attempt.target, headers=headers)
            stream = _VendorStream(call, attempt, response, wire, self._limits.stall_s, watchdog)
            first = await stream.first()
            return Reply(chunks=stream.chunks(first), target=attempt.target, headers=headers)
        except BaseException:
            await response.close()
            raise

    async def _error(self, wire: Wire, response: HttpResponse) -> HeadgateError:
        raw = await response.read(MAX_ERROR_BYTES)
        error = wire.vendor.decode_error(response.status, response.headers, raw)
        error.upstream_status = response.status
        body = error.upstream_body
        if any(secret in raw.decode("utf-8", "replace") for secret in self._provider.secrets):
            error.message = type(error).public_message
            body = None
        error.upstream_body = body
        return error


class _VendorStream:
    """Reads one vendor stream, in pieces as they come, in the client's dialect."""

    def __init__(
        self, call: Call, attempt: Attempt, response: HttpResponse, wire: Wire, stall_s: float, watchdog: Watchdog
    ) -> None:
        self._call = call
        self._attempt = attempt
        self._response = response
        self._body = wire.body
        self._pieces = response.chunks()
        self._framer: Framer = SseFramer() if wire.vendor.framing == "sse" else EventStreamFramer()
        self._stream: WireStream = wire.stream()
        self._progress = self._stream.progress
        self._received = 0
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
        while not self._progress.started and not self._finished:
            held += await self._read()
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
            raise ConnectionFailed(f"the stream of '{self._attempt.target}' was cut before its end")
        return frames

    def _take(self, frame: Frame, into: Chunk) -> None:
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
        attempt.stop = progress.stop
        if progress.usage is not None and (progress.ended or progress.stop is not None):
            attempt.usage = progress.usage
        else:
            estimate(attempt, self._body, self._received, progress.usage)


def note(attempt: Attempt, peek: Peek, headers: Mapping[str, str]) -> None:
    """Write down what a whole answer says it used, in its body or, for some of Bedrock's, in a header."""
    attempt.usage = peek.usage
    attempt.stop = peek.stop
    if peek.usage is None:
        tokens = headers.get("x-amzn-bedrock-input-token-count", "")
        if tokens.isdecimal():
            attempt.usage = Usage(input_tokens=int(tokens))


def estimate(attempt: Attempt, body: bytes, received: int = 0, reported: Usage | None = None) -> None:
    """Settle an attempt whose usage was never reported at no less than it can have used so far.

    A token is at least one byte of text, so the request's bytes bound its input and the received bytes its output.
    What the vendor did report (some tell the input at the stream's start) is taken instead of the bound.
    """
    usage = reported or Usage(input_tokens=len(body))
    attempt.usage = replace(usage, output_tokens=max(usage.output_tokens, received))
    attempt.usage_source = "estimated"
