"""More calls than can be served: than a vendor of fixed capacity can, and than the gateway itself can."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from bench.processes import Process, free_port
from resilience import load, setting
from resilience.client import Client, Outcome, Request, chat, post
from resilience.findings import Finding, Say, at_least, at_most, told
from resilience.setting import Serving

DEADLINE_MS = 2000
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Plan:
    """How long everything takes, and what the vendor can do."""

    workers: int = 20
    service_ms: float = 100.0
    peak_s: float = 5.0
    over_s: float = 30.0
    after_s: float = 10.0
    factor: float = 3.0


@dataclass(frozen=True)
class Size:
    """Resident memory at one moment."""

    at: float
    mb: float


@dataclass(frozen=True)
class Course:
    """One course of load: as much as can be served, far more, half of it."""

    peak: float
    """Calls a second that are answered when no more are made than can be."""
    over: list[Outcome]
    after: list[Outcome]
    dropped: float
    """When the load fell."""
    sizes: list[Size]


LIMITED = "models: {m: {targets: [{target: a/m, max_concurrent: 32}]}}\n"
DEFAULT = "models: {m: {targets: [a/m]}}\n"


async def overload(folder: Path, plan: Plan, say: Say) -> list[Finding]:
    """A vendor that is asked for three times what it can do: without any settings, and with its limit told."""
    return [
        *await of_vendor(folder, plan, "defaults", DEFAULT, say),
        *await of_vendor(folder, plan, "max_concurrent: 32", LIMITED, say),
    ]


async def of_vendor(folder: Path, plan: Plan, name: str, config: str, say: Say) -> list[Finding]:
    """What a vendor of `plan.workers` gets done."""

    def ask(port: int) -> Request:
        return chat(port, "m", timeout_ms=DEADLINE_MS)

    with (
        _vendor(folder, plan.workers, plan.service_ms) as port,
        setting.serving(folder, setting.providers(a=port) + config) as serving,
    ):
        say(f"overload: {name}")
        course = await _run(serving, plan, plan.workers, ask)
        events = await serving.events()
        await serving.close()
    opened = events.get("BreakerOpened", 0)
    return [*_judged(name, plan, course, bar=80), told(f"{name}: breaker opened", opened, "times")]


async def cpu(folder: Path, plan: Plan, say: Say) -> list[Finding]:
    """A gateway that is asked for three times what it can do itself: without any settings, and with its limit told."""
    return [
        *await of_gateway(folder, plan, "defaults", "", say),
        *await of_gateway(folder, plan, "server.max_concurrent: 256", ", max_concurrent: 256", say),
    ]


async def of_gateway(folder: Path, plan: Plan, name: str, server: str, say: Say) -> list[Finding]:
    """What a gateway gets done of long conversations, each translated."""
    turns = [{"role": ("user", "assistant")[number % 2], "content": f"This is turn {number}."} for number in range(301)]

    def ask(port: int) -> Request:
        return post(port, "/v1/messages", {"model": "m", "max_tokens": 24, "messages": turns}, timeout_ms=DEADLINE_MS)

    with (
        _vendor(folder, 1, 0) as port,
        setting.serving(folder, setting.providers(a=port) + DEFAULT, server) as serving,
    ):
        say(f"overload-cpu: {name}")
        course = await _run(serving, plan, 32, ask)
        await serving.close()
    return _judged(name, plan, course, bar=0)


async def _run(serving: Serving, plan: Plan, width: int, ask: Callable[[int], Request]) -> Course:
    client = Client(serving.port)
    request = ask(serving.port)

    async def call(number: int, due: float | None = None) -> Outcome:
        return await client.call(request, due=due)

    try:
        await load.for_a_while(1, width, call)
        peak = len([each for each in await load.for_a_while(plan.peak_s, width, call) if each.ok]) / plan.peak_s
        async with _weighed(serving.process) as sizes:
            over = asyncio.create_task(load.at_rate(peak * plan.factor, plan.over_s, call))
            await asyncio.sleep(plan.over_s)
            dropped = monotonic()
            after = await load.at_rate(peak / 2, plan.after_s, call)
            return Course(peak, await over, after, dropped, sizes)
    finally:
        await client.close()


def _judged(name: str, plan: Plan, course: Course, bar: float) -> list[Finding]:
    good = [outcome for outcome in course.over if outcome.ok and outcome.seconds <= DEADLINE_MS / 1000]
    meanwhile = [outcome for outcome in good if outcome.ended <= course.dropped]
    accepted = [outcome for outcome in course.over if outcome.status != 503]
    goodput = 100 * len(meanwhile) / plan.over_s / course.peak
    bad_after = max((each.began - course.dropped for each in course.after if not each.ok), default=0.0)
    half = course.dropped - plan.over_s / 2
    start = course.sizes[0].mb
    growth = max(size.mb for size in course.sizes) - start
    early = max(size.mb for size in course.sizes if size.at <= half)
    late = max(size.mb for size in course.sizes if size.at > half)
    refusals = [outcome.seconds for outcome in course.over if outcome.status == 503]
    return [
        told(f"{name}: peak", course.peak, "calls/s"),
        told(f"{name}: offered", len(course.over) / plan.over_s, "calls/s"),
        _held(bar, f"{name}: goodput, against the peak", goodput, "%"),
        _held(
            99 if bar else 0,
            f"{name}: accepted calls that keep their deadline",
            100 * len(good) / max(1, len(accepted)),
            "%",
        ),
        told(f"{name}: accepted", 100 * len(accepted) / len(course.over), "%"),
        told(f"{name}: refusals' latency p50", 1000 * load.quantile(refusals, 0.5), "ms"),
        told(f"{name}: refusals' latency p99", 1000 * load.quantile(refusals, 0.99), "ms"),
        at_most(2, f"{name}: no call fails after the load fell, from", bad_after, "s"),
        told(f"{name}: RSS growth", growth, "MB"),
        at_most(20, f"{name}: RSS growth in the second half", late - early, "MB"),
        *(told(f"{name}: {what}", count, "calls") for what, count in sorted(_kinds(course.over).items())),
    ]


def _held(bar: float, what: str, seen: float, unit: str) -> Finding:
    return at_least(bar, what, seen, unit) if bar else told(what, seen, unit)


def _kinds(outcomes: list[Outcome]) -> dict[str, int]:
    """How often each status came."""
    found: dict[str, int] = {}
    for outcome in outcomes:
        kind = f"answered {outcome.status}" if outcome.status else outcome.what
        found[kind] = found.get(kind, 0) + 1
    return found


@contextmanager
def _vendor(folder: Path, workers: int, service_ms: float) -> Iterator[int]:
    port = free_port()
    command = [sys.executable, str(HERE / "workers.py"), str(port), str(workers), str(service_ms)]
    with Process(command, None, folder / "vendor.log") as process:
        process.wait_for(port)
        yield port


@asynccontextmanager
async def _weighed(process: Process) -> AsyncIterator[list[Size]]:
    """The process's memory, twice a second, as long as the block lasts."""
    sizes = [Size(monotonic(), process.rss_mb())]

    async def weigh() -> None:
        while True:
            await asyncio.sleep(0.5)
            sizes.append(Size(monotonic(), process.rss_mb()))

    weighing = asyncio.create_task(weigh())
    try:
        yield sizes
    finally:
        weighing.cancel()
        await asyncio.wait([weighing])
