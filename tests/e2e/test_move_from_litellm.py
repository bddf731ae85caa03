"""A move from LiteLLM's database to replicas that share PostgreSQL and Redis: the same key has its answer from any of
them, budgets begin with what was spent there, and a second import reaches counters that have begun.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import services
from billing import Vendor
from cluster import ADMIN_KEY, Cluster
from headgate.money import from_decimal

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="starts servers as on Linux")

ROWS = Path(__file__).parents[1] / "litellm" / "tables.sql"
CONFIG = """
model_list:
  - {model_name: chat, litellm_params: {model: openai/gpt-4o-mini, api_key: os.environ/UPSTREAM}}
"""


async def imported(cluster: Cluster, folder: Path, url: str) -> Any:
    """What `headgate import litellm --write` says, run as its operator would."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("HEADGATE_")}
    own |= {
        "HEADGATE_ADMIN_KEY": ADMIN_KEY,
        "HEADGATE_URL": f"http://127.0.0.1:{cluster.replicas[0].port}",
        "UPSTREAM": "k",
    }
    arguments = ("import", "litellm", "--config", "config.yaml", "--database", url, "--write", "--json")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "headgate", *arguments, cwd=folder, env=own, stdout=-1, stderr=-1
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return json.loads(out)["done"]


async def spent(cluster: Cluster) -> dict[str, int]:
    """Picodollars of the budgets that the key `research` is under, by what they are of."""
    told = (await cluster.admin("GET", "/admin/budgets", replica=1))["data"]
    found = {each["subject"].partition(":")[0] + "/" + each["period"]: each for each in told}
    keys = {each["name"]: each["id"] for each in (await cluster.admin("GET", "/admin/keys?limit=500"))["data"]}
    [own] = [each for each in told if each["subject"] == f"key:{keys['research']}"]
    return {
        "key": from_decimal(Decimal(own["spent_usd"])),
        "team": from_decimal(Decimal(found["team/month"]["spent_usd"])),
    }


async def test_a_move_to_replicas_over_postgresql_and_redis(tmp_path: Path) -> None:
    server = services.postgres()
    name = server.create()
    server.sql(ROWS.read_text("utf-8"), name)
    folder = tmp_path / "move"
    folder.mkdir()
    (folder / "config.yaml").write_text(CONFIG)
    async with Vendor() as vendor, Cluster(tmp_path, vendor, replicas=2) as cluster:
        done = await imported(cluster, folder, server.url(name))
        assert (done["file"], done["records"]["made"]["keys"], done["records"]["left"]) == ("written", 7, [])
        await cluster.known("sk-research")
        before = await spent(cluster)
        assert before == {"key": 10_300_000_000_000, "team": 12_500_000_000_000}
        for replica in (0, 1):
            assert (await cluster.call("sk-research", f"c{replica} prompt=10 output=5", replica=replica)).status == 200
            assert (await cluster.call("sk-blocked", "x", replica=replica)).status == 401
        await cluster.settled()
        cost = sum(row.cost or 0 for row in await cluster.ledger() if row.cause != "correction")
        assert cost > 0
        assert await spent(cluster) == {name: value + cost for name, value in before.items()}

        # All but nothing of the day's budget is spent at LiteLLM meanwhile; the calls here come on top.
        server.sql("""UPDATE "LiteLLM_VerificationToken" SET spend = 24.999999 WHERE key_alias = 'research'""", name)
        again = (await imported(cluster, folder, server.url(name)))["records"]["made"]
        assert {kind: count for kind, count in again.items() if count} == {"spend": 4}
        assert (await spent(cluster))["key"] == 24_999_999_000_000 + cost
        for replica in (0, 1):
            refused = await cluster.call("sk-research", f"d{replica} prompt=10 output=5", replica=replica)
            assert (refused.status, json.loads(refused.body)["error"]["code"]) == (429, "insufficient_quota")
    server.drop(name)
