"""PostgreSQL, Redis or the journal's disk away under load: calls go on or are refused as the configuration says, nothing
is lost, and it all comes right by itself.

In short; `HEADGATE_FULL=1` plays it as long as the bar says (`make durability`).
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from asking import Questions, Told, configured, made, plan
from billing import Vendor
from books import Books
from cluster import Cluster, Key, Replica
from services import Postgres, Redis, Server
from waiting import eventually

FULL = bool(os.environ.get("HEADGATE_FULL"))
AWAY_S = 20.0 if FULL else 4.0
WELL_S = 5.0 if FULL else 1.0
RATE = 100.0
HOW = ("stopped", "hanging") if FULL else ("stopped",)
NOTICED_S = 1.0
"""When a server that hangs is known to be away."""
AGAIN_S = 6.0 if FULL else 2.5
"""When calls succeed again after Redis is back, at the latest."""

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="starts servers as on Linux")]


class Scene:
    """Two replicas with a PostgreSQL and a Redis of their own, and a key with a hard budget."""

    def __init__(self, cluster: Cluster, key: Key) -> None:
        self.cluster = cluster
        self._key = key
        self._books = Books(cluster.database_url)
        self._questions = Questions()

    async def asked(self, seconds: float) -> Told:
        """What clients were told meanwhile."""
        ports = [each.port for each in self.cluster.replicas]
        async with self._questions.keep_coming(ports, [self._key], width=32, rate=RATE) as told:
            await asyncio.sleep(seconds)
        print(told)
        return told

    async def check(self) -> None:
        """Nothing is lost, and the budget is right."""
        await self._books.complete(self.cluster.vendor, self._questions)

        async def nothing_held() -> bool:
            return not await self.cluster.held()

        await eventually(nothing_held)
        for replica in self.cluster.replicas:
            spent = await self._books.check_budget(replica, self._key)
        assert await self.counted() == spent

    async def counted(self) -> int:
        """What Redis has of the key's budget."""
        import redis.asyncio

        async with redis.asyncio.Redis.from_url(self.cluster.redis.url(), decode_responses=True) as client:
            [(_, space)] = [(name, await client.get(name)) async for name in client.scan_iter(match="*:space")]
            [name] = [name async for name in client.scan_iter(match=f"*:{space}:p:b:*:key:{self._key.id}:*")]
            return int(await client.get(name) or 0)


@asynccontextmanager
async def scene(folder: Path, config: str = "") -> AsyncGenerator[Scene, None]:
    with Postgres() as postgres, Redis() as redis:
        async with (
            Vendor(plan) as vendor,
            Cluster(folder, vendor, replicas=2, config=config, postgres=postgres, redis=redis) as cluster,
        ):
            yield Scene(cluster, await cluster.key("k", budget_usd="100"))


@pytest.mark.parametrize("how", HOW)
async def test_calls_go_on_without_postgresql(tmp_path: Path, how: str):
    async with scene(tmp_path) as played:
        told = [await played.asked(WELL_S)]
        async with away(played.cluster.postgres, how):
            told.append(await played.asked(AWAY_S))
            if how == "stopped":
                await played.cluster.admin("POST", "/admin/teams", {"name": "t"}, status=503)
        told.append(await played.asked(WELL_S))
        await played.check()
        assert {outcome for each in told for outcome in each.outcomes} == {"200"}
        assert max(each.longest_s for each in told) < 1


@pytest.mark.parametrize("policy", ["refuse", "allow"])
@pytest.mark.parametrize("how", HOW)
async def test_without_redis_calls_are_treated_as_configured(tmp_path: Path, how: str, policy: str):
    async with scene(tmp_path, f"limits: {{store_unavailable: {policy}}}\n") as played:
        before = await played.asked(WELL_S)
        async with away(played.cluster.redis, how):
            await played.asked(NOTICED_S)
            during = await played.asked(AWAY_S)
        await played.asked(AGAIN_S)
        after = await played.asked(WELL_S)
        await played.check()
        assert set(before.outcomes) == set(after.outcomes) == {"200"}
        assert set(during.outcomes) == {"503" if policy == "refuse" else "200"}
        assert during.longest_s < 1


@asynccontextmanager
async def away(server: Server, how: str) -> AsyncGenerator[None, None]:
    """Stop a server, or let it hang, as long as the block lasts."""
    await asyncio.to_thread(server.stop if how == "stopped" else server.pause)
    try:
        yield
    finally:
        await asyncio.to_thread(server.start if how == "stopped" else server.resume)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = (
        os.geteuid() == 0
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder], check=False, capture_output=True
        ).returncode
    )
    if not mounted:
        pytest.skip("needs the right to mount a file system")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.parametrize(("policy", "on_it"), [("refuse", "journal"), ("allow", "journal"), ("refuse", "everything")])
async def test_a_full_disk_is_treated_as_configured(tmp_path: Path, small_disk: Path, policy: str, on_it: str):
    folder = tmp_path / "gateway" if on_it == "journal" else small_disk
    storage = f"database: 'sqlite:///{folder / 'headgate.db'}', journal: {{folder: '{small_disk / 'journal'}'}}"
    limits = f"limits: {{journal_unwritable: {policy}}}\n"
    async with Vendor(plan) as vendor:
        replica = Replica("gateway", tmp_path, configured(vendor.url, storage, limits))
        books = Books(f"sqlite:///{folder / 'headgate.db'}")
        questions = Questions()
        try:
            await replica.start()
            key = await made(replica, "100")
            filler = small_disk / "filler"
            async with questions.keep_coming([replica.port], [key], width=32, rate=RATE) as told:
                await asyncio.sleep(WELL_S)
                fill(filler)
                await asyncio.sleep(0.5)
            print(told)
            async with questions.keep_coming([replica.port], [key], width=32, rate=RATE) as during:
                await asyncio.sleep(AWAY_S)
                fill(filler)
            print(during)
            filler.unlink()
            await asyncio.sleep(0.5)
            async with questions.keep_coming([replica.port], [key], width=32, rate=RATE) as after:
                await asyncio.sleep(WELL_S)
            print(after)
            await books.complete(vendor, questions)
            await books.check_budget(replica, key)
            assert told.outcomes.keys() <= {"200", "503"}
            assert set(during.outcomes) == {"503" if policy == "refuse" else "200"}
            assert set(after.outcomes) == {"200"}
            assert await replica.stop() == 0
        finally:
            await replica.kill()


def fill(file: Path) -> None:
    """Take all the room there is on a disk."""
    with file.open("ab", buffering=0) as filling:
        try:
            while filling.write(b"." * 4096):
                pass
        except OSError:
            return
