"""Words that several modules of this dialect need."""

from __future__ import annotations

from typing import TypeGuard

from headgate.dialects.hub import Native, Part, Refusal, Text
from headgate.types import JSON

NAME = "openai_responses"

ORIGIN = "openai"
"""Whose `encrypted_content` this dialect carries natively."""

# What a part remembers of the item it came from, under `part.extra[NAME]`. The last part of an item holds the item's
# own members, since a stream tells their final values last; the parts before it hold the item's id.
ITEM = "item"
WITHIN = "in"
PART = "part"
"""The members of the content part itself that the hub has no words for."""


def memory(part: Part) -> JSON | None:
    """What a part remembers of this dialect; None where it comes from another one."""
    return part.extra.get(NAME)


def in_message(part: Part) -> TypeGuard[Text | Refusal | Native]:
    """Whether a part is content of a message item, and not an item of its own."""
    if isinstance(part, Native):
        told = memory(part)
        return told is not None and PART in told
    return isinstance(part, Text | Refusal)
