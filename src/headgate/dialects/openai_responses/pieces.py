"""The events of a stream that begin, continue and complete the parts of its items ("Streaming events")."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from headgate.dialects.hub import BlockDelta, Citation, Part, Reasoning, Refusal, Text, ToolCall
from headgate.dialects.openai_responses.content import written, written_annotation, written_logprob
from headgate.dialects.openai_responses.names import PART, in_message, memory
from headgate.dialects.openai_responses.namespaces import own_name_of
from headgate.dialects.openai_responses.output import thought
from headgate.types import JSON

Told = tuple[str, JSON]
"""An event's kind and its members."""

_NOT_YET = -1


class Item:
    """An output item under way."""

    __slots__ = ("id", "index", "is_own", "parts", "sealed", "thoughts")

    def __init__(self, index: int, known: str, is_own: bool) -> None:
        self.index = index
        self.id = known
        self.is_own = is_own
        self.parts: list[Part | None] = []
        """Its parts in order; None while they are under way."""
        self.thoughts = {True: 0, False: 0}
        """Pieces of summary and of thoughts that the client has heard of."""
        self.sealed = False
        """It gets no more parts."""


class Block:
    """A part under way."""

    __slots__ = ("deltas", "item", "part", "place", "slot")

    def __init__(self, part: Part, item: Item) -> None:
        self.part = part
        self.item = item
        self.slot = len(item.parts)
        item.parts.append(None)
        self.place = self.slot if in_message(part) else _NOT_YET
        """`content_index` or `summary_index`. A piece of reasoning gets one with its first words: it may have none."""
        self.deltas: list[BlockDelta] = []


def begun(block: Block) -> Iterator[Told]:
    """A part begins: without the words it may have already, which come as a delta."""
    part = block.part
    if in_message(part):
        yield _event(block, "response.content_part.added", "content_index", part=written(_emptied(part)))
    elif isinstance(part, Reasoning) and _has_piece(part):
        yield _thought_begun(block, part)
    text = _text_of(part)
    if text:
        block.part = _without_text(part)
        yield from continued(block, BlockDelta(index=0, text=text))


def continued(block: Block, event: BlockDelta) -> Iterator[Told]:
    """More of a part."""
    block.deltas.append(event)
    match block.part:
        case Text():
            if event.text or event.logprobs:
                logprobs = [written_logprob(each, is_own=block.item.is_own) for each in event.logprobs]
                kind = "response.output_text.delta"
                yield _event(block, kind, "content_index", delta=event.text, logprobs=logprobs)
            if event.citation is not None:
                yield from _cited(block, event.citation)
        case Refusal():
            if event.text:
                yield _event(block, "response.refusal.delta", "content_index", delta=event.text)
        case Reasoning() as part:
            if event.text:
                if block.place == _NOT_YET:
                    yield _thought_begun(block, part)
                kind = "response.reasoning_summary_text" if part.summarised else "response.reasoning_text"
                yield _event(block, f"{kind}.delta", _index_of(part), delta=event.text)
        case ToolCall() as call:
            if event.text:
                yield _event(block, f"{_call_events(call)}.delta", None, delta=event.text)
        case _:
            pass


def stopped(block: Block, part: Part) -> Iterator[Told]:
    """A part is complete, and this is all of it."""
    match part:
        case Text():
            logprobs = [written_logprob(each, is_own=block.item.is_own) for each in part.logprobs or ()]
            yield _event(block, "response.output_text.done", "content_index", text=part.text, logprobs=logprobs)
        case Refusal():
            yield _event(block, "response.refusal.done", "content_index", refusal=part.text)
        case Reasoning():
            yield from _thought_stopped(block, part)
        case ToolCall(kind="custom"):
            yield _event(block, f"{_call_events(part)}.done", None, input=part.arguments)
        case ToolCall():
            yield _event(block, f"{_call_events(part)}.done", None, name=own_name_of(part), arguments=part.arguments)
        case _:
            pass
    if in_message(part):
        yield _event(block, "response.content_part.done", "content_index", part=written(part))


def _cited(block: Block, cited: Citation) -> Iterator[Told]:
    length = sum(len(each.text) for each in block.deltas)
    annotation = written_annotation(cited, length)
    if annotation is not None:
        number = sum(each.citation is not None for each in block.deltas) - 1
        kind = "response.output_text.annotation.added"
        yield _event(block, kind, "content_index", annotation_index=number, annotation=annotation)


def _thought_begun(block: Block, part: Reasoning) -> Told:
    counts = block.item.thoughts
    block.place = counts[part.summarised]
    counts[part.summarised] += 1
    kind = "response.reasoning_summary_part.added" if part.summarised else "response.content_part.added"
    return _event(block, kind, _index_of(part), part=thought(replace(part, text="")))


def _thought_stopped(block: Block, part: Reasoning) -> Iterator[Told]:
    if block.place == _NOT_YET:
        if not part.text:
            return
        yield _thought_begun(block, part)
    if part.summarised:
        yield _event(block, "response.reasoning_summary_text.done", "summary_index", text=part.text)
        yield _event(block, "response.reasoning_summary_part.done", "summary_index", part=thought(part))
    else:
        yield _event(block, "response.reasoning_text.done", "content_index", text=part.text)
        yield _event(block, "response.content_part.done", "content_index", part=thought(part))


def _event(block: Block, kind: str, index: str | None, **members: Any) -> Told:
    told: JSON = {"item_id": block.item.id, "output_index": block.item.index}
    if index is not None:
        told[index] = block.place
    told.update(members)
    return kind, told


def _index_of(part: Reasoning) -> str:
    return "summary_index" if part.summarised else "content_index"


def _call_events(call: ToolCall) -> str:
    return "response.custom_tool_call_input" if call.kind == "custom" else "response.function_call_arguments"


def _has_piece(part: Reasoning) -> bool:
    told = memory(part)
    return told is not None and PART in told


def _text_of(part: Part) -> str:
    if isinstance(part, ToolCall):
        return part.arguments
    return part.text if isinstance(part, Text | Refusal | Reasoning) else ""


def _without_text(part: Part) -> Part:
    if isinstance(part, ToolCall):
        return replace(part, arguments="")
    return replace(part, text="") if isinstance(part, Text | Refusal | Reasoning) else part


def _emptied(part: Part) -> Part:
    """A part without anything that is still to come."""
    if isinstance(part, Text):
        return replace(part, text="", citations=(), logprobs=None)
    return _without_text(part)
