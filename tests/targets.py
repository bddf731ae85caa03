"""Targets that do what a script says, and routes over them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from fractions import Fraction
from math import inf
from typing import Any

from headgate.catalog import Price
from headgate.clock import ManualClock
from headgate.errors import HeadgateError, Timeout
from headgate.ledger import MemoryLedger, Settle
from headgate.routing.balance import chooser
from headgate.routing.config import BalanceConfig, BreakerConfig, HedgeConfig, QueueConfig, RetryConfig, TargetConfig
from headgate.routing.hedge import Hedge
from headgate.routing.option import Option
from headgate.routing.retry import RetryBudget
from headgate.routing.route import Route, Settings
from headgate.routing.target import Target
from headgate.routing.watch import Watch
from headgate.stage import fold
from headgate.types import Attempt, Call, Chunks, Frame, Payload, Reply, Usage
from virtual_time import now

Outcome = Callable[["Vendor", Call], Awaitable[Reply]]

PRICE = Price("sim", {"input_tokens": Fraction(1), "output_tokens": Fraction(1)})

PIECES = 3
"""Chunks of a stream."""


class Vendor:
    """Does one outcome of its script per attempt, the last again and again; keeps what it was asked, and when."""

    def __init__(self, name: str, *script: Outcome) -> None:
        self.name = name
        self.script = script or (answers(),)
        self.asked: list[Call] = []
        self.times: list[float] = []
        self.under_way = 0
        """Attempts and streams that are not over."""
        self.most = 0
        """The most of them at a time."""
        self.cancelled = 0

    async def __call__(self, call: Call) -> Reply:
        outcome = self.script[min(len(self.asked), len(self.script) - 1)]
        self.asked.append(call)
        self.times.append(now())
        self.begin()
        if call.attempt is not None:
            call.attempt.sent = True
        try:
            reply = await self._in_time(outcome, call)
        except BaseException as error:
            self.under_way -= 1
            self.cancelled += isinstance(error, asyncio.CancelledError)
            raise
        if reply.chunks is None:
            self.under_way -= 1
        return reply

    async def _in_time(self, outcome: Outcome, call: Call) -> Reply:
        """What comes of an outcome, if it comes before the deadline: as the exchange sees to it."""
        try:
            async with asyncio.timeout_at(call.deadline if call.deadline < inf else None):
                return await outcome(self, call)
        except TimeoutError:
            raise Timeout(f"{self.name} did not answer in time") from None

    def begin(self) -> None:
        self.under_way += 1
        self.most = max(self.most, self.under_way)

    async def stream(self, call: Call, error: HeadgateError | None = None) -> Chunks:
        """Pieces a second apart, the first at once; an error after the first where there is to be one."""
        try:
            for piece in range(PIECES):
                if piece:
                    await asyncio.sleep(min(1, max(0, call.deadline - now())))
                    if now() >= call.deadline:
                        raise Timeout(f"{self.name} did not go on in time")
                    if error is not None:
                        raise error
                yield [Frame(f"{self.name} {piece}".encode())]
        finally:
            self.under_way -= 1


def answers(after_s: float = 0.0) -> Outcome:
    """An answer in the form that was asked for."""

    async def outcome(vendor: Vendor, call: Call) -> Reply:
        await asyncio.sleep(after_s)
        if call.attempt is not None:
            call.attempt.usage = Usage(input_tokens=1, output_tokens=1)
        if call.stream:
            return Reply(chunks=vendor.stream(call), target=vendor.name)
        return Reply(payload=Payload("openai_chat", vendor.name.encode()), target=vendor.name)

    return outcome


def fails(kind: type[HeadgateError], after_s: float = 0.0, *, fresh_key: bool = False, **fields: Any) -> Outcome:
    """An error before anything is there."""

    async def outcome(vendor: Vendor, call: Call) -> Reply:
        await asyncio.sleep(after_s)
        error = kind(f"{vendor.name} fails", **fields)
        error.fresh_key = fresh_key
        raise error

    return outcome


def refuses(kind: type[HeadgateError]) -> Outcome:
    """An error before anything was sent."""

    async def outcome(vendor: Vendor, call: Call) -> Reply:
        if call.attempt is not None:
            call.attempt.sent = False
        raise kind(f"{vendor.name} does not do this")

    return outcome


def breaks(kind: type[HeadgateError]) -> Outcome:
    """A stream that breaks after content; of a whole answer, an error."""

    async def outcome(vendor: Vendor, call: Call) -> Reply:
        error = kind(f"{vendor.name} breaks")
        if not call.stream:
            raise error
        return Reply(chunks=vendor.stream(call, error), target=vendor.name)

    return outcome


async def hangs(vendor: Vendor, call: Call) -> Reply:
    """Nothing, for as long as the deadline allows."""
    return await asyncio.get_running_loop().create_future()


def option(
    vendor: Callable[[Call], Awaitable[Reply]],
    name: str = "",
    *,
    watched: bool = True,
    ledger: MemoryLedger | None = None,
    breaker: BreakerConfig | None = None,
    limits: dict[str, Any] | None = None,
    **worth: Any,
) -> Option:
    """A vendor as a target, settled and watched as the gateway does it, or bare. `limits` are the target's own."""
    name = name or (vendor.name if isinstance(vendor, Vendor) else "a/x")
    target = Target(TargetConfig(target=name, **(limits or {})), breaker or BreakerConfig())
    ledger = MemoryLedger() if ledger is None else ledger
    settle = Settle(name, lambda model: PRICE, ledger, ManualClock())
    return Option(target, fold([settle, Watch(target)], vendor) if watched else vendor, **worth)


def options(*vendors: Vendor, **settings: Any) -> list[Option]:
    """A target for each vendor, all alike."""
    return [option(vendor, **settings) for vendor in vendors]


def route(
    choices: Sequence[Option],
    *,
    retry: RetryConfig | None = None,
    queue: QueueConfig | None = None,
    balance: BalanceConfig | None = None,
    budget: RetryBudget | None = None,
    hedge: HedgeConfig | Hedge | None = None,
) -> Route:
    """A route over targets, with as many retries as it likes."""
    return Route(
        "chat",
        choices,
        Settings(
            retry=retry or RetryConfig(),
            queue=queue or QueueConfig(),
            choose=chooser(balance or BalanceConfig(), choices),
            budget=budget or RetryBudget(1.0, 1000),
            hedge=Hedge(hedge) if isinstance(hedge, HedgeConfig) else hedge,
        ),
    )


async def read(reply: Reply) -> str:
    """What an answer says, however it comes: its vendor's name, with how many pieces there were of a stream."""
    if reply.chunks is None:
        assert reply.payload is not None
        return reply.payload.encode().decode()
    pieces = [frame.data.decode() async for chunk in reply.chunks for frame in chunk]
    assert [piece.split(" ")[1] for piece in pieces] == [str(number) for number in range(len(pieces))]
    return pieces[0].split(" ")[0]


def attempt(id: str = "req_1-0") -> Attempt:
    """An attempt under way, for calls that go to a watch without a settling stage."""
    return Attempt(id=id, target="a/x", started_us=0, started=0.0, sent=True)
