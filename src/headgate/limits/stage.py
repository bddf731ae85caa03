"""Requests, tokens and calls under way: reserved before a call, settled after it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from math import ceil, isinf

from msgspec.structs import replace

from headgate import dialects
from headgate.errors import RateLimited, StoreUnavailable
from headgate.ids import end_user_id
from headgate.limits.calendar import Calendar
from headgate.limits.claims import Amounts, Metric
from headgate.limits.config import LimitsConfig
from headgate.limits.plan import Plan
from headgate.limits.rules import Rules
from headgate.limits.seeding import Seeder
from headgate.limits.sizing import size_of
from headgate.stage import EVERY_OPERATION, Next
from headgate.storage.counters import Claim, Counters, Granted, Refused, Unseeded
from headgate.storage.records import Applying
from headgate.types import OPAQUE, Account, Call, Chunks, Remaining, Reply

BYTES_PER_TOKEN = 3
"""What a prompt's tokens are reserved by: fewer bytes than the four of plain English, so that it is rather too much."""

OUTPUT_TOKENS = 1_000
"""What is reserved for an answer that the request does not limit."""

MAX_PLANS = 10_000
"""Callers for whom what their limits come to is kept at hand."""

ONE_CALL: Amounts = (1, 0, 0, 0, 1)
"""A call whose size does not matter."""


class Limits:
    """Lets a call through while all limits of all its subjects have room for it."""

    operations = EVERY_OPERATION

    def __init__(
        self, rules: Rules, counters: Counters, calendar: Calendar, seeder: Seeder, config: LimitsConfig
    ) -> None:
        self._rules = rules
        self._counters = counters
        self._calendar = calendar
        self._seeder = seeder
        self._lenient = config.store_unavailable == "allow"
        self._plans: dict[int, Plan] = {}
        """By the identity of the rules."""

    async def __call__(self, call: Call, next: Next) -> Reply:
        account = call.account
        account.end_user = _end_user(call)
        rules = self._rules.applying(call.identity, call.model, call.tags, account.end_user)
        if rules is None:
            return await next(call)
        plan = self._plans.get(id(rules))
        if plan is None or plan.rules is not rules:
            plan = self._planned(rules)
        account.pots = plan.pots if account.brought is None else None
        reserved = await self._reserved(call, plan) if plan.metrics else None
        if reserved is None:
            return await next(call)
        try:
            reply = await next(call)
        except BaseException:
            self._settle(call, plan, reserved)
            raise
        if reply.chunks is None:
            self._settle(call, plan, reserved)
            return reply
        return replace(reply, chunks=self._settled(call, reply.chunks, plan, reserved))

    async def _reserved(self, call: Call, plan: Plan) -> tuple[Sequence[Claim], Granted] | None:
        """What is reserved for a call; None where the counters cannot be reached, and need not be.

        Raises:
            RateLimited: a limit has no room for it.
            StoreUnavailable: the counters cannot be reached.
        """
        claims = plan.claims(_expected(call) if plan.sizes else ONE_CALL, self._calendar)
        try:
            granted = await self._counters.reserve(call.id, claims)
            if isinstance(granted, Unseeded):
                granted = await self._seeder.reserve(call.id, claims, self._used(call, plan.metrics))
        except StoreUnavailable:
            if not self._lenient:
                raise
            return None
        if isinstance(granted, Refused):
            raise self._refusal(call, plan.metrics[granted.position], claims[granted.position], granted)
        call.account.remaining = plan.remaining(claims, granted.totals)
        return claims, granted

    async def _settled(
        self, call: Call, chunks: Chunks, plan: Plan, reserved: tuple[Sequence[Claim], Granted]
    ) -> Chunks:
        try:
            async for chunk in chunks:
                yield chunk
        finally:
            try:
                await chunks.aclose()
            finally:
                self._settle(call, plan, reserved)

    def _settle(self, call: Call, plan: Plan, reserved: tuple[Sequence[Claim], Granted]) -> None:
        call.account.when_over(self._give_back, call, plan, reserved)

    def _give_back(self, call: Call, plan: Plan, reserved: tuple[Sequence[Claim], Granted]) -> None:
        """Say what was used. What is still under way uses what was reserved, as far as anybody can tell."""
        claims, granted = reserved
        used = used_by(call.account)
        amounts = [claim.amount for claim in claims] if used is None else [used[place] for place in plan.places]
        self._counters.settle(call.id, claims, granted, amounts)

    def _planned(self, rules: Applying) -> Plan:
        """What these rules come to: kept, since a caller has the very same ones each time."""
        if len(self._plans) >= MAX_PLANS:
            self._plans.clear()
        plan = self._plans[id(rules)] = Plan(rules)
        return plan

    def _used(self, call: Call, metrics: Sequence[Metric]) -> Callable[[int], Awaitable[int]]:
        async def used(position: int) -> int:
            metric = metrics[position]
            limit = metric.limit
            start_us, end_us = self._calendar.bounds(limit.per, limit.timezone)
            organisation = call.identity.organisation
            return await self._seeder.seeds.used(organisation, metric.subject, metric.name, start_us, end_us)

        return used

    def _refusal(self, call: Call, metric: Metric, claim: Claim, refused: Refused) -> RateLimited:
        what = metric.name.replace("_", " ")
        counted = what.removesuffix("s") if metric.ceiling == 1 else what
        allowed = f"{metric.ceiling} {counted}" + ("" if metric.name == "concurrent" else f" per {metric.limit.per}")
        wait_s = self._calendar.until_s(claim.ends_us) if claim.kind == "period" else refused.retry_after_s
        if metric.name != "concurrent":
            left = max(0, metric.ceiling - refused.total)
            call.account.remaining = {metric.name: Remaining(metric.ceiling, left, 0 if isinf(wait_s) else wait_s)}
        if claim.amount > metric.ceiling:
            return RateLimited(
                f"This request may take {claim.amount} {what}, more than the {allowed} of {whose(metric.subject)}. "
                f"Make it smaller, or limit its output."
            )
        used_up = f"The limit of {allowed} for {whose(metric.subject)} is used up."
        if isinf(wait_s):
            return RateLimited(f"{used_up} Try again when one of them is over.", retry_after_s=1.0)
        return RateLimited(f"{used_up} Try again in {max(1, ceil(wait_s))} s.", retry_after_s=wait_s)


