"""How one attempt's bytes relate to the client's: passed on as they are, or translated through the hub."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from headgate import dialects
from headgate.dialects import multipart
from headgate.dialects.base import AnyDialect, Context, Fit, Peek
from headgate.dialects.failures import reported
from headgate.dialects.hub import (
    Answer,
    BlockDelta,
    BlockStarted,
    Ended,
    Failed,
    Started,
    Stop,
    Stopped,
    StreamEvent,
    TokenCount,
    UsageReported,
)
from headgate.dialects.tiers import tier_of
from headgate.errors import HeadgateError, MalformedOutput, Unsupported, error_of
from headgate.types import OPAQUE, Call, Frame, Payload, Usage


class Progress(Protocol):
    """Where a stream stands, as far as its frames have told."""

    usage: Usage | None
    tier: str | None
    stop: Stop | None
    started: bool
    ended: bool
    error: HeadgateError | None


class WireStream(Protocol):
    """One vendor stream on its way to the client."""

    progress: Progress

    def feed(self, frame: Frame) -> list[Frame]:
        """What the client gets for one frame of the vendor.

        Raises:
            MalformedOutput: the frame cannot be understood.
        """
        ...

    def close(self) -> list[Frame]:
        """What the client still gets when the vendor's connection has ended."""
        ...


class Wire(Protocol):
    """One attempt's request and the way its answer takes back."""

    vendor: AnyDialect
    body: bytes
    tells_usage: bool
    """Whether an answer without usage leaves out what it should tell: then it is estimated, else it is unknown."""

    def whole(self, raw: bytes, headers: Mapping[str, str]) -> tuple[Payload, Peek]:
        """The client's answer to a whole answer of the vendor.

        Raises:
            MalformedOutput: the vendor's bytes are not an answer.
        """
        ...

    def stream(self) -> WireStream: ...


class Same:
    """Client and vendor speak one dialect: bytes pass, and only what billing needs is read."""

    def __init__(self, dialect: AnyDialect, call: Call, model: str, stream_usage: bool) -> None:
        self.vendor = dialect
        self.tells_usage = True
        payload = dialect.address(call.request, model)
        self._hide_usage = False
        if call.stream and stream_usage:
            asked = dialect.ask_usage(payload)
            self._hide_usage = asked is not payload
            payload = asked
        self.body = payload.encode()

    def whole(self, raw: bytes, headers: Mapping[str, str]) -> tuple[Payload, Peek]:
        payload, peek = Payload(self.vendor.name, raw), self.vendor.peek(raw)
        if peek.usage is None:  # as an answer hardly ever is: see whether it is one
            self.vendor.decode_answer(payload.answer_tree)
        return payload, peek

    def stream(self) -> WireStream:
        return _SameStream(self.vendor, self._hide_usage)


class _SameStream:
    def __init__(self, dialect: AnyDialect, hide_usage: bool) -> None:
        meter = dialect.meter()
        self.progress: Progress = meter
        self._observe = meter.observe
        self._terminator = dialect.terminator
        self._is_usage_only = dialect.is_usage_only if hide_usage else None

    def feed(self, frame: Frame) -> list[Frame]:
        if frame.data[-1:] != b"}" and frame.data != b"[DONE]":
            raise MalformedOutput("an event of the stream is not a whole JSON object")
        self._observe(frame)
        if self._is_usage_only is not None and self._is_usage_only(frame):
            return []
        return [frame]

    def close(self) -> list[Frame]:
        progress = self.progress
        return self._terminator() if progress.stop is not None and not progress.ended else []


class Translated:
    """Client and vendor speak different dialects: everything goes through the hub."""

    def __init__(self, client: AnyDialect, vendor: AnyDialect, call: Call, fit: Fit, created: int) -> None:
        self._client = client
        self.vendor = vendor
        self.tells_usage = True
        request = client.decode_request(call.request.tree)
        tree = vendor.encode_request(replace(request, model=fit.model), fit)
        payload = Payload(vendor.name, tree=tree)
        if call.stream and fit.quirks.stream_usage:
            payload = vendor.ask_usage(payload)
        self.body = payload.encode()
        self._context = Context(asked=call.request.tree, id=call.id, created=created)

    def whole(self, raw: bytes, headers: Mapping[str, str]) -> tuple[Payload, Peek]:
        answer = self.vendor.decode_answer(Payload(self.vendor.name, raw).answer_tree)
        tree = self._client.encode_answer(answer, self._context)
        if isinstance(answer, Answer):
            stop = answer.choices[0].stop if answer.choices else None
            peek = Peek(usage=answer.usage, tier=answer.tier, stop=stop, id=answer.id, model=answer.model)
        else:  # counting uses nothing
            peek = Peek(usage=Usage() if isinstance(answer, TokenCount) else answer.usage)
        return Payload(self._client.name, tree=tree), peek

    def stream(self) -> WireStream:
        return _TranslatedStream(self._client, self.vendor, self._context)


