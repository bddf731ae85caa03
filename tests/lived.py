"""A gateway that has been in use for a while: teams, keys, budgets, and calls with the rhythm of days and weeks."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from headgate.access.minting import digest
from headgate.gateway import Gateway
from headgate.ids import counted_subject
from headgate.ledger.sink import LedgerSink
from headgate.ledger.table import encode as encode_attempt
from headgate.limits import Calendar
from headgate.limits.pots import Pot
from headgate.money import from_decimal
from headgate.quality.called import cell_at
from headgate.storage.database import Transaction
from headgate.storage.records import Budget, CalledAt, CallRow, Key, LedgerRow, Team
from headgate.storage.tables import BUDGETS, KEYS, TEAMS, next_revision
from headgate.store import Store
from headgate.telemetry.calls import encode as encode_call
from headgate.telemetry.rollups.cell import Cells
from headgate.types import Usage

CONFIG = """
storage: {database: "sqlite:///:memory:"}
providers:
  openai: {kind: simulator}
  claude: {kind: simulator}
  local: {kind: simulator}
models:
  chat: {targets: [{target: openai/gpt-4o-mini, rpm: 30000, tpm: 40000000}, {target: claude/claude-haiku-4-5}], fallback: [local/llama-3.3-70b]}
  reasoning: {targets: [claude/claude-sonnet-4-5]}
  search-embed: {targets: [openai/text-embedding-3-small]}
  summaries: {targets: [local/llama-3.3-70b]}
prices:
  llama-3.3-70b: {input: "0.2", output: "0.2"}
"""

TEAM_NAMES = ("Support", "Search", "Research", "Mobile")
KEY_NAMES = (
    ("support-bot", 0, 30), ("support-triage", 0, 12), ("search-ranker", 1, 22), ("search-batch", 1, 8),
    ("notebooks", 2, 6), ("eval-nightly", 2, 4), ("ios-app", 3, 14), ("android-app", 3, 11),
)  # fmt: skip
"""Names, teams, and how much each calls."""

PLACES = (
    ("chat", "openai/gpt-4o-mini", 40, 900, "0.00042"), ("chat", "claude/claude-haiku-4-5", 25, 1_150, "0.0019"),
    ("reasoning", "claude/claude-sonnet-4-5", 12, 4_200, "0.0131"), ("search-embed", "openai/text-embedding-3-small", 18, 110, "0.00002"),
    ("summaries", "local/llama-3.3-70b", 14, 2_300, "0.0006"),
)  # fmt: skip
"""Models, targets, how often, milliseconds and dollars."""

ERRORS = ("rate_limited", "timeout", "upstream_error", "context_too_long")


def team_id(number: int) -> str:
    return f"team_{number:024x}"


def key_id(number: int) -> str:
    return f"key_{number:024x}"


Change = Callable[[CallRow], CallRow]


def same(call: CallRow) -> CallRow:
    return call


async def live(
    gateway: Gateway,
    *,
    days: float = 14,
    calls: int = 4_000,
    seed: int = 1,
    names: Any = KEY_NAMES,
    change: Change = same,
) -> None:
    """Make all of that, up to now; `change` makes other calls of those there would be."""
    store = gateway.store
    assert isinstance(store, Store)
    now_us = gateway.services.clock.now_us()
    await administered(store, names)
    rng = random.Random(seed)
    counters = {each.subject.removeprefix("team:"): each for each in await budgets(store)}
    calendar = gateway.services.calendar
    rows = [made(number, now_us, days, rng, names, change) for number in range(1, calls + 1)]
    sink = store.calls.sink
    ledger = LedgerSink(sink.attempts)
    for start in range(0, len(rows), 500):
        some = rows[start : start + 500]
        async with store.database.transaction() as transaction:
            await sink.store(transaction, [encode_call([call for call, _ in some])])
            await ledger.store(transaction, [encode_attempt(each) for _, attempts in some for each in attempts])
            await sink.count(transaction, judged([call for call, _ in some], random.Random(start)))
            for call, _ in some:
                await spend(transaction, calendar, counters[call.team_id or ""], call)
        await asyncio.sleep(0)
    await store.calls.merger.merge()
    await store.calls.merger.close()


def judged(calls: Sequence[CallRow], rng: random.Random) -> Cells:
    """What users said of some of the calls, and what evaluators found in some."""
    cells: Cells = {}
    for call in calls:
        if call.code is not None or call.model == "search-embed":
            continue
        at = CalledAt(**{name: getattr(call, name) for name in CalledAt.__struct_fields__})
        cell = cell_at(cells, "default", at)
        good = {"chat": 0.86, "reasoning": 0.93}.get(call.model, 0.71)
        if rng.random() < 0.06:
            cell.count("rated")
            cell.count(rng.choice(("feedback.up", "feedback.score_5")) if rng.random() < good else "feedback.down")
        if rng.random() < 0.1:
            for evaluator, share in (("refusal", 0.985), ("truncated", 0.96), ("judge.helpful", good)):
                cell.count(f"evaluation.{evaluator}.{'pass' if rng.random() < share else 'fail'}")
    return cells


async def budgets(store: Store) -> Sequence[Budget]:
    found, _ = await BUDGETS.list(store.database, "default", {}, limit=100)
    return found


async def spend(transaction: Transaction, calendar: Calendar, budget: Budget, call: CallRow) -> None:
    """Count a call's cost for a budget, where it is of the month under way."""
    claim, (starts_us, _) = Pot.of_budget(budget, counted_subject("default", budget.subject)).claim(calendar)
    if call.started_us >= starts_us and call.cost_picodollars:
        await transaction.execute(
            "INSERT INTO spend (counter, picodollars) VALUES ($1, $2) "
            "ON CONFLICT (counter) DO UPDATE SET picodollars = spend.picodollars + excluded.picodollars",
            claim.counter,
            call.cost_picodollars,
        )


