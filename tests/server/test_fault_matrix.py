"""What each fault comes to, in every client dialect, whole and streamed, with and without somewhere else to go."""

from __future__ import annotations

from pathlib import Path

import pytest

from fault_matrix import PAGE, ROUTES, Seen, cell, cells, shortened
from faults import Fault

Expected = dict[str, Seen]


def transient(code: str, status: int, *noticed: str) -> Expected:
    """Worth another try: three of them, or one elsewhere."""
    failed = f"bad: {code}"
    return {
        "alone": Seen(f"{status} {code}", (failed,) * 3, (*noticed, "AttemptFailed", "Retried")),
        "second": Seen("answer", (failed, "good: ok"), ("Routed", *noticed, "AttemptFailed", "Retried")),
        "fallback": Seen("answer", (*[failed] * 3, "good: ok"), (*noticed, "AttemptFailed", "Retried", "FellBack")),
    }


def the_targets_own(code: str, status: int) -> Expected:
    """No better another time, but elsewhere."""
    failed = f"bad: {code}"
    return {
        "alone": Seen(f"{status} {code}", (failed,), ("AttemptFailed",)),
        "second": Seen("answer", (failed, "good: ok"), ("Routed", "AttemptFailed", "Retried")),
        "fallback": Seen("answer", (failed, "good: ok"), ("AttemptFailed", "FellBack")),
    }


def the_requests_own(code: str) -> Expected:
    """The same with any target of the model; only a fallback, which may be another model, can help."""
    failed = f"bad: {code}"
    return {
        "alone": Seen(f"400 {code}", (failed,), ("AttemptFailed",)),
        "second": Seen(f"400 {code}", (failed,), ("Routed", "AttemptFailed")),
        "fallback": Seen("answer", (failed, "good: ok"), ("AttemptFailed", "FellBack")),
    }


def once_begun(code: str, *noticed: str) -> Expected:
    """Too late for anything but saying so."""
    seen = Seen(f"a beginning, then {code}", (f"bad: {code}",), (*noticed, "StreamBroken", "AttemptFailed"))
    return dict.fromkeys(ROUTES, seen) | {"second": Seen(seen.client, seen.attempts, ("Routed", *seen.events))}


BAD_REQUEST = Seen("400 invalid_request", ("bad: invalid_request",), ("AttemptFailed",))
TOLERATED = Seen("answer", ("bad: ok",), ("LineSkipped",))
REASKED = ("OutputReasked", "OutputInvalid")

WHOLE: dict[str, Expected] = {
    "connection refused": transient("connection_failed", 502),
    "DNS failure": transient("dns_failed", 502),
    "TLS failure": transient("tls_failed", 502),
    "connection reset": transient("connection_failed", 502),
    "429 with retry-after": transient("rate_limit_exceeded", 429),
    "429 without retry-after": transient("rate_limit_exceeded", 429),
    "429, credit used up": the_targets_own("insufficient_quota", 429),
    "500": transient("server_error", 502),
    "503": transient("overloaded", 503),
    "401, our key refused": the_targets_own("upstream_auth", 502),
    "slow first token": transient("timeout", 504),
    "stall mid-stream": transient("timeout", 504),
    "cut mid-stream": transient("connection_failed", 502),
    "truncated JSON": transient("malformed_output", 502),
    "error inside a stream": transient("server_error", 502),
    "wrong content type": transient("malformed_output", 502),
    "empty body": transient("malformed_output", 502),
    "content filter": the_requests_own("content_filter"),
    "context too long": the_requests_own("context_length_exceeded"),
    "bad request": dict.fromkeys(ROUTES, BAD_REQUEST)
    | {"second": Seen(BAD_REQUEST.client, BAD_REQUEST.attempts, ("Routed", *BAD_REQUEST.events))},
    "wrong schema": {
        "alone": Seen("502 malformed_output", ("bad: ok",) * 2, REASKED),
        "second": Seen("502 malformed_output", ("bad: ok",) * 2, ("Routed", *REASKED)),
        "fallback": Seen("answer", ("bad: ok", "bad: ok", "good: ok"), (*REASKED, "FellBack")),
    },
}
STREAMED: dict[str, Expected] = {
    **WHOLE,
    "stall mid-stream": once_begun("timeout"),
    "cut mid-stream": once_begun("connection_failed"),
    "malformed SSE line": dict.fromkeys(ROUTES, TOLERATED)
    | {"second": Seen(TOLERATED.client, TOLERATED.attempts, ("Routed", *TOLERATED.events))},
    "truncated JSON": once_begun("malformed_output", "LineSkipped"),
    "error inside a stream": once_begun("server_error"),
    "error first in a stream": transient("server_error", 502),
    "wrong schema": {
        "alone": Seen("502 malformed_output", ("bad: cancelled",) * 2, ("AttemptFailed", *REASKED)),
        "second": Seen("502 malformed_output", ("bad: cancelled",) * 2, ("Routed", "AttemptFailed", *REASKED)),
        "fallback": Seen(
            "answer", ("bad: cancelled", "bad: cancelled", "good: ok"), ("AttemptFailed", *REASKED, "FellBack")
        ),
    },
}


def named(each: Fault | bool) -> str:
    """A cell's part as it stands in a test's name."""
    return each.name if isinstance(each, Fault) else "stream" if each else "whole"


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(("fault", "stream"), [*cells()], ids=named)
async def test_a_fault_comes_to_what_it_should_in_every_dialect(fault: Fault, stream: bool, route: str, tmp_path: Path):
    expected = (STREAMED if stream else WHOLE)[fault.name][route]
    assert await cell(fault, stream, route, tmp_path) == expected


def test_the_published_matrix_says_the_same():
    page = PAGE.read_text()
    for route, title in ROUTES.items():
        table = page.split(f"## {title}\n")[1].split("\n## ")[0]
        for fault, stream in cells():
            each = (STREAMED if stream else WHOLE)[fault.name][route]
            kind = "stream" if stream else "whole"
            row = f"| {fault.name} | {kind} | {each.client} | {shortened(each.attempts)} | {', '.join(each.events)} |"
            assert row in table, "run make fault-matrix"
