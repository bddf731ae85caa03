"""Clients that keep asking, each question once, whatever becomes of the gateways; and a vendor that answers them."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic

from billing import PRICES, Asked, Plan
from cluster import ADMIN_KEY, CONFIG, Key, Replica, chat
from resilience.client import Client, Outcome

LIMIT_S = 30.0
AGAIN_S = 0.02
MODEL = "plain"
MAX_TOKENS = 24
SHOWN = 10
NOBODY = "ConnectionRefusedError"


def plan(asked: Asked, slowest_s: float = 0.04) -> Plan:
    """What the vendor makes of a question: its tokens follow from its number, its time is up to chance."""
    number, took_s = int(asked.mark), random.uniform(0, slowest_s)
    output = 5 + number % 11
    return Plan(10 + number % 7, output, wait_s=took_s / 2, gap_s=took_s / 2 / output)


def configured(vendor_url: str, storage: str, more: str = "") -> str:
    """The configuration of a gateway in front of that vendor, without its `server` section."""
    prices = "".join(f"  {model}: {{input: {into}, output: {out}}}\n" for model, (into, out) in PRICES.items())
    return f"storage: {{{storage}}}\n{CONFIG.replace('VENDOR', vendor_url)}{prices}{more}"


@dataclass
class Told:
    """What clients were told in a time."""

    outcomes: Counter[str] = field(default_factory=Counter[str])
    """By status, or what there was in the place of one."""
    failures: list[str] = field(default_factory=list[str])
    """Some of those that had neither an answer nor a 429."""
    longest_s: float = 0.0

    def __str__(self) -> str:
        return f"{dict(self.outcomes)}, {self.longest_s:.2f} s at the longest {' '.join(self.failures[:2])}"


class Questions:
    """What was asked and answered. Every other question is for a stream; its number is its mark, in its ledger row too."""

    def __init__(self) -> None:
        self.answered: set[str] = set()
        """The marks of those whose whole answer is here."""
        self.told = Told()
        """Since `keep_coming` was begun last."""
        self._numbers = itertools.count(1)

    @asynccontextmanager
    async def keep_coming(
        self, ports: Sequence[int], keys: Sequence[Key], *, width: int = 16, rate: float = 0.0
    ) -> AsyncGenerator[Told, None]:
        """Ask on these ports, which may change, and with these keys by turns, as long as the block lasts, and for the
        last answers. `rate` is how many a second; without it each of the `width` clients asks again once it is answered.
        """
        self.told = told = Told()
        over = asyncio.Event()
        clients = {port: Client(port) for port in ports}

        async def go_on(turn: int) -> None:
            due = monotonic() + turn / rate if rate else 0.0
            while not over.is_set():
                if rate:
                    await asyncio.sleep(max(0.0, due - monotonic()))
                    due += width / rate
                await self.ask([clients[port] for port in ports], keys[turn % len(keys)], turn)
                turn += 1

        tasks = [asyncio.create_task(go_on(turn)) for turn in range(width)]
        try:
            yield told
        finally:
            over.set()
            await asyncio.gather(*tasks)
            for client in clients.values():
                await client.close()

    async def ask(self, clients: Sequence[Client], key: Key, turn: int = 0) -> Outcome:
        """Ask one question, as through a balancer: where nobody listens, the next is asked."""
        number = next(self._numbers)
        began = monotonic()
        for client in [*clients[turn % len(clients) :], *clients[: turn % len(clients)]]:
            asked = chat(client.port, MODEL, str(number), key.key, stream=bool(number % 2), max_tokens=MAX_TOKENS)
            outcome = await client.call(asked, leave_s=LIMIT_S)
            if outcome.what != NOBODY:
                break
        else:
            await asyncio.sleep(AGAIN_S)
        told = self.told
        told.longest_s = max(told.longest_s, monotonic() - began)
        told.outcomes[str(outcome.status or outcome.what)] += 1
        if outcome.ok:
            self.answered.add(str(number))
        elif outcome.status != 429 and len(told.failures) < SHOWN:
            told.failures.append(f"{number}: {outcome.status} {outcome.what} {outcome.body[-300:]!r}")
        return outcome


async def made(replica: Replica, budget_usd: str) -> Key:
    """A new key with a hard budget."""
    outcome = await replica.ask("POST", "/admin/keys", {"name": budget_usd, "budget_usd": budget_usd})
    key = json.loads(outcome.body)
    return Key(key["id"], key["key"])


def command(replica: Replica, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one of Headgate's commands on a replica's configuration."""
    return subprocess.run(
        [sys.executable, "-m", "headgate", *arguments, "--config", str(replica.config)],
        capture_output=True, text=True, check=False, cwd=replica.folder,
        env={**os.environ, "HEADGATE_ADMIN_KEY": ADMIN_KEY},
    )  # fmt: skip
