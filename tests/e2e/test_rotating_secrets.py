"""A vendor's key is changed where the configuration refers to it, while calls run: none fails, the new key is used within
three seconds and the old one no more after, and neither is ever told to anybody.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

import pytest

from cluster import ADMIN_KEY, Replica
from cluster import chat as chat_of
from resilience.client import Outcome
from upstream import Exchange, Upstream
from waiting import eventually

RATE = 50.0
NOTICED_S = 3.0
OLD, NEW, COMMANDS = "sk-old-7f3a9c51d2e8", "sk-new-b604e17c93fa", "sk-printed-5a1d77e0c3"

CONFIG = """
providers:
  filed: {{kind: openai, base_url: "{url}/v1", api_key: "${{file:vendor.key}}"}}
  printed: {{kind: openai, base_url: "{url}/v1", api_key: "${{exec:cat printed.key}}"}}
models:
  chat: {{targets: [filed/gpt-4o-mini], retry: {{attempts: 1}}}}
  other: {{targets: [printed/gpt-4o-mini], retry: {{attempts: 1}}}}
"""
ANSWER = json.dumps(
    {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o-mini",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello"}}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }
).encode()

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="starts servers as on Linux")


class Rotated:
    """A vendor that takes only the keys it is told to, and remembers which came when."""

    def __init__(self) -> None:
        self.taken = {OLD, COMMANDS}
        self.seen: list[tuple[float, str]] = []

    async def script(self, exchange: Exchange) -> None:
        key = (exchange.request.header("authorization") or "").removeprefix("Bearer ")
        self.seen.append((monotonic(), key))
        if key in self.taken:
            await exchange.reply(200, ANSWER, ("content-type", "application/json"))
        else:
            told = json.dumps({"error": {"message": f"Incorrect API key provided: {key}", "code": "invalid_api_key"}})
            await exchange.reply(401, told.encode(), ("content-type", "application/json"))


@asynccontextmanager
async def served(folder: Path, vendor: Rotated):
    async with Upstream(vendor.script) as upstream:
        server = ", allow_exec: true, exec_every_s: 1"
        replica = Replica("gate", folder, CONFIG.format(url=upstream.url), server=server)
        write(replica.folder / "vendor.key", OLD)
        write(replica.folder / "printed.key", COMMANDS)
        try:
            await replica.start()
            yield replica, upstream
        finally:
            await replica.kill()


def write(file: Path, key: str) -> None:
    file.touch(0o600)
    file.write_text(key + "\n")


async def call(replica: Replica, model: str = "chat") -> Outcome:
    return await replica.client.call(chat_of(replica.port, model, "Hello", ADMIN_KEY), leave_s=20)


async def test_a_key_is_rotated_under_load(tmp_path: Path):
    vendor = Rotated()
    async with served(tmp_path, vendor) as (replica, _):
        calls: list[asyncio.Task[Outcome]] = []

        async def load() -> None:
            began, count = monotonic(), 0
            while True:
                calls.append(asyncio.create_task(call(replica)))
                count += 1
                await asyncio.sleep(max(0.0, began + count / RATE - monotonic()))

        loading = asyncio.create_task(load())
        await eventually(lambda: reached(len(calls) >= RATE))
        vendor.taken.add(NEW)
        rotated = monotonic()
        (replica.folder / "next").touch(0o600)
        (replica.folder / "next").write_text(NEW)
        (replica.folder / "next").rename(replica.folder / "vendor.key")
        await eventually(lambda: reached(any(key == NEW for _, key in vendor.seen)))
        noticed = monotonic()
        await eventually(lambda: reached(monotonic() > rotated + NOTICED_S))
        vendor.taken.discard(OLD)
        await eventually(lambda: reached(monotonic() > rotated + NOTICED_S + 1))
        loading.cancel()
        outcomes = await asyncio.gather(*calls)
    print(f"{len(outcomes)} calls, the new key after {noticed - rotated:.2f} s")
    assert noticed - rotated < NOTICED_S
    assert len(outcomes) > RATE * 3
    assert [each.status for each in outcomes if not each.ok] == []
    last_old = max(at for at, key in vendor.seen if key == OLD)
    assert last_old - rotated < NOTICED_S
    assert {key for at, key in vendor.seen if at > last_old} == {NEW}


async def test_a_command_is_run_again_and_its_new_key_used(tmp_path: Path):
    vendor = Rotated()
    async with served(tmp_path, vendor) as (replica, _):
        assert (await call(replica, "other")).ok
        vendor.taken.add(NEW)
        write(replica.folder / "printed.key", NEW)

        async def used() -> bool:
            assert (await call(replica, "other")).ok
            return vendor.seen[-1][1] == NEW

        await eventually(used)


async def test_a_key_that_is_gone_stays_in_use_and_connections_of_an_old_one_are_let_go(tmp_path: Path):
    vendor = Rotated()
    async with served(tmp_path, vendor) as (replica, upstream):
        file = replica.folder / "vendor.key"
        assert (await call(replica)).ok
        file.unlink()
        await eventually(lambda: reached("stays in use" in replica.log))
        assert (await call(replica)).ok
        assert upstream.connections == 1
        vendor.taken.add(NEW)
        write(file, NEW)
        await eventually(lambda: reached("headgate.yaml reloaded" in replica.log))
        assert (await call(replica)).ok
        assert vendor.seen[-1][1] == NEW
        await eventually(lambda: reached(upstream.connections == 2 and upstream.open == 1))


PAGES = (
    "/admin/keys", "/admin/teams", "/admin/audit", "/admin/ledger", "/admin/organisations", "/admin/budgets", "/admin/limits",
    "/admin/config", "/targets", "/metrics", "/readyz", "/healthz", "/openapi.json", "/v1/models", "/",
)  # fmt: skip


async def test_secrets_are_told_to_nobody(tmp_path: Path):
    """The vendor repeats the key in its refusal, as vendors do; the log is read whole."""
    vendor = Rotated()
    async with served(tmp_path, vendor) as (replica, _):
        told: dict[str, str] = {}
        for model in ("chat", "other"):
            for taken in (True, False):
                vendor.taken = {OLD, NEW, COMMANDS} if taken else set()
                answer = await call(replica, model)
                assert answer.ok is taken
                told[f"{model} {taken}"] = f"{answer.headers} {answer.body.decode()}"
        write(replica.folder / "vendor.key", f"{NEW}\n{NEW}")
        await eventually(lambda: reached("was not loaded" in replica.log))
        write(replica.folder / "vendor.key", NEW)
        await eventually(lambda: reached("headgate.yaml reloaded" in replica.log))
        for path in PAGES:
            answer = await replica.ask("GET", path)
            told[path] = f"{answer.headers} {answer.body.decode()}"
        told["the log"] = replica.log
        for arguments in (["check"], ["check", "--json"], ["models", "--json"], ["explain", "chat"], ["keys", "list"]):
            told[" ".join(arguments)] = await asyncio.to_thread(printed, replica, arguments)
        write(replica.folder / "vendor.key", f"{NEW}\n{NEW}")
        told["a check that fails"] = await asyncio.to_thread(printed, replica, ["check"])
    assert "line break" in told["a check that fails"]
    assert len(told["/admin/ledger"]) > 500
    for where, text in told.items():
        assert text
        for secret in (OLD, NEW, COMMANDS):
            assert secret not in text, where


def printed(replica: Replica, arguments: list[str]) -> str:
    """What a command prints on both sides."""
    command = [sys.executable, "-m", "headgate", *arguments]
    environ = {**os.environ, "HEADGATE_ADMIN_KEY": ADMIN_KEY}
    done = subprocess.run(command, cwd=replica.folder, env=environ, capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr


async def reached(fact: bool) -> bool:
    return fact
