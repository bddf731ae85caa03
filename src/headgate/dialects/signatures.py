"""Carrying one vendor's signatures through another vendor's dialect, so that they survive a client's round trip.

A vendor signs reasoning (Anthropic's `signature`, Responses' `encrypted_content`, Gemini's `thoughtSignature`) and
wants it back on the next turn. A client of another dialect gives it back only from a field its SDK knows, so a foreign
signature is *sealed* as `hg1.<origin>.<what>.<value>` into the client's own opaque field, and *unsealed* when the
conversation returns. Encoders towards a vendor leave out signatures of a foreign origin.

Gemini also signs tool calls and texts, for which other dialects have no field. There the signature travels in an
opaque reasoning block of its own: before the tool call it belongs to, or after the text. Where a stream tells the
signature of a call only once the call is out, the block follows the call and says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from msgspec.structs import replace

from headgate.dialects.hub import Part, Reasoning, Signature, Text, ToolCall

What = Literal["reasoning", "redacted", "call", "prior_call", "text"]
"""What a signature signs: thoughts, encrypted thoughts, the tool call after the block, the one before it, the text
before it."""

_PREFIX = "hg1."
_KINDS: dict[str, What] = {
    "reasoning": "reasoning",
    "redacted": "redacted",
    "call": "call",
    "prior_call": "prior_call",
    "text": "text",
}


def seal(signature: Signature, native: str, what: What = "reasoning") -> str:
    """The text to put into the opaque field of a dialect whose own signatures are of origin `native`."""
    if signature.origin == native and what in ("reasoning", "redacted"):
        return signature.value
    return f"{_PREFIX}{signature.origin}.{what}.{signature.value}"


def unseal(text: str, native: str, what: What = "reasoning") -> tuple[Signature, What]:
    """The signature in an opaque field, and what it signs: `what` itself unless the seal says otherwise."""
    if text.startswith(_PREFIX):
        origin, _, rest = text[len(_PREFIX) :].partition(".")
        sealed_what, _, value = rest.partition(".")
        kind = _KINDS.get(sealed_what)
        if kind is not None:
            return Signature(origin, value), kind
    return Signature(native, text), what


def carried(part: Part, native: str) -> str | None:
    """The sealed text of the reasoning block that has to accompany `part` in a dialect without a field for its
    signature; None where it needs none.
    """
    if isinstance(part, ToolCall) and part.signature:
        return seal(part.signature, native, "call")
    if isinstance(part, Text) and part.signature:
        return seal(part.signature, native, "text")
    return None


class Carrier(Reasoning, frozen=True, kw_only=True, tag="carrier"):
    """A decoded accompanying block, on its way to the part it belongs to. Exists only inside decoders."""

    what: What = "call"


def attach(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Parts with each `Carrier`'s signature moved to the part it signs; one whose part is gone is left out."""
    result: list[Part] = []
    pending: Signature | None = None
    for part in parts:
        if isinstance(part, Carrier):
            if part.what == "call":
                pending = part.signature
            elif result and isinstance(result[-1], Text if part.what == "text" else ToolCall):
                result[-1] = replace(result[-1], signature=part.signature)
        elif isinstance(part, ToolCall) and pending is not None:
            result.append(replace(part, signature=pending))
            pending = None
        else:
            result.append(part)
    return tuple(result)
