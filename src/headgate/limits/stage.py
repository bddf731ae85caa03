"""Requests, tokens and calls under way: reserved before a call, settled after it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from math import ceil, isinf

from msgspec.structs import replace

from headgate import dialects
from headgate.errors import RateLimited, StoreUnavailable
from headgate.ids import end_user_id
from headgate.limits.calendar import Calendar
from headgate.limits.claims import Metric
from headgate.limits.config import LimitsConfig
from headgate.limits.plan import Plan
from headgate.limits.rules import Rules
from headgate.limits.seeding import Seeder
from headgate.limits.sizing import size_of
from headgate.stage import EVERY_OPERATION, Next
from headgate.storage.counters import Claim, Counters, Granted, Refused, Unseeded
from headgate.storage.records import Budget, Limit
from headgate.types import OPAQUE, Account, Call, Chunks, Remaining, Reply

BYTES_PER_TOKEN = 3
"""What a prompt's tokens are reserved by: fewer bytes than the four of plain English, so that it is rather too much."""

OUTPUT_TOKENS = 1_000
"""What is reserved for an answer that the request does not limit."""

MAX_PLANS = 10_000
"""Callers for whom what their limits come to is kept at hand."""

REQUEST = {"requests": 1}


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
        self._plans: dict[tuple[int, int], Plan] = {}
        """By the identity of the rules."""

    async def __call__(self, call: Call, next: Next) -> Reply:
        account, identity = call.account, call.identity
        account.end_user = _end_user(call)
        limits = self._rules.limits(identity, call.model, call.tags, account.end_user)
        budgets = self._rules.budgets(identity, call.model, call.tags, account.end_user)
        if not limits and not budgets:
            return await next(call)
        plan = self._plan(limits, budgets)
        account.governed = plan.pots
        return await (self._limited(call, next, plan) if plan.metrics else next(call))

    async def _limited(self, call: Call, next: Next, plan: Plan) -> Reply:
        metrics = plan.metrics
        claims = plan.claims(_amounts(call) if plan.sizes else REQUEST, self._calendar)
        try:
            granted = await self._counters.reserve(call.id, claims)
            if isinstance(granted, Unseeded):
                granted = await self._seeder.reserve(call.id, claims, self._used(call, metrics))
        except StoreUnavailable:
            if not self._lenient:
                raise
            return await next(call)
        if isinstance(granted, Refused):
            raise self._refusal(call, metrics[granted.position], claims[granted.position], granted)
        call.account.remaining = plan.remaining(claims, granted.totals)
        try:
            reply = await next(call)
        except BaseException:
            self._settle(call, plan, claims, granted)
            raise
        if reply.chunks is None:
            self._settle(call, plan, claims, granted)
            return reply
        return replace(reply, chunks=self._settled(call, reply.chunks, plan, claims, granted))

    async def _settled(
        self, call: Call, chunks: Chunks, plan: Plan, claims: Sequence[Claim], granted: Granted
    ) -> Chunks:
        try:
            async for chunk in chunks:
                yield chunk
        finally:
            try:
                await chunks.aclose()
            finally:
                self._settle(call, plan, claims, granted)

    def _settle(self, call: Call, plan: Plan, claims: Sequence[Claim], granted: Granted) -> None:
        """Say what was used. A call for which nothing was sent has made no request."""
        attempts = call.account.attempts
        made = 1 if attempts else 0
        used = used_by(call.account) if plan.sizes else {}
        amounts = [used.get(metric.name, made) for metric in plan.metrics]
        if not all(attempt.settled for attempt in attempts):  # it goes on without its client, and uses what it will
            amounts = [claim.amount for claim in claims]
        self._counters.settle(call.id, claims, granted, amounts)

    def _plan(self, limits: Sequence[tuple[Limit, str]], budgets: Sequence[tuple[Budget, str]]) -> Plan:
        """What these rules come to: kept, since a caller has the very same ones each time."""
        key = id(limits), id(budgets)
        plan = self._plans.get(key)
        if plan is None or plan.limits is not limits or plan.budgets is not budgets:
            if len(self._plans) >= MAX_PLANS:
                self._plans.clear()
            plan = self._plans[key] = Plan(limits, budgets)
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
        allowed = f"{metric.ceiling} {what}" + ("" if metric.name == "concurrent" else f" per {metric.limit.per}")
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


def _amounts(call: Call) -> Mapping[str, int]:
    """What each metric is to be reserved for."""
    prompt = len(call.request.encode()) // BYTES_PER_TOKEN + 1
    output = 0
    if call.request.dialect != OPAQUE:
        size = size_of(call)
        output = (OUTPUT_TOKENS if size.output_limit is None else size.output_limit) * size.choices
    return {"requests": 1, "tokens": prompt + output, "input_tokens": prompt, "output_tokens": output}


def used_by(account: Account) -> dict[str, int]:
    """The tokens all attempts of a call used."""
    prompt = output = 0
    for attempt in account.attempts:
        if attempt.usage is not None:
            prompt += attempt.usage.total_input_tokens
            output += attempt.usage.total_output_tokens
    return {"tokens": prompt + output, "input_tokens": prompt, "output_tokens": output}


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
