"""Typed facts about a call, for observers. Losing one may cost a metric, never money or evidence.

Events carry codes and strings, never exceptions: an event that holds a traceback keeps the whole call alive.
"""

from __future__ import annotations

import msgspec


class Event(msgspec.Struct, frozen=True, tag=True):
    """Base of all events."""


class Routed(Event, frozen=True):
    """A route chose a target."""

    model: str
    target: str


class AttemptFailed(Event, frozen=True):
    """An upstream call ended in an error; `code` is the error's."""

    target: str
    code: str
    upstream_status: int | None = None


class FieldDropped(Event, frozen=True):
    """A field the target cannot take was left out, because the configuration says so."""

    target: str
    field: str


class LineSkipped(Event, frozen=True):
    """A malformed line of a vendor's stream was tolerated."""

    target: str


class StreamBroken(Event, frozen=True):
    """A stream ended without its dialect's terminator, after content was out."""

    target: str
    code: str


class Disconnected(Event, frozen=True):
    """The client went away before the answer was complete."""
