"""Calls of two weeks for tests of reviews: the second has changed in ways that are known."""

from __future__ import annotations

import random
from collections.abc import Sequence

from administered import Administered
from call_rows import call_row
from headgate.ledger.sink import LedgerSink
from headgate.ledger.table import encode as encode_attempt
from headgate.storage.records import CallRow, LedgerRow
from headgate.telemetry.calls import encode as encode_call
from headgate.telemetry.config import TelemetryConfig
from headgate.telemetry.rollups.merging import Merger
from headgate.telemetry.rollups.sink import CallSink
from headgate.types import Usage
from ledger_rows import row

WEEK_S = 7 * 86_400
MONDAY_S = 1_793_577_600 + 7 * 86_400
"""2026-11-09: the second week begins."""
CALLS = 2_100
"""Of a week."""
BLOCKS = 28


def drawn(rng: random.Random, number: int, at_s: int, *, changed: bool) -> tuple[CallRow, LedgerRow]:
    """A call and its attempt. What changes: `sim/slow` takes 1.6 times as long and fails more often, `dear` costs twice as
    much a call, and the keys `key_old` and `key_new` change places.
    """
    model, target = rng.choice([("chat", "sim/steady"), ("chat", "sim/slow"), ("dear", "sim/dear")])
    slow = changed and target == "sim/slow"
    duration_us = int(rng.lognormvariate(13, 0.3) * (1.6 if slow else 1))
    code = "server_error" if rng.random() < (0.12 if slow else 0.02) else None
    cost = 10_000_000_000 * (2 if changed and model == "dear" else 1)
    key = rng.choice(["key_a", "key_b", "key_new" if changed else "key_old"])
    common = {
        "model": model, "target": target, "key_id": key, "started_us": at_s * 1_000_000, "duration_us": duration_us,
        "code": code, "team_id": "team_1",
    }  # fmt: skip
    call = call_row(
        number, cost_picodollars=cost, events=(("AttemptFailed", target, code, "503"),) if code else (), **common
    )
    usage = Usage(input_tokens=2000, output_tokens=50)
    return call, row(id=f"a{number}", call_id=f"req_{number}", cost_picodollars=cost, usage=usage, **common)


def two_weeks(*, changed: bool, seed: int = 1) -> Sequence[tuple[CallRow, LedgerRow]]:
    """All in one minute of each six hours: what there are few sums of is quickly read."""
    rng = random.Random(seed)
    rows: list[tuple[CallRow, LedgerRow]] = []
    for week in (0, 1):
        for number in range(CALLS):
            at_s = MONDAY_S + (week - 1) * WEEK_S + number * BLOCKS // CALLS * (WEEK_S // BLOCKS) + 600
            rows.append(drawn(rng, week * CALLS + number + 1, at_s, changed=changed and week == 1))
    return rows


async def kept(administered: Administered, rows: Sequence[tuple[CallRow, LedgerRow]]) -> None:
    """Put them into the database, and into the sums."""
    sink = CallSink(administered.clock)
    async with administered.database.transaction() as transaction:
        await sink.store(transaction, [encode_call([call for call, _ in rows])])
        await LedgerSink(sink.attempts).store(transaction, [encode_attempt(attempt) for _, attempt in rows])
    merger = Merger(administered.database, TelemetryConfig(), administered.clock)
    await merger.merge()
    await merger.close()
