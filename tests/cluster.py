"""Replicas of `headgate serve`, each a process with a journal of its own, over one PostgreSQL and one Redis, with a vendor
behind them that keeps a bill of its own (`billing.py`), and callers in front.

    async with Vendor() as vendor, Cluster(tmp_path, vendor, replicas=4) as cluster:
        key = await cluster.key(budget_usd="1", limits=[{"per": "minute", "requests": 10}])
        outcome = await cluster.call(key, "c1", replica=2, stream=True)
        await cluster.settled()   # nothing is under way, the ledger has all of it
        rows = await cluster.ledger()
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import asyncpg

import services
from billing import PRICES
from headgate.money import from_decimal
from resilience.client import LIMIT_S, Client, Outcome, Request
from upstream import unused_port

ADMIN_KEY = "hg-the-cluster's-own-admin-key"
SECRET = "a secret that all replicas have"

START_S = 60.0
STOP_S = 45.0
SETTLE_S = 20.0

CONFIG = """
providers:
  a: {kind: openai, base_url: "VENDOR", api_key: sk-a}
  b: {kind: openai, base_url: "VENDOR", api_key: sk-b}
models:
  chat:
    targets: [a/m-a, b/m-b]
    retry: {attempts: 3, budget: 10, base_s: 0.01, max_s: 0.05}
    breaker: {min_calls: 1000000}
    hedge: {after_s: 0.15, budget: 1.0}
  endless:
    targets: [{target: a/m-a, base_model: gpt-4o-mini, price_like: m-a}]
  plain:
    targets: [a/m-a]
    retry: {attempts: 1}
    breaker: {min_calls: 1000000}
