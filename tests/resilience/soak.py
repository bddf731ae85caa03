"""A long time of everything at once: random faults, clients that leave, configurations that change. Nothing may leak."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from math import inf
from pathlib import Path
from time import monotonic
from typing import Any

from resilience import setting
from resilience.client import LIMIT_S, Client, Outcome, chat, messages
from resilience.findings import Finding, Say, at_least, at_most, told
from resilience.setting import Serving, Upstream

WIDTH = 24
RELOAD_S = 3.0
SAY_S = 30.0
IDLE_LIMIT_S = 30.0
"""How long what is under way at the end may take to be over."""
TOTAL_S = 3.0
"""The model's `timeout.total_s`, after which a provider that a reload replaced closes its connections."""
SLACK_DESCRIPTORS = 8
"""What the descriptors may differ by from those of the gateway at rest: connections of this very client."""

BEFORE: list[Any] = [500, 503, {"kind": "rate_limit", "retry_after_s": 0.05}, "reset", "empty", "html"]
AMIDST: list[Any] = ["cut", "truncated", "error_in_stream", "malformed_sse", "malformed_json", "stall"]
NOBODY = "providers: {nobody: {kind: simulator}}\nmodels: {m: {targets: [nobody/m]}}\n"
"""The last configuration: none of the vendors is in it."""

RULES = [
    *setting.mixed(0.15, BEFORE),
    *setting.mixed(0.06, AMIDST, stream=True),
    {"share": 0.01, "fault": "timeout"},
    {"latency": {"first_token_ms": {"median_ms": 10, "p99_ms": 150}, "per_token_ms": 2}},
]

ALTERNATIVES = (
    "retry: {attempts: 3}",
    "retry: {attempts: 2, budget: 1.0}, hedge: {}",
    "hedge: {after_s: 0.05}, balance: {by: weight}",
    "queue: {length: 30, wait_s: 1}, validate: {tools: true}",
)
"""What the file says of the model, by turns. None of it changes a target, so that what leaks at one stays to be seen."""


@dataclass(frozen=True)
class Look:
    """The gateway's size at one moment."""

    at: float
    mb: float
    descriptors: int


async def soak(folder: Path, seconds: float, say: Say) -> list[Finding]:
    """Calls, faults, disconnects and reloads for a while; then everything has to be as it was, and accounted for."""
    with setting.upstreams(folder, "a", "b") as both:
        for upstream in both:
            upstream.script(RULES)
        with setting.serving(folder, _config(both, 0)) as serving:
            soaking = _Soaking(serving, both, say)
            at_rest = setting.descriptors(serving.process.pids()[0])
            await soaking.run(seconds)
            findings = [*await soaking.ended(at_rest), *await _accounted(serving, both), *soaking.told()]
            await serving.close()
            return findings