class _TranslatedStream:
    """Is its own progress: notes it from the hub's events."""

    def __init__(self, client: AnyDialect, vendor: AnyDialect, context: Context) -> None:
        self._decoder = vendor.decode_stream()
        self._encoder = client.encode_stream(context)
        self.progress: Progress = self
        self.usage: Usage | None = None
        self.tier: str | None = None
        self.stop: Stop | None = None
        self.started = False
        self.ended = False
        self.error: HeadgateError | None = None

    def feed(self, frame: Frame) -> list[Frame]:
        return self._encoded(self._decoder.feed(frame))

    def close(self) -> list[Frame]:
        frames = self._encoded(self._decoder.close())
        if not self.ended and self.stop is not None and self.error is None:
            frames += self._encoded([Ended()])  # some vendors stop without their dialect's terminator
        return frames

    def _encoded(self, events: list[StreamEvent]) -> list[Frame]:
        frames: list[Frame] = []
        for event in events:
            self._note(event)
            if self.error is not None:
                break
            frames += self._encoder.feed(event)
        return frames

    def _note(self, event: StreamEvent) -> None:
        match event:
            case BlockDelta() | BlockStarted():
                self.started = True
            case Stopped():
                self.started = True
                self.stop = event.stop
            case UsageReported() | Started():
                self.usage, self.tier = event.usage, event.tier
            case Ended():
                self.ended = True
            case Failed():
                self.error = failure(event)
            case _:
                pass


ACTIVE = ("text/html", "image/svg+xml", "application/xhtml+xml", "text/xml", "application/xml")
"""Content types that could run in a browser under this server's origin."""


class Passed:
    """Nobody translates: the body goes to a vendor that takes it as it is, its answer comes back as it is."""

    def __init__(self, call: Call, model: str) -> None:
        self.vendor = dialects.get("openai_chat")  # whose form the vendors of these operations give their errors
        self.tells_usage = False
        self._is_free = call.method in ("GET", "DELETE")
        self._makes_images = call.operation == "image"
        payload = call.request
        self.content_type = payload.content_type
        if payload.content_type.startswith("multipart/"):
            self.body = multipart.with_field(payload.encode(), payload.content_type, "model", model)
        elif "model" in payload.tree:
            self.body = self.vendor.address(payload, model).encode()
        else:
            self.content_type, self.body = "", b""

    def whole(self, raw: bytes, headers: Mapping[str, str]) -> tuple[Payload, Peek]:
        content_type = headers.get("content-type") or "application/octet-stream"
        if content_type.startswith(ACTIVE):
            raise MalformedOutput(f"the vendor answered with {content_type}, which a browser would run")
        peek = Peek()
        if content_type.startswith("application/json"):
            try:
                answer = _PASSED_USAGE.decode(raw)
            except msgspec.MsgspecError as error:
                raise MalformedOutput(f"the vendor's answer is not what it says it is: {error}") from None
            if answer.error is not None:
                raise self.vendor.decode_error(502, headers, raw)
            peek = Peek(usage=answer.billed(self._makes_images), tier=tier_of(answer.service_tier))
        return Payload(OPAQUE, raw, content_type=content_type), Peek(usage=Usage()) if self._is_free else peek

    def stream(self) -> WireStream:
        raise Unsupported("This operation does not stream.", param="stream")


class _Details(msgspec.Struct):
    audio_tokens: int | None = None
    image_tokens: int | None = None
    cached_tokens: int | None = None


class _Usage(msgspec.Struct):
    """Usage as OpenAI's image, transcription and compaction endpoints report it (API reference, "The image generation
    response", "The transcription object").
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: _Details | None = None
    input_token_details: _Details | None = None
    output_tokens_details: _Details | None = None

    def ours(self, makes_images: bool) -> Usage | None:
        """The same in disjoint categories; None where there are no tokens: some transcriptions are billed by time.

        All of an image's output is tokens of images, unless the vendor says how much of it is.
        """
        if self.input_tokens is None and self.output_tokens is None:
            return None
        details = self.input_tokens_details or self.input_token_details or _Details()
        audio, image = details.audio_tokens or 0, details.image_tokens or 0
        cached = details.cached_tokens or 0
        made = self.output_tokens or 0
        told = self.output_tokens_details.image_tokens if self.output_tokens_details else None
        images_made = min(told, made) if told is not None else made if makes_images else 0
        return Usage(
            input_tokens=max(0, (self.input_tokens or 0) - audio - image - cached),
            cached_tokens=cached,
            output_tokens=made - images_made,
            audio_input_tokens=audio,
            image_input_tokens=image,
            image_output_tokens=images_made,
        )


class _PassedAnswer(msgspec.Struct):
    error: dict[str, Any] | str | None = None
    usage: _Usage | None = None
    svg_usage: dict[str, Any] | None = None
    service_tier: str | None = None

    def billed(self, makes_images: bool) -> Usage | None:
        """What the answer costs by; None where that is not told, or is partly another model's (drawings in SVG)."""
        return None if self.usage is None or self.svg_usage is not None else self.usage.ours(makes_images)


_PASSED_USAGE = msgspec.json.Decoder(_PassedAnswer)


def failure(event: Failed) -> HeadgateError:
    """The typed error behind an error a vendor reported inside its stream."""
    return reported(error_of(event.code), event.message)
