"""Money: reserved for every attempt at its target's price, settled by what it really cost.

No budget is passed while the bound holds (see `bound`): what is reserved is never less than what will be used, and
reserving is one atomic step over all calls and replicas.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

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
from headgate.limits.config import LimitsConfig
from headgate.limits.pots import Pots
from headgate.limits.seeding import Seeder
from headgate.limits.sizing import size_of
from headgate.limits.stage import whose
from headgate.money import format_usd
from headgate.storage.counters import Claim, Counters, Granted, Refused, Unseeded
from headgate.storage.records import Budget
from headgate.types import GENERATES, JSON, OPAQUE, Attempt, Call

log = logging.getLogger("headgate.limits")

TRIES = 4
"""How often an answer is cut down further, where several budgets or calls beside it leave less than was found."""

MAX_FACTS = 4_096
"""Models of a target that are kept at hand."""

MAX_TOLD = 100_000
"""Alerts remembered, so that none is given twice."""

MOST = 2**63 - 1
"""Picodollars a counter can hold: what may cost more is of any cost."""

FREE = frozenset({"responses"})
"""Operations no vendor charges for, as long as they only read or delete."""

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


class Facts(msgspec.Struct, frozen=True):
    """What follows from that for one model."""

    price: Price | None
    prices: Sequence[Price]
    """Of a request that asks for no way of processing."""
    context_window: int | None
    max_output: int | None


class Held:
    """What is set aside for one attempt."""

    __slots__ = ("_amount", "_claims", "_counters", "_granted", "_holder", "charged")

    def __init__(
        self,
        counters: Counters,
        holder: str,
        claims: Sequence[Claim],
        granted: Granted,
        amount: int,
        charged: tuple[str, ...],
    ) -> None:
        self._counters = counters
        self._holder = holder
        self._claims = claims
        self._granted = granted
        self._amount = amount
        self.charged = charged

    def settle(self, picodollars: int | None) -> None:
        amount = self._amount if picodollars is None else picodollars
        self._counters.settle(self._holder, self._claims, self._granted, [amount] * len(self._claims))


class Owed:
    """What an attempt is made with while the counters cannot be reached: its cost counts for budgets all the same."""

    __slots__ = ("_amount", "_came_to", "charged")

    def __init__(self, counters: Counters, claims: Sequence[Claim], amount: int, charged: tuple[str, ...]) -> None:
        self._came_to = counters.owe(claims)
        self._amount = amount
        self.charged = charged

    def settle(self, picodollars: int | None) -> None:
        self._came_to(self._amount if picodollars is None else picodollars)


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
        self._always_bytes = len(msgspec.json.encode(target.always)) if target.always else 0
        self._facts: dict[str, Facts] = {}
        """By target."""

    async def __call__(self, call: Call, attempt: Attempt) -> Call:
        """The call as it may be made: as it is, or with a limit of its output that its budgets can pay for.

        Raises:
            BudgetExceeded: a hard budget has not enough left, or nothing bounds what the call can cost.
            StoreUnavailable: the counters cannot be reached.
        """
        pots: Pots | None = call.account.pots
        if pots is None or (call.operation in FREE and call.method != "POST") or call.operation == "count_tokens":
            return call
        facts = self._facts.get(attempt.target) or self._learnt(attempt.target)
        opaque = call.request.dialect == OPAQUE
        size = NOTHING if opaque else self._size(call)
        generates = call.operation in GENERATES
        sent_bytes = len(call.request.encode()) + self._always_bytes
        found = bound(size, sent_bytes, generates, facts.context_window, facts.max_output)
        prices = facts.prices if size.tier is None else _prices(facts.price, size.tier)
        amount = None if found is None or opaque or not prices else _cost(prices, found)
        try:
            if amount is None or found is None:
                free = size.uses == 0 and bool(prices) and all(price.free for price in prices)
                return await self._unbounded(call, attempt, pots, _why(attempt.target, size, prices), free)
            refused = await self._reserved(attempt, pots, call, amount)
            return call if refused is None else await self._cut(call, attempt, pots, prices, found, size, refused)
        except StoreUnavailable:
            if self._config.store_unavailable == "refuse":
                raise
            claims = pots.claims(0, attempt.started_us, self._calendar)
            attempt.hold = Owed(self._counters, claims, amount or 0, pots.charged)
            attempt.reserved_picodollars = amount
            return call

    def _learnt(self, target: str) -> Facts:
        """What there is to know of a target's model: kept, since it is the same as long as the configuration."""
        if len(self._facts) >= MAX_FACTS:  # behind a wildcard the names are the clients' own
            self._facts.clear()
        model = target.partition("/")[2]
        price, limits = self._target.price(model), self._target.limits(model)
        window, output = (limits.context_window, limits.max_output_tokens) if limits else (None, None)
        facts = self._facts[target] = Facts(price, _prices(price, None), window, output)
        return facts

    def _size(self, call: Call) -> Size:
        if not self._target.always:
            return size_of(call, self._target.quirks)
        tree = {**call.request.tree, **self._target.always}
        return dialects.get(call.request.dialect).size(tree, self._target.quirks)

    async def _cut(
        self,
        call: Call,
        attempt: Attempt,
        pots: Pots,
        prices: Sequence[Price],
        found: Bound,
        size: Size,
        refused: _Short | None,
    ) -> Call:
        """Reserve what an exact count of the prompt gives; else what an answer that is cut down would cost."""
        counted = None
        if not (size.images or size.elsewhere or size.uses):
            counted = await asyncio.to_thread(self._target.count, attempt.target.partition("/")[2], call)
        if counted is not None:
            prompt = counted + OVERHEAD + (TOOLS if size.tools else 0)
            found = replace(found, prompt=min(found.prompt, prompt))
            refused = await self._reserved(attempt, pots, call, _needed(prices, found))
        tries = TRIES if size.output_limit is None and call.operation in GENERATES else 0
        while refused is not None and tries:
            tries -= 1
            output = _affordable(prices, found, size.choices, refused.left)
            if output < self._config.min_output_tokens:
                break
            found = replace(found, output=output * size.choices)
            refused = await self._reserved(attempt, pots, call, _needed(prices, found))
            if refused is None:
                call.account.output_limit = output
                dialect = dialects.get(call.request.dialect)
                return replace(call, request=dialect.with_output_limit(call.request, output, self._target.quirks))
        if refused is not None:
            raise self._refused(call, pots, refused, _needed(prices, found))
        return call

    async def _unbounded(self, call: Call, attempt: Attempt, pots: Pots, why: str, free: bool) -> Call:
        """Count what cannot be bounded, where that is allowed or costs nothing however much it is."""
        if not free and pots.hard and self._config.unknown_price == "refuse":
            raise BudgetExceeded(
                f"This call has a hard budget, and {why}. Limit its output and what it refers to; the operator can "
                f"give a price, or set limits.unknown_price to allow.",
                param="model",
            )
        refused = await self._reserved(attempt, pots, call, 0)
        if refused is not None:
            raise self._refused(call, pots, refused, 0)
        attempt.reserved_picodollars = 0 if free else None
        return call

    def _refused(self, call: Call, pots: Pots, short: _Short, needed: int) -> BudgetExceeded:
        """What its caller is told of a budget that has not enough left, and whoever is to be alerted."""
        pot = pots.all[short.position]
        if pot.budget is not None:
            call.account.events += self._alerts.refusing(pot.budget, pot.subject, short.counter)
        return short.error(needed)

    async def _reserved(self, attempt: Attempt, pots: Pots, call: Call, amount: int) -> _Short | None:
        """Set an amount aside; what is short where it does not fit."""
        claims = pots.claims(amount, attempt.started_us, self._calendar)
        charged = pots.charged
        outcome = await self._counters.reserve(attempt.id, claims)
        if isinstance(outcome, Unseeded):
            outcome = await self._seeder.reserve(attempt.id, claims, self._spent(claims))
        if isinstance(outcome, Refused):
            return _Short(pots.all[outcome.position].subject, claims[outcome.position], outcome)
        attempt.hold = Held(self._counters, attempt.id, claims, outcome, amount, charged)
        attempt.reserved_picodollars = amount
        if max(outcome.totals) - amount >= pots.mark:
            self._tell(call, pots, claims, outcome.totals, amount)
        return None

    def _tell(self, call: Call, pots: Pots, claims: Sequence[Claim], totals: Sequence[int], amount: int) -> None:
        """Tell of each budget that others have spent or set aside a share of."""
        for pot, claim, total in zip(pots.all, claims, totals, strict=True):
            if pot.budget is not None and total - amount >= pot.mark:
                call.account.events += self._alerts.of(pot.budget, pot.subject, claim.counter, total - amount)

    def _spent(self, claims: Sequence[Claim]) -> Callable[[int], Awaitable[int]]:
        async def spent(position: int) -> int:
            return await self._seeder.seeds.spent(claims[position].counter)

        return spent


