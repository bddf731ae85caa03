"""Items that the model makes, as parts: in answers, and in the turns a client gives back."""

from __future__ import annotations

from msgspec.structs import replace

from headgate.dialects.hub import Native, Part, Reasoning, Signature, ToolCall
from headgate.dialects.openai_responses.content import part_of
from headgate.dialects.openai_responses.names import ITEM, NAME, ORIGIN, PART, WITHIN
from headgate.dialects.reading import Reader, left
from headgate.dialects.signatures import Carrier, unseal
from headgate.types import JSON

_MESSAGE = frozenset({"content"})
_REASONING = frozenset({"summary", "content", "encrypted_content"})
_FUNCTION = frozenset({"call_id", "name", "arguments"})
_CUSTOM = frozenset({"call_id", "name", "input"})
_THOUGHTS = frozenset({"text"})


def parts_of(item: JSON, where: str, reader: Reader) -> list[Part]:
    """The parts an item consists of, at least one. What the hub has no word for stays whole as a `Native`.

    Raises:
        HeadgateError: the reader's, if a member of a known kind is missing or has the wrong type.
    """
    match reader.required(item, "type", str, where):
        case "message":
            return message_parts(item, where, reader)
        case "reasoning":
            return _reasoning(item, where, reader)
        case "function_call":
            return [function_call(item, where, reader)]
        case "custom_tool_call":
            return [custom_call(item, where, reader)]
        case _:
            return [native(item)]


def native(item: JSON) -> Native:
    """An item as it is, with what of it a person would read."""
    code = item.get("code")
    return Native(dialect=NAME, data=item, text=code if isinstance(code, str) else "")


def message_parts(item: JSON, where: str, reader: Reader) -> list[Part]:
    """The contents of a message, which is kept whole where it has none."""
    parts = [part_of(each, at, reader) for each, at in reader.objects(item, "content", where)]
    return remembering(parts, left(item, _MESSAGE)) or [native(item)]


def remembering(parts: list[Part], item: JSON) -> list[Part]:
    """Parts that know their item: the last one all of it, the others its id."""
    last = len(parts) - 1
    return [
        replace(part, extra={NAME: {**part.extra[NAME], **({ITEM: item} if n == last else {WITHIN: id_of(item)})}})
        for n, part in enumerate(parts)
    ]


def id_of(item: JSON) -> str:
    found = item.get("id")
    return found if isinstance(found, str) else ""


def _reasoning(item: JSON, where: str, reader: Reader) -> list[Part]:
    """One part per piece of summary or thoughts; the signature stands on the last, being known last in a stream."""
    rest = left(item, _REASONING)
    known = reader.optional(item, "id", str, where)
    parts: list[Part] = []
    for name, summarised in (("summary", True), ("content", False)):
        parts += [thought_of(each, at, reader, known, summarised) for each, at in reader.objects(item, name, where)]
    sealed = reader.optional(item, "encrypted_content", str, where)
    if not sealed:
        return remembering(parts, rest) or [Reasoning(summarised=True, id=known, extra={NAME: {ITEM: rest}})]
    signature, what = unseal(sealed, ORIGIN)
    if what in ("call", "prior_call", "text"):
        return [Carrier(signature=signature, what=what)]
    if not parts:
        opaque = what == "redacted" or signature.origin == ORIGIN
        return [_encrypted(signature, known, rest, opaque)]
    *before, last = remembering(parts, rest)
    return [*before, replace(last, **{"redacted" if what == "redacted" else "signature": signature})]


def thought_of(tree: JSON, where: str, reader: Reader, known: str | None, summarised: bool) -> Reasoning:
    """One piece of a reasoning item's summary or thoughts."""
    text = reader.required(tree, "text", str, where)
    return Reasoning(text=text, summarised=summarised, id=known, extra={NAME: {PART: left(tree, _THOUGHTS)}})


def _encrypted(signature: Signature, known: str | None, rest: JSON, opaque: bool) -> Reasoning:
    extra = {NAME: {ITEM: rest}}
    if opaque:
        return Reasoning(summarised=True, redacted=signature, id=known, extra=extra)
    return Reasoning(summarised=True, signature=signature, id=known, extra=extra)


def function_call(item: JSON, where: str, reader: Reader) -> ToolCall:
    return ToolCall(
        id=reader.required(item, "call_id", str, where),
        name=reader.required(item, "name", str, where),
        arguments=reader.required(item, "arguments", str, where),
        extra={NAME: {ITEM: left(item, _FUNCTION)}},
    )


def custom_call(item: JSON, where: str, reader: Reader) -> ToolCall:
    return ToolCall(
        id=reader.required(item, "call_id", str, where),
        name=reader.required(item, "name", str, where),
        arguments=reader.required(item, "input", str, where),
        kind="custom",
        extra={NAME: {ITEM: left(item, _CUSTOM)}},
    )
