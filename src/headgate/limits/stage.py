"""Requests, tokens and calls under way: reserved before a call, settled after it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from math import ceil, inf, isinf

import msgspec
from msgspec.structs import replace

from headgate import dialects
from headgate.errors import RateLimited, StoreUnavailable
from headgate.ids import end_user_id
from headgate.limits.calendar import Calendar
from headgate.limits.claims import Metric, claim_of, metrics_of
from headgate.limits.config import LimitsConfig
from headgate.limits.rules import Rules
from headgate.limits.seeding import Seeder
from headgate.stage import EVERY_OPERATION, Next
from headgate.storage.counters import SUB_WINDOWS, Claim, Counters, Granted, Refused
from headgate.storage.records import Budget, Limit
from headgate.types import OPAQUE, Account, Call, Chunks, Remaining, Reply

BYTES_PER_TOKEN = 3
"""What a prompt's tokens are reserved by: fewer bytes than the four of plain English, so that it is rather too much."""

OUTPUT_TOKENS = 1_000
"""What is reserved for an answer that the request does not limit."""

MAX_PLANS = 10_000
"""Subjects whose counters' names are kept at hand."""


class Governed(msgspec.Struct, frozen=True):
    """The rules on money that apply to a call: the attempt fold's."""

    budgets: Sequence[tuple[Budget, str]]
    costs: Sequence[tuple[Limit, str]]
    """Limits that limit the cost."""


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
        self._plans: dict[tuple[str, int, str], list[Metric]] = {}

    async def __call__(self, call: Call, next: Next) -> Reply:
        account, identity = call.account, call.identity
        account.end_user = _end_user(call)
        limits = self._rules.limits(identity, call.model, call.tags, account.end_user)
        budgets = self._rules.budgets(identity, call.model, call.tags, account.end_user)
        if not limits:
            if budgets:
                account.governed = Governed(budgets, ())
            return await next(call)
        costs = [each for each in limits if each[0].cost_picodollars is not None]
        if budgets or costs:
            account.governed = Governed(budgets, costs)
        metrics = [metric for limit, subject in limits for metric in self._plan(limit, subject)]
        if not metrics:
            return await next(call)
        return await self._limited(call, next, metrics)

    async def _limited(self, call: Call, next: Next, metrics: Sequence[Metric]) -> Reply:
        amounts = _amounts(call, metrics)
        claims = [claim_of(metric, amount, self._calendar) for metric, amount in zip(metrics, amounts, strict=True)]
        try:
            granted = await self._seeder.reserve(call.id, claims, self._used(call, metrics))
        except StoreUnavailable:
            if not self._lenient:
                raise
            return await next(call)
        if isinstance(granted, Refused):
            raise self._refusal(call, metrics[granted.position], claims[granted.position], granted)
        call.account.remaining = remaining(metrics, claims, granted)
        try:
            reply = await next(call)
        except BaseException:
            self._settle(call, metrics, claims, granted)
            raise
        if reply.chunks is None:
            self._settle(call, metrics, claims, granted)
            return reply
        return replace(reply, chunks=self._settled(call, reply.chunks, metrics, claims, granted))

    async def _settled(
        self, call: Call, chunks: Chunks, metrics: Sequence[Metric], claims: Sequence[Claim], granted: Granted
    ) -> Chunks:
        try:
            async for chunk in chunks:
                yield chunk
        finally:
            await chunks.aclose()
            self._settle(call, metrics, claims, granted)

    def _settle(self, call: Call, metrics: Sequence[Metric], claims: Sequence[Claim], granted: Granted) -> None:
        """Say what was used. A call for which nothing was sent has made no request."""
        used = used_by(call.account)
        made = 1 if call.account.attempts else 0
        self._counters.settle(call.id, claims, granted, [used.get(metric.name, made) for metric in metrics])

    def _plan(self, limit: Limit, subject: str) -> list[Metric]:
        key = limit.id, limit.version, subject
        plan = self._plans.get(key)
        if plan is None:
            if len(self._plans) >= MAX_PLANS:
                self._plans.clear()
            plan = self._plans[key] = metrics_of(limit, subject)
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
    if request.dialect == OPAQUE:
        user = request.tree.get("user") if call.method == "POST" else None
    else:
        user = dialects.get(request.dialect).end_user(request.tree)
    return end_user_id(call.identity.organisation, user) if isinstance(user, str) and user else None


def _amounts(call: Call, metrics: Sequence[Metric]) -> list[int]:
    """What each metric is to be reserved for."""
    if all(metric.name in ("requests", "concurrent") for metric in metrics):
        return [1] * len(metrics)
    prompt = len(call.request.encode()) // BYTES_PER_TOKEN + 1
    output = 0
    if call.request.dialect != OPAQUE:
        size = dialects.get(call.request.dialect).size(call.request.tree)
        output = (OUTPUT_TOKENS if size.output_limit is None else size.output_limit) * size.choices
    amounts = {"requests": 1, "concurrent": 1, "tokens": prompt + output, "input_tokens": prompt,
               "output_tokens": output}  # fmt: skip
    return [amounts[metric.name] for metric in metrics]


def used_by(account: Account) -> dict[str, int]:
    """The tokens all attempts of a call used."""
    prompt = output = 0
    for attempt in account.attempts:
        if attempt.usage is not None:
            prompt += attempt.usage.total_input_tokens
            output += attempt.usage.total_output_tokens
    return {"tokens": prompt + output, "input_tokens": prompt, "output_tokens": output}


def remaining(metrics: Sequence[Metric], claims: Sequence[Claim], granted: Granted) -> dict[str, Remaining]:
    """What is left of requests and tokens, by the limit that is nearest."""
    nearest: dict[str, Remaining] = {}
    shares: dict[str, float] = {"": inf}
    for metric, claim, total in zip(metrics, claims, granted.totals, strict=True):
        share = (metric.ceiling - total) / max(1, metric.ceiling)
        if metric.name != "concurrent" and share < shares.get(metric.name, inf):
            window_s = claim.window_us * (SUB_WINDOWS + 1) / SUB_WINDOWS / 1e6
            left = max(0, metric.ceiling - total)
            nearest[metric.name] = Remaining(metric.ceiling, left, window_s, claim.ends_us)
            shares[metric.name] = share
    return nearest


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
