"""Streams of completions, both ways."""

from __future__ import annotations

from headgate.dialects.base import Context
from headgate.dialects.hub import (
    BlockDelta,
    BlockStarted,
    BlockStopped,
    Choice,
    Ended,
    Failed,
    Refusal,
    Started,
    Stopped,
    StreamEvent,
    Text,
    UsageReported,
    extra_of,
)
from headgate.dialects.members import parsed
from headgate.dialects.openai_chat import errors, meter
from headgate.dialects.openai_chat.finish import stop_of, unsaid
from headgate.dialects.openai_chat.usage import usage_of, written
from headgate.dialects.openai_completions.answer import CHOICE, TOP, USAGE, said
from headgate.dialects.openai_completions.names import NAME
from headgate.dialects.reading import VENDOR
from headgate.dialects.tiers import tier_of
from headgate.errors import error_of
from headgate.types import JSON, Frame, Usage


class Decoder:
    """Reads one stream, which is complete at `[DONE]`."""

    def __init__(self) -> None:
        self._blocks: dict[int, int] = {}
        self._next = 0
        self._reasons: dict[int, str] = {}
        self._notes: dict[int, JSON] = {}
        self._usage: JSON | None = None
        self._tier: str | None = None
        self._is_started = False
        self._is_over = False

    def feed(self, frame: Frame) -> list[StreamEvent]:
        """The events of one frame.

        Raises:
            MalformedOutput: it cannot be read.
        """
        if self._is_over:
            return []
        if frame.data == meter.DONE:
            self._is_over = True
            late = {} if self._usage is None else {USAGE: self._usage}
            return [*self._end(is_complete=True), Ended(extra=extra_of(NAME, late))]
        tree = parsed(frame.data, "a chunk")
        failure = errors.told_in(tree)
        if failure is not None:
            self._is_over = True
            return [Failed(code=failure.code, message=failure.message)]
        told = VENDOR.optional(tree, "service_tier", str)
        if told is not None:
            self._tier = tier_of(told)
        events: list[StreamEvent] = [] if self._is_started else [self._start(tree)]
        self._usage = VENDOR.optional(tree, USAGE, dict) or self._usage
        for choice, where in VENDOR.objects(tree, "choices"):
            self._read(choice, where, events)
        return events

    def close(self) -> list[StreamEvent]:
        """What a stream leaves that ended without `[DONE]`."""
        if self._is_over or not self._is_started:
            return []
        self._is_over = True
        return self._end(is_complete=False)

    def _start(self, tree: JSON) -> Started:
        self._is_started = True
        return Started(
            id=VENDOR.optional(tree, "id", str) or "",
            model=VENDOR.optional(tree, "model", str) or "",
            created=VENDOR.optional(tree, "created", int),
            tier=self._tier,
            extra=extra_of(NAME, {name: value for name, value in tree.items() if name not in TOP}),
        )

    def _read(self, choice: JSON, where: str, events: list[StreamEvent]) -> None:
        number = VENDOR.optional(choice, "index", int, where) or 0
        text = VENDOR.optional(choice, "text", str, where)
        notes = self._notes.setdefault(number, {})
        notes |= {name: value for name, value in choice.items() if name not in CHOICE}
        if text:
            if number not in self._blocks:
                self._blocks[number] = self._next
                events.append(BlockStarted(index=self._next, part=Text(text=""), choice=number))
                self._next += 1
            events.append(BlockDelta(index=self._blocks[number], text=text))
        reason = VENDOR.optional(choice, "finish_reason", str, where)
        if reason is not None:
            self._reasons[number] = reason

    def _end(self, *, is_complete: bool) -> list[StreamEvent]:
        events: list[StreamEvent] = [BlockStopped(index=index) for index in self._blocks.values()]
        for number, notes in self._notes.items():
            reason = self._reasons.get(number)
            if reason is not None or is_complete:
                told = notes if reason is None else notes | unsaid(reason)
                events.append(Stopped(stop=stop_of(reason), choice=number, extra=extra_of(NAME, told)))
        if self._usage is not None:
            events.append(UsageReported(usage=usage_of(self._usage), tier=self._tier))
        return events


class Encoder:
    """Writes one stream."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._base: JSON = {}
        self._choices: dict[int, int] = {}
        self._usage: Usage | None = None
        self._told_usage: JSON | None = None

    def feed(self, event: StreamEvent) -> list[Frame]:
        match event:
            case Started():
                self._start(event)
            case BlockStarted(part=Text() | Refusal() as part):
                self._choices[event.index] = event.choice
                return self._piece(event.index, part.text)
            case BlockDelta() if event.index in self._choices:
                return self._piece(event.index, event.text)
            case Stopped():
                return [self._finish(event)]
            case UsageReported():
                self._usage = event.usage
            case Ended():
                return self._end(event)
            case Failed():
                return [Frame.of(errors.encode(error_of(event.code)(event.message)))]
            case _:
                pass
        return []

    def _start(self, event: Started) -> None:
        notes = event.extra.get(NAME, {})
        self._usage = event.usage
        self._told_usage = notes.get(USAGE)
        self._base = {
            "id": event.id or f"cmpl-{self._context.id}",
            "object": "text_completion",
            "created": self._context.created if event.created is None else event.created,
            "model": event.model,
            **{name: value for name, value in notes.items() if name != USAGE},
        }

    def _piece(self, index: int, text: str) -> list[Frame]:
        if not text:
            return []
        choice = {"index": self._choices[index], "text": text, "logprobs": None, "finish_reason": None}
        return [Frame.of({**self._base, "choices": [choice]})]

    def _finish(self, event: Stopped) -> Frame:
        choice = said(Choice(parts=(), stop=event.stop, extra=event.extra), event.choice)
        return Frame.of({**self._base, "choices": [choice]})

    def _end(self, event: Ended) -> list[Frame]:
        options = self._context.asked.get("stream_options")
        frames: list[Frame] = []
        if isinstance(options, dict) and options.get("include_usage") and self._usage is not None:
            told = {USAGE: self._told_usage or written(self._usage), **event.extra.get(NAME, {})}
            frames.append(Frame.of({**self._base, "choices": [], **told}))
        return [*frames, Frame(meter.DONE)]