def _end_user(call: Call) -> str | None:
    """Whom the client calls for, hashed."""
    request = call.request
    if request.dialect != OPAQUE:
        user = dialects.get(request.dialect).end_user(request.tree)
    else:
        user = request.tree.get("user") if call.method == "POST" else None
    if not user or not isinstance(user, str):
        return None
    return end_user_id(call.identity.organisation, user)


def _expected(call: Call) -> Amounts:
    """What is to be reserved."""
    prompt = len(call.request.encode()) // BYTES_PER_TOKEN + 1
    output = 0
    if call.request.dialect != OPAQUE:
        size = size_of(call)
        output = (OUTPUT_TOKENS if size.output_limit is None else size.output_limit) * size.choices
    return 1, prompt + output, prompt, output, 1


def used_by(account: Account) -> Amounts | None:
    """What all attempts of a call used; None where one is still under way. A call that sent nothing was no request."""
    prompt = output = 0
    for attempt in account.attempts:
        if not attempt.settled:
            return None
        usage = attempt.usage
        if usage is not None:
            prompt += usage.total_input_tokens
            output += usage.total_output_tokens
    return 1 if account.attempts else 0, prompt + output, prompt, output, 1


def whose(subject: str) -> str:
    """A rule's subject in words for its caller, who is told no ids."""
    kind, _, name = subject.partition(":")
    match kind:
        case "model":
            return f"the model '{name}'"
        case "tag":
            return f"the tag '{name}'"
        case "customer":
            return "this end user"
        case _:
            return f"this {kind}"
