"""Replicas share what their keys may use: budgets, limits and keys hold over all of them, by the vendor's own bill."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic, time
from typing import Self

import pytest

import services
from billing import Asked, Billed, Plan, Vendor
from cluster import Cluster, Key, Row, chat, embedding, message
from headgate.limits.bound import OVERHEAD
from headgate.limits.stage import BYTES_PER_TOKEN
from headgate.money import format_usd
from resilience.client import Client, Outcome

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="starts servers as on Linux")]

DOLLAR = 10**12


# ── money ──


def mishaps(asked: Asked) -> Plan:
    """Errors, slowness that gets a second attempt beside it, and streams that break: the same for the same request."""
    dice = random.Random(f"{asked.mark} {asked.times}")
    most = 400 if asked.max_tokens is None else asked.max_tokens
    output = dice.randint(1, min(40, most))
    fate = dice.random()
    if fate < 0.12:
        return Plan(0, 0, status=500, wait_s=dice.uniform(0, 0.1))
    if fate < 0.2:
        return Plan(0, 0, status=429, retry_after_s=0.05)
    return Plan(
        prompt=dice.randint(1, asked.body_bytes),
        output=output,
        wait_s=dice.uniform(0.2, 0.6) if fate < 0.4 else dice.uniform(0, 0.1),
        gap_s=dice.uniform(0, 0.02),
        cut_after=dice.randrange(output) if fate > 0.9 else None,
    )


def exhausting(asked: Asked) -> Plan:
    """Half of what is allowed, or all of it where that is little."""
    assert asked.max_tokens is not None
    most = asked.max_tokens
    return Plan(20, most if most < 1000 else most // 2, wait_s=0.02)


def check_bill(rows: Sequence[Row], bill: Sequence[Billed]) -> None:
    """Every request that reached the vendor has one row: what it reported to the picodollar, else no less than its bill
    and no more than was set aside.
    """
    known = {row.vendor_id: row for row in rows if row.vendor_id is not None}
    assert len(known) == sum(row.vendor_id is not None for row in rows), "no request has two rows"
    nameless = [row for row in rows if row.vendor_id is None]
    for billed in bill:
        row = known.pop(billed.id, None)
        if row is None:  # it was given up before its answer began
            row = next((each for each in nameless if (each.mark, each.model) == (billed.mark, billed.model)), None)
            assert row is not None, f"{billed} is in no row"
            nameless.remove(row)
        assert row.cost is not None
        if row.reported:
            assert row.cost == billed.picodollars, (row, billed)
        else:
            assert billed.picodollars <= row.cost, (row, billed)
        assert row.reserved is None or row.cost <= row.reserved, row
    assert not known, "no row is of a request that was never made"
    assert not any(row.reported and row.cost for row in nameless)


async def test_two_hundred_calls_at_once_never_pass_a_budget_that_covers_ten(tmp_path: Path):
    """Streamed and not, over four replicas, with disconnects, retries and hedges; beside them somebody with money."""
    budgets = {"tight": 10 * 2_000_000_000, "roomy": DOLLAR}
    dice = random.Random(7)
    async with Vendor(mishaps) as vendor, Cluster(tmp_path, vendor, replicas=4) as cluster:
        keys = {name: await cluster.key(name, budget_usd=format_usd(amount)) for name, amount in budgets.items()}

        def bill(name: str) -> list[Billed]:
            return [each for each in vendor.bill if each.mark.startswith(name)]

        async def call(name: str, number: int) -> int:
            await asyncio.sleep(dice.uniform(0, 1.5))
            outcome = await cluster.call(
                keys[name],
                f"{name}{number}",
                replica=number % 4,
                stream=number % 2 == 0,
                leave_s=dice.uniform(0, 0.6) if number % 4 < 2 else 60,
            )
            assert sum(each.picodollars for each in bill("tight")) <= budgets["tight"]
            return outcome.status

        calls = [call("tight", number) for number in range(200)]
        others = [call("roomy", number) for number in range(60)]
        told, _ = await asyncio.gather(asyncio.gather(*calls), asyncio.gather(*others))
        await cluster.settled()
        assert Counter(told)[200] >= 10
        assert Counter(told)[429] > 50
        for name, key in keys.items():
            rows, billed = await cluster.ledger(key), bill(name)
            spent = sum(row.cost or 0 for row in rows)
            print(f"\n{name}: {len(rows)} rows, {Counter(row.cause for row in rows)}, "
                f"{Counter(each.outcome for each in billed)}, ${format_usd(spent)} of ${format_usd(budgets[name])} spent, "
                f"${format_usd(sum(each.picodollars for each in billed))} billed")  # fmt: skip
            check_bill(rows, billed)
            for replica in range(4):
                stands = await cluster.budget(key, replica=replica)
                assert stands.spent == spent <= budgets[name]
                assert stands.reserved == 0
        assert {row.cause for row in await cluster.ledger()} >= {"primary", "retry", "hedge"}
        assert await cluster.held() == {}


async def test_answers_without_a_limit_are_limited_to_what_a_budget_still_has(tmp_path: Path):
    """A vendor that makes use of all it may: four replicas spend a budget together, and not a token more."""
    budget = 40_000_000_000
    async with Vendor(exhausting) as vendor, Cluster(tmp_path, vendor, replicas=4) as cluster:
        key, poor = await cluster.key(budget_usd=format_usd(budget)), await cluster.key("poor", budget_usd="0.0001")
        for replica in range(4):  # the first exact count loads a vocabulary
            assert (await cluster.call(poor, "c", replica=replica, model="endless", max_tokens=None)).status == 429

        async def call(number: int) -> Outcome:
            await asyncio.sleep(number / 100)
            outcome = await cluster.call(
                key, f"c{number}", replica=number % 4, model="endless", stream=number % 2 == 0, max_tokens=None
            )
            assert vendor.picodollars <= budget
            return outcome

        outcomes = await asyncio.gather(*(call(number) for number in range(100)))
        limited = [int(each.headers["x-headgate-output-limit"]) for each in outcomes if each.ok]
        assert len(limited) >= 3, "what one call leaves is for the next"
        assert min(limited) < 1000
        assert {each.status for each in outcomes} == {200, 429}
        await check_exact(cluster, key)
        assert vendor.picodollars <= budget


def hanging_up(asked: Asked) -> Plan:
    """The same mishaps, and a vendor that does the work, bills all of it and closes the connection without a word."""
    plan = mishaps(asked)
    if plan.status != 200:
        return plan
    output = 0 if asked.embeds else plan.output
    hangs_up = random.Random(f"hang up {asked.mark} {asked.times}").random() < 0.2
    return replace(
        plan, output=output, cut_after=None if hangs_up or asked.embeds else plan.cut_after, hangs_up=hangs_up
    )


async def test_embeddings_and_messages_share_a_budget_with_a_vendor_that_hangs_up(tmp_path: Path):
    """Embeddings and streams in Anthropic's dialect, over two replicas, with retries and hedges."""
    amount = 40_000_000_000
    dice = random.Random(8)
    async with Vendor(hanging_up) as vendor, Cluster(tmp_path, vendor, replicas=2) as cluster:
        key = await cluster.key(budget_usd=format_usd(amount))

        async def call(number: int) -> Outcome:
            await asyncio.sleep(dice.uniform(0, 1.5))
            replica = cluster.replicas[number // 2 % 2]
            make = embedding if number % 2 else message
            outcome = await replica.client.call(make(replica.port, "chat", f"c{number}", key.key))
            assert vendor.picodollars <= amount
            return outcome

        outcomes = await asyncio.gather(*(call(number) for number in range(160)))
        await check_exact(cluster, key)
        stands = await cluster.budget(key)
        ends = Counter(each.outcome for each in vendor.bill)
        told = Counter(outcome.status for outcome in outcomes)
        print(f"\n{told}, {ends}, ${format_usd(stands.spent or 0)} spent, ${format_usd(vendor.picodollars)} billed")
        assert told[429] >= 20
        assert all(sum(each.ok for each in kind) >= 5 for kind in (outcomes[::2], outcomes[1::2]))
        assert vendor.picodollars <= (stands.spent or 0) <= amount
        assert ends["unanswered"] >= 3
        assert ends["complete"] >= 20


# ── a store is away ──


class Story:
    """Calls under way all the time, of a key with a budget and of one without, streamed and not."""

    def __init__(self, cluster: Cluster, budgeted: Key, free: Key) -> None:
        self._cluster = cluster
        self._keys = {"budgeted": budgeted, "free": free}
        self._numbers = itertools.count()
        self._over = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.told = {name: Counter[int]() for name in self._keys}
        """Statuses since `turn`."""
        self.longest_s = 0.0

    async def __aenter__(self) -> Self:
        for turn in range(16):
            name = "free" if turn % 4 == 0 else "budgeted"
            self._tasks.append(asyncio.create_task(self._go_on(name, turn % len(self._cluster.replicas))))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._over.set()
        await asyncio.gather(*self._tasks)

    def turn(self, what: str) -> dict[str, Counter[int]]:
        """What clients were told until now, and begin to count anew."""
        told, self.told = self.told, {name: Counter[int]() for name in self._keys}
        print(f"\n{what}: {told}, {self.longest_s:.2f} s at the longest")
        self.longest_s = 0.0
        return told

    async def _go_on(self, name: str, replica: int) -> None:
        while not self._over.is_set():
            number = next(self._numbers)
            began = monotonic()
            text = (
                f"{name}{number} output={number % 30} wait={number % 7 / 100} gap={0.1 if number % 50 == 0 else 0.001}"
            )
            outcome = await self._cluster.call(
                self._keys[name], text, replica=replica, model="plain", stream=number % 2 == 0
            )
            self.longest_s = max(self.longest_s, monotonic() - began)
            self.told[name][outcome.status if outcome.ok or outcome.status != 200 else 0] += 1
            if not outcome.ok:
                await asyncio.sleep(0.02)


async def check_exact(cluster: Cluster, key: Key) -> None:
    """The ledger is the vendor's bill, the budget stands where the ledger does, and what is left can be spent."""
    await cluster.settled()
    rows = await cluster.ledger()
    check_bill(rows, cluster.vendor.bill)
    spent = sum(row.cost or 0 for row in rows if row.key_id == key.id)
    for replica in range(len(cluster.replicas)):
        stands = await cluster.budget(key, replica=replica)
        assert (stands.spent, stands.reserved) == (spent, 0)
    assert await cluster.held() == {}


@pytest.mark.parametrize("how", ["killed", "emptied"])
async def test_a_redis_that_is_lost_under_load_costs_nobody_a_cent(
    tmp_path: Path, private_redis: services.Redis, how: str
):
    async with Vendor() as vendor, Cluster(tmp_path, vendor, replicas=3, redis=private_redis) as cluster:
        key, free = await cluster.key("budgeted", budget_usd="10"), await cluster.key("free")
        async with Story(cluster, key, free) as story:
            await asyncio.sleep(1)
            assert story.turn("before")["budgeted"].keys() == {200}
            if how == "killed":
                private_redis.kill()
                await asyncio.sleep(1)
                story.turn("while it dies")
                await asyncio.sleep(1)
                told = story.turn("away")
                assert told["budgeted"][503] > 20 * told["budgeted"][200], "what was under way goes on to its end"
                assert told["free"].keys() == {200}
                private_redis.start()
            else:
                private_redis.flush()
            await asyncio.sleep(2)
            assert story.turn("while it comes back")["free"].keys() == {200}
            await asyncio.sleep(1)
            assert story.turn("after")["budgeted"].keys() == {200}
        await check_exact(cluster, key)


async def test_a_budget_that_ran_out_is_still_used_up_when_redis_has_forgotten_it(
    tmp_path: Path, private_redis: services.Redis
):
    amount = 50_000_000_000
    async with Vendor() as vendor, Cluster(tmp_path, vendor, replicas=3, redis=private_redis) as cluster:
        key, free = await cluster.key("budgeted", budget_usd=format_usd(amount)), await cluster.key("free")

        def billed() -> int:
            return sum(each.picodollars for each in vendor.bill if each.mark.startswith("budgeted"))

        async with Story(cluster, key, free) as story:
            for _ in range(3):
                await asyncio.sleep(0.4)
                private_redis.kill()
                private_redis.start()
            await asyncio.sleep(3)
            story.turn("three times lost")
            assert billed() <= amount
            await asyncio.sleep(2)
            told = story.turn("used up")["budgeted"]
            assert told[429] > 100
            assert told.keys() <= {429, 200}, "some are answered to their end"
        await check_exact(cluster, key)
        stands = await cluster.budget(key)
        assert stands.spent == billed() <= amount

        # With so much more that it is enough for one call, that is made, and none that may cost a token more.
        [budget] = (await cluster.admin("GET", f"/admin/keys/{key.id}"))["budgets"]
        body = chat(0, "plain", "last output=50", "", max_tokens=50).raw.partition(b"\r\n\r\n")[2]
        needed = (len(body) + OVERHEAD) * 3_000_000 + 50 * 15_000_000
        more = {"amount_usd": format_usd(stands.spent + needed)}
        await cluster.admin("PATCH", f"/admin/budgets/{budget['id']}", more)
        await asyncio.sleep(1)  # until all know it
        for tokens, status in ((51, 429), (50, 200)):
            outcome = await cluster.call(key, "last output=50", replica=1, model="plain", max_tokens=tokens)
            assert outcome.status == status, outcome


@pytest.mark.parametrize("name", ["redis", "postgres"])
async def test_a_store_that_hangs_for_five_seconds_loses_nothing(
    tmp_path: Path, private_redis: services.Redis, private_postgres: services.Postgres, name: str
):
    """Without Redis what has a budget is refused; without PostgreSQL all goes on."""
    async with (
        Vendor() as vendor,
        Cluster(tmp_path, vendor, replicas=3, redis=private_redis, postgres=private_postgres) as cluster,
    ):
        key, free = await cluster.key("budgeted", budget_usd="10"), await cluster.key("free")
        store: services.Server = private_redis if name == "redis" else private_postgres
        async with Story(cluster, key, free) as story:
            await asyncio.sleep(1)
            assert story.turn("before")["budgeted"].keys() == {200}
            store.pause()
            await asyncio.sleep(5)
            told = story.turn("while it hangs")
            assert told["free"].keys() == {200}
            if name == "postgres":
                assert told["budgeted"].keys() == {200}
            else:
                assert told["budgeted"][503] > 100
            store.resume()
            await asyncio.sleep(2)
            story.turn("while it comes back")
            await asyncio.sleep(1)
            assert story.turn("after")["budgeted"].keys() == {200}
        await check_exact(cluster, key)


@pytest.mark.parametrize("name", ["redis", "postgres"])
async def test_who_is_told_to_end_while_a_store_hangs_ends_and_leaves_nothing_open(
    tmp_path: Path, private_redis: services.Redis, private_postgres: services.Postgres, name: str
):
    async with (
        Vendor() as vendor,
        Cluster(tmp_path, vendor, replicas=2, redis=private_redis, postgres=private_postgres) as cluster,
    ):
        key = await cluster.key("budgeted", budget_usd="10")
        assert (await cluster.call(key, "before", replica=1)).ok
        calls = [asyncio.create_task(cluster.call(key, f"c{number} wait=0.5")) for number in range(10)]
        await asyncio.sleep(0.2)
        store: services.Server = private_redis if name == "redis" else private_postgres
        store.pause()
        began = monotonic()
        assert await cluster.replicas[0].stop() == 0
        assert monotonic() - began < 15
        assert {outcome.status for outcome in await asyncio.gather(*calls)} == {200}
        store.resume()
        await cluster.replicas[0].start()
        await check_exact(cluster, key)


# ── limits ──

ONE = 40
"""Tokens of an answer."""


def exact(asked: Asked) -> Plan:
    """An answer that uses what was reserved for it: of the prompt what its request says."""
    assert asked.max_tokens is not None
    return Plan(int(asked.words["prompt"]), asked.max_tokens)


def worded(number: int) -> tuple[str, int]:
    """A message of always the same length that tells the vendor how many tokens its request is reserved for."""
    text = f"c{number:06} prompt={0:06}"
    body = chat(0, "plain", text, "key", max_tokens=ONE).raw.partition(b"\r\n\r\n")[2]
    prompt = len(body) // BYTES_PER_TOKEN + 1
    return f"c{number:06} prompt={prompt:06}", prompt + ONE


class Load:
    """Clients that ask as often as they can, on all replicas, and when those were asked who were let through."""

    def __init__(self, cluster: Cluster, key: Key) -> None:
        self._cluster = cluster
        self._key = key
        self._numbers = itertools.count()
        self.sent_s: dict[str, float] = {}
        self.over = False

    async def ask(self, replica: int) -> bool:
        """One call; whether it was let through."""
        text, _ = worded(next(self._numbers))
        began = time()
        outcome = await self._cluster.call(self._key, text, replica=replica, model="plain", max_tokens=ONE)
        assert outcome.status in (200, 429), outcome
        if outcome.ok:
            self.sent_s[text.partition(" ")[0]] = began
        return outcome.ok

    async def go_on(self, replica: int) -> None:
        while not self.over:
            if not await self.ask(replica):
                await asyncio.sleep(0.004)

    def most_within(self, bill: Sequence[Billed], seconds: float) -> int:
        """The most calls that were both sent and at the vendor in any time so long: so many were let through in it."""
        spans = sorted((self.sent_s[each.mark], each.arrived_us / 1e6) for each in bill)
        return max(sum(began >= start and arrived < start + seconds for began, arrived in spans) for start, _ in spans)


@pytest.mark.parametrize("what", ["requests", "tokens"])
async def test_a_limit_a_second_is_never_passed_and_fully_used(tmp_path: Path, what: str):
    """Of what is allowed 60/61 can be used (`storage/counters.py`)."""
    _, tokens = worded(0)
    allowed = 50
    limit = {"per": "second", what: allowed if what == "requests" else allowed * tokens}
    async with Vendor(exact) as vendor, Cluster(tmp_path, vendor, replicas=4) as cluster:
        key = await cluster.key(limits=[limit])
        load = Load(cluster, key)
        tasks = [asyncio.create_task(load.go_on(number % 4)) for number in range(4)]
        await asyncio.sleep(7)
        load.over = True
        await asyncio.gather(*tasks)
        arrivals = sorted(each.arrived_us / 1e6 for each in vendor.bill)
        took_s = arrivals[-1] - arrivals[0]
        print(f"\n{len(arrivals)} in {took_s:.3f} s, at most {load.most_within(vendor.bill, 1)} in one")
        assert load.most_within(vendor.bill, 1) <= allowed
        assert len(arrivals) >= 0.98 * allowed * (int(took_s) + 1), "all at the beginning of each second is the most"


@pytest.mark.parametrize("what", ["requests", "tokens"])
async def test_a_limit_a_minute_is_used_to_the_last_and_no_further(tmp_path: Path, what: str):
    _, tokens = worded(0)
    allowed = 1000
    limit = {"per": "minute", what: allowed if what == "requests" else allowed * tokens}
    async with Vendor(exact) as vendor, Cluster(tmp_path, vendor, replicas=4) as cluster:
        load = Load(cluster, await cluster.key(limits=[limit]))
        began = monotonic()
        for _ in range(allowed // 100 + 2):
            await asyncio.gather(*(load.ask(number % 4) for number in range(100)))
        assert monotonic() - began < 59, "nothing has slid out"
        assert len(vendor.bill) == len(load.sent_s) == allowed


# ── keys ──


async def test_a_key_holds_everywhere_within_a_second_and_so_does_its_revocation(tmp_path: Path):
    async with Vendor() as vendor, Cluster(tmp_path, vendor, replicas=4) as cluster:
        for maker in range(4):
            key = await cluster.key(f"k{maker}", replica=maker, known=False)
            assert await cluster.known(key.key) < 1
            await cluster.admin("POST", f"/admin/keys/{key.id}/revoke", replica=3 - maker)
            assert await cluster.known(key.key, live=False) < 1
            outcome = await cluster.call(key, "after", replica=maker)
            assert outcome.status == 401
        assert vendor.bill == []


# ── several workers behind one address ──


async def serving(cluster: Cluster, key: Key) -> set[int]:
    """The processes that have something to write down of fifty calls, each on a connection of its own."""
    [replica] = cluster.replicas
    before = {path: path.stat().st_size for path in replica.journal.glob("*.journal")}

    async def call(number: int) -> None:
        client = Client(replica.port)
        outcome = await client.call(chat(replica.port, "plain", f"w{number}", key.key))
        assert outcome.ok, outcome
        await client.close()

    for number in range(50):
        await call(number)
    grown = [path for path in replica.journal.glob("*.journal") if path.stat().st_size > before.get(path, 0)]
    return {int(path.name.partition("-")[0]) for path in grown}


async def test_workers_share_the_work_are_replaced_when_they_die_and_end_together(tmp_path: Path):
    async with Vendor() as vendor, Cluster(tmp_path, vendor, replicas=1, server=", workers: 2") as cluster:
        [replica] = cluster.replicas
        key = await cluster.key(budget_usd="1")
        workers = set(replica.children())
        await asyncio.sleep(1)  # until both know the key
        assert await serving(cluster, key) == workers
        assert len(workers) == 2

        replica.signal(signal.SIGHUP)
        await within(5, lambda: replica.log.count("reloaded") == 2)

        victim = min(workers)
        calls = [asyncio.create_task(cluster.call(key, f"slow{number} wait=0.5")) for number in range(10)]
        await asyncio.sleep(0.2)
        os.kill(victim, signal.SIGKILL)
        statuses = {outcome.status for outcome in await asyncio.gather(*calls)}
        assert statuses <= {200, 0}
        await within(10, lambda: len(set(replica.children()) - {victim}) == 2)
        await cluster.settled()
        replaced = set(replica.children())
        assert await serving(cluster, key) == replaced

        await cluster.settled()
        rows = await cluster.ledger(key)
        stands = await cluster.budget(key)
        assert (stands.spent, stands.reserved) == (sum(row.cost or 0 for row in rows), 0)
        assert await cluster.held() == {}
        check_bill(rows, vendor.bill)

        began = monotonic()
        assert await replica.stop() == 0
        assert monotonic() - began < 5
        assert not replaced & {int(name) for name in os.listdir("/proc") if name.isdecimal()}
        assert [each.name for each in replica.journal.iterdir() if each.suffix in (".journal", ".lock")] == []


async def test_a_worker_that_cannot_come_back_takes_nobody_with_it(tmp_path: Path, private_postgres: services.Postgres):
    async with (
        Vendor() as vendor,
        Cluster(tmp_path, vendor, replicas=1, server=", workers: 2", postgres=private_postgres) as cluster,
    ):
        [replica] = cluster.replicas
        key = await cluster.key(budget_usd="1")
        assert (await cluster.call(key, "before")).ok
        await asyncio.sleep(1)  # until both know the key
        private_postgres.stop()
        os.kill(min(replica.children()), signal.SIGKILL)
        await within(10, lambda: "has died (3)" in replica.log)
        assert (await cluster.call(key, "beside")).ok
        private_postgres.start()
        await within(10, lambda: replica.log.count("listening on") == 3)
        assert len(await serving(cluster, key)) == 2


async def test_workers_do_not_outlive_who_started_them(tmp_path: Path):
    async with Vendor() as vendor, Cluster(tmp_path, vendor, replicas=1, server=", workers: 2") as cluster:
        [replica] = cluster.replicas
        workers = replica.children()
        replica.signal(signal.SIGKILL)
        await within(5, lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))


async def within(seconds: float, happens: Callable[[], bool]) -> None:
    end = monotonic() + seconds
    while not happens():
        assert monotonic() < end, "it does not happen"
        await asyncio.sleep(0.02)
