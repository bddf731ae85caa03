"""One of two targets dies while it is in use, stays dead for a while, and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from resilience import load, setting
from resilience.client import Client, Outcome, chat
from resilience.findings import Finding, Say, at_most, told
from resilience.setting import Serving, Upstream

WATCH_S = 0.05
FOUND_OUT_S = 2.0
"""When what goes to the dead target begins to count, should its breaker not open by then."""
DEAD = "b/m"
WELL = [{"latency": {"median_ms": 80, "p99_ms": 160}}]
"""Long enough that several calls are under way at a time, so that both targets are in use."""


@dataclass(frozen=True)
class Plan:
    """How long everything takes, at which rate, and what of the configuration matters."""

    rate: float = 100.0
    well_s: float = 10.0
    dead_s: float = 20.0
    healed_s: float = 12.0
    open_s: float = 5.0
    more: str = ""

    @property
    def config(self) -> str:
        return f"models: {{m: {{targets: [{{target: a/m}}, {{target: b/m}}], breaker: {{open_s: {self.open_s}}}{self.more}}}}}\n"


@dataclass(frozen=True)
class Look:
    """What was known of the dead target at one moment."""

    at: float
    attempts: int
    well: int
    breaker: str


async def one_dead(folder: Path, plan: Plan, say: Say) -> list[Finding]:
    """Each way of dying, and each way of choosing among targets."""
    weighted = Plan(plan.rate, plan.well_s, plan.dead_s, plan.healed_s, plan.open_s, ", balance: {by: weight}")
    return [
        *await stopped(folder, plan, say),
        *await refusing(folder, plan, say),
        *await refusing(folder, weighted, say, "refuses, chosen by weight"),
    ]


async def stopped(folder: Path, plan: Plan, say: Say) -> list[Finding]:
    """Its process has gone: connections are refused."""

    def heal(upstream: Upstream) -> None:
        upstream.start()
        upstream.script(WELL)

    return await _played(folder, plan, "stopped", Upstream.stop, heal, say)


async def refusing(folder: Path, plan: Plan, say: Say, name: str = "refuses") -> list[Finding]:
    """It answers 503, or breaks the connection."""

    def die(upstream: Upstream) -> None:
        upstream.script([{"share": 0.5, "fault": "unavailable"}, {"fault": "reset"}])

    return await _played(folder, plan, name, die, lambda upstream: upstream.script(WELL), say)


async def _played(
    folder: Path, plan: Plan, name: str, die: Callable[[Upstream], None], heal: Callable[[Upstream], None], say: Say
) -> list[Finding]:
    with setting.upstreams(folder, "a", "b") as (a, b):
        for upstream in (a, b):
            upstream.script(WELL)
        config = setting.providers(a=a.port, b=b.port) + plan.config
        with setting.serving(folder, config) as serving:
            say(f"one-dead: {name}")
            async with _watched(serving) as looks:
                offered = asyncio.create_task(_offered(serving.port, plan))
                await asyncio.sleep(plan.well_s)
                died = monotonic()
                await asyncio.to_thread(die, b)
                await asyncio.sleep(plan.dead_s)
                await asyncio.to_thread(heal, b)
                healed = monotonic()
                outcomes = await offered
            await serving.close()
    return _judged(name, plan, outcomes, looks, died, healed)


async def _offered(port: int, plan: Plan) -> list[Outcome]:
    client = Client(port)
    seconds = plan.well_s + plan.dead_s + plan.healed_s

    async def call(number: int, due: float) -> Outcome:
        return await client.call(chat(port, "m", f"Question {number}"), due=due)

    try:
        return await load.at_rate(plan.rate, seconds, call)
    finally:
        await client.close()


@asynccontextmanager
async def _watched(serving: Serving) -> AsyncIterator[list[Look]]:
    """Looks at the dead target, many a second, as long as the block lasts."""
    looks: list[Look] = []

    async def watch() -> None:
        while True:
            attempts, well, targets = await serving.attempts(), await serving.attempts("ok"), await serving.targets()
            looks.append(Look(monotonic(), attempts.get(DEAD, 0), well.get(DEAD, 0), targets[DEAD]["breaker"]))
            await asyncio.sleep(WATCH_S)

    watching = asyncio.create_task(watch())
    try:
        yield looks
    finally:
        watching.cancel()
        await asyncio.wait([watching])
    if not watching.cancelled():
        watching.result()


def _judged(
    name: str, plan: Plan, outcomes: list[Outcome], looks: list[Look], died: float, healed: float
) -> list[Finding]:
    while_dead = [look for look in looks if died <= look.at <= healed]
    opened = next((look for look in while_dead if look.breaker != "closed"), None)
    since = opened or next(look for look in while_dead if look.at >= died + FOUND_OUT_S)
    last = while_dead[-1]
    calls = sum(since.at <= outcome.began <= last.at for outcome in outcomes)
    before_calls = max(1, sum(outcome.ended < died for outcome in outcomes))
    before = [look for look in looks if look.at <= healed][-1]
    back = next((look.at for look in looks if look.at > healed and look.well > before.well), looks[-1].at)
    failures = [outcome for outcome in outcomes if not outcome.ok]
    return [
        at_most(1.0, f"{name}: calls that touch it from then on", 100 * (last.attempts - since.attempts) / calls, "%"),
        at_most(plan.open_s + 1, f"{name}: back after it healed", back - healed, "s"),
        at_most(0, f"{name}: calls that failed for clients", len(failures)),
        told(f"{name}: of calls in all", len(outcomes)),
        told(f"{name}: breaker open after", (opened.at - died) if opened else float("nan"), "s"),
        told(f"{name}: its share of calls before", 100 * while_dead[0].attempts / before_calls, "%"),
        told(f"{name}: attempts there until then", since.attempts - while_dead[0].attempts),
        told(f"{name}: latency p99", 1000 * load.quantile([outcome.seconds for outcome in outcomes], 0.99), "ms"),
    ]
