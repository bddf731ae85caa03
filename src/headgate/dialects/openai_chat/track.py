"""One choice of a stream: which of its blocks are open, and what its deltas add to them.

Thoughts, text and refusal come one after the other, and each ends where the next begins; calls of tools may
interleave and stay open to the end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from headgate.dialects.hub import (
    BlockDelta,
    BlockStarted,
    BlockStopped,
    Citation,
    Media,
    Part,
    Reasoning,
    Refusal,
    Stopped,
    StreamEvent,
    Text,
    extra_of,
)
from headgate.dialects.openai_chat import calls, citations, content, logprobs, reasoning, turn
from headgate.dialects.openai_chat.answer import CHOICE, MESSAGE
from headgate.dialects.openai_chat.calltracks import CallTracks
from headgate.dialects.openai_chat.finish import stop_of, unsaid
from headgate.dialects.openai_chat.names import CHUNK, DETAIL, FIELD, NAME, is_empty, own
from headgate.dialects.reading import VENDOR
from headgate.types import JSON

Key = tuple[Any, ...]
"""Which block a delta continues: its kind, and what tells it from others of the kind."""

_TEXT: Key = ("text",)
_REFUSAL: Key = ("refusal",)
_CHOICE = frozenset({"index", "delta", "finish_reason", "logprobs"})
_THOUGHTS = ("reasoning", "reasoning_content", "reasoning_details")


class Track:
    """The state of one choice. `take_index` gives the next block of the stream its number."""

    def __init__(self, number: int, take_index: Callable[[], int]) -> None:
        self._number = number
        self._take_index = take_index
        self._open: int | None = None
        self._key: Key | None = None
        self._detail: JSON = {}
        self._field: str | None = None
        self._calls = CallTracks(number, take_index)
        self._audio: int | None = None
        self._audio_notes: JSON = {}
        self._waiting: list[Citation] = []
        self._annotations: list[JSON] = []
        self._has_text = False
        self._message: JSON = {}
        self._given: set[str] = set()
        self._notes: JSON = {}
        self._is_blank = False
        self.reason: str | None = None

    # ── what a chunk says ──

    def feed(self, choice: JSON, where: str, events: list[StreamEvent]) -> None:
        """Add the events of one entry of a chunk's `choices`; of one that cannot be read, those of what could.

        Raises:
            MalformedOutput: a member is of the wrong type.
        """
        reason = VENDOR.optional(choice, "finish_reason", str, where)
        delta = VENDOR.optional(choice, "delta", dict, where)
        if delta:
            self._read(delta, f"{where}.delta", reason is not None, events)
        if choice.get("logprobs"):
            self._add_tokens(VENDOR.required(choice, "logprobs", dict, where), f"{where}.logprobs", events)
        elif "logprobs" in choice:
            self._notes.setdefault("logprobs", None)
        if reason is not None:
            self.reason = reason or self.reason or reason
        for name, value in choice.items():
            if name not in _CHOICE:
                self._notes[name] = value

    def end(self, is_complete: bool) -> list[StreamEvent]:
        """The events that end this choice: of a stream that was cut, only those that are sure."""
        events: list[StreamEvent] = []
        self._close(events)
        last = [] if self._audio is None else [self._audio]
        events += [BlockStopped(index=index) for index in (*last, *self._calls.blocks())]
        if self.reason is None and not is_complete:
            return events
        if self._waiting or self._annotations:
            waiting = [citations.annotation_of(each, 0, 0) for each in self._waiting]
            self._message["annotations"] = [*self._annotations, *waiting]
        if self._is_blank and not self._has_text:
            self._message["content"] = ""
        notes = self._notes
        if self.reason is not None:
            notes = notes | unsaid(self.reason)
        extra: JSON = {}
        if self._message:
            extra[MESSAGE] = self._message
        if notes:
            extra[CHOICE] = notes
        events.append(Stopped(stop=stop_of(self.reason), choice=self._number, extra=extra_of(NAME, extra)))
        return events

    # ── deltas ──

    def _read(self, delta: JSON, where: str, is_last: bool, events: list[StreamEvent]) -> None:
        if any(delta.get(name) for name in _THOUGHTS):
            self._think(delta, where, events)
        for name, value in delta.items():
            if name == "content":
                self._is_blank = self._is_blank or (is_last and value == "")
                if value:
                    self._say(delta, value, where, events)
            elif name == "role":
                continue
            elif is_empty(value):
                if name not in self._given:
                    self._message.setdefault(name, value)
            elif name in _KNOWN:
                self._given.add(name)
                self._message.pop(name, None)
                if name in _READERS:
                    _READERS[name](self, delta, where, events)
            else:
                self._message[name] = value

    def _say(self, delta: JSON, value: Any, where: str, events: list[StreamEvent]) -> None:
        if isinstance(value, list):
            for part in content.parts_of(value, f"{where}.content", VENDOR):
                self._add_listed(part, events)
            return
        text = VENDOR.required(delta, "content", str, where)
        if self._key != _TEXT:
            self._begin(_TEXT, Text(text=""), events)
            self._has_text = True
            events += [BlockDelta(index=self._here, citation=citation) for citation in self._waiting]
            self._waiting = []
        events.append(BlockDelta(index=self._here, text=text))

    def _add_listed(self, part: Part, events: list[StreamEvent]) -> None:
        """A part of a list of content: a piece of what is under way, or something whole."""
        if isinstance(part, Text | Refusal | Reasoning):
            key: Key = (CHUNK, type(part))
            self._has_text = self._has_text or isinstance(part, Text)
            if self._key != key:
                self._begin(key, replace(part, text=""), events)
            events.append(BlockDelta(index=self._here, text=part.text))
        else:
            self._close(events)
            self._add_whole(part, events)

    def _refuse(self, delta: JSON, where: str, events: list[StreamEvent]) -> None:
        text = VENDOR.required(delta, "refusal", str, where)
        if self._key != _REFUSAL:
            self._begin(_REFUSAL, Refusal(text=""), events)
        events.append(BlockDelta(index=self._here, text=text))

    def _cite(self, delta: JSON, where: str, events: list[StreamEvent]) -> None:
        bare = [_unnumbered(each) for each, _ in VENDOR.objects(delta, "annotations", where)]
        found, unsaid = citations.citations_of({"annotations": bare}, where, VENDOR)
        self._annotations += unsaid.get("annotations", ())
        if self._key == _TEXT:
            events += [BlockDelta(index=self._here, citation=citation) for citation in found]
        else:
            self._waiting += found

    def _sign(self, delta: JSON, where: str, events: list[StreamEvent]) -> None:
        signature, signed = calls.signature_of(delta)
        if signature is None or self._key != _TEXT:
            self._message[calls.SIGNED] = delta[calls.SIGNED]
        else:
            events.append(BlockDelta(index=self._here, signature=signature, extra={NAME: signed}))

    def _hear(self, delta: JSON, where: str, events: list[StreamEvent]) -> None:
        told = VENDOR.required(delta, "audio", dict, where)
        part = turn.audio_of(told, f"{where}.audio", VENDOR)
        if self._audio is None:
            if part is None:
                self._message["audio"] = told
                return
            self._audio_notes = _audio_notes(told)
            self._audio = self._take_index()
            start = Media(kind="audio", extra={NAME: {turn.AUDIO: self._audio_notes}})
            events.append(BlockStarted(index=self._audio, part=start, choice=self._number))
        elif _audio_notes(told):
            self._audio_notes = {**self._audio_notes, **_audio_notes(told)}
            events.append(BlockDelta(index=self._audio, extra={NAME: {turn.AUDIO: self._audio_notes}}))
        if part is not None and (part.data or part.transcript):
            events.append(BlockDelta(index=self._audio, data=part.data or "", text=part.transcript or ""))

    def _show(self, delta: JSON, where: str, events: list[StreamEvent]) -> None:
        for image, place in VENDOR.objects(delta, "images", where):
            self._add_whole(turn.image_of(_unnumbered(image), place, VENDOR), events)

    def _add_whole(self, part: Part, events: list[StreamEvent]) -> None:
        index = self._take_index()
        events.append(BlockStarted(index=index, part=part, choice=self._number))
        events.append(BlockStopped(index=index))

    # ── thoughts ──

    def _think(self, delta: JSON, where: str, events: list[StreamEvent]) -> None:
        entries = VENDOR.objects(delta, "reasoning_details", where)
        parts = [reasoning.entry_of(entry, place, VENDOR) for entry, place in entries]
        has_text = any(part.text for part in parts)
        for field in reasoning.FIELDS:
            text = VENDOR.optional(delta, field, str, where)
            if text:
                if has_text:
                    self._field = field if self._field is None else self._field
                else:
                    self._muse(field, text, events)
        for part, (entry, _) in zip(parts, entries, strict=True):
            self._add_detail(part, entry, events)

    def _muse(self, field: str, text: str, events: list[StreamEvent]) -> None:
        """Thoughts as plain text."""
        key: Key = (FIELD, field)
        if self._key != key:
            self._begin(key, Reasoning(extra={NAME: {FIELD: field}}), events)
        events.append(BlockDelta(index=self._here, text=text))

    def _add_detail(self, part: Reasoning, entry: JSON, events: list[StreamEvent]) -> None:
        """An entry of `reasoning_details`: the next piece of one under way, or a new one."""
        key: Key = (DETAIL, entry.get("type"), entry.get("index"))
        if part.redacted is not None:
            self._close(events)
            self._add_whole(part, events)
        elif self._key == key:
            self._detail_more(part, events)
        else:
            self._detail = {
                name: value for name, value in own(part.extra)[DETAIL].items() if name not in reasoning.SAID
            }
            start = Reasoning(summarised=part.summarised, id=part.id, extra={NAME: {DETAIL: self._detail}})
            self._begin(key, start, events)
            if part.text or part.signature:
                self._detail_more(part, events)

    def _detail_more(self, part: Reasoning, events: list[StreamEvent]) -> None:
        notes: JSON = {}
        told = own(part.extra)[DETAIL]
        news = {name: value for name, value in told.items() if not is_empty(value) and self._detail.get(name) != value}
        if news:
            self._detail = notes[DETAIL] = {**self._detail, **news}
        if part.text and self._field:
            notes[FIELD], self._field = self._field, ""  # noted once, on the first that has text
        events.append(
            BlockDelta(index=self._here, text=part.text, signature=part.signature, extra=extra_of(NAME, notes))
        )

    # ── calls ──

    def _call(self, delta: JSON, where: str, events: list[StreamEvent]) -> None:
        self._close(events)
        for entry, place in VENDOR.objects(delta, "tool_calls", where):
            events += self._calls.feed(entry, place)

    def _call_legacy(self, delta: JSON, where: str, events: list[StreamEvent]) -> None:
        self._close(events)
        call = VENDOR.required(delta, "function_call", dict, where)
        if not self._calls.takes_legacy(call):
            self._message["function_call"] = call
            return
        events += self._calls.feed_legacy(call, f"{where}.function_call")

    # ── tokens ──

    def _add_tokens(self, told: JSON, where: str, events: list[StreamEvent]) -> None:
        left: JSON = {}
        for name, key in (("content", _TEXT), ("refusal", _REFUSAL)):
            if not told.get(name):
                continue
            if self._key == key:
                tokens = logprobs.tokens_of(told[name], f"{where}.{name}")
                events.append(BlockDelta(index=self._here, logprobs=tokens))
            else:
                left[name] = VENDOR.required(told, name, list, where)
        if not any(told.get(name) for name in ("content", "refusal")):
            self._notes.setdefault("logprobs", told)
        elif left:
            before = self._notes.get("logprobs") or {}
            joined = {name: [*(before.get(name) or []), *tokens] for name, tokens in left.items()}
            self._notes["logprobs"] = {**before, **joined}
        else:
            self._notes.pop("logprobs", None)

    # ── the block under way ──

    @property
    def _here(self) -> int:
        assert self._open is not None
        return self._open

    def _begin(self, key: Key, part: Part, events: list[StreamEvent]) -> None:
        self._close(events)
        self._open = self._take_index()
        self._key = key
        events.append(BlockStarted(index=self._open, part=part, choice=self._number))

    def _close(self, events: list[StreamEvent]) -> None:
        if self._open is not None:
            events.append(BlockStopped(index=self._open))
        self._open = None
        self._key = None


def _unnumbered(entry: JSON) -> JSON:
    """An entry without its place in the list, which streams tell so that clients can add them up."""
    return {name: value for name, value in entry.items() if name != "index"}


def _audio_notes(told: JSON) -> JSON:
    return {name: value for name, value in told.items() if name not in ("data", "transcript")}


_Read = Callable[[Track, JSON, str, list[StreamEvent]], None]
_READERS: dict[str, _Read] = {
    "tool_calls": Track._call,
    "refusal": Track._refuse,
    "annotations": Track._cite,
    "audio": Track._hear,
    "images": Track._show,
    "function_call": Track._call_legacy,
    calls.SIGNED: Track._sign,
}
_KNOWN = frozenset((*_READERS, *_THOUGHTS))
