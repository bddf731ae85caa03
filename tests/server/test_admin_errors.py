"""What failing calls share, through the admin API."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from administered import Administered
from call_rows import call_row
from headgate.storage.records import CallRow
from headgate.telemetry.calls import encode
from headgate.telemetry.config import TelemetryConfig
from headgate.telemetry.rollups.merging import Merger
from headgate.telemetry.rollups.sink import CallSink

CONFIG = """
providers:
  east: {kind: bedrock, region: us-east-1, api_key: x}
  west: {kind: bedrock, region: us-west-2, api_key: x}
models: {chat: {targets: [east/amazon.nova-micro-v1:0, west/amazon.nova-micro-v1:0]}}
"""


async def store(administered: Administered, rows: Sequence[CallRow]) -> None:
    async with administered.database.transaction() as transaction:
        await CallSink(administered.clock).store(transaction, [encode(rows)])
    await Merger(administered.database, TelemetryConfig(), administered.clock).merge()


def calls(administered: Administered) -> list[CallRow]:
    """Of which those in one region are refused often."""
    rng = random.Random(3)
    now_us = administered.clock.now_us()
    rows: list[CallRow] = []
    for number in range(1, 601):
        provider = rng.choice(["east", "west"])
        refused = rng.random() < (0.3 if provider == "west" else 0.02)
        target = f"{provider}/amazon.nova-micro-v1:0"
        rows.append(
            call_row(
                number,
                started_us=now_us - number * 1_000_000,
                target=target,
                model=rng.choice(["chat", "fast"]),
                key_id=rng.choice(["key_1", "key_2"]),
                code="rate_limit_exceeded" if refused else None,
                events=(("AttemptFailed", target, "rate_limit_exceeded", "429"),) if refused else (),
            )
        )
    return rows


async def test_patterns_have_what_is_shared_intervals_and_examples():
    async with Administered(config=CONFIG) as administered:
        rows = calls(administered)
        await store(administered, rows)
        told = (await administered.ask("GET", "/admin/errors")).json
        assert (told["calls"], told["failed"]) == (600, sum(row.code is not None for row in rows))
        [pattern] = told["patterns"]
        assert (pattern["code"], pattern["upstream_status"], pattern["at"]) == ("rate_limit_exceeded", 429, "answer")
        assert pattern["failed"] == told["failed"]
        assert pattern["rate"]["low"] < pattern["failed"] / 600 < pattern["rate"]["high"]
        assert {(each["dimension"], each["name"]) for each in pattern["shares"]} == {
            ("region", "us-west-2"), ("target", "west/amazon.nova-micro-v1:0"),
        }  # fmt: skip
        newest = [row.id for row in rows if row.code is not None][:3]
        assert pattern["examples"] == newest


async def test_those_of_one_name_are_looked_at_by_the_dimensions_it_is_summed_up_with():
    async with Administered(config=CONFIG) as administered:
        rows = calls(administered)
        await store(administered, rows)
        told = (await administered.ask("GET", "/admin/errors", of="model:fast")).json
        fast = [row for row in rows if row.model == "fast"]
        assert (told["calls"], told["failed"]) == (len(fast), sum(row.code is not None for row in fast))
        assert ("region", "us-west-2") in {(s["dimension"], s["name"]) for s in told["patterns"][0]["shares"]}
        assert set(told["patterns"][0]["examples"]) <= {row.id for row in fast}


@pytest.mark.parametrize(
    "query", [{"of": "nothing:x"}, {"from_": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}]
)
async def test_what_there_is_not_is_refused(query: dict[str, str]):
    async with Administered() as administered:
        assert (await administered.ask("GET", "/admin/errors", **query)).status == 422
