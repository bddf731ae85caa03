"""`kill -9` under load: nothing that was journalled is lost or there twice, and budgets are right afterwards.

In short; `HEADGATE_FULL=1` plays it as long as the bar says (`make durability`).
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import random
import sys
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

import pytest

from asking import Questions, command, configured, made, plan
from billing import Vendor
from books import Books
from cluster import Cluster, Key, Replica
from resilience.client import Client
from waiting import eventually

FULL = bool(os.environ.get("HEADGATE_FULL"))
KILLS = 20 if FULL else 4
UNDER_LOAD_S = 2.0 if FULL else 0.8
RESTART_S = 2.0

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="starts servers as on Linux")]


class Acts:
    """An administrator who makes teams, and somebody without a key."""

    def __init__(self) -> None:
        self.done: set[str] = set()
        """The teams whose making was confirmed."""
        self.refused = 0
        self._numbers = itertools.count(1)

    @asynccontextmanager
    async def keep_coming(self, replica: Replica) -> AsyncGenerator[None, None]:
        going = asyncio.create_task(self._go_on(replica))
        try:
            yield
        finally:
            going.cancel()
            await asyncio.wait([going])

    async def _go_on(self, replica: Replica) -> None:
        while True:
            outcome = await replica.ask("POST", "/admin/teams", {"name": f"Team {next(self._numbers)}"})
            if outcome.status == 201:
                self.done.add(f"team:{json.loads(outcome.body)['id']}")
            await asyncio.sleep(0.01)

    async def knock(self, replica: Replica) -> None:
        """Come without a key."""
        assert (await replica.ask("GET", "/v1/models", key="hg-none")).status == 401
        self.refused += 1


async def test_sqlite_survives_kill_9(tmp_path: Path):
    async with Vendor(plan) as vendor:
        replica = Replica("gateway", tmp_path, configured(vendor.url, "database: 'sqlite:///headgate.db'"))
        books = Books(f"sqlite:///{replica.folder / 'headgate.db'}")
        questions, acts = Questions(), Acts()
        try:
            await replica.start()
            rich, poor = await made(replica, "100"), await made(replica, "0.05")
            restarts: list[float] = []
            outcomes: Counter[str] = Counter()
            for _ in range(KILLS):
                await acts.knock(replica)
                async with questions.keep_coming([replica.port], [rich, poor]), acts.keep_coming(replica):
                    await asyncio.sleep(random.uniform(0.3, 1) * UNDER_LOAD_S)
                    await replica.kill()
                outcomes += questions.told.outcomes
                restarts.append(await restarted(replica, questions, rich))
                await books.complete(vendor, questions)
                for key in (rich, poor):
                    await books.check_budget(replica, key)
                await check_audit(replica, books, acts)
            print(f"\nrestarts: {sorted(round(each, 2) for each in restarts)} s; {outcomes}")
            assert max(restarts) < RESTART_S
            assert outcomes["200"] > 20 * KILLS
            assert outcomes["429"] > 0
            assert await replica.stop() == 0
        finally:
            await replica.kill()


async def test_replicas_survive_kill_9_of_one_of_them(tmp_path: Path):
    signed = f"audit: {{key: {base64.b64encode(os.urandom(32)).decode()}}}\n"
    async with Vendor(plan) as vendor, Cluster(tmp_path, vendor, replicas=3, config=signed) as cluster:
        books = Books(cluster.database_url)
        rich, poor = await cluster.key("rich", budget_usd="100"), await cluster.key("poor", budget_usd="0.1")
        questions, acts = Questions(), Acts()
        ports = [each.port for each in cluster.replicas]
        async with questions.keep_coming(ports, [rich, poor]), acts.keep_coming(cluster.replicas[0]):
            for number in range(KILLS):
                victim = cluster.replicas[1 + number % 2]
                await asyncio.sleep(random.uniform(0.3, 1) * UNDER_LOAD_S)
                await victim.kill()
                await asyncio.sleep(random.uniform(0, 1) * UNDER_LOAD_S)
                await victim.start()
        await books.complete(vendor, questions)
        print(questions.told)

        async def nothing_held() -> bool:
            return not await cluster.held()

        await eventually(nothing_held)
        for key in (rich, poor):
            await books.check_budget(cluster.replicas[0], key)
        await check_audit(cluster.replicas[0], books, acts)
        assert not questions.told.outcomes.keys() - {"200", "429", "ConnectionResetError"}


async def restarted(replica: Replica, questions: Questions, key: Key) -> float:
    """Start it; seconds until the first answer."""
    client = Client(replica.port)
    began = monotonic()
    replica.launch()
    while not (await questions.ask([client], key)).ok:
        assert replica.running and monotonic() - began < 20, replica.log[-3000:]
    seconds = monotonic() - began
    await client.close()
    return seconds


async def check_audit(replica: Replica, books: Books, acts: Acts) -> None:
    """The log is whole, and has whatever somebody was told of."""
    logged = set(await books.audited("teams.create"))
    assert not acts.done - logged
    assert logged == {f"team:{team}" for (team,) in await books.fetch("SELECT id FROM teams")}
    assert len(await books.audited("login.failed")) >= acts.refused
    verified = await asyncio.to_thread(command, replica, "audit", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
