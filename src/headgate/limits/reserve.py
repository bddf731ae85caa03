"""Money: reserved for every attempt at its target's price, settled by what it really cost.

No budget is passed while the bound holds (see `bound`): what is reserved is never less than what will be used, and
reserving is one atomic step over all calls and replicas.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec
from msgspec.structs import replace

from headgate import dialects
from headgate.catalog import Limits, Price, upper_bound
from headgate.dialects.base import Quirks
from headgate.dialects.sizes import Size
from headgate.errors import BudgetExceeded, StoreUnavailable
from headgate.events import BudgetReached
from headgate.limits.bound import OVERHEAD, TOOLS, Bound, bound
from headgate.limits.calendar import Calendar
from headgate.limits.claims import budget_claim, cost_claim
from headgate.limits.config import LimitsConfig
from headgate.limits.seeding import Seeder
from headgate.limits.stage import Governed, whose
from headgate.money import format_usd
from headgate.storage.counters import Claim, Counters, Granted, Refused
from headgate.storage.records import Budget
from headgate.types import GENERATES, JSON, OPAQUE, Attempt, Call

TRIES = 4
"""How often an answer is cut down further, where several budgets or calls beside it leave less than was found."""

MAX_TOLD = 100_000
"""Alerts remembered, so that none is given twice."""

FREE = frozenset({"count_tokens", "moderate", "responses"})
"""Operations no vendor charges for."""

NOTHING = Size(output_limit=0)


class Target(msgspec.Struct, frozen=True):
    """What has to be known of a target to bound what an attempt costs there. Each takes the target's model id."""

    price: Callable[[str], Price | None]
    limits: Callable[[str], Limits | None]
    count: Callable[[str, Call], int | None]
    """The exact tokens of a request's prompt; None where they cannot be counted. Slow."""
    quirks: Quirks
    always: JSON = {}
    """Members every request to the provider has."""


class Held:
    """What is set aside for one attempt."""

    __slots__ = ("_amount", "_claims", "_counters", "_granted", "_holder", "charged")

    def __init__(self, counters: Counters, holder: str, claims: Sequence[Claim], granted: Granted, amount: int) -> None:
        self._counters = counters
        self._holder = holder
        self._claims = claims
        self._granted = granted
        self._amount = amount
        self.charged = tuple(claim.counter for claim in claims if claim.kind == "period")

    def settle(self, picodollars: int | None) -> None:
        amount = self._amount if picodollars is None else picodollars
        self._counters.settle(self._holder, self._claims, self._granted, [amount] * len(self._claims))


class Reserve:
    """Sets aside what an attempt can cost at most, of every budget that pays for it."""

    def __init__(
        self,
        target: Target,
        counters: Counters,
        calendar: Calendar,
        seeder: Seeder,
        config: LimitsConfig,
        alerts: Alerts,
    ) -> None:
        self._alerts = alerts
        self._target = target
        self._counters = counters
        self._calendar = calendar
        self._seeder = seeder
        self._config = config

    async def __call__(self, call: Call, attempt: Attempt) -> Call:
        """The call as it may be made: as it is, or with a limit of its output that its budgets can pay for.

        Raises:
            BudgetExceeded: a hard budget has not enough left, or nothing bounds what the call can cost.
            StoreUnavailable: the counters cannot be reached.
        """
        governed: Governed | None = call.account.governed
        if governed is None or call.operation in FREE:
            return call
        model = attempt.target.partition("/")[2]
        size = NOTHING if call.request.dialect == OPAQUE else self._size(call)
        prices, limits = _prices(self._target.price(model), size.tier), self._target.limits(model)
        found = bound(
            size,
            len(call.request.encode()),
            generates=call.operation in GENERATES,
            context_window=limits.context_window if limits else None,
            max_output=limits.max_output_tokens if limits else None,
        )
        try:
            if not prices:
                how = f" as '{size.tier[:40]}'" if size.tier else ""
                why = f"the price of '{attempt.target}'{how} is not known"
                return await self._unbounded(call, attempt, governed, why)
            if found is None or call.request.dialect == OPAQUE or _cost(prices, found) is None:
                why = f"nothing bounds what it can cost at '{attempt.target}'"
                return await self._unbounded(call, attempt, governed, why)
            return await self._bounded(call, attempt, governed, prices, found, size)
        except StoreUnavailable:
            if self._config.store_unavailable == "refuse":
                raise
            return call

    def _size(self, call: Call) -> Size:
        tree = call.request.tree
        if self._target.always:
            tree = {**tree, **self._target.always}
        return dialects.get(call.request.dialect).size(tree)

    async def _bounded(
        self, call: Call, attempt: Attempt, governed: Governed, prices: Sequence[Price], found: Bound, size: Size
    ) -> Call:
        """Reserve at the bound; else at what an exact count gives; else at what an answer cut down would cost."""
        refused = await self._reserved(attempt, governed, call, _needed(prices, found))
        if refused is None:
            return call
        counted = None
        if not (size.images or size.elsewhere or size.uses):
            counted = await asyncio.to_thread(self._target.count, attempt.target.partition("/")[2], call)
        if counted is not None:
            prompt = counted + OVERHEAD + (TOOLS if size.tools else 0)
            found = replace(found, prompt=min(found.prompt, prompt))
            refused = await self._reserved(attempt, governed, call, _needed(prices, found))
        tries = TRIES if size.output_limit is None and call.operation in GENERATES else 0
        while refused is not None and tries:
            tries -= 1
            output = _affordable(prices, found, size.choices, refused.left)
            if output < self._config.min_output_tokens:
                break
            found = replace(found, output=output * size.choices)
            refused = await self._reserved(attempt, governed, call, _needed(prices, found))
            if refused is None:
                call.account.output_limit = output
                dialect = dialects.get(call.request.dialect)
                return replace(call, request=dialect.with_output_limit(call.request, output, self._target.quirks))
        if refused is not None:
            raise refused.error(_needed(prices, found))
        return call

    async def _unbounded(self, call: Call, attempt: Attempt, governed: Governed, why: str) -> Call:
        """Count what cannot be bounded, where that is allowed."""
        hard = governed.costs or any(budget.hard for budget, _ in governed.budgets)
        if hard and self._config.unknown_price == "refuse":
            raise BudgetExceeded(
                f"This call has a hard budget, and {why}. Limit its output and what it refers to; the operator can "
                f"give a price, or set limits.unknown_price to allow.",
                param="model",
            )
        refused = await self._reserved(attempt, governed, call, 0)
        if refused is not None:
            raise refused.error(0)
        return call

    async def _reserved(self, attempt: Attempt, governed: Governed, call: Call, amount: int) -> _Short | None:
        """Set an amount aside; what is short where it does not fit."""
        claims = [budget_claim(budget, subject, amount, self._calendar) for budget, subject in governed.budgets]
        claims += [cost_claim(limit, subject, amount, self._calendar) for limit, subject in governed.costs]

        async def spent(position: int) -> int:
            return await self._seeder.seeds.spent(claims[position].counter)

        outcome = await self._seeder.reserve(attempt.id, claims, spent)
        if isinstance(outcome, Refused):
            subjects = [subject for _, subject in (*governed.budgets, *governed.costs)]
            return _Short(subjects[outcome.position], claims[outcome.position], outcome)
        attempt.hold = Held(self._counters, attempt.id, claims, outcome, amount)
        attempt.reserved_picodollars = amount
        for (budget, subject), claim, total in zip(governed.budgets, claims, outcome.totals, strict=False):
            call.account.events += self._alerts.of(budget, subject, claim.counter, total - amount)
        return None


