"""A copy that is made while serving brings everything back as it was: keys, ledger, budgets, audit log."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

import services
from asking import Questions, command, configured, made, plan
from billing import Vendor
from books import Books
from cluster import Key, Replica

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="starts servers as on Linux")]


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
async def test_a_copy_brings_everything_back(tmp_path: Path, database: str, request: pytest.FixtureRequest):
    copy, storage, url = tmp_path / "copy", "database: 'sqlite:///headgate.db'", ""
    if database == "postgres":
        url = request.getfixturevalue("postgres_url")
        storage = f"database: '{url}', shared: '{request.getfixturevalue('redis_url')}'"
    async with Vendor(plan) as vendor:
        replica = Replica("gateway", tmp_path, configured(vendor.url, storage))
        books = Books(url or f"sqlite:///{replica.folder / 'headgate.db'}")
        questions = Questions()
        try:
            await replica.start()
            kept, revoked = await made(replica, "100"), await made(replica, "1")
            async with questions.keep_coming([replica.port], [kept], width=8):
                await asyncio.sleep(1.2)
                before = await books.rows()
                done = await asyncio.to_thread(command, replica, "storage", "backup", str(copy))
                assert done.returncode == 0, done.stderr
            later = await made(replica, "2")
            assert (await replica.ask("POST", f"/admin/keys/{revoked.id}/revoke", {})).status == 200
            after = await books.complete(vendor, questions)
            refused = await asyncio.to_thread(command, replica, "storage", "restore", str(copy))
            assert refused.returncode == 3 and "in use" in refused.stderr
            assert await replica.stop() == 0

            done = await asyncio.to_thread(command, replica, "storage", "restore", str(copy))
            assert done.returncode == 0, done.stderr
            if database == "postgres":
                services.redis().flush()
            rows = await books.rows()
            assert before.keys() <= rows.keys() < after.keys()
            assert all(rows[mark] == after[mark] for mark in rows)
            verified = await asyncio.to_thread(command, replica, "audit", "verify")
            assert verified.returncode == 1 and "(truncated)" in verified.stderr

            (replica.folder / "headgate.journal" / "audit.checkpoints").rename(tmp_path / "checkpoints")
            await replica.start()
            assert [await lets_in(replica, each) for each in (kept, revoked, later)] == [True, True, False]
            await books.check_budget(replica, kept)
            assert (await replica.ask("POST", "/admin/teams", {"name": "new"})).status == 201
            assert len(await books.audited("keys.create")) == 2
            assert await replica.stop() == 0
            verified = await asyncio.to_thread(command, replica, "audit", "verify")
            assert verified.returncode == 0, verified.stdout + verified.stderr
        finally:
            await replica.kill()


async def lets_in(replica: Replica, key: Key) -> bool:
    outcome = await replica.ask("GET", "/v1/models", key=key.key)
    assert outcome.status in (200, 401), json.loads(outcome.body)
    return outcome.status == 200