class _Soaking:
    """What goes on meanwhile, and what was seen of it."""

    def __init__(self, serving: Serving, both: Sequence[Upstream], say: Say) -> None:
        self._serving = serving
        self._both = both
        self._say = say
        self._random = random.Random(3)  # which call leaves when
        self._kinds: Counter[str] = Counter()
        self._reloads = 0
        self._looks: list[Look] = []

    async def run(self, seconds: float) -> None:
        until = monotonic() + seconds
        watching = [asyncio.create_task(each) for each in (self._reload(), self._watch(seconds))]
        try:
            await asyncio.gather(*(self._call_until(until) for _ in range(WIDTH)))
        finally:
            for task in watching:
                task.cancel()
            await asyncio.wait(watching)
        for task in watching:
            if not task.cancelled():
                task.result()

    async def ended(self, at_rest: int) -> list[Finding]:
        """Whether anything is left over."""
        serving, pid = self._serving, self._serving.process.pids()[0]
        idle_s = await serving.idle(IDLE_LIMIT_S)
        setting.write(serving.config, setting.with_server(NOBODY, serving.port))
        left = await self._open_connections(pid)
        half = self._looks[len(self._looks) // 3 :]
        growth = _slope_mb(half)
        return [
            at_most(0, "calls under way or waiting at the end", await serving.in_flight()),
            told("until none was", idle_s, "s"),
            at_most(0, "connections to vendors once they are not configured any more", left),
            at_most(SLACK_DESCRIPTORS, "descriptors more than before", setting.descriptors(pid) - at_rest),
            at_most(10, "growth of memory over the last two thirds", growth, "MB"),
            told("memory at the end", serving.process.rss_mb(), "MB"),
        ]

    def told(self) -> list[Finding]:
        figures = [told(f"calls: {kind}", number) for kind, number in sorted(self._kinds.items())]
        return [
            *figures,
            told("reloads", self._reloads),
            at_least(1, "calls that succeed", self._kinds["answered 200"]),
        ]

    async def _open_connections(self, pid: int) -> int:
        """Connections to the vendors, once their providers have had time to close them."""
        until = monotonic() + TOTAL_S + IDLE_LIMIT_S
        while left := sum(setting.sockets_to(pid, upstream.port) for upstream in self._both):
            if monotonic() > until:
                break
            await asyncio.sleep(0.2)
        return left

    async def _call_until(self, until: float) -> None:
        """One client after another, each with a connection of its own now and then."""
        client = Client(self._serving.port)
        try:
            while monotonic() < until:
                outcome = await self._call(client)
                self._kinds[f"answered {outcome.status}" if outcome.status else outcome.what] += 1
        finally:
            await client.close()

    async def _call(self, client: Client) -> Outcome:
        """A call, which may leave before the first byte or in the middle of the answer."""
        chance = self._random.random()
        stream = self._random.random() < 0.6
        asked = self._random.choice((chat, messages))
        request = asked(self._serving.port, "m", f"Question {self._random.random()}", stream=stream)
        leave_s = self._random.expovariate(1 / 0.02) if chance < 0.1 else LIMIT_S
        leave_bytes = self._random.randint(1, 3000) if 0.1 <= chance < 0.2 else inf
        return await client.call(request, leave_s=leave_s, leave_bytes=leave_bytes)

    async def _reload(self) -> None:
        for number in count(1):
            await asyncio.sleep(RELOAD_S)
            text = setting.with_server(_config(self._both, number), self._serving.port)
            setting.write(self._serving.config, text)
            self._reloads = number

    async def _watch(self, seconds: float) -> None:
        began = said = monotonic()
        pid = self._serving.process.pids()[0]
        while True:
            await asyncio.sleep(min(1.0, seconds / 30))
            look = Look(monotonic(), self._serving.process.rss_mb(), setting.descriptors(pid))
            self._looks.append(look)
            if look.at - said >= SAY_S:
                said = look.at
                calls = sum(self._kinds.values())
                self._say(
                    f"{look.at - began:,.0f} s: {calls:,} calls, {look.mb:.0f} MB, {look.descriptors} descriptors"
                )


async def _accounted(serving: Serving, both: Sequence[Upstream]) -> list[Finding]:
    """Whether every request a vendor got is an attempt that was settled.

    There may be attempts the vendor knows nothing of, but only cancelled ones: the client left before the vendor had
    read the request.
    """
    attempts, cancelled = await serving.attempts(), await serving.attempts("cancelled")
    findings: list[Finding] = []
    for name, upstream in zip("ab", both, strict=True):
        target = f"{name}/m"
        settled, had = attempts.get(target, 0), upstream.requests("m")
        findings += [
            told(f"{name}: requests it had", had),
            at_most(0, f"{name}: requests that no attempt was settled for", max(0, had - settled)),
            at_most(cancelled.get(target, 0), f"{name}: attempts it knows nothing of", max(0, settled - had)),
        ]
    return findings


def _slope_mb(looks: Sequence[Look]) -> float:
    """How much memory grew over the looks by the straight line that fits them best: a peak alone is no growth."""
    mean_at = sum(look.at for look in looks) / len(looks)
    mean_mb = sum(look.mb for look in looks) / len(looks)
    spread = sum((look.at - mean_at) ** 2 for look in looks)
    slope = sum((look.at - mean_at) * (look.mb - mean_mb) for look in looks) / spread if spread else 0.0
    return slope * (looks[-1].at - looks[0].at)


def _config(both: Sequence[Upstream], number: int) -> str:
    """The configuration of one turn. In every second one `b` is another provider, so that the one before retires."""
    a, b = both
    providers = setting.providers(a=a.port, b=b.port)
    if number % 2:
        providers = "sim-other".join(providers.rsplit("sim-key", 1))
    timeout = f"timeout: {{total_s: {TOTAL_S}, first_token_s: 1, stall_s: 1}}"
    return f"{providers}models: {{m: {{targets: [a/m, b/m], {timeout}, {ALTERNATIVES[number % len(ALTERNATIVES)]}}}}}\n"
