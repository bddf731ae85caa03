"""Messages and their parts as Converse's content blocks."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable

import jiter

from headgate.dialects.base import Fit
from headgate.dialects.bedrock_converse.blocks import NAME
from headgate.dialects.bedrock_converse.families import Family
from headgate.dialects.bedrock_converse.formats import document_name, format_of
from headgate.dialects.hub import (
    CacheMark,
    Media,
    Message,
    Native,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from headgate.errors import BadRequest
from headgate.types import JSON

_TOOL_ID = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")
_BLOCK_NAMES = {"image": "image", "audio": "audio", "video": "video", "file": "document"}


class Writer:
    """Writes one request's content, keeping the names of its documents apart."""

    def __init__(self, family: Family, fit: Fit) -> None:
        self._family = family
        self._fit = fit
        self._names: set[str] = set()

    def conversation(self, messages: Iterable[Message]) -> tuple[list[JSON], list[JSON]]:
        """The `system` and `messages` members.

        Raises:
            Unsupported: a part cannot be said.
            BadRequest: a tool call's arguments are not a JSON object.
        """
        system: list[JSON] = []
        turns: list[JSON] = []
        for number, message in enumerate(messages):
            if message.name is not None:
                self._fit.note(f"messages[{number}].name")
            if message.role in ("system", "developer"):
                self._add_system(message, number, system)
                continue
            blocks = turns[-1]["content"] if turns and turns[-1]["role"] == message.role else []
            begun = len(blocks) > 0
            for place, part in enumerate(message.parts):
                self._add(part, f"messages[{number}].content[{place}]", blocks)
            if blocks and not begun:
                turns.append({"role": message.role, "content": blocks})
        return system, turns

    def _add_system(self, message: Message, number: int, system: list[JSON]) -> None:
        for place, part in enumerate(message.parts):
            if isinstance(part, Text):
                self._add_text(part.text, system)
                self._mark(part.cache, "system", system)
            else:
                self._fit.refuse(f"messages[{number}].content[{place}]", "Converse's system prompt is text")

    def _add(self, part: Part, field: str, blocks: list[JSON]) -> None:
        match part:
            case Text():
                if part.citations:
                    self._fit.note(f"{field}.citations")
                self._add_text(part.text, blocks)
                self._mark(part.cache, "messages", blocks)
            case Refusal():
                self._add_text(part.text, blocks)
            case Reasoning():
                self._add_reasoning(part, blocks)
            case Media():
                block = self._media(part, field)
                if block is not None:
                    blocks.append(block)
                    self._mark(part.cache, "messages", blocks)
            case ToolCall():
                self._add_tool_call(part, field, blocks)
            case ToolResult():
                blocks.append({"toolResult": self._tool_result(part, field)})
                self._mark(part.cache, "messages", blocks)
            case Native():
                if part.dialect == NAME:
                    blocks.append(part.data)
                else:
                    self._fit.refuse(field, "it is of a kind that only another vendor has")

    def _add_text(self, text: str, blocks: list[JSON]) -> None:
        if text and not text.isspace():
            blocks.append({"text": text})

    def _add_reasoning(self, part: Reasoning, blocks: list[JSON]) -> None:
        """Give reasoning back to the family that signed it; no other can use it."""
        origin = self._family.origin
        if origin is None:
            return
        if part.redacted is not None and part.redacted.origin == origin:
            blob = base64.b64encode(part.redacted.value.encode()).decode()
            blocks.append({"reasoningContent": {"redactedContent": blob}})
        if part.signature is not None and part.signature.origin == origin:
            told = {"text": part.text, "signature": part.signature.value}
            blocks.append({"reasoningContent": {"reasoningText": told}})

    def _add_tool_call(self, call: ToolCall, field: str, blocks: list[JSON]) -> None:
        if call.kind == "custom":
            self._fit.refuse(field, "Converse has no tools that take free text")
            return
        use = {"toolUseId": tool_id(call.id), "name": call.name, "input": _arguments(call, field)}
        blocks.append({"toolUse": use})
        self._mark(call.cache, "messages", blocks)

    def _tool_result(self, result: ToolResult, field: str) -> JSON:
        content: list[JSON] = []
        for place, part in enumerate(result.parts):
            inner = f"{field}.content[{place}]"
            if isinstance(part, Text):
                content.append({"text": part.text})
                if part.cache is not None:
                    self._fit.note("cache_control")
            elif isinstance(part, Media):
                block = self._media(part, inner)
                if block is not None:
                    content.append(block)
            elif isinstance(part, Native) and part.dialect == NAME:
                content.append(part.data)
            else:
                self._fit.refuse(inner, "Converse takes text, images, documents and video as a tool's result")
        written: JSON = {"toolUseId": tool_id(result.call_id), "content": content}
        if result.is_error:
            written["status"] = "error"
        return written

    def _media(self, media: Media, field: str) -> JSON | None:
        """A block of an image, document, audio or video; None where it was left out."""
        source = _source(media)
        if source is None:
            what = "another vendor's file ids" if media.file_id else "URLs other than s3://"
            self._fit.refuse(field, f"Converse takes media as bytes or from S3, not {what}")
            return None
        named = media.filename or media.url
        word = "txt" if media.text is not None else format_of(media.kind, media.media_type, named)
        if word is None:
            self._fit.refuse(field, f"Converse has no format for {media.media_type or 'media of an unknown type'}")
            return None
        block: JSON = {"format": word, "source": source}
        if media.kind == "file":
            block = {"name": document_name(media.filename, self._names), **block}
            told = media.extra.get("anthropic_messages", {})
            block |= {name: told[name] for name in ("citations", "context") if told.get(name) is not None}
        return {_BLOCK_NAMES[media.kind]: block}

    def _mark(self, cache: CacheMark | None, place: str, blocks: list[JSON]) -> None:
        """Set a cache point behind the last block."""
        if cache is None or not blocks:
            return
        if place in self._family.caches:
            blocks.append(cache_point(cache))
        else:
            self._fit.note("cache_control")


def cache_point(cache: CacheMark) -> JSON:
    """A `cachePoint` block. Five minutes are what a point lasts that says nothing."""
    return {"cachePoint": {"type": "default"} if cache.ttl == "5m" else {"type": "default", "ttl": cache.ttl}}


def tool_id(id: str) -> str:
    """A tool call's id; another made from it where Converse would not take it (64 of `a-zA-Z0-9_.:-`)."""
    if _TOOL_ID.fullmatch(id):
        return id
    return "call_" + hashlib.blake2b(id.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _arguments(call: ToolCall, field: str) -> JSON:
    if not call.arguments.strip():
        return {}
    try:
        arguments = jiter.from_json(call.arguments.encode("utf-8", "surrogatepass"))
    except ValueError as error:
        raise BadRequest(f"'{field}': the arguments are not valid JSON: {error}.", param=field) from None
    if not isinstance(arguments, dict):
        raise BadRequest(f"'{field}': the arguments must be a JSON object.", param=field)
    return arguments


def _source(media: Media) -> JSON | None:
    if media.data is not None:
        return {"bytes": media.data}
    if media.text is not None:
        return {"text": media.text}
    if media.url is not None and media.url.startswith("s3://"):
        return {"s3Location": {"uri": media.url}}
    return None
