"""Both targets dead, with the official SDKs and their own retries as clients: retries must not multiply an outage."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from math import nan
from pathlib import Path
from time import monotonic

import anthropic
import openai

from resilience import load, setting
from resilience.findings import Finding, Say, at_most, told
from resilience.setting import Serving, Upstream

STARTING_S = 2.0
"""How long after the beginning of an outage upstream attempts do not count yet."""
PROBE_S = 5.0
"""The default `breaker.open_s`."""

CONFIG = "models: {m: {targets: [a/m, b/m]}}\n"


@dataclass(frozen=True)
class Plan:
    """How long everything takes, and how often the application calls."""

    rate: float = 20.0
    well_s: float = 5.0
    dead_s: float = 60.0
    healed_s: float = 15.0


@dataclass(frozen=True)
class Asked:
    """A call of the application, its SDK's retries included."""

    began: float
    ended: float
    ok: bool


Ask = Callable[[int], Awaitable[None]]


async def outage(folder: Path, plan: Plan, say: Say) -> list[Finding]:
    """Both kinds of outage, and the first one again where calls are few."""
    few = Plan(plan.rate / 10, plan.well_s, plan.dead_s, plan.healed_s)
    return [
        *await refusing(folder, plan, say),
        *await stopped(folder, plan, say),
        *await refusing(folder, few, say, f"few calls ({few.rate:g}/s)"),
    ]


async def stopped(folder: Path, plan: Plan, say: Say) -> list[Finding]:
    """Their processes have gone: connections are refused."""
    return await _played(folder, plan, "stopped", Upstream.stop, Upstream.start, say)


async def refusing(folder: Path, plan: Plan, say: Say, name: str = "refusing") -> list[Finding]:
    """They answer 503, or break the connection."""

    def die(upstream: Upstream) -> None:
        upstream.script([{"share": 0.5, "fault": "unavailable"}, {"fault": "reset"}])

    return await _played(folder, plan, name, die, lambda upstream: upstream.script([]), say)


async def _played(
    folder: Path, plan: Plan, name: str, die: Callable[[Upstream], None], heal: Callable[[Upstream], None], say: Say
) -> list[Finding]:
    with setting.upstreams(folder, "a", "b") as both, setting.serving(folder, _config(both)) as serving:
        say(f"outage: {name}")
        async with _sdks(serving) as ask:
            offered = asyncio.create_task(_offered(plan, ask))
            await asyncio.sleep(plan.well_s)
            await asyncio.gather(*(asyncio.to_thread(die, upstream) for upstream in both))
            died = monotonic()
            at_death = await _attempts(serving)
            await asyncio.sleep(STARTING_S)
            counted_from, at_first = monotonic(), await _attempts(serving)
            await asyncio.sleep(plan.dead_s - STARTING_S)
            counted_to, at_last = monotonic(), await _attempts(serving)
            await asyncio.gather(*(asyncio.to_thread(heal, upstream) for upstream in both))
            healed = monotonic()
            calls = await offered
        settled = await _attempts(serving)
        had = sum(upstream.requests("m") for upstream in both)
        await serving.close()
    during = [call for call in calls if counted_from <= call.began < counted_to]
    at_first_calls = [call for call in calls if died <= call.began < counted_from]
    return [
        at_most(1.2, f"{name}: upstream attempts per call of the application", (at_last - at_first) / len(during)),
        told(f"{name}: the same in the first {STARTING_S:g} s", (at_first - at_death) / max(1, len(at_first_calls))),
        *_recovered(name, calls, healed),
        told(f"{name}: attempts in all, as the gateway counts", settled),
        told(f"{name}: requests that simulators had since they started last", had),
        told(f"{name}: calls of the application", len(calls)),
        told(f"{name}: failed of them before the outage", sum(not call.ok for call in calls if call.ended < died)),
    ]


def _recovered(name: str, calls: list[Asked], healed: float) -> list[Finding]:
    """How soon the first call succeeds, and from when on every call does."""
    first = min((call.ended - healed for call in calls if call.ok and call.ended > healed), default=nan)
    last_bad = max((call.ended - healed for call in calls if not call.ok and call.ended > healed), default=0.0)
    return [
        at_most(PROBE_S + 1, f"{name}: calls succeed again after", first, "s"),
        at_most(PROBE_S + 1, f"{name}: no call fails any more after", last_bad, "s"),
    ]


def _config(both: list[Upstream]) -> str:
    return setting.providers(a=both[0].port, b=both[1].port) + CONFIG


async def _attempts(serving: Serving) -> int:
    return sum((await serving.attempts()).values())


async def _offered(plan: Plan, ask: Ask) -> list[Asked]:
    async def call(number: int, due: float) -> Asked:
        try:
            await ask(number)
        except (openai.APIError, anthropic.APIError):
            return Asked(due, monotonic(), ok=False)
        return Asked(due, monotonic(), ok=True)

    return await load.at_rate(plan.rate, plan.well_s + plan.dead_s + plan.healed_s, call)


@asynccontextmanager
async def _sdks(serving: Serving) -> AsyncIterator[Ask]:
    """Ask by one SDK after the other, for a whole answer and for a stream. They retry as they come."""
    async with (
        openai.AsyncOpenAI(base_url=f"{serving.url}/v1", api_key="none") as gpt,
        anthropic.AsyncAnthropic(base_url=serving.url, api_key="none") as claude,
    ):

        async def ask(number: int) -> None:
            said = [{"role": "user", "content": f"Question {number}"}]
            match number % 4:
                case 0:
                    await gpt.chat.completions.create(model="m", messages=said, max_tokens=24)
                case 1:
                    async for _ in await gpt.chat.completions.create(
                        model="m", messages=said, max_tokens=24, stream=True
                    ):
                        pass
                case 2:
                    await claude.messages.create(model="m", messages=said, max_tokens=24)
                case _:
                    async for _ in await claude.messages.create(model="m", messages=said, max_tokens=24, stream=True):
                        pass

        yield ask
