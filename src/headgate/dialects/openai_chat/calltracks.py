"""The calls of one choice of a stream, which may interleave and are open to its end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from msgspec.structs import replace

from headgate.dialects.hub import BlockDelta, BlockStarted, Native, StreamEvent, ToolCall, extra_of
from headgate.dialects.openai_chat import calls
from headgate.dialects.openai_chat.names import LEGACY, NAME
from headgate.dialects.reading import VENDOR
from headgate.types import JSON


class CallTracks:
    """Which call each entry continues. `take_index` gives the next block of the stream its number."""

    def __init__(self, choice: int, take_index: Callable[[], int]) -> None:
        self._choice = choice
        self._take_index = take_index
        self._blocks: dict[Any, int] = {}
        self._ids: dict[Any, str] = {}
        self._last: Any = None

    def blocks(self) -> Iterable[int]:
        """The blocks of all calls."""
        return self._blocks.values()

    def feed(self, entry: JSON, where: str) -> list[StreamEvent]:
        """The events of one entry of `delta.tool_calls`.

        Raises:
            MalformedOutput: it cannot be read, or a new call has no name.
        """
        key = self._last = self._key(entry)
        if key in self._blocks:
            return self._more(self._blocks[key], entry, where)
        entry = {name: value for name, value in entry.items() if name != "index"}
        part = calls.call_of(entry, len(self._blocks), where, VENDOR, begun=True)
        index = self._blocks[key] = self._take_index()
        if isinstance(part, Native):
            return [BlockStarted(index=index, part=part, choice=self._choice)]
        self._ids[key] = part.id
        return self._begun(index, part)

    def takes_legacy(self, call: JSON) -> bool:
        """Whether a `function_call` says something: some vendors send empty ones."""
        return LEGACY in self._blocks or bool(call.get("name"))

    def feed_legacy(self, call: JSON, where: str) -> list[StreamEvent]:
        """The events of a `delta.function_call`.

        Raises:
            MalformedOutput: it cannot be read.
        """
        if LEGACY in self._blocks:
            text = VENDOR.optional(call, "arguments", str, where)
            return [BlockDelta(index=self._blocks[LEGACY], text=text or "")]
        part = calls.legacy_call_of(call, where, VENDOR)
        self._blocks[LEGACY] = self._take_index()
        return self._begun(self._blocks[LEGACY], part)

    def _key(self, entry: JSON) -> Any:
        """Which call an entry belongs to. Some vendors number none, some give all of them the same number."""
        told, number = entry.get("id"), entry.get("index")
        if not isinstance(number, int):
            return self._last if not told and self._last is not None else (told, len(self._blocks))
        if isinstance(told, str) and told and self._ids.get(number, told) != told:
            known = next((each for each, call_id in self._ids.items() if call_id == told), None)
            return (told, number) if known is None else known
        return number

    def _begun(self, index: int, part: ToolCall) -> list[StreamEvent]:
        start = replace(part, arguments="", signature=None)
        events: list[StreamEvent] = [BlockStarted(index=index, part=start, choice=self._choice)]
        if part.arguments or part.signature:
            events.append(BlockDelta(index=index, text=part.arguments, signature=part.signature))
        return events

    def _more(self, index: int, entry: JSON, where: str) -> list[StreamEvent]:
        text = calls.more_of(entry, where, VENDOR)
        signature, signed = calls.signature_of(entry)
        if not text and signature is None:
            return []
        return [BlockDelta(index=index, text=text, signature=signature, extra=extra_of(NAME, signed))]
