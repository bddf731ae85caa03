"""`/metrics` of a server with four workers is one set of figures: those of the ledger, whoever answers and whoever dies."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from pathlib import Path
from time import monotonic

import pytest

from billing import Asked, Plan, Vendor
from cluster import ADMIN_KEY, Cluster, Key, chat, request
from exposed import Exposed
from headgate.server.fleet.hub import ANSWER_S
from headgate.server.fleet.member import EVERY_S
from resilience.client import Client, Outcome

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="starts servers as on Linux")]

WORKERS = 4


def mixed(asked: Asked) -> Plan:
    """Answers, errors and limits, the same for the same request."""
    dice = random.Random(f"{asked.mark} {asked.times}")
    if dice.random() < 0.2:
        return Plan(0, 0, status=dice.choice((500, 429)), retry_after_s=0.01)
    return Plan(prompt=dice.randint(1, 30), output=dice.randint(1, 40))


async def ask(cluster: Cluster, key: Key, number: int) -> Outcome:
    """A call on a connection of its own: the kernel deals them out among the workers."""
    [replica] = cluster.replicas
    client = Client(replica.port)
    sent = chat(replica.port, "chat" if number % 2 else "plain", f"m{number}", key.key, stream=number % 3 == 0)
    outcome = await client.call(sent)
    await client.close()
    return outcome


async def scrape(cluster: Cluster) -> Exposed:
    """On a connection of its own, of whichever worker gets it: another where that one has just died."""
    [replica] = cluster.replicas
    while True:
        client = Client(replica.port)
        outcome = await client.call(request(replica.port, "GET", "/metrics", None, ADMIN_KEY), leave_s=10)
        await client.close()
        if outcome.status:
            assert outcome.status == 200, outcome
            return Exposed(outcome.body.decode())


async def answered(cluster: Cluster) -> Exposed:
    """A scrape that all workers had the CPU to answer in time."""
    async with asyncio.timeout(20):
        while (told := await scrape(cluster)).of("headgate_workers_silent"):
            await asyncio.sleep(0.05)
    return told


async def agree(cluster: Cluster, asked: int) -> Exposed:
    """Every worker's answer is what the ledger has."""
    await cluster.settled()
    rows = await cluster.ledger()
    scrapes = [await answered(cluster) for _ in range(2 * WORKERS)]
    for told in scrapes:
        assert told.of("headgate_calls_total") == told.of("headgate_call_seconds_count") == asked
        outcomes = Counter((row.target, row.code or "ok") for row in rows)
        for (target, outcome), count in outcomes.items():
            assert told.of("headgate_attempts_total", target=target, outcome=outcome) == count
        assert told.of("headgate_attempts_total") == told.of("headgate_attempt_seconds_count") == len(rows)
        cost = sum(row.cost or 0 for row in rows)
        assert told.of("headgate_cost_usd_total") * 1e12 == pytest.approx(cost, rel=1e-12)
        assert told.of("headgate_model_cost_usd_total") * 1e12 == pytest.approx(cost, rel=1e-12)
        assert told.of("headgate_calls_in_flight") == 0
    return scrapes[-1]


async def test_four_workers_tell_what_the_ledger_has_though_one_dies_and_one_is_stuck(tmp_path: Path):
    server = f", workers: {WORKERS}"
    async with Vendor(mixed) as vendor, Cluster(tmp_path, vendor, replicas=1, server=server) as cluster:
        [replica] = cluster.replicas
        key = await cluster.key(budget_usd="10")
        await asyncio.sleep(1)  # until all know the key
        await asyncio.gather(*(ask(cluster, key, number) for number in range(200)))
        before = await agree(cluster, 200)
        assert before.of("headgate_workers") == WORKERS
        [(tokens,)] = await cluster.sql("SELECT sum(output_tokens) FROM ledger")
        assert before.of("headgate_tokens_total", category="output") == tokens

        await asyncio.sleep(1.3 * EVERY_S)  # what a worker has not told yet dies with it
        victim = replica.children()[1]
        os.kill(victim, signal.SIGKILL)
        async with asyncio.timeout(20):
            while True:
                told = await scrape(cluster)
                assert told.went_back(before) == []
                if told.of("headgate_workers_ended_total") and told.of("headgate_workers") == WORKERS:
                    break
        after = await agree(cluster, 200)
        assert after.went_back(before) == []
        assert after.of("headgate_workers_ended_total") == 1

        stuck = replica.children()[2]
        os.kill(stuck, signal.SIGSTOP)
        try:
            taken, silent = [], 0.0
            for _ in range(10):
                began = monotonic()
                try:
                    async with asyncio.timeout(ANSWER_S + 0.3):
                        told = await scrape(cluster)
                except TimeoutError:
                    continue  # it was given to the worker that is stuck
                taken.append(monotonic() - began)
                silent = told.of("headgate_workers_silent")
                assert told.of("headgate_calls_total") == 200
                assert told.went_back(after) == []
            assert silent == 1
            assert sorted(taken)[len(taken) // 2] < ANSWER_S, "it is waited for once, and no longer"
        finally:
            os.kill(stuck, signal.SIGCONT)
        await asyncio.gather(*(ask(cluster, key, 200 + number) for number in range(100)))
        last = await agree(cluster, 300)
        assert last.of("headgate_workers_silent") == 0
        assert await replica.stop() == 0
