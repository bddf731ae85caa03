"""The hub's events as a stream for a client (OpenAI API reference, "The chat completion chunk object")."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from headgate.dialects.base import Context
from headgate.dialects.hub import (
    BlockDelta,
    BlockStarted,
    BlockStopped,
    Ended,
    Failed,
    Media,
    Native,
    Part,
    Reasoning,
    Refusal,
    Started,
    Stopped,
    StreamEvent,
    Text,
    ToolCall,
    UsageReported,
)
from headgate.dialects.openai_chat import calls, citations, content, errors, logprobs, media, reasoning, turn
from headgate.dialects.openai_chat.answer import CHOICE, MESSAGE, USAGE
from headgate.dialects.openai_chat.finish import reason_of
from headgate.dialects.openai_chat.names import ABSENT, CHUNK, DETAIL, FIELD, own
from headgate.dialects.openai_chat.reply import finish, is_legacy
from headgate.dialects.openai_chat.usage import written
from headgate.errors import error_of
from headgate.types import JSON, Frame, Usage

DONE = b"[DONE]"

_EVERYWHERE = ("system_fingerprint", "provider")
"""Notes that stand in every chunk; others stand in the first."""


class _Block:
    """A part under way."""

    __slots__ = ("choice", "is_sent", "is_signed", "part", "place")

    def __init__(self, part: Part, choice: int, place: int) -> None:
        self.part = part
        self.choice = choice
        self.place = place
        """Which call or which thoughts of its choice it is; of a text, how much text stands before it."""
        self.is_sent = False
        self.is_signed = False


class Encoder:
    """Writes one stream."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._legacy = is_legacy(context.asked)
        self._base: JSON = {}
        self._blocks: dict[int, _Block] = {}
        self._roles: set[int] = set()
        self._calls: dict[int, int] = {}
        self._lengths: dict[int, int] = {}
        self._fields: dict[int, str] = {}
        self._entries: dict[int, int] = {}
        self._listed: dict[tuple[int, str], int] = {}
        self._usage: Usage | None = None
        self._told_usage: JSON | None = None

    def feed(self, event: StreamEvent) -> list[Frame]:
        match event:
            case BlockDelta():
                block = self._blocks[event.index]
                return self._said(block.choice, self._more(block, event), self._tokens(block, event))
            case BlockStarted():
                block = self._blocks[event.index] = self._block(event)
                return self._said(block.choice, self._begun(block))
            case BlockStopped():
                block = self._blocks.pop(event.index)
                return self._said(block.choice, self._completed(block, event.part))
            case Started():
                return self._start(event)
            case Stopped():
                return [*self._role(event.choice), self._finish(event)]
            case UsageReported():
                self._usage = event.usage
                return []
            case Ended():
                return self._end(event)
            case Failed():
                return [Frame.of(errors.encode(error_of(event.code)(event.message)))]

    # ── chunks ──

    def _start(self, event: Started) -> list[Frame]:
        context = self._context
        notes = {name: value for name, value in own(event.extra).items() if name != USAGE}
        self._told_usage = own(event.extra).get(USAGE)
        self._usage = event.usage
        self._base = {
            "id": event.id or f"chatcmpl-{context.id}",
            "object": "chat.completion.chunk",
            "created": context.created if event.created is None else event.created,
            "model": event.model,
        }
        if event.service_tier is not None:
            self._base["service_tier"] = event.service_tier
        self._base |= {name: notes[name] for name in _EVERYWHERE if name in notes}
        self._roles.add(0)
        return [self._chunk(0, {"role": "assistant", "content": ""}, **notes)]

    def _role(self, choice: int) -> list[Frame]:
        if choice in self._roles:
            return []
        self._roles.add(choice)
        return [self._chunk(choice, {"role": "assistant", "content": ""})]

    def _chunk(self, choice: int, delta: JSON, choice_notes: JSON | None = None, **notes: Any) -> Frame:
        entry = {"index": choice, "delta": delta, "finish_reason": None, **(choice_notes or {})}
        return Frame.of({**self._base, **notes, "choices": [entry]})

    def _said(self, choice: int, delta: JSON, notes: JSON | None = None) -> list[Frame]:
        if not delta and not notes:
            return []
        return [*self._role(choice), self._chunk(choice, delta, notes)]

    def _finish(self, event: Stopped) -> Frame:
        notes = own(event.extra)
        delta = {name: value for name, value in notes.get(MESSAGE, {}).items() if name != ABSENT}
        reason = finish(reason_of(event.stop, event.choice in self._calls), self._legacy)
        return self._chunk(event.choice, delta, {"finish_reason": reason, **notes.get(CHOICE, {})})

    def _end(self, event: Ended) -> list[Frame]:
        frames: list[Frame] = []
        options = self._context.asked.get("stream_options")
        if isinstance(options, dict) and options.get("include_usage") and self._usage is not None:
            told = {USAGE: self._told_usage or written(self._usage), **own(event.extra)}
            frames.append(Frame.of({**self._base, "choices": [], **told}))
        return [*frames, Frame(DONE)]

    # ── blocks ──

    def _block(self, event: BlockStarted) -> _Block:
        part, choice = event.part, event.choice
        place = 0
        if isinstance(part, ToolCall) or (isinstance(part, Native) and calls.is_native(part)):
            place = self._calls.get(choice, 0)
            self._calls[choice] = place + 1
        elif isinstance(part, Text):
            place = self._lengths.get(choice, 0)
        elif isinstance(part, Reasoning):
            place = self._entries.get(choice, 0)
            self._entries[choice] = place + 1
        return _Block(part, choice, place)

    def _begun(self, block: _Block) -> JSON:
        """What the start of a part says at once."""
        part = block.part
        match part:
            case ToolCall():
                return self._call(block, part)
            case Text() | Refusal():
                return self._piece(block, part.text) if part.text else {}
            case Reasoning():
                told = BlockDelta(index=0, text=part.text, signature=part.signature)
                return self._thought(block, part, told) if part.text or part.signature else {}
            case Media() if part.kind == "audio":
                return {"audio": turn.audio(part)}
            case Media():
                return self._numbered(block, "images", media.shown(part)) if part.kind == "image" else {}
            case Native():
                return self._native(block, part)
            case _:
                return {}

    def _numbered(self, block: _Block, name: str, entry: JSON) -> JSON:
        """A list of one entry with its place in the whole list, without which OpenAI's SDK cannot add them up."""
        place = self._listed.get((block.choice, name), 0)
        self._listed[block.choice, name] = place + 1
        return {name: [{**entry, "index": place}]}

    def _native(self, block: _Block, part: Native) -> JSON:
        if calls.is_native(part):
            return {"tool_calls": [{**part.data, "index": block.place}]}
        return {"content": [part.data]} if content.is_listed(part) else {}

    def _call(self, block: _Block, part: ToolCall) -> JSON:
        block.is_sent = bool(part.arguments)
        if self._legacy or turn.is_legacy(part):
            return {"function_call": {"name": part.name, "arguments": part.arguments}} if block.place == 0 else {}
        return {"tool_calls": [{**calls.written(part, to_vendor=False), "index": block.place}]}

    def _more(self, block: _Block, event: BlockDelta) -> JSON:
        part = block.part
        match part:
            case Text():
                delta = self._piece(block, event.text) if event.text else {}
                if event.citation is not None:
                    length = self._lengths.get(block.choice, 0) - block.place
                    said = citations.annotation_of(event.citation, block.place, length)
                    delta |= self._numbered(block, "annotations", said) if said is not None else {}
                if event.signature is not None:
                    delta[calls.SIGNED] = calls.signed(event.signature, own(part.extra))
                return delta
            case Refusal():
                return self._piece(block, event.text) if event.text else {}
            case Reasoning():
                return self._thought(block, part, event)
            case ToolCall():
                return self._arguments(block, part, event)
            case Media():
                said = {"data": event.data} if event.data else {}
                said |= {"transcript": event.text} if event.text else {}
                said |= own(event.extra).get(turn.AUDIO, {})
                return {"audio": said} if part.kind == "audio" and said else {}
            case _:
                return {}

    def _piece(self, block: _Block, text: str) -> JSON:
        """A piece of what is read: text, refusal, or thoughts as text."""
        part = block.part
        block.is_sent = True
        if isinstance(part, Text):
            self._lengths[block.choice] = self._lengths.get(block.choice, 0) + len(text)
        if content.is_listed(part) and isinstance(part, Text | Refusal | Reasoning):
            return {"content": [content.said(part, text)]}
        match part:
            case Text():
                return {"content": text}
            case Refusal():
                return {"refusal": text}
            case _:
                return {own(part.extra).get(FIELD, reasoning.FIELDS[0]): text}

    def _thought(self, block: _Block, part: Reasoning, event: BlockDelta) -> JSON:
        """A piece of thoughts. Those of another dialect go out as text and as an entry of `reasoning_details`, since
        only their end tells whether they are signed, and then the text has to be given back with the signature.
        """
        notes = own(part.extra)
        block.is_signed = block.is_signed or event.signature is not None
        if CHUNK in notes or (FIELD in notes and DETAIL not in notes):
            return self._piece(block, event.text) if event.text else {}
        piece = replace(part, text=event.text, signature=event.signature, redacted=None)
        if DETAIL not in notes:
            said: JSON = {"reasoning_details": [reasoning.text_entry(piece, block.place)]}
            return said | self._piece(block, event.text) if event.text else said
        detail: JSON = notes[DETAIL]
        if block.is_sent:
            detail = {name: detail[name] for name in ("type", "index") if name in detail}
        block.is_sent = True
        said = {"reasoning_details": [reasoning.entry(piece, detail)]}
        field = (
            self._fields.setdefault(block.choice, notes[FIELD]) if FIELD in notes else self._fields.get(block.choice)
        )
        return {field: event.text, **said} if field and event.text else said

    def _arguments(self, block: _Block, part: ToolCall, event: BlockDelta) -> JSON:
        if self._legacy or turn.is_legacy(part):
            return {"function_call": {"arguments": event.text}} if block.place == 0 and event.text else {}
        call: JSON = {"index": block.place}
        if event.text:
            block.is_sent = True
            call |= (
                {"custom": {"input": event.text}} if part.kind == "custom" else {"function": {"arguments": event.text}}
            )
        if event.signature is not None:
            call[calls.SIGNED] = calls.signed(event.signature, own(part.extra))
        return {"tool_calls": [call]} if len(call) > 1 else {}

    def _completed(self, block: _Block, whole: Part | None) -> JSON:
        """What only the end of a part tells: signatures of thoughts, and all of what came in no pieces."""
        part = block.part
        if isinstance(part, Reasoning):
            return self._thought_completed(block, part, whole if isinstance(whole, Reasoning) else part)
        if block.is_sent:
            return {}
        if isinstance(part, Text | Refusal):
            text = whole.text if isinstance(whole, Text | Refusal) else ""
            return self._piece(block, text) if text or content.is_listed(part) else {}
        if isinstance(part, ToolCall) and isinstance(whole, ToolCall) and whole.arguments:
            return self._arguments(block, part, BlockDelta(index=0, text=whole.arguments))
        return {}

    def _thought_completed(self, block: _Block, part: Reasoning, whole: Reasoning) -> JSON:
        notes = own(part.extra)
        if DETAIL in notes:
            return {} if block.is_sent else {"reasoning_details": [reasoning.entry(part, notes[DETAIL])]}
        delta: JSON = {}
        if not block.is_sent and (whole.text or CHUNK in notes):
            delta = self._thought(block, part, BlockDelta(index=0, text=whole.text)) or self._piece(block, "")
        entries: list[JSON] = delta.get("reasoning_details", [])
        if whole.signature is not None and not block.is_signed:
            entries.append(reasoning.text_entry(replace(whole, text=""), block.place))
        if whole.redacted is not None:
            place = block.place
            if block.is_sent or block.is_signed:
                place = self._entries[block.choice]
                self._entries[block.choice] = place + 1
            entries.append(reasoning.encrypted_entry(whole, place))
        return {**delta, "reasoning_details": entries} if entries else delta

    def _tokens(self, block: _Block, event: BlockDelta) -> JSON | None:
        if not event.logprobs:
            return None
        told = logprobs.written(event.logprobs)
        is_refusal = isinstance(block.part, Refusal)
        return {"logprobs": {"content": None if is_refusal else told, "refusal": told if is_refusal else None}}
