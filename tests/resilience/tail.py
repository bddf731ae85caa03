"""Three calls in a hundred take twenty times as long, with second attempts beside slow ones and without."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from resilience import load, setting
from resilience.client import Client, Outcome, chat
from resilience.findings import Finding, Say, at_least, at_most, told
from resilience.setting import Upstream

MEDIAN_MS = 40.0
SLOWER = 20
SHARE = 0.03
RATE = 100.0
WARM_CALLS = 100
"""What a model is asked before anything counts: the live p90 has to be known."""

RULES = [
    {"share": SHARE, "latency": {"median_ms": MEDIAN_MS * SLOWER, "p99_ms": MEDIAN_MS * SLOWER * 1.5}},
    {"latency": {"median_ms": MEDIAN_MS, "p99_ms": MEDIAN_MS * 1.5}},
]

CONFIG = """
models:
  plain: {targets: [a/plain, b/plain]}
  hedged: {targets: [a/hedged, b/hedged], hedge: {}}
"""


@dataclass(frozen=True)
class _Load:
    calls: int
    rate: float


async def tail(folder: Path, calls: int, say: Say, rate: float = RATE) -> list[Finding]:
    """Hedging cuts p99 to a third or less, for few more upstream calls."""
    with setting.upstreams(folder, "a", "b") as both:
        for upstream in both:
            upstream.script(RULES)
        config = setting.providers(a=both[0].port, b=both[1].port) + CONFIG
        with setting.serving(folder, config) as serving:
            return [
                *await _compared(serving.port, both, False, _Load(calls, rate), say),
                *await _compared(serving.port, both, True, _Load(calls, rate), say),
            ]


async def _compared(port: int, both: list[Upstream], stream: bool, size: _Load, say: Say) -> list[Finding]:
    name = "streamed" if stream else "whole"
    quantiles: dict[str, list[float]] = {}
    upstream: dict[str, float] = {}
    failed = 0
    for model in ("plain", "hedged"):
        say(f"tail: {size.calls:,} calls, {name}, {model}")
        await _asked(port, model, stream, _Load(WARM_CALLS, size.rate))
        before = sum(each.requests(model) for each in both)
        outcomes = await _asked(port, model, stream, size)
        upstream[model] = (sum(each.requests(model) for each in both) - before) / len(outcomes)
        waits_ms = [1000 * (outcome.first_s if stream else outcome.seconds) for outcome in outcomes]
        quantiles[model] = [load.quantile(waits_ms, share) for share in (0.5, 0.9, 0.99)]
        failed += sum(not outcome.ok for outcome in outcomes)
    plain, hedged = quantiles["plain"], quantiles["hedged"]
    what = "first token" if stream else "answer"
    return [
        at_least(3, f"{name}: p99 without hedging, against with", plain[2] / hedged[2], "x"),
        at_most(14, f"{name}: more upstream calls", 100 * (upstream["hedged"] / upstream["plain"] - 1), "%"),
        at_most(0, f"{name}: calls that failed", failed),
        *(
            told(f"{name}, {model}: time to {what}, {share}", value, "ms")
            for model, values in quantiles.items()
            for share, value in zip(("p50", "p90", "p99"), values, strict=True)
        ),
    ]


async def _asked(port: int, model: str, stream: bool, size: _Load) -> list[Outcome]:
    client = Client(port)

    async def call(number: int, due: float) -> Outcome:
        return await client.call(chat(port, model, f"Question {number}", stream=stream), due=due)

    try:
        return await load.at_rate(size.rate, size.calls / size.rate, call)
    finally:
        await client.close()
