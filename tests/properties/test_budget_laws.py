"""However calls overlap, fail, are given up or retried: a vendor's own bill never passes a hard budget, nothing stays set
aside, what was reported is in the ledger to the picodollar, and what was not is never below the bill.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from calls import call
from governing import Governing, budget, price
from headgate.catalog import Price, cost
from headgate.clock import ManualClock
from headgate.errors import BudgetExceeded, HeadgateError, ServerError
from headgate.ledger import MemoryLedger, Settle
from headgate.limits.bound import OVERHEAD
from headgate.providers.usage import estimate
from headgate.stage import fold
from headgate.types import Account, Call, Chunks, Frame, Payload, Reply, Usage

PRICE = Price("sim/gpt", price().rates, variants={"priority": price(2, 5), "flex": price(0, 1)})


class Plan(msgspec.Struct, frozen=True):
    """What becomes of one call."""

    words: int
    limit: int | None
    used: int
    """Share of the output it may have that it has, in per cent."""
    ends: str
    pauses: int
    tries: int
    streamed: bool
    tier: str | None = None
    """The way of processing it asks for."""
    granted: bool = True
    """Whether it is processed so, and not in the ordinary way after all."""
    told: bool = False
    """Whether the vendor says how before its answer's end."""


PLANS = st.builds(
    Plan,
    words=st.integers(0, 60),
    limit=st.none() | st.integers(1, 150),
    used=st.integers(0, 100),
    ends=st.sampled_from(["well", "failed", "cancelled", "left", "never sent"]),
    pauses=st.integers(0, 3),
    tries=st.integers(1, 2),
    streamed=st.booleans(),
    tier=st.sampled_from([None, "auto", "priority", "flex"]),
    granted=st.booleans(),
    told=st.booleans(),
)


class Vendor:
    """Simulated: uses what the plan says, and bills it, told or not."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.billed: list[int] = []

    async def __call__(self, call: Call) -> Reply:
        plan, attempt = self._plan, call.attempt
        assert attempt is not None
        await self._pause()
        if plan.ends == "never sent":
            raise ServerError("no connection")
        attempt.sent = True
        tree = call.request.tree
        most = min(tree.get("max_completion_tokens") or tree.get("max_tokens") or 100, 100)
        usage = Usage(input_tokens=len(call.request.encode()) // 3, output_tokens=most * plan.used // 100)
        tier = plan.tier if plan.granted and plan.tier != "auto" else None
        charged = PRICE.processed(tier)
        assert charged is not None
        bill = cost(usage, charged)
        assert bill is not None
        self.billed.append(bill)
        await self._pause()
        if plan.ends == "failed":
            attempt.usage = Usage()
            self.billed[-1] = 0
            raise ServerError("the vendor")
        if plan.ends == "cancelled":
            estimate(call, attempt, len(call.request.encode()), None)
            raise asyncio.CancelledError
        if not plan.streamed:
            attempt.usage, attempt.tier = usage, tier
            return Reply(payload=Payload("openai_chat", b"{}"))

        async def chunks() -> Chunks:
            whole = False
            try:
                yield [Frame(b"a")]
                await self._pause()
                if plan.ends == "left":
                    raise asyncio.CancelledError
                yield [Frame(b"b")]
                whole = True
            finally:
                if whole or plan.told:
                    attempt.tier = tier
                if whole:
                    attempt.usage = usage
                else:
                    estimate(call, attempt, len(call.request.encode()), 5)

        return Reply(chunks=chunks())

    async def _pause(self) -> None:
        for _ in range(self._plan.pauses):
            await asyncio.sleep(0)


@given(st.lists(PLANS, min_size=1, max_size=25), st.integers(0, 5_000))
def test_a_hard_budget_holds(plans: list[Plan], amount: int):
    asyncio.run(_held(plans, amount))


async def _held(plans: list[Plan], amount: int) -> None:
    pots = [budget(amount + 1, id="a"), budget(4_000, "team:t", id="b")]
    governing = Governing(budgets=pots, price=PRICE, min_output_tokens=5)
    ledger = MemoryLedger(10_000)
    vendors: list[Vendor] = []

    async def one(number: int, plan: Plan) -> None:
        vendor = Vendor(plan)
        vendors.append(vendor)
        settle = Settle("sim/gpt", lambda model: PRICE, ledger, ManualClock(), governing.reserve)
        attempt = fold([settle], vendor)
        tree: dict[str, Any] = {"model": "chat", "messages": [{"role": "user", "content": "x" * plan.words}]}
        if plan.limit is not None:
            tree["max_tokens"] = plan.limit
        if plan.tier is not None:
            tree["service_tier"] = plan.tier
        request = Payload("openai_chat", tree=tree)
        asked = call(id=f"req_{number}", account=Account(), request=request, stream=plan.streamed)

        async def route(call: Call) -> Reply:
            for _ in range(plan.tries - 1):
                try:
                    reply = await attempt(call)
                except ServerError:
                    continue
                return reply
            return await attempt(call)

        try:
            reply = await governing.stage(asked, route)
            if reply.chunks is not None:
                async for _ in reply.chunks:
                    pass
        except (HeadgateError, asyncio.CancelledError):
            pass
        bill = sum(sum(each.billed) for each in vendors)
        assert bill <= min(amount + 1, 4_000)

    await asyncio.gather(*(one(number, plan) for number, plan in enumerate(plans)))
    rows = list(ledger._rows)
    billed = [bill for vendor in vendors for bill in vendor.billed]
    assert len(rows) == len(billed)
    for number, vendor in enumerate(vendors):
        for row, bill in zip(ledger.rows(f"req_{number}"), vendor.billed, strict=True):
            assert row.cost_picodollars is not None
            if row.usage_source == "reported":
                assert row.cost_picodollars == bill
            else:
                assert row.reserved_picodollars is not None
                assert bill <= row.cost_picodollars <= row.reserved_picodollars
    spent = sum(row.cost_picodollars or 0 for row in rows)
    assert [await governing.spent(pot) for pot in pots] == [spent] * 2


async def test_two_hundred_calls_at_once_on_a_budget_for_ten():
    plan = Plan(words=10, limit=50, used=100, ends="well", pauses=3, tries=1, streamed=False)
    one = Payload(
        "openai_chat", tree={"model": "chat", "messages": [{"role": "user", "content": "x" * 10}], "max_tokens": 50}
    )
    each = len(one.encode()) + OVERHEAD + 100
    governing = Governing(budgets=[budget(10 * each)], price=PRICE)
    admitted = refused = 0

    async def ask(number: int) -> None:
        nonlocal admitted, refused
        vendor = Vendor(plan)
        settle = Settle("sim/gpt", lambda model: PRICE, MemoryLedger(), ManualClock(), governing.reserve)
        try:
            await governing.stage(call(id=f"r{number}", account=Account(), request=one), fold([settle], vendor))
            admitted += 1
        except BudgetExceeded:
            refused += 1

    await asyncio.gather(*(ask(number) for number in range(200)))
    assert admitted >= 10
    assert refused == 200 - admitted
    pot = budget(10 * each)
    assert await governing.spent(pot) <= 10 * each