class _Short:
    """A budget that has not enough left."""

    __slots__ = ("_claim", "_refused", "_subject", "left")

    def __init__(self, subject: str, claim: Claim, refused: Refused) -> None:
        self._subject = subject
        self._claim = claim
        self._refused = refused
        self.left = max(0, (claim.ceiling or 0) - refused.total)

    def error(self, needed: int) -> BudgetExceeded:
        ceiling = self._claim.ceiling or 0
        wait_s = self._refused.retry_after_s
        return BudgetExceeded(
            f"The budget of {whose(self._subject)} has ${format_usd(self.left)} of ${format_usd(ceiling)} left, and "
            f"this call may cost ${format_usd(needed)}. Limit its output, or ask the operator for more.",
            retry_after_s=wait_s if self._claim.kind == "sliding" and wait_s < 86_400 else None,
        )


def _prices(ordinary: Price | None, tier: str | None) -> Sequence[Price]:
    """What may be charged: what was asked for, and the ordinary price, since a vendor may process a request that way
    after all. Empty where one of them is not known.
    """
    asked = None if ordinary is None else ordinary.processed(tier)
    if ordinary is None or asked is None:
        return ()
    return (ordinary,) if asked is ordinary else (ordinary, asked)


def _cost(prices: Sequence[Price], found: Bound) -> int | None:
    """The most any of the prices can come to; None where one of them does not say."""
    most = 0
    for price in prices:
        bound = upper_bound(price, found.prompt, found.output, found.searches)
        if bound is None:
            return None
        most = max(most, bound)
    return most


def _needed(prices: Sequence[Price], found: Bound) -> int:
    cost = _cost(prices, found)
    assert cost is not None, "less of what has a price has one"
    return cost


def _affordable(prices: Sequence[Price], found: Bound, choices: int, left: int) -> int:
    """The most tokens for each answer whose cost fits, by halving: prices need not be straight lines."""
    low, high = 0, found.output // choices
    while low < high:
        middle = (low + high + 1) // 2
        cost = _cost(prices, replace(found, output=middle * choices))
        if cost is not None and cost <= left:
            low = middle
        else:
            high = middle - 1
    return low


class Alerts:
    """Tells once, in this process, when a share of a budget is gone."""

    def __init__(self) -> None:
        self._told: set[tuple[str, int]] = set()

    def of(self, budget: Budget, subject: str, counter: str, gone: int) -> Sequence[BudgetReached]:
        """The shares that were not told of yet. `gone` is what others have spent or set aside."""
        reached: list[BudgetReached] = []
        for percent in budget.alert_percent:
            if gone * 100 >= budget.amount_picodollars * percent and (counter, percent) not in self._told:
                if len(self._told) >= MAX_TOLD:
                    self._told.clear()
                self._told.add((counter, percent))
                reached.append(BudgetReached(budget=budget.id, subject=subject, percent=percent))
        return reached
