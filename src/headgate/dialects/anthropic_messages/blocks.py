"""Content blocks that the model writes, as the hub's parts: in answers, and in the turns a client gives back."""

from __future__ import annotations

from typing import Any

import msgspec

from headgate.dialects.anthropic_messages.names import NAME, ORIGIN, beyond
from headgate.dialects.hub import (
    CacheMark,
    Citation,
    Extra,
    Native,
    Part,
    Reasoning,
    Text,
    ToolCall,
    extra_of,
)
from headgate.dialects.reading import Reader, at
from headgate.dialects.signatures import Carrier, unseal
from headgate.types import JSON

_TEXT = frozenset({"type", "text", "citations", "cache_control"})
_THINKING = frozenset({"type", "thinking", "signature"})
_REDACTED = frozenset({"type", "data"})
_TOOL_USE = frozenset({"type", "id", "name", "input", "cache_control"})


def part_of(block: JSON, where: str, reader: Reader) -> Part:
    """The part a block stands for. A kind the hub has no word for stays as it is.

    Raises:
        HeadgateError: the reader's, if a member of a known kind is missing or has the wrong type.
    """
    match reader.required(block, "type", str, where):
        case "text":
            return text(block, where, reader)
        case "thinking":
            return thinking(block, where, reader)
        case "redacted_thinking":
            return redacted(block, where, reader)
        case "tool_use":
            arguments = encoded(reader.required(block, "input", dict, where))
            return tool_call(block, arguments, where, reader)
        case _:
            return native(block)


def text(block: JSON, where: str, reader: Reader) -> Text:
    citations = reader.optional(block, "citations", list, where)
    return Text(
        text=reader.required(block, "text", str, where),
        citations=tuple(
            citation(reader.object(each, f"{where}.citations[{index}]"), f"{where}.citations[{index}]", reader)
            for index, each in enumerate(citations or ())
        ),
        cache=cache_mark(block, where, reader),
        extra=_extra(block, _TEXT, "citations" if "citations" in block and not citations else None),
    )


def thinking(block: JSON, where: str, reader: Reader) -> Reasoning:
    """Thinking without a signature is legal: another vendor's, given to a client that has to give it back."""
    text = reader.required(block, "thinking", str, where)
    sealed = reader.optional(block, "signature", str, where)
    extra = _extra(block, _THINKING)
    if not sealed:
        return Reasoning(text=text, extra=extra)
    signature, what = unseal(sealed, ORIGIN)
    if what == "redacted":
        return Reasoning(text=text, redacted=signature, extra=extra)
    return Reasoning(text=text, signature=signature, extra=extra)


def redacted(block: JSON, where: str, reader: Reader) -> Reasoning:
    """Encrypted thinking, or what carries another vendor's signature of a neighbouring block."""
    signature, what = unseal(reader.required(block, "data", str, where), ORIGIN, "redacted")
    if what in ("call", "prior_call", "text"):
        return Carrier(signature=signature, what=what)
    if what == "reasoning":
        return Reasoning(signature=signature)
    return Reasoning(redacted=signature, extra=_extra(block, _REDACTED))


def tool_call(block: JSON, arguments: str, where: str, reader: Reader) -> ToolCall:
    return ToolCall(
        id=reader.required(block, "id", str, where),
        name=reader.required(block, "name", str, where),
        arguments=arguments,
        cache=cache_mark(block, where, reader),
        extra=_extra(block, _TOOL_USE),
    )


def native(block: JSON) -> Native:
    """A block as it is, with what of it a person would read."""
    content = block.get("content")
    return Native(dialect=NAME, data=block, text=content if isinstance(content, str) else "")


def citation(tree: JSON, where: str, reader: Reader) -> Citation:
    """A citation, kept whole in `extra`: where in its source it points to is nothing the hub has words for."""
    return Citation(
        url=reader.optional(tree, "url", str, where),
        title=reader.optional(tree, "title", str, where) or reader.optional(tree, "document_title", str, where),
        cited_text=reader.optional(tree, "cited_text", str, where),
        file_id=reader.optional(tree, "file_id", str, where),
        extra={NAME: tree},
    )


def cache_mark(members: JSON, where: str, reader: Reader) -> CacheMark | None:
    """The cache breakpoint on a block or tool.

    Raises:
        HeadgateError: it is not an ephemeral one of five minutes or an hour.
    """
    control = reader.optional(members, "cache_control", dict, where)
    if control is None:
        return None
    ttl = control.get("ttl")
    if control.get("type") != "ephemeral" or ttl not in (None, "5m", "1h"):
        raise reader.fail(at(where, "cache_control"), "must be {'type': 'ephemeral'} with a 'ttl' of '5m' or '1h'")
    return CacheMark("1h") if ttl == "1h" else CacheMark()


def odd_control(members: JSON) -> JSON:
    """A cache breakpoint that is written in another way than we would, to be written back like that."""
    control = members.get("cache_control")
    if control is None or control == {"type": "ephemeral"} or control == {"type": "ephemeral", "ttl": "1h"}:
        return {}
    return {"cache_control": control}


def encoded(value: Any) -> str:
    """A tool's input as JSON text."""
    return msgspec.json.encode(value).decode() if value else "{}"


def _extra(block: JSON, known: frozenset[str], beside: str | None = None) -> Extra:
    """What a block has beyond the known members; `beside` names a known one whose form has to be kept."""
    members = beyond(block, known)
    if beside is not None:
        members = {**members, beside: block[beside]}
    return extra_of(NAME, {**members, **odd_control(block)})
