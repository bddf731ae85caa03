"""A year of sums at 50 keys x 10 models in SQLite, and how long each page of the dashboard takes on it.

    python tests/bench/year.py FOLDER

makes FOLDER/year.db (once; about 5 GB and a minute or two), serves it, asks for the first page and then for every page
over a year and over the last day, and fails where the first, or a median, is above 300 ms. Sums of pairs of names are there by day alone, all others by
minute for 3 days, by hour for 92, by day and by four weeks for 365, as the defaults of `telemetry.rollups` keep them.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import secrets
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw

sys.path.insert(0, str(Path(__file__).parents[1]))

from headgate.access.minting import digest
from headgate.config import loads
from headgate.dashboard.board import MEASURED
from headgate.gateway import Gateway
from headgate.prompts.dotprompt import load_sources
from headgate.prompts.reference import SHORT
from headgate.server.app import App
from headgate.stats.sketch import Sketch
from headgate.storage.opening import open_database
from headgate.storage.records import Budget, Key, Team
from headgate.storage.tables import BUDGETS, next_revision
from headgate.storage.tables import KEYS as KEY_TABLE
from headgate.storage.tables import TEAMS as TEAM_TABLE
from headgate.telemetry.rollups.cell import encode_counts, encode_sketches
from headgate.telemetry.rollups.cubes import CUBES

MOST_MS = 300.0

WEEKS_S, DAY_S, HOUR_S, MINUTE_S = 2_419_200, 86_400, 3_600, 60
KEPT = ((WEEKS_S, 365), (DAY_S, 365), (HOUR_S, 92), (MINUTE_S, 3))
VARIANTS = 40

TEAMS = [f"team_{number:024x}" for number in range(8)]
KEYS = [f"key_{number:024x}" for number in range(50)]
MODELS = [f"model-{number}" for number in range(10)]
TARGETS = [f"vendor{number % 4}/model-{number}" for number in range(15)]
PROMPTS = [
    {f"support/prompt-{number}.prompt": f"headgate {version}\n" + "You help customers of a shop. Be brief.\n" * 40}
    for number in range(3) for version in range(4)
]  # fmt: skip
"""Versions of three prompts."""


def version_of(sources: dict[str, str]) -> tuple[str, str]:
    """The name and the whole version of a prompt."""
    [prompt] = load_sources(sources).prompts.values()
    return prompt.full_name, prompt.version


VERSIONS = [version_of(sources) for sources in PROMPTS]
NAMES = {
    "model": MODELS,
    "target": TARGETS,
    "operation": ["chat", "embed"],
    "key": KEYS,
    "team": TEAMS,
    "project": [f"project_{number}" for number in range(6)],
    "prompt": [f"{name}@{version[:SHORT]}" for name, version in VERSIONS],
    "arm": ["trial:a", "trial:b"],
    "tag": [f"app=app-{number}" for number in range(10)],
}
FIRST = "the first page after a start"

PER_DAY = 100_000
"""Calls."""

ADMIN = "hg-admin-key-of-the-benchmark-0123456789"


def columns(calls: int, rng: random.Random) -> tuple[bytes, bytes, bytes]:
    """What is written of so many calls."""
    failed = int(calls * rng.uniform(0.001, 0.03))
    counts = {
        "calls": calls, "failed": failed, "streamed": calls // 2, "attempts": int(calls * 1.02), "attempts_failed": failed,
        "error.rate_limited": failed // 2, "error.timeout": failed - failed // 2,
        "attempt_error.rate_limited": failed // 2, "event.Retried": calls // 50, "tokens.input_tokens": calls * 900,
        "tokens.cached_tokens": calls * 200, "tokens.output_tokens": calls * 250,
        "cost_picodollars": int(calls * rng.uniform(0.8, 1.2) * 400_000_000), "unpriced": 0, "rated": calls // 30,
        "feedback.up": calls // 40, "feedback.down": calls // 160, "feedback.score_4": calls // 200,
        "evaluation.refusal.pass": calls // 20, "evaluation.refusal.fail": calls // 400, "evaluation.empty.pass": calls // 20,
    }  # fmt: skip

    def sketch(middle_us: float, spread: float) -> Sketch:
        found = Sketch()
        some = max(1, min(calls, 400))
        for _ in range(some):
            found.add(rng.lognormvariate(0, spread) * middle_us, max(1, calls // some))
        return found

    names = ("first_token", "per_token", "overhead", "queued", "attempt_duration", "attempt_first_token")
    return (
        encode_counts(counts),
        sketch(1_200_000, 0.7).encode(),
        encode_sketches({name: sketch(300_000, 0.6) for name in names}),
    )


def rows(now_s: int, rng: random.Random) -> Iterator[tuple[Any, ...]]:
    pools: dict[int, list[tuple[bytes, bytes, bytes]]] = {}
    for level, days in KEPT:
        until_s = now_s if level == MINUTE_S else now_s // level * level
        starts = range(now_s // level * level - days * DAY_S, until_s, level)
        for cube, dimensions in CUBES.items():
            if len(dimensions) > 1 and level < DAY_S:
                continue
            places = list(itertools.product(*(NAMES[each] for each in dimensions)))
            calls = max(1, PER_DAY * level // DAY_S // len(places))
            if calls not in pools:
                pools[calls] = [columns(max(1, int(calls * rng.uniform(0.5, 1.5))), rng) for _ in range(VARIANTS)]
            pool = pools[calls]
            for start_s, place in itertools.product(starts, places):
                first, second = (*place, "", "")[:2]
                yield ("default", cube, level, start_s, first, second, *rng.choice(pool))


async def made(path: Path) -> None:
    """The database, at the newest migration."""
    database = await open_database(f"sqlite:///{path}")
    await database.close()
    rng = random.Random(50)
    now_s = int(time.time())
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA cache_size = -500000")
    with connection:
        connection.executemany("INSERT INTO rollups VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows(now_s, rng))
        for level in (HOUR_S, DAY_S, WEEKS_S):
            connection.execute("UPDATE rollup_closed SET until_s = ? WHERE level = ?", (now_s // level * level, level))
        connection.executemany(
            "INSERT INTO calls (id, kept, organisation, started_us, duration_us, model, target, operation, streamed, "
            "code, attempts, key_id, team_id, first_token_us, overhead_us, queued_us, input_tokens, output_tokens, "
            "cost_picodollars, tags, events) VALUES (?, ?, 'default', ?, ?, ?, ?, 'chat', 1, ?, 1, ?, ?, 200000, 900, 0, 900, "
            "250, 400000000, '{}', '[]')",
            calls(now_s, rng),
        )
    connection.close()


def calls(now_s: int, rng: random.Random) -> Iterator[tuple[Any, ...]]:
    for number in range(200_000):
        code = "timeout" if number % 80 == 0 else None
        started_us = (now_s - rng.randrange(14 * DAY_S)) * 1_000_000 + number % 1_000_000
        key = rng.randrange(len(KEYS))
        kept = "error" if code else "sample"
        yield (
            f"req_{number:024x}", kept, started_us, int(rng.lognormvariate(14, 0.7)), rng.choice(MODELS),
            rng.choice(TARGETS), code, KEYS[key], TEAMS[key % 8],
        )  # fmt: skip


CONFIG = """
server: {{auth: keys}}
storage: {{database: "sqlite:///{path}"}}
providers: {{sim: {{kind: simulator}}}}
models:
"""


async def measured(path: Path, times: int) -> dict[str, float]:
    """Median milliseconds of each page."""
    text = CONFIG.format(path=path) + "".join(f"  {name}: {{targets: [sim/{name}]}}\n" for name in MODELS)
    environ = {"HEADGATE_ADMIN_KEY": ADMIN}
    gateway = Gateway(loads(text, "headgate.yaml", environ), environ=environ)
    await gateway.open()
    await administered(gateway)
    app = App(gateway)
    await tested(app, gateway)
    await app._dashboard.load()
    cookie = await signed_in(app)
    found: dict[str, float] = {}
    begun = time.perf_counter()
    await request(app, "GET", "/", {"cookie": cookie})
    found[FIRST] = (time.perf_counter() - begun) * 1000
    print(f"{found[FIRST]:8.1f} ms  {FIRST}", flush=True)
    for asked in MEASURED:
        taken: list[float] = []
        for _ in range(times):
            begun = time.perf_counter()
            status, _, _ = await request(app, "GET", asked, {"cookie": cookie})
            taken.append((time.perf_counter() - begun) * 1000)
            assert status == 200, (asked, status)
        found[asked] = statistics.median(taken)
        print(f"{found[asked]:8.1f} ms  {max(taken):8.1f} at most  {asked}", flush=True)
    await gateway.close()
    return found


async def administered(gateway: Gateway) -> None:
    """The teams and keys whose sums there are."""
    store: Any = gateway.store
    async with store.database.transaction() as transaction:
        if await TEAM_TABLE.get(transaction, "default", TEAMS[0]) is not None:
            return
        revision = await next_revision(transaction)
        common: dict[str, Any] = {"organisation": "default", "revision": revision}
        for number, team in enumerate(TEAMS):
            await TEAM_TABLE.insert(transaction, Team(id=team, name=f"team {number}", timezone="UTC", **common))
            budget = Budget(
                id=f"budget_{number}", subject=f"team:{team}", amount_picodollars=10**15, period="month", **common
            )
            await BUDGETS.insert(transaction, budget)
        for number, key in enumerate(KEYS):
            found = digest(secrets.token_bytes(32)).hex()
            row = Key(
                id=key, name=f"key {number}", digest=found, hint="abcd", team_id=TEAMS[number % 8], roles=["caller"],
                **common,
            )  # fmt: skip
            await KEY_TABLE.insert(transaction, row)
    await store.directory.refresh()


async def tested(app: App, gateway: Gateway) -> None:
    """The prompts that were called, and what came of their tests and of golden sets every night of the year."""
    store: Any = gateway.store
    if await store.database.fetch("SELECT 1 FROM prompt_versions LIMIT 1"):
        return
    for sources in PROMPTS:
        await posted(app, "/admin/prompts", {"sources": sources})
    cases = [{"case": f"case {each}", "subject": f"{each}", "of": 3, "tries": [True] * 3} for each in range(200)]
    common = {"run": "0", "at": "2026-01-01T02:00:00Z", "cases": cases, "p95_ms": 900, "cost_usd": "0.01"}
    places = [
        *({"prompt": name, "version": version, "cell": name, "suite": suite} for name, version in VERSIONS[3::4]
          for suite in ("answers", "refusals")),
        *({"cell": model, "suite": "golden"} for model in MODELS),
    ]  # fmt: skip
    for place in places:
        await posted(app, "/admin/prompts/tests", {**common, **place})
    async with store.database.transaction() as transaction:
        await transaction.execute(NIGHTS, DAY_S * 1_000_000)


NIGHTS = (
    "WITH RECURSIVE nights(night) AS (SELECT 1 UNION ALL SELECT night + 1 FROM nights WHERE night < 365) "
    "INSERT INTO prompt_tests (id, organisation, version, revision, created_us, updated_us, subject, digest, suite, cell, "
    "run, ran_us, figures, verdict, baseline, comparison, cases, posted_by) SELECT id || '-' || night, organisation, "
    "version, revision, created_us - night * $1, updated_us, subject, digest, suite, cell, CAST(night AS TEXT), "
    "ran_us - night * $1, figures, 'no_difference', id, comparison, cases, posted_by FROM prompt_tests, nights"
)


async def posted(app: App, path: str, tree: Any) -> None:
    body = json.dumps(tree).encode()
    headers = {"content-type": "application/json", "content-length": str(len(body)), "authorization": f"Bearer {ADMIN}"}
    status, _, answered = await request(app, "POST", path, headers, body)
    assert status == 201, answered


async def signed_in(app: App) -> str:
    body = f"key={ADMIN}".encode()
    headers = {"content-type": "application/x-www-form-urlencoded", "content-length": str(len(body))}
    status, answered, _ = await request(app, "POST", "/dashboard/sign-in", headers, body)
    assert status in (200, 303), status
    return answered["set-cookie"].partition(";")[0]


async def request(
    app: App, method: str, url: str, headers: dict[str, str], body: bytes = b""
) -> tuple[int, dict[str, str], bytes]:
    """One request, without a socket between."""
    path, _, query = url.partition("?")
    lines = {"host": "127.0.0.1", "origin": "http://127.0.0.1", "accept": "text/html", **headers}
    scope: dict[str, Any] = {
        "type": "http", "method": method, "path": path, "query_string": query.encode(), "client": ("127.0.0.1", 1),
        "scheme": "http", "headers": [(name.encode(), value.encode()) for name, value in lines.items()],
    }  # fmt: skip
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    answered = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], answered, b"".join(each.get("body", b"") for each in sent[1:])


def main(folder: Path, times: int = 5) -> int:
    path = folder.absolute() / "year.db"
    folder.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        partial = path.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        asyncio.run(made(partial))
        partial.rename(path)
        print(f"{path}: {path.stat().st_size / 1e9:.1f} GB", flush=True)
    found = asyncio.run(measured(path, times))
    slow = {asked: taken for asked, taken in found.items() if taken > MOST_MS}
    for asked, taken in slow.items():
        print(f"{asked} takes {taken:.0f} ms, more than {MOST_MS:.0f}", file=sys.stderr)
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
