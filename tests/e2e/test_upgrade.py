"""Replicas are replaced one by one by those of the next release, whose database has another shape, and back: no call
fails, no row is lost. A database that is too new is refused.

In short; `HEADGATE_FULL=1` plays it at the rate the bar says (`make durability`).
"""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

import headgate
import services
from asking import Questions, configured, plan
from billing import Vendor
from books import Books
from cluster import Cluster, Replica
from headgate.storage.migrating import known
from upstream import unused_port
from waiting import eventually

FULL = bool(os.environ.get("HEADGATE_FULL"))
RATE = 500.0 if FULL else 100.0
NEXT = "99.0.0"
NEWEST = known("sqlite")[-1].number
"""This release's last migration."""
LOOK_S = 0.05
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="starts servers as on Linux")]


def next_release(folder: Path, compatible_from: int) -> Sequence[str]:
    """A copy of this release that has one more migration; how to run it."""
    package = folder / "next" / "headgate"
    shutil.copytree(Path(headgate.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    about = package / "__init__.py"
    about.write_text(about.read_text().replace(headgate.__version__, NEXT))
    for kind in ("sqlite", "postgres"):
        (package / "storage" / "migrations" / kind / f"{NEWEST + 1:04}_more.sql").write_text(
            f"-- compatible-from: {compatible_from}\n"
            "ALTER TABLE ledger ADD COLUMN shade TEXT;\nCREATE TABLE shades (id TEXT PRIMARY KEY);\n"
        )
    return ["/usr/bin/env", f"PYTHONPATH={package.parent}", sys.executable, "-m", "headgate"]


@asynccontextmanager
async def looked_at(folder: Path, replicas: Sequence[Replica]) -> AsyncGenerator[list[int], None]:
    """The ports of those that are ready, as a balancer knows them that asks for /readyz."""
    ports = [each.port for each in replicas]

    async def look(replica: Replica) -> None:
        while True:
            ready = replica.running and (await replica.ask("GET", "/readyz")).status == 200
            if not ready and replica.port in ports:
                ports.remove(replica.port)
            elif ready and replica.port not in ports:
                ports.append(replica.port)
            await asyncio.sleep(LOOK_S)

    looking = [asyncio.create_task(look(each)) for each in replicas]
    try:
        yield ports
    finally:
        for task in looking:
            task.cancel()
        await asyncio.wait(looking)


@asynccontextmanager
async def behind_nginx(folder: Path, replicas: Sequence[Replica]) -> AsyncGenerator[list[int], None]:
    """The port of an nginx that asks nobody, and tries the next where one refuses."""
    port = unused_port()
    servers = " ".join(f"server 127.0.0.1:{each.port} max_fails=0;" for each in replicas)
    file = folder / "nginx.conf"
    file.write_text(
        f"worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;\n"
        f"events {{}}\nhttp {{ access_log off; client_body_temp_path {folder}; proxy_temp_path {folder};\n"
        f"upstream headgate {{ {servers} keepalive 64; }}\n"
        f"server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://headgate; proxy_http_version 1.1;\n"
        'proxy_set_header Connection ""; proxy_set_header Host localhost; proxy_buffering off;\n'
        "proxy_next_upstream error http_503 non_idempotent; }}}\n"
    )
    nginx = await asyncio.create_subprocess_exec(str(NGINX), "-c", str(file), stdout=DEVNULL, stderr=DEVNULL)
    try:
        await eventually(lambda: listening(port))
        yield [port]
    finally:
        nginx.terminate()
        await nginx.wait()


async def listening(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


FRONTS = {"health checks": (looked_at, 0.5), "nginx": (behind_nginx, 0.0)}
"""What stands in front of replicas, and the grace they have to give for it to see that they leave."""


@pytest.mark.parametrize(
    "front",
    [
        "health checks",
        pytest.param("nginx", marks=pytest.mark.skipif(NGINX is None, reason="there is no nginx")),
    ],
)
async def test_replicas_are_rolled_to_the_next_release_and_back(tmp_path: Path, front: str):
    stand, grace_s = FRONTS[front]
    program = next_release(tmp_path, compatible_from=NEWEST)
    signed = f"audit: {{key: {base64.b64encode(os.urandom(32)).decode()}}}\n"
    async with (
        Vendor(plan) as vendor,
        Cluster(tmp_path, vendor, replicas=3, config=signed, server=f", grace_s: {grace_s}") as cluster,
    ):
        books, questions = Books(cluster.database_url), Questions()
        key = await cluster.key(budget_usd="1000")
        former = cluster.replicas[0].program
        async with (
            stand(tmp_path, cluster.replicas) as ports,
            questions.keep_coming(ports, [key], width=64, rate=RATE) as told,
        ):
            await asyncio.sleep(1)
            for release in (program, former):
                for replica in cluster.replicas:
                    assert await replica.stop() == 0, replica.log[-2000:]
                    replica.program = release
                    await replica.start()
                    await asyncio.sleep(0.5)
                assert await books.fetch("SELECT number, release FROM migrations") == [
                    *((number, headgate.__version__) for number in range(1, NEWEST + 1)),
                    (NEWEST + 1, NEXT),
                ]
            await asyncio.sleep(1)
        print(told)
        await books.complete(vendor, questions)
        for replica in cluster.replicas:
            await books.check_budget(replica, key)
            assert f"the database is of Headgate {NEXT}, which this one can run on" in replica.log
        assert set(told.outcomes) == {"200"}
        assert sum(told.outcomes.values()) == len(vendor.bill)


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
async def test_a_database_that_is_too_new_is_refused_and_says_which_release_can(
    tmp_path: Path, database: str, request: pytest.FixtureRequest
):
    storage = "database: 'sqlite:///headgate.db'"
    if database == "postgres":
        storage = f"database: '{request.getfixturevalue('postgres_url')}', shared: '{services.redis().url()}'"
    replica = Replica("gateway", tmp_path, configured("http://127.0.0.1:9/v1", storage))
    former = replica.program
    replica.program = next_release(tmp_path, compatible_from=NEWEST + 1)
    try:
        await replica.start()
        assert await replica.stop() == 0
        replica.program = former
        began = replica.log
        replica.launch()
        assert await replica.ended() == 3
        assert f"use Headgate {NEXT} or newer" in replica.log.removeprefix(began)
    finally:
        await replica.kill()