prices:
"""


class Replica:
    """One `headgate serve` process, with its own port, configuration and journal."""

    def __init__(self, name: str, folder: Path, config: str, *, server: str = "", program: Sequence[str] = ()) -> None:
        """`server` is more for its `server` section; `program` another release's `headgate`: it may change between starts."""
        self.name = name
        self.port = unused_port()
        self.folder = folder / name
        self.folder.mkdir()
        self.config = self.folder / "headgate.yaml"
        self.config.write_text(
            f"server: {{host: 127.0.0.1, port: {self.port}, auth: keys{server}}}\n"
            + config.replace("JOURNAL", str(self.folder / "journal"))
        )
        self.program = program or (sys.executable, "-m", "headgate")
        self._log = self.folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self.client = Client(self.port)

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} was started"
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def journal(self) -> Path:
        return self.folder / "journal"

    def launch(self) -> None:
        """Start it, without waiting for it."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("HEADGATE_")}
        own |= {"HEADGATE_ADMIN_KEY": ADMIN_KEY, "HEADGATE_SECRET": SECRET}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self.program, "serve", "--config", str(self.config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=own,
                start_new_session=True,
            )

    async def ready(self) -> None:
        """Wait until it takes calls."""
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            assert self.running, (
                f"{self.name} ended with {self._process and self._process.returncode}:\n{self.log[-3000:]}"
            )
            try:
                await self.client.get("/readyz")
            except OSError:
                await asyncio.sleep(0.05)
            else:
                return
        raise AssertionError(f"{self.name} does not get ready:\n{self.log[-3000:]}")

    async def start(self) -> None:
        self.launch()
        await self.ready()

    async def stop(self) -> int:
        """End it as its operator would; its exit code."""
        self.signal(signal.SIGTERM)
        return await self.ended()

    async def ended(self, limit_s: float = STOP_S) -> int:
        """Wait for its end; its exit code."""
        end = time.monotonic() + limit_s
        while self.running:
            assert time.monotonic() < end, f"{self.name} does not end:\n{self.log[-3000:]}"
            await asyncio.sleep(0.02)
        await self.client.close()
        assert self._process is not None
        return self._process.returncode

    async def kill(self) -> None:
        """End it where it stands, and all it has started."""
        if self._process is not None:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            await self.ended()

    def signal(self, what: signal.Signals) -> None:
        if self.running:
            os.kill(self.pid, what)

    def children(self) -> list[int]:
        """The processes it has started."""
        listed = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return [int(pid) for pid in listed.split()]

    async def metrics(self) -> str:
        return (await self.ask("GET", "/metrics")).body.decode()

    async def ask(self, method: str, path: str, body: Any = None, *, key: str = ADMIN_KEY) -> Outcome:
        """A request to one of its pages, or its admin API."""
        return await self.client.call(request(self.port, method, path, body, key), leave_s=20)


class Billing(Protocol):
    """A vendor, in this process or another one."""

    @property
    def url(self) -> str: ...

    def under_way(self) -> int: ...


class Cluster:
    """The replicas, and what they share. PostgreSQL and Redis are the run's own unless others are given: to be stopped
    or paused.
    """

    models = CONFIG

    def __init__(
        self,
        folder: Path,
        vendor: Billing,
        *,
        replicas: int = 4,
        config: str = "",
        server: str = "",
        postgres: services.Postgres | None = None,
        redis: services.Redis | None = None,
    ) -> None:
        """`config` is more for the configuration, `server` for its `server` section."""
        self.vendor = vendor
        self.postgres = postgres or services.postgres()
        self.redis = redis or services.redis()
        self.folder = folder
        self.replicas: list[Replica] = []
        self._database = self.postgres.create()
        self._text = self.text(config)
        self._server = server
        self._count = replicas
        self._connection: asyncpg.Connection[Any] | None = None

    @property
    def database_url(self) -> str:
        return self.postgres.url(self._database)

    def text(self, more: str = "") -> str:
        """A configuration without its `server` section; `JOURNAL` stands for a replica's folder."""
        storage = (
            f'storage: {{database: "{self.database_url}", shared: "{self.redis.url()}", connections: 4, '
            "journal: {folder: JOURNAL}}\n"
        )
        return self.text_of(self.vendor, storage, self.models) + more

    @staticmethod
    def text_of(vendor: Billing, storage: str, models: str = CONFIG) -> str:
        """The models and prices, over any storage."""
        prices = "".join(f"  {model}: {{input: {into}, output: {out}}}\n" for model, (into, out) in PRICES.items())
        return storage + models.replace("VENDOR", vendor.url) + prices

    def add(self, name: str = "", program: Sequence[str] = ()) -> Replica:
        """One more replica, not started yet."""
        replica = Replica(
            name or f"replica{len(self.replicas)}", self.folder, self._text, server=self._server, program=program
        )
        self.replicas.append(replica)
        return replica

    async def __aenter__(self) -> Self:
        if self.redis.running:
            self.redis.flush()
        try:
            for _ in range(self._count):
                self.add().launch()
            await asyncio.gather(*(each.ready() for each in self.replicas))
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._connection is not None:
            self._connection.terminate()
        for replica in self.replicas:
            await replica.kill()
        if self.postgres.running:
            self.postgres.drop(self._database)

    # ── administration ──

    async def admin(self, method: str, path: str, body: Any = None, *, replica: int = 0, status: int = 0) -> Any:
        """What the admin API answers; it has to be `status`, or any success."""
        outcome = await self.replicas[replica].ask(method, path, body)
        fits = outcome.status == status if status else 200 <= outcome.status < 300
        assert fits, f"{method} {path}: {outcome.status} {outcome.what} {outcome.body.decode()}"
        return json.loads(outcome.body) if outcome.body else None

    async def key(self, name: str = "k", *, replica: int = 0, known: bool = True, **fields: Any) -> Key:
        """A new key: `limits`, `budget_usd`, … as the admin API takes them. `known` waits until every replica knows it."""
        made = await self.admin("POST", "/admin/keys", {"name": name, **fields}, replica=replica)
        if known:
            await self.known(made["key"])
        return Key(made["id"], made["key"])

    async def known(self, key: str, *, live: bool = True) -> float:
        """Seconds until every replica lets a key in, or none does."""
        began = time.monotonic()
        for replica in self.replicas:
            while replica.running:
                outcome = await replica.ask("GET", "/v1/models", key=key)
                if (outcome.status == 200) == live:
                    break
                assert time.monotonic() - began < 10, (
                    f"{replica.name} does not see it: {outcome.status} {outcome.body!r}"
                )
                await asyncio.sleep(0.01)
        return time.monotonic() - began

    async def budget(self, key: Key, *, replica: int = 0) -> Budget:
        """How the budget of a key stands."""
        told = await self.admin("GET", f"/admin/keys/{key.id}", replica=replica)
        [budget] = told["budgets"]
        amount, spent, reserved = (budget[name] for name in ("amount_usd", "spent_usd", "reserved_usd"))
        return Budget(from_decimal(Decimal(amount)), _picodollars(spent), _picodollars(reserved))

    # ── calls ──

    async def call(
        self,
        key: Key | str,
        text: str,
        *,
        replica: int = 0,
        model: str = "chat",
        stream: bool = False,
        max_tokens: int | None = 40,
        leave_s: float = LIMIT_S,
        leave_bytes: float = float("inf"),
        **fields: Any,
    ) -> Outcome:
        """A chat completion. Its mark, the first word of `text`, is in its ledger rows as the tag `mark`. The client
        goes away after `leave_s`, or with so many bytes of the body.
        """
        port, name = self.replicas[replica].port, key if isinstance(key, str) else key.key
        sent = chat(port, model, text, name, stream=stream, max_tokens=max_tokens, **fields)
        return await self.replicas[replica].client.call(sent, leave_s=leave_s, leave_bytes=leave_bytes)

    # ── what came of it ──

    async def sql(self, statement: str, *values: Any) -> list[Any]:
        """Rows of the shared database, asked for beside the replicas."""
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(self.database_url)
        return await self._connection.fetch(statement, *values)

    async def ledger(self, key: Key | None = None) -> list[Row]:
        """All rows there are now, the oldest first."""
        rows = await self.sql(
            "SELECT id, call_id, key_id, target, cause, code, status, usage_source, cost_picodollars AS cost, "
            "reserved_picodollars AS reserved, vendor_request_id AS vendor_id, tags, streamed FROM ledger "
            "WHERE $1::text IS NULL OR key_id = $1 ORDER BY started_us, id",
            None if key is None else key.id,
        )
        return [Row(**row) for row in rows]

    async def settled(self, limit_s: float = SETTLE_S) -> None:
        """Wait until the vendor is asked nothing more, no replica has a call under way, and the ledger does not grow."""
        end = time.monotonic() + limit_s
        before, calm = -1, 0
        while calm < 3:
            assert time.monotonic() < end, "it does not come to rest"
            await asyncio.sleep(0.3)
            [(count,)] = await self.sql("SELECT count(*) FROM ledger")
            under_way = self.vendor.under_way() or await self.in_flight()
            calm = calm + 1 if not under_way and count == before else 0
            before = count

    async def in_flight(self) -> int:
        """Calls under way."""
        told = await asyncio.gather(*(each.metrics() for each in self.replicas if each.running))
        lines = [line for text in told for line in text.splitlines() if line.startswith("headgate_calls_in_flight")]
        return int(sum(float(line.rpartition(" ")[2]) for line in lines))

    async def held(self) -> dict[str, str]:
        """What is reserved of budgets in Redis, by attempt: nothing, where nothing is under way."""
        import redis.asyncio

        async with redis.asyncio.Redis.from_url(self.redis.url(), decode_responses=True) as client:
            spaces = [name async for name in client.scan_iter(match="*:space")]
            held: dict[str, str] = {}
            for space in spaces:  # what was given up with another one does not count any more
                async for name in client.scan_iter(match=f"*:{await client.get(space)}:h:*"):
                    held |= await client.hgetall(name)
        return held