async def administered(store: Store, names: Any) -> None:
    async with store.database.transaction() as transaction:
        revision = await next_revision(transaction)
        common: dict[str, Any] = {"organisation": "default", "revision": revision}
        for number, name in enumerate(TEAM_NAMES):
            await TEAMS.insert(transaction, Team(id=team_id(number), name=name, timezone="UTC", **common))
            amount = (8, 4, 30, 6)[number] * 10**12
            subject = f"team:{team_id(number)}"
            await BUDGETS.insert(
                transaction,
                Budget(id=f"budget_{number}", subject=subject, amount_picodollars=amount, period="month", **common),
            )
        for number, (name, team, _) in enumerate(names):
            row = Key(
                id=key_id(number), name=name, digest=digest(f"hg-of-{number}".encode()).hex(), hint=f"{number:04d}",
                team_id=team_id(team), roles=["caller"], created_us=1_790_000_000_000_000, **common,
            )  # fmt: skip
            await KEYS.insert(transaction, row)
    await store.directory.refresh()


def busy(at_s: float) -> float:
    """How much is called at a time: by day more than by night, on weekends less."""
    hour, weekday = at_s / 3600 % 24, int(at_s // 86400 + 4) % 7
    return (0.25 + math.exp(-(((hour - 14) / 4.5) ** 2))) * (0.45 if weekday in (0, 6) else 1.0)


def made(
    number: int, now_us: int, days: float, rng: random.Random, names: Any, change: Change = same
) -> tuple[CallRow, list[LedgerRow]]:
    """A call, and its attempts."""
    while True:
        at_us = now_us - int(rng.random() ** 1.0 * days * 86_400e6) - 60_000_000
        if rng.random() < busy(at_us / 1e6) / 1.25:
            break
    which = rng.choices(range(len(names)), [weight for _, _, weight in names])[0]
    model, target, _, typical, dollars = rng.choices(PLACES, [weight for _, _, weight, _, _ in PLACES])[0]
    trouble = 0.18 if (now_us - at_us) / 3_600e6 % 60 < 1.5 else 0.012
    code = rng.choice(ERRORS) if rng.random() < trouble else None
    duration_us = int(typical * 1000 * rng.lognormvariate(0, 0.55))
    streamed = int(model != "search-embed" and rng.random() < 0.7)
    retried = rng.random() < 0.03
    tokens = int(900 * rng.lognormvariate(0, 0.6)), 0 if code else int(220 * rng.lognormvariate(0, 0.7))
    picodollars = 0 if code else from_decimal(Decimal(dollars) * Decimal(round(rng.lognormvariate(0, 0.4), 4)))
    team = names[which][1]
    call_id = f"req_{number:024x}"
    first_us = int(duration_us * 0.3) if streamed and code is None else None
    common: dict[str, Any] = {
        "organisation": "default", "key_id": key_id(which), "team_id": team_id(team), "model": model, "operation":
        "embed" if model == "search-embed" else "chat",
    }  # fmt: skip
    tags = (("app", names[which][0].split("-")[0][:60] or "x"),)
    events = (("Retried", "claude/claude-haiku-4-5", "overloaded"),) if retried else ()
    call = CallRow(
        id=call_id, owner="lived", number=number, kept="error" if code else "sample", started_us=at_us,
        duration_us=duration_us, target=target, streamed=streamed, code=code, attempts=2 if retried else 1, project_id=None,
        user_id=None, end_user=None, first_token_us=first_us, overhead_us=rng.randrange(300, 900), queued_us=0,
        input_tokens=tokens[0], output_tokens=tokens[1], cost_picodollars=picodollars,
        trace_id=f"{rng.getrandbits(128):032x}", tags=tags, events=events, **common,
    )  # fmt: skip
    call = change(call)
    early_us = int(call.duration_us * 0.35) if retried else 0
    attempts = [attempt(call, 0, "claude/claude-haiku-4-5", 0, early_us, "overloaded", 0)] if retried else []
    cost = call.cost_picodollars or 0
    attempts.append(attempt(call, len(attempts), target, early_us, call.duration_us - early_us, code, cost))
    return call, attempts


def attempt(
    call: CallRow, number: int, target: str, at_us: int, duration_us: int, code: str | None, cost: int
) -> LedgerRow:
    usage = Usage() if code else Usage(input_tokens=call.input_tokens, output_tokens=call.output_tokens)
    first_us = call.first_token_us
    return LedgerRow(
        id=f"{call.id}-{number}", call_id=call.id, organisation=call.organisation, key_id=call.key_id, model=call.model,
        target=target, operation=call.operation, cause="retry" if number else "primary",  # type: ignore[arg-type]
        started_us=call.started_us + at_us + 400, duration_us=max(1, duration_us - 400), status=503 if code else 200, code=code,
        usage=usage, usage_source="reported", cost_picodollars=cost, streamed=bool(call.streamed), vendor_request_id=None,
        team_id=call.team_id, tags=call.tags, prompt_version=call.prompt_version, first_token_us=None if code or first_us is None else max(0, first_us - at_us),
    )  # fmt: skip
