"""The dialect's name, whose signatures it reads natively, and what is left of an object beside what it knows."""

from __future__ import annotations

from headgate.types import JSON

NAME = "anthropic_messages"
ORIGIN = "anthropic"


def beyond(members: JSON, known: frozenset[str]) -> JSON:
    """The members beyond the known ones."""
    if members.keys() <= known:
        return {}
    return {name: value for name, value in members.items() if name not in known}
