"""Two targets that each fail three calls in ten, at random and in every way there is before content."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from resilience import load, setting
from resilience.client import Client, Outcome, chat, messages
from resilience.findings import Finding, Say, at_least, at_most, told

SHARE = 0.3
WIDTH = 32

REFUSED: list[Any] = [
    500,
    503,
    {"kind": "server_error", "status": 429},
    {"kind": "rate_limit", "retry_after_s": 0.05},
    "reset",
    "empty",
    "html",
]
"""Faults of whole answers and streams alike. The first 429 has no `retry-after`."""
WHOLE: list[Any] = [*REFUSED, "malformed_json"]
STREAMED: list[Any] = [
    *REFUSED,
    *({"kind": kind, "after_tokens": 0} for kind in ("cut", "truncated", "error_in_stream")),
]

CONFIG = """
models:
  whole: {targets: [a/whole, b/whole], retry: {attempts: 3, budget: 1.0}}
  streamed: {targets: [a/streamed, b/streamed], retry: {attempts: 3, budget: 1.0}}
"""


async def flaky(folder: Path, calls: int, say: Say) -> list[Finding]:
    """Nearly all calls succeed all the same, for little more upstream traffic than there has to be."""
    rules = setting.mixed(SHARE, WHOLE, stream=False) + setting.mixed(SHARE, STREAMED, stream=True)
    findings: list[Finding] = []
    with setting.upstreams(folder, "a", "b") as (a, b):
        for upstream in (a, b):
            upstream.script(rules)
        with setting.serving(folder, setting.providers(a=a.port, b=b.port) + CONFIG) as serving:
            for model, stream in (("whole", False), ("streamed", True)):
                say(f"flaky: {calls:,} calls, {model}")
                outcomes = await _calls(serving.port, model, stream, calls)
                findings += _judged(model, outcomes, a.requests(model) + b.requests(model))
            await serving.close()
    return findings


async def _calls(port: int, model: str, stream: bool, count: int) -> list[Outcome]:
    client = Client(port)

    async def call(number: int) -> Outcome:
        asked = (chat, messages)[number % 2]
        return await client.call(asked(port, model, f"Question {number}", stream=stream))

    try:
        return await load.at_a_time(count, WIDTH, call)
    finally:
        await client.close()


def _judged(model: str, outcomes: list[Outcome], upstream: int) -> list[Finding]:
    succeeded = sum(outcome.ok for outcome in outcomes)
    seconds = [outcome.seconds for outcome in outcomes]
    slowest = load.quantile(seconds, 0.99)
    return [
        at_least(99.5, f"{model}: calls that succeed", 100 * succeeded / len(outcomes), "%"),
        at_most(1.6, f"{model}: upstream requests per call", upstream / len(outcomes)),
        told(f"{model}: calls", len(outcomes)),
        told(f"{model}: calls that failed", len(outcomes) - succeeded),
        told(f"{model}: latency p99", slowest * 1000, "ms"),
        told(f"{model}: latency, longest", max(seconds), "s"),
    ]