class _Short:
    """A budget that has not enough left."""

    __slots__ = ("_claim", "_refused", "_subject", "counter", "left", "position")

    def __init__(self, subject: str, claim: Claim, refused: Refused) -> None:
        self._subject = subject
        self._claim = claim
        self._refused = refused
        self.position = refused.position
        self.counter = claim.counter
        self.left = max(0, (claim.ceiling or 0) - refused.total)

    def error(self, needed: int) -> BudgetExceeded:
        ceiling = self._claim.ceiling or 0
        wait_s = self._refused.retry_after_s
        return BudgetExceeded(
            f"The budget of {whose(self._subject)} has ${format_usd(self.left)} of ${format_usd(ceiling)} left, and "
            f"this call may cost ${format_usd(needed)}. Limit its output, or ask the operator for more.",
            retry_after_s=wait_s if self._claim.kind == "sliding" and wait_s < 86_400 else None,
        )


def _why(target: str, size: Size, prices: Sequence[Price]) -> str:
    """Why nobody can say what an attempt would cost at most."""
    if prices:
        return f"nothing bounds what it can cost at '{target}'"
    how = f" as '{size.tier[:40]}'" if size.tier else ""
    return f"the price of '{target}'{how} is not known"


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
        bound = upper_bound(price, found.prompt, found.output, found.searches, found.search_units)
        if bound is None:
            return None
        most = max(most, bound)
    return most if most <= MOST else None


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

    def refusing(self, budget: Budget, subject: str, counter: str) -> Sequence[BudgetReached]:
        """That a budget refuses calls, however little of it is left: as if all of it were gone."""
        return self.of(budget, subject, counter, budget.amount_picodollars)

    def of(self, budget: Budget, subject: str, counter: str, gone: int) -> Sequence[BudgetReached]:
        """The shares that were not told of yet. `gone` is what others have spent or set aside."""
        reached: list[BudgetReached] = []
        for percent in budget.alert_percent:
            if gone * 100 >= budget.amount_picodollars * percent and (counter, percent) not in self._told:
                if len(self._told) >= MAX_TOLD:
                    self._told.clear()
                self._told.add((counter, percent))
                log.warning("%d %% of the budget %s of %s is spent or set aside", percent, budget.id, subject)
                reached.append(BudgetReached(budget=budget.id, subject=subject, percent=percent))
        return reached
