"""Thoughts: a member of the message as text, and `reasoning_details` where they are signed, encrypted or summarised.

DeepSeek and others call the member `reasoning_content`, OpenRouter, Groq and vLLM `reasoning`. `reasoning_details` is
OpenRouter's (documentation, "Reasoning Tokens"): entries whose `format` tells whose signatures they hold. A client
that gives the message back gives back the signatures, so ours go out in it too; those of a vendor that has no format
are sealed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from headgate.dialects.hub import Reasoning, Signature
from headgate.dialects.openai_chat.names import CHUNK, DETAIL, FIELD, NAME, is_empty, own
from headgate.dialects.reading import Reader
from headgate.dialects.signatures import seal, unseal
from headgate.types import JSON

FIELDS = ("reasoning_content", "reasoning")

_FORMATS = {
    "anthropic-claude-v1": "anthropic",
    "openai-responses-v1": "openai",
    "azure-openai-responses-v1": "openai",
    "xai-responses-v1": "xai",
    "google-gemini-v1": "gemini",
}
_FORMAT_OF = {
    "anthropic": "anthropic-claude-v1",
    "openai": "openai-responses-v1",
    "xai": "xai-responses-v1",
    "gemini": "google-gemini-v1",
}
_TEXT, _SUMMARY, _ENCRYPTED = "reasoning.text", "reasoning.summary", "reasoning.encrypted"
SAID = frozenset({"text", "summary", "signature", "data", "id"})


def entry_of(entry: JSON, where: str, reader: Reader) -> Reasoning:
    """An entry of `reasoning_details`. What it says beyond the hub's words is noted under `DETAIL`.

    Raises:
        HeadgateError: the reader's, if a member is of the wrong type.
    """
    kind = entry.get("type")
    text = reader.optional(entry, "summary" if kind == _SUMMARY else "text", str, where)
    signature = reader.optional(entry, "signature", str, where)
    data = reader.optional(entry, "data", str, where)
    return Reasoning(
        text=text or "",
        summarised=kind == _SUMMARY,
        signature=_signature(signature, entry) if signature else None,
        redacted=_signature(data, entry) if data else None,
        id=reader.optional(entry, "id", str, where) or None,
        extra={NAME: {DETAIL: rest_of(entry)}},
    )


def rest_of(entry: JSON) -> JSON:
    """The members of an entry that the hub has no words for, its kind among them, and those that say nothing."""
    return {name: value for name, value in entry.items() if name not in SAID or is_empty(value)}


def _signature(value: str, entry: JSON) -> Signature:
    return unseal(value, _origin(entry))[0]


def _origin(entry: JSON) -> str:
    told = entry.get("format")
    return _FORMATS.get(told, told) if isinstance(told, str) and told else "unknown"


def details_of(message: JSON, where: str, reader: Reader) -> tuple[list[Reasoning], JSON]:
    """The thoughts of a whole message, and those of their members that have to be written back as they are."""
    parts = [entry_of(entry, at, reader) for entry, at in reader.objects(message, "reasoning_details", where)]
    joined = "".join(part.text for part in parts)
    rest: JSON = {}
    for field in FIELDS:
        text = reader.optional(message, field, str, where)
        if not text:
            continue
        if not joined:
            parts.insert(0, Reasoning(text=text, extra={NAME: {FIELD: field}}))
            joined = text
        elif text == joined and not any(FIELD in own(part.extra) for part in parts):
            place = next(place for place, part in enumerate(parts) if part.text)
            parts[place] = noted(parts[place], field)
        else:
            rest[field] = text
    return parts, rest


def noted(part: Reasoning, field: str) -> Reasoning:
    """An entry of `reasoning_details` whose text, with that of all others, also stands in the member `field`."""
    return Reasoning(
        text=part.text,
        summarised=part.summarised,
        signature=part.signature,
        redacted=part.redacted,
        id=part.id,
        extra={**part.extra, NAME: {**own(part.extra), FIELD: field}},
    )


def written(parts: Sequence[Reasoning]) -> JSON:
    """The members of a message for a client that say the thoughts in `parts`."""
    members: JSON = {}
    entries: list[JSON] = []
    is_signed = any(part.signature or part.redacted for part in parts)
    for part in parts:
        notes = own(part.extra)
        if CHUNK in notes:
            continue
        if DETAIL in notes:
            entries.append(entry(part, notes[DETAIL]))
            if FIELD in notes:
                members[notes[FIELD]] = "".join(each.text for each in parts if DETAIL in own(each.extra))
            continue
        if part.text:
            field = notes.get(FIELD, FIELDS[0])
            members[field] = members.get(field, "") + part.text
        if is_signed and FIELD not in notes:
            entries += entries_for(part, len(entries))
    if entries:
        members["reasoning_details"] = entries
    return members


def plain(parts: Iterable[Reasoning], field: str | None) -> JSON:
    """The members of a message for a vendor: entries of `reasoning_details` as they were, other thoughts as text in
    `field`, or none at all where the vendor takes none back (`field` is None).

    Thoughts that another vendor signed are left out: they are of no use to this one.
    """
    if field is None:
        return {}
    entries: list[Reasoning] = []
    text = ""
    for part in parts:
        notes = own(part.extra)
        if DETAIL in notes:
            entries.append(part)
        elif part.signature is None and part.redacted is None and CHUNK not in notes:
            text += part.text
    members = written(entries)
    if text:
        members[field] = text + members.get(field, "")
    return members


def entry(part: Reasoning, rest: JSON) -> JSON:
    """An entry that was one when it came, as it was."""
    said: JSON = {**rest}
    if part.text:
        said["summary" if part.summarised else "text"] = part.text
    if part.signature:
        said["signature"] = _sealed(part.signature, rest)
    if part.redacted:
        said["data"] = _sealed(part.redacted, rest)
    if part.id is not None:
        said["id"] = part.id
    return said


def _sealed(signature: Signature, rest: JSON) -> str:
    return seal(signature, _origin(rest))


def entries_for(part: Reasoning, index: int) -> list[JSON]:
    """The entries that say thoughts which came in another dialect."""
    entries = [text_entry(part, index)] if part.text or part.signature else []
    return [*entries, encrypted_entry(part, index + len(entries))] if part.redacted else entries


def text_entry(part: Reasoning, index: int) -> JSON:
    """The entry for the text and signature of thoughts, or a piece of it."""
    said: JSON = {"type": _SUMMARY if part.summarised else _TEXT, "index": index}
    if part.text:
        said["summary" if part.summarised else "text"] = part.text
    return said | _signed("signature", part.signature)


def encrypted_entry(part: Reasoning, index: int) -> JSON:
    """The entry for thoughts that only their vendor can read."""
    said: JSON = {"type": _ENCRYPTED, "index": index, **_signed("data", part.redacted)}
    if part.id is not None:
        said["id"] = part.id
    return said


def _signed(member: str, signature: Signature | None) -> JSON:
    if signature is None:
        return {}
    known = _FORMAT_OF.get(signature.origin)
    if known is None:
        return {member: seal(signature, "unknown")}
    return {member: signature.value, "format": known}
