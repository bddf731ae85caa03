"""Reading just enough of generateContent's answers and streams to bill them."""

from __future__ import annotations

import msgspec

from headgate.dialects.base import Peek
from headgate.dialects.gemini_generate import errors
from headgate.dialects.gemini_generate.finish import finished, stop_of
from headgate.dialects.gemini_generate.usage import UsageMetadata, searches, usage_of
from headgate.dialects.hub import Stop
from headgate.errors import HeadgateError, MalformedOutput
from headgate.types import Frame, Usage


class _Some(msgspec.Struct):
    """An object of which only its being there matters."""


class _Part(msgspec.Struct, rename="camel"):
    text: str | None = None
    function_call: _Some | None = None


class _Content(msgspec.Struct):
    parts: list[_Part] = []


class _Grounding(msgspec.Struct, rename="camel"):
    web_search_queries: list[str] = []


class _Candidate(msgspec.Struct, rename="camel"):
    content: _Content | None = None
    finish_reason: str | None = None
    index: int = 0
    grounding_metadata: _Grounding | None = None


class _Feedback(msgspec.Struct, rename="camel"):
    block_reason: str = ""


class _Told(msgspec.Struct, rename="camel"):
    """What is read of an answer or a frame; all else is skipped."""

    candidates: list[_Candidate] = []
    usage_metadata: UsageMetadata | None = None
    prompt_feedback: _Feedback | None = None
    response_id: str | None = None
    model_version: str | None = None
    error: _Some | None = None


_decode = msgspec.json.Decoder(_Told).decode


def peek(raw: bytes) -> Peek:
    """Usage, tier, stop, id and model of a whole answer.

    Raises:
        MalformedOutput: it is not JSON, or one of them has the wrong type.
    """
    meter = GenerateMeter()
    told = _read(raw)
    meter.take(told)
    return Peek(usage=meter.usage, tier=meter.tier, stop=meter.stop, id=meter.id, model=told.model_version)


class GenerateMeter:
    """Follows one stream. There is no terminator: complete is one in which each candidate has given its reason to end,
    or whose prompt was refused.
    """

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.tier: str | None = None
        self.stop: Stop | None = None
        self.id: str | None = None
        self.started = False
        self.ended = False
        self.error: HeadgateError | None = None
        self._finishes: dict[int, str | None] = {}
        self._calling: set[int] = set()
        self._queries: list[str] = []
        self._blocked = False

    def observe(self, frame: Frame) -> None:
        """Take note of one frame.

        Raises:
            MalformedOutput: it is not JSON, or a member that is read has the wrong type.
        """
        told = _read(frame.data)
        if told.error is not None and not told.candidates:
            self.error = errors.in_stream(frame.data)
        else:
            self.take(told)

    def take(self, told: _Told) -> None:
        """Take note of what was read."""
        self.id = self.id or told.response_id
        for candidate in told.candidates:
            self._candidate(candidate)
        self._blocked |= told.prompt_feedback is not None and bool(told.prompt_feedback.block_reason)
        if told.usage_metadata is not None:
            queries = searches(self._queries, told.model_version or "")
            self.usage = usage_of(told.usage_metadata, queries) or self.usage
            self.tier = told.usage_metadata.tier or self.tier
        if self._finishes:
            first = min(self._finishes)
            self.stop = stop_of(self._finishes[first], first in self._calling)
        elif self._blocked:
            self.usage = self.usage or Usage()
        if self._blocked and self.stop is None:
            self.stop = "content_filter"
        finished_all = bool(self._finishes) and all(finished(reason) for reason in self._finishes.values())
        self.ended = finished_all or self._blocked
        self.started = self.started or self.stop is not None

    def _candidate(self, candidate: _Candidate) -> None:
        self._finishes[candidate.index] = candidate.finish_reason or self._finishes.get(candidate.index)
        if candidate.grounding_metadata is not None:
            self._queries = candidate.grounding_metadata.web_search_queries or self._queries
        for part in candidate.content.parts if candidate.content is not None else ():
            if part.function_call is not None:
                self._calling.add(candidate.index)
            self.started = self.started or part.text != ""


def _read(raw: bytes) -> _Told:
    try:
        return _decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise MalformedOutput(f"the vendor's answer cannot be read: {error}") from None
