"""Which request a line of the log is about: set where a request comes in, read where a line goes out."""

from __future__ import annotations

from contextvars import ContextVar

FIELDS = "fields"
"""The attribute of a log's record that has more to say, by name: `extra={FIELDS: {…}}`."""

About = tuple[str, bytes | None]
"""A request's id, and its `traceparent` as its client sent it."""

about: ContextVar[About | None] = ContextVar("headgate_about", default=None)
"""Of the task that runs: each request has one of its own."""
