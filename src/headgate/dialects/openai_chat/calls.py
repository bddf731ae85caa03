"""The model's calls of tools, in whole messages."""

from __future__ import annotations

from typing import Any

import msgspec

from headgate.dialects.hub import Native, Signature, ToolCall
from headgate.dialects.openai_chat.names import ABSENT, LEGACY, NAME, own
from headgate.dialects.reading import Reader
from headgate.dialects.signatures import seal, unseal
from headgate.types import JSON

SIGNED = "extra_content"
"""Where Google's OpenAI-compatible endpoint puts its thought signatures, and we those of others, sealed
(Gemini API, "Thought signatures": `extra_content.google.thought_signature`)."""

_CALL = "call"
"""On a part only this dialect has: it was an entry of `tool_calls`."""

_OUTER = frozenset({"id", "type", SIGNED})
_INNER = {"function": frozenset({"name", "arguments"}), "custom": frozenset({"name", "input"})}


def call_of(entry: JSON, place: int, where: str, reader: Reader, *, begun: bool = False) -> ToolCall | Native:
    """An entry of `tool_calls`, or of a stream the first piece of one (`begun`). Some vendors leave out its type, its
    id, or its arguments where there are none.

    Raises:
        HeadgateError: the reader's, if a member is of the wrong type.
    """
    kind = reader.optional(entry, "type", str, where)
    if kind not in (None, "function", "custom"):
        return Native(dialect=NAME, data=entry, extra={NAME: {_CALL: True}})
    word = "custom" if kind == "custom" else "function"
    inner = reader.required(entry, word, dict, where)
    said, rest = _said(inner, word, f"{where}.{word}", reader)
    signature, signed = signature_of(entry)
    notes = {name: value for name, value in entry.items() if name not in _OUTER and name != word} | signed
    if rest:
        notes[word] = rest
    absent = [name for name in ("id", "type") if name not in entry]
    if "arguments" not in inner and word == "function" and not begun:
        absent.append("arguments")
    if absent:
        notes[ABSENT] = absent
    return ToolCall(
        id=reader.optional(entry, "id", str, where) or f"call_{place}",
        name=reader.required(inner, "name", str, f"{where}.{word}"),
        arguments=said,
        kind=word,
        signature=signature,
        extra={NAME: notes} if notes else {},
    )


def is_native(part: Native) -> bool:
    """Whether a part is a call of a kind the hub has no word for."""
    return _CALL in own(part.extra)


def _said(inner: JSON, word: str, where: str, reader: Reader) -> tuple[str, JSON]:
    """The arguments as text, and what else there is. An object in place of text is some vendor's slip."""
    member = "input" if word == "custom" else "arguments"
    value = inner.get(member)
    rest = {name: value for name, value in inner.items() if name not in _INNER[word]}
    if isinstance(value, dict):
        return msgspec.json.encode(value).decode(), {**rest, member: value}
    if value is None and member in inner:
        rest[member] = None
    return reader.optional(inner, member, str, where) or "", rest


def signature_of(holder: JSON) -> tuple[Signature | None, JSON]:
    """The signature in a call's or message's `extra_content`, and that member without it."""
    content = holder.get(SIGNED)
    if content is None:
        return None, {}
    google = content.get("google") if isinstance(content, dict) else None
    value = google.get("thought_signature") if isinstance(google, dict) else None
    if not isinstance(content, dict) or not isinstance(google, dict) or not isinstance(value, str) or not value:
        return None, {SIGNED: content}
    left = {name: each for name, each in google.items() if name != "thought_signature"}
    return unseal(value, "gemini", "call")[0], {SIGNED: {**content, "google": left}}


def signed(signature: Signature, notes: JSON) -> JSON:
    """`extra_content` with a signature in it."""
    content: Any = notes.get(SIGNED) or {}
    value = signature.value if signature.origin == "gemini" else seal(signature, "gemini", "call")
    return {**content, "google": {**content.get("google", {}), "thought_signature": value}}


def legacy_call_of(call: JSON, where: str, reader: Reader) -> ToolCall:
    """A `function_call`, which has no id: the function's name has to do."""
    name = reader.required(call, "name", str, where)
    return ToolCall(
        id=f"call_{name}",
        name=name,
        arguments=reader.optional(call, "arguments", str, where) or "",
        extra={NAME: {LEGACY: True}},
    )


def more_of(entry: JSON, where: str, reader: Reader) -> str:
    """The arguments in a later piece of a call."""
    for word in _INNER:
        inner = reader.optional(entry, word, dict, where)
        if inner:
            return _said(inner, word, f"{where}.{word}", reader)[0]
    return ""


def written(call: ToolCall, to_vendor: bool) -> JSON:
    """The entry of `tool_calls`. A vendor is given back only the signature it gave in this dialect."""
    notes = own(call.extra)
    word, member = ("custom", "input") if call.kind == "custom" else ("function", "arguments")
    entry: JSON = {"id": call.id, "type": word, word: {"name": call.name, member: call.arguments}}
    if notes:
        entry |= {name: value for name, value in notes.items() if name not in (ABSENT, LEGACY, SIGNED, word)}
        entry[word] |= notes.get(word, {})
        for name in notes.get(ABSENT, ()):
            (entry[word] if name == "arguments" and not call.arguments else entry).pop(name, None)
    if call.signature is not None and (SIGNED in notes or not to_vendor):
        entry[SIGNED] = signed(call.signature, notes)
    elif SIGNED in notes:
        entry[SIGNED] = notes[SIGNED]
    return entry
