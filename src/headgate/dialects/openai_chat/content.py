"""Lists of content: what a user's message holds, and what Mistral's models answer in."""

from __future__ import annotations

from typing import Any

from headgate.dialects.base import Fit
from headgate.dialects.hub import CacheMark, Media, Native, Part, Reasoning, Refusal, Text
from headgate.dialects.openai_chat import media
from headgate.dialects.openai_chat.names import CHUNK, NAME, own
from headgate.dialects.reading import Reader, left
from headgate.types import JSON

_TEXT = frozenset({"type", "text"})
_REFUSAL = frozenset({"type", "refusal"})


def parts_of(content: list[Any], where: str, reader: Reader) -> list[Part]:
    """The parts of a list of content; `where` is its path.

    Raises:
        HeadgateError: the reader's, if a part is no object or one of a known kind cannot be read.
    """
    return [
        part_of(reader.object(chunk, f"{where}[{index}]"), f"{where}[{index}]", reader)
        for index, chunk in enumerate(content)
    ]


def part_of(chunk: JSON, where: str, reader: Reader) -> Part:
    kind = reader.required(chunk, "type", str, where)
    if kind == "text":
        return Text(
            text=reader.required(chunk, "text", str, where),
            cache=cache_mark(chunk),
            extra={NAME: {CHUNK: left(chunk, _TEXT)}},
        )
    if kind == "refusal":
        text = reader.required(chunk, "refusal", str, where)
        return Refusal(text=text, extra={NAME: {CHUNK: left(chunk, _REFUSAL)}})
    if kind == "thinking":
        return thinking_of(chunk, where, reader)
    if kind in media.MEDIA_TYPES:
        part = media.media_of(chunk, kind, where, reader)
        mark = cache_mark(chunk)
        return part if mark is None else _marked(part, mark)
    return Native(dialect=NAME, data=chunk)


def thinking_of(chunk: JSON, where: str, reader: Reader) -> Reasoning:
    """Mistral's thoughts: a list of texts, and of references to sources (Mistral API reference, "ThinkChunk")."""
    thinking = chunk.get("thinking")
    rest = {name: value for name, value in chunk.items() if name not in ("type", "thinking")}
    if isinstance(thinking, str):
        return Reasoning(text=thinking, extra={NAME: {CHUNK: {**rest, "thinking": thinking}}})
    inner = [each for each, _ in reader.objects(chunk, "thinking", where)]
    texts = [each["text"] for each in inner if each.get("type") == "text" and isinstance(each.get("text"), str)]
    text = "".join(texts)
    if inner != _thinking(text):
        rest["thinking"] = thinking
    return Reasoning(text=text, extra={NAME: {CHUNK: rest}})


def _thinking(text: str) -> list[JSON]:
    return [{"type": "text", "text": text}]


def cache_mark(holder: JSON) -> CacheMark | None:
    """A breakpoint of the prompt cache: OpenAI's own, or the one OpenRouter takes for other vendors' models."""
    control = holder.get("cache_control")
    if isinstance(control, dict) and control.get("type") == "ephemeral":
        return CacheMark("1h") if control.get("ttl") == "1h" else CacheMark()
    return CacheMark() if isinstance(holder.get("prompt_cache_breakpoint"), dict) else None


def _marked(part: Media, mark: CacheMark) -> Media:
    return Media(
        kind=part.kind,
        data=part.data,
        url=part.url,
        file_id=part.file_id,
        media_type=part.media_type,
        filename=part.filename,
        detail=part.detail,
        cache=mark,
        extra=part.extra,
    )


def is_listed(part: Part) -> bool:
    """Whether a part stood in a list of content when it came in this dialect."""
    return (isinstance(part, Native) and part.dialect == NAME) or CHUNK in own(part.extra)


def said(part: Text | Refusal | Reasoning, piece: str | None = None) -> JSON:
    """The chunk that says a part, or a piece of it, with what was noted on the part."""
    rest = own(part.extra).get(CHUNK, {})
    if piece is not None and "thinking" in rest:
        rest = {name: value for name, value in rest.items() if name != "thinking"}
    text = part.text if piece is None else piece
    match part:
        case Text():
            return {"type": "text", **rest, "text": text}
        case Refusal():
            return {"type": "refusal", **rest, "refusal": text}
        case _:
            return {"type": "thinking", "thinking": _thinking(text), **rest}


def written(part: Part, field: str, fit: Fit) -> JSON | None:
    """The part of a request for a vendor; None where it had to be left out.

    Raises:
        Unsupported: chat completions cannot say it.
    """
    match part:
        case Text() | Media() if part.cache is not None and CHUNK not in own(part.extra):
            fit.note("cache_control")
        case _:
            pass
    match part:
        case Text() | Refusal() | Reasoning():
            return said(part)
        case Media():
            return media.written(part, field, fit)
        case Native() if part.dialect == NAME:
            return part.data
        case _:
            fit.refuse(field, "chat completions have no such kind of content")
            return None