@dataclass(frozen=True)
class Key:
    id: str
    key: str
    """What callers come with."""


@dataclass(frozen=True)
class Budget:
    """Picodollars."""

    amount: int
    spent: int | None
    reserved: int | None


@dataclass(frozen=True)
class Row:
    """Of the ledger. Money in picodollars."""

    id: str
    call_id: str
    key_id: str
    target: str
    cause: str
    code: str | None
    status: int
    usage_source: str
    cost: int | None
    reserved: int | None
    vendor_id: str | None
    tags: str
    streamed: int

    @property
    def mark(self) -> str:
        return json.loads(self.tags).get("mark", "")

    @property
    def model(self) -> str:
        """What the vendor calls it."""
        return self.target.partition("/")[2]

    @property
    def reported(self) -> bool:
        return self.usage_source == "reported"


def _picodollars(usd: str | None) -> int | None:
    return None if usd is None else from_decimal(Decimal(usd))


def chat(
    port: int,
    model: str,
    text: str,
    key: str,
    *,
    stream: bool = False,
    max_tokens: int | None = 40,
    **fields: Any,
) -> Request:
    """A chat completion, tagged with its mark."""
    body = {"model": model, "messages": [{"role": "user", "content": text}], **fields}
    body |= {"stream": True} if stream else {}
    body |= {} if max_tokens is None else {"max_tokens": max_tokens}
    return request(port, "POST", "/v1/chat/completions", body, key, _tagged(text), stream=stream)


def message(port: int, model: str, text: str, key: str, *, max_tokens: int = 40) -> Request:
    """A streamed message in Anthropic's dialect, tagged alike."""
    messages = [{"role": "user", "content": text}]
    body = {"model": model, "messages": messages, "max_tokens": max_tokens, "stream": True}
    return request(port, "POST", "/v1/messages", body, key, _tagged(text), stream=True)


def embedding(port: int, model: str, text: str, key: str) -> Request:
    """A request for an embedding, tagged alike."""
    return request(port, "POST", "/v1/embeddings", {"model": model, "input": text}, key, _tagged(text))


def _tagged(text: str) -> dict[str, str]:
    return {"x-headgate-tags": f"mark={text.split()[0]}"}


def request(
    port: int,
    method: str,
    path: str,
    body: Any,
    key: str,
    headers: dict[str, str] | None = None,
    *,
    stream: bool = False,
) -> Request:
    data = b"" if body is None else json.dumps(body).encode()
    lines = {"host": f"127.0.0.1:{port}", "authorization": f"Bearer {key}", **(headers or {})}
    if data:
        lines |= {"content-type": "application/json", "content-length": str(len(data))}
    head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n"
    return Request(head.encode("latin-1") + data, stream)
