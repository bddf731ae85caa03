"""The page `/usage` over PostgreSQL and Redis: whichever replica is asked, it tells what was called at all of them."""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from billing import PRICES, Asked, Plan, Vendor
from cluster import ADMIN_KEY, Cluster, request
from headgate.money import from_decimal

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="starts servers as on Linux")


def cheap(asked: Asked) -> Plan:
    return Plan(20, 10)


async def told(cluster: Cluster, replica: int, key: str) -> Any:
    there = cluster.replicas[replica]
    headers = {"accept": "application/json"}
    sent = request(there.port, "GET", "/usage", None, key, headers)
    outcome = await there.client.call(sent, leave_s=20)
    assert outcome.status == 200, outcome.body
    return json.loads(outcome.body)


async def test_each_replica_tells_what_was_called_at_both(tmp_path: Path) -> None:
    async with Vendor(cheap) as vendor, Cluster(tmp_path, vendor, replicas=2) as cluster:
        mine = await cluster.key("mine", budget_usd="1", limits=[{"per": "minute", "requests": 50}])
        other = await cluster.key("other's", replica=1)
        for number in range(4):
            outcome = await cluster.call(mine, f"m{number}", replica=number % 2, model="plain")
            assert outcome.status == 200
        assert (await cluster.call(other, "o1", model="plain")).status == 200
        await cluster.settled()
        first, second = [await told(cluster, replica, mine.key) for replica in range(2)]
        into, out = PRICES["m-a"]
        assert (first["calls"], first["input_tokens"], first["output_tokens"]) == (4, 80, 40)
        assert Decimal(first["cost_usd"]) == 4 * (20 * Decimal(into) + 10 * Decimal(out)) / 1_000_000
        assert from_decimal(Decimal(first["cost_usd"])) == sum(row.cost or 0 for row in await cluster.ledger(mine))
        assert first["budgets"][0]["spent_usd"] == first["cost_usd"]
        assert first["limits"] == ["50 requests per minute"]
        assert [day["calls"] for day in first["by_day"]].count(4) == 1
        assert [each["code"] for each in first["latest"]] == [None] * 4
        for each in (first, second):
            del each["to"]
        assert second == first
        assert (await told(cluster, 1, other.key))["calls"] == 1
        assert (await told(cluster, 0, ADMIN_KEY))["calls"] == 0
