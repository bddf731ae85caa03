"""W3C Trace Context (Recommendation of 23 November 2021): which trace a call belongs to, and what goes on of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from random import getrandbits
from typing import NamedTuple

import msgspec

_TRACEPARENT = re.compile(
    r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII
)
_MEMBER = re.compile(r"[a-z0-9][a-z0-9_\-*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]")

MAX_STATE_CHARACTERS = 512
MAX_STATE_MEMBERS = 32

_SPAN_IDS = 2**64 - 1


class Parent(NamedTuple):
    """The caller's span."""

    trace_id: str
    """32 lower-case hexadecimal digits."""
    span_id: str
    """16 of them."""
    sampled: bool


class Trace(msgspec.Struct, frozen=True, gc=False):
    """A call's place in a trace."""

    trace_id: str
    span_id: int
    """The call's own."""
    parent: str | None
    """The caller's span; None where the trace begins here."""
    sampled: bool
    """Whether its spans are wanted, as was decided at its beginning."""
    state: str = ""
    """What vendors of tracing systems have said along the way: `tracestate`, as it came."""

    def attempt(self, number: int) -> int:
        """The span's id of one of the call's attempts, which count from 0."""
        return (self.span_id + 1 + number) & _SPAN_IDS or 1

    def headers(self, number: int) -> tuple[tuple[str, str], ...]:
        """What tells a vendor that an attempt is its caller."""
        parent = f"00-{self.trace_id}-{self.attempt(number):016x}-{'01' if self.sampled else '00'}"
        return (("traceparent", parent), ("tracestate", self.state)) if self.state else (("traceparent", parent),)


def read_parent(traceparent: str) -> Parent | None:
    """The span a request was made in (section 3.2); None where the header is not well-formed."""
    found = _TRACEPARENT.fullmatch(traceparent.strip())
    if found is None or (found[1] == "00" and found[5]):  # only later versions say more
        return None
    return Parent(found[2], found[3], bool(int(found[4], 16) & 1))


def read_state(tracestate: str) -> str:
    """A `tracestate` that may go on (section 3.3); empty where it is not well-formed, or too long."""
    if len(tracestate) > MAX_STATE_CHARACTERS:
        return ""
    members = [member.strip(" \t") for member in tracestate.split(",")]
    kept = [member for member in members if member]
    if len(kept) > MAX_STATE_MEMBERS or not all(map(_MEMBER.fullmatch, kept)):
        return ""
    return ",".join(kept)


def begin(headers: Mapping[str, str], share: float, *, follow: bool) -> Trace:
    """A call's place in its caller's trace, or in a new one, of which `share` are sampled. Whether a caller's is
    sampled the caller has said, unless `follow` is False.
    """
    came = headers.get("traceparent")
    parent = read_parent(came) if came is not None else None
    if parent is None:
        trace_id = getrandbits(128) or 1
        return Trace(f"{trace_id:032x}", getrandbits(64) or 1, None, drawn(trace_id, share))
    state = headers.get("tracestate")
    sampled = parent.sampled if follow else drawn(int(parent.trace_id, 16), share)
    return Trace(
        parent.trace_id, getrandbits(64) or 1, parent.span_id, sampled, read_state(state) if state is not None else ""
    )


def drawn(trace_id: int, share: float) -> bool:
    """Whether a trace is among a share of all: the same for the same trace everywhere, as OpenTelemetry's
    TraceIdRatioBased has it.
    """
    return share >= 1 or (trace_id & _SPAN_IDS) < share * 2**64


def passed_on(headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """A caller's own context, for those who take no part in its trace; nothing of what is not well-formed."""
    came = headers.get("traceparent")
    if came is None or read_parent(came) is None:
        return ()
    state = read_state(headers.get("tracestate") or "")
    return (("traceparent", came.strip()), ("tracestate", state)) if state else (("traceparent", came.strip()),)
