"""A vendor's stream as the hub's events (OpenAI API reference, "The chat completion chunk object")."""

from __future__ import annotations

from headgate.dialects.hub import Ended, Failed, Started, StreamEvent, UsageReported, extra_of
from headgate.dialects.members import parsed
from headgate.dialects.openai_chat.answer import USAGE
from headgate.dialects.openai_chat.errors import told_in
from headgate.dialects.openai_chat.names import NAME
from headgate.dialects.openai_chat.track import Track
from headgate.dialects.openai_chat.usage import usage_of
from headgate.dialects.reading import VENDOR
from headgate.dialects.tiers import tier_of
from headgate.types import JSON, Frame, Usage

_KNOWN = frozenset({"id", "object", "created", "model", "choices", "usage", "service_tier", "obfuscation"})
_NEW = object()


class Decoder:
    """Reads one stream. It is complete at `[DONE]`; what comes after the last finish reason (usage, annotations, a
    second finish reason) is waited for, so choices stop there too.
    """

    def __init__(self) -> None:
        self._blocks = 0
        self._tracks: dict[int, Track] = {}
        self._usage: Usage | None = None
        self._tier: str | None = None
        self._notes: JSON = {}
        self._late: JSON = {}
        self._events: list[StreamEvent] = []
        self._is_started = False
        self._is_over = False

    def feed(self, frame: Frame) -> list[StreamEvent]:
        """The events of one frame.

        Raises:
            MalformedOutput: it cannot be read.
        """
        if not self._is_over:
            self._read(frame.data)  # what it could read of a frame that it then could not is given with the next one
        events, self._events = self._events, []
        return events

    def _read(self, data: bytes) -> None:
        events = self._events
        if data == b"[DONE]":
            self._is_over = True
            self._end(is_complete=True)
            events.append(Ended(extra=extra_of(NAME, self._late)))
            return
        tree = parsed(data, "a chunk")
        failure = told_in(tree)
        if failure is not None:
            self._is_over = True
            events.append(Failed(code=failure.code, message=failure.message))
            return
        choices = VENDOR.objects(tree, "choices")
        self._note(tree)
        told = VENDOR.optional(tree, "service_tier", str)
        if told is not None:
            self._tier = tier_of(told)
        if not self._is_started and (choices or tree.get("id")):  # Azure's first chunk is about nobody's answer
            events.append(self._start(tree))
        usage = VENDOR.optional(tree, "usage", dict)
        if usage:
            self._usage = usage_of(usage)
            self._late[USAGE] = usage
        for choice, where in choices:
            number = VENDOR.optional(choice, "index", int, where) or 0
            track = self._tracks.get(number)
            if track is None:
                track = self._tracks[number] = Track(number, self._take_index)
            track.feed(choice, where, events)

    def close(self) -> list[StreamEvent]:
        """What a stream leaves that ended without `[DONE]`."""
        if self._is_started and not self._is_over:
            self._end(is_complete=False)
        self._is_over = True
        return self._events

    def _start(self, tree: JSON) -> Started:
        created = tree.get("created")
        if isinstance(created, float) and abs(created) < 1e15:
            created = int(created)
        tier = VENDOR.optional(tree, "service_tier", str)
        notes = self._late | ({"service_tier": None} if tier is None and "service_tier" in tree else {})
        started = Started(
            id=VENDOR.optional(tree, "id", str) or "",
            model=VENDOR.optional(tree, "model", str) or "",
            created=created if type(created) is int else VENDOR.optional(tree, "created", int),
            service_tier=tier,
            tier=self._tier,
            extra=extra_of(NAME, notes),
        )
        self._notes, self._late = notes, {}
        self._is_started = True
        return started

    def _note(self, tree: JSON) -> None:
        """Members the hub has no words for, as far as they are news."""
        for name, value in tree.items():
            if name not in _KNOWN and self._notes.get(name, _NEW) != value:
                self._late[name] = value

    def _end(self, *, is_complete: bool) -> None:
        for track in self._tracks.values():
            self._events += track.end(is_complete)
        if self._usage is not None:
            self._events.append(UsageReported(usage=self._usage, tier=self._tier))

    def _take_index(self) -> int:
        index = self._blocks
        self._blocks += 1
        return index
