"""Repeat a move from LiteLLM's real proxy: let it fill a database, import that, and call Headgate with its keys.

LiteLLM is installed into a folder of its own (LITELLM_FOLDER, else one that is removed), never into this project's
environment. The release is pinned: two of March 2026 were trojaned, and a wheel that brings a .pth file is refused.
LiteLLM's proxy reaches PostgreSQL through Prisma, whose query engine is downloaded from Prisma by
`prisma generate`. Where that cannot be reached, PRISMA_QUERY_ENGINE_BINARY names one.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

TREE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TREE / "tests"))

from services import Postgres  # noqa: E402

RELEASE = os.environ.get("LITELLM_RELEASE", "1.106.12")
TROJANED = {"1.82.7", "1.82.8"}
MASTER = "sk-master-of-the-incumbent-0123456789"
CALLS = 3

CONFIG = """
model_list:
  - model_name: gpt-4o-mini
    litellm_params:
      {{model: openai/gpt-4o-mini, api_base: "http://127.0.0.1:{port}/v1", api_key: os.environ/UPSTREAM_KEY}}
litellm_settings: {{telemetry: false}}
general_settings: {{master_key: os.environ/LITELLM_MASTER_KEY, proxy_batch_write_at: 1}}
"""


def main() -> None:
    folder = Path(os.environ.get("LITELLM_FOLDER") or tempfile.mkdtemp(prefix="litellm-"))
    try:
        binaries = installed(folder)
        with Postgres() as postgres:
            database = postgres.create()
            migrate(binaries, postgres, database)
            move(folder, binaries, postgres.url(database))
    finally:
        if "LITELLM_FOLDER" not in os.environ:
            shutil.rmtree(folder, ignore_errors=True)


# ── LiteLLM ──


def installed(folder: Path) -> Path:
    """Where the programs of an environment with LiteLLM are."""
    if RELEASE in TROJANED:
        sys.exit(f"LiteLLM {RELEASE} is a trojaned release")
    binaries = folder / "venv" / "bin"
    if not (binaries / "litellm").exists():
        say(f"installing litellm[proxy]=={RELEASE}")
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
        before = {each.name for each in packages(binaries).glob("*.pth")}
        wanted = [f"litellm[proxy]=={RELEASE}", "prisma>=0.11,<1"]
        subprocess.run([binaries / "pip", "install", "-q", "--only-binary", ":all:", *wanted], check=True)
        if brought := {each.name for each in packages(binaries).glob("*.pth")} - before:
            sys.exit(f"LiteLLM {RELEASE} brings {', '.join(brought)}: not run")
    schema = packages(binaries) / "litellm" / "proxy" / "schema.prisma"
    generate = [binaries / "prisma", "generate", "--schema", schema]
    environ = {**os.environ, "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}"}
    if engine := os.environ.get("PRISMA_QUERY_ENGINE_BINARY"):
        environ.setdefault("PRISMA_SCHEMA_ENGINE_BINARY", engine)  # is not run, but would be downloaded
    if subprocess.run(generate, capture_output=True, check=False, env=environ).returncode:
        sys.exit("Prisma's query engine cannot be downloaded here; name one in PRISMA_QUERY_ENGINE_BINARY")
    return binaries


def packages(binaries: Path) -> Path:
    return next((binaries.parent / "lib").glob("python*/site-packages"))


def migrate(binaries: Path, postgres: Postgres, database: str) -> None:
    """Apply LiteLLM's own migrations, in their order; one statement at a time, as some cannot be in a transaction."""
    files = sorted((packages(binaries) / "litellm_proxy_extras" / "migrations").glob("*/migration.sql"))
    psql = postgres._bin / "psql"
    for file in files:
        command = [psql, "-qX", "-v", "ON_ERROR_STOP=1", "-f", file, postgres.url(database)]
        subprocess.run(command, check=True, capture_output=True)
    say(f"{len(files)} of LiteLLM's migrations are applied")


def move(folder: Path, binaries: Path, url: str) -> None:
    upstream, theirs, ours = (free_port() for _ in range(3))
    work = Path(tempfile.mkdtemp(prefix="move-", dir=folder))
    (work / "config.yaml").write_text(CONFIG.format(port=upstream))
    common = {"UPSTREAM_KEY": "k", "LITELLM_MASTER_KEY": MASTER}
    path = f"{binaries}{os.pathsep}{os.environ['PATH']}"
    litellm = {**common, "DATABASE_URL": url, "DISABLE_SCHEMA_UPDATE": "true", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    headgate = {**common, "HEADGATE_ADMIN_KEY": MASTER}
    own = [sys.executable, "-m", "headgate"]
    with running([*own, "simulate", "--port", str(upstream)], work, {}):
        wait(upstream)
        command = [str(binaries / "litellm"), "--config", "config.yaml", "--port", str(theirs), "--host", "127.0.0.1"]
        with running(command, work, {**litellm, "PATH": path}):
            wait(theirs, "/health/liveliness")
            key = use(theirs)
            spent = settled(theirs, key)
        say(f"LiteLLM has ${spent} of the key")
        imported = [*own, "import", "litellm", "--config", "config.yaml", "--database", url, "--write"]
        subprocess.run(imported, cwd=work, env={**os.environ, **headgate}, check=True)
        with running([*own, "serve", "--port", str(ours)], work, headgate):
            wait(ours)
            check(ours, key, spent)


def use(port: int) -> str:
    """A team and a key, made and used through LiteLLM's own API."""
    team = ask(port, "/team/new", MASTER, {"team_alias": "Research", "max_budget": 10, "budget_duration": "30d"})
    made = {"key_alias": "ci", "team_id": team["team_id"], "max_budget": 2.5, "budget_duration": "7d", "rpm_limit": 60}
    key: str = ask(port, "/key/generate", MASTER, made)["key"]
    for number in range(CALLS):
        call(port, key, f"Tell me about canals, {number}")
    return key


def settled(port: int, key: str) -> Decimal:
    """What LiteLLM has written down for a key, once that does not change any more."""
    last = Decimal(-1)
    for _ in range(30):
        time.sleep(4)
        info = ask(port, f"/key/info?key={key}", MASTER)["info"]
        now = round(Decimal(str(info["spend"])), 12)
        if now and now == last:
            return now.normalize()
        last = now
    sys.exit("LiteLLM has written nothing down")


def check(port: int, key: str, spent: Decimal) -> None:
    """The same client gets its answer, and the budget has what was spent there and here, exactly."""
    answer, headers = call(port, key, "Hello")
    cost = Decimal(headers["x-headgate-cost-usd"])
    time.sleep(1)
    budgets = {each["period"]: Decimal(each["spent_usd"]) for each in ask(port, "/admin/budgets", MASTER)["data"]}
    say(f"Headgate answers {answer['choices'][0]['message']['content'][:40]!r} for ${cost}; spent: {budgets}")
    expected = {"week": spent + cost, "month": spent + cost}
    if budgets != expected:
        sys.exit(f"expected {expected}")
    say("the budgets have what was spent there and here, exactly")


# ── parts ──


def call(port: int, key: str, text: str) -> tuple[Any, Any]:
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}]}
    return sent(port, "/chat/completions", key, body)


def ask(port: int, path: str, key: str, body: Any = None) -> Any:
    return sent(port, path, key, body)[0]


def sent(port: int, path: str, key: str, body: Any = None) -> tuple[Any, Any]:
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, headers)
    try:
        with urllib.request.urlopen(request, timeout=120) as response:
            return json.load(response), response.headers
    except urllib.error.HTTPError as error:
        sys.exit(f"{path}: {error.code} {error.read()[:500]!r}")


@contextmanager
def running(command: list[str], folder: Path, environ: dict[str, str]) -> Iterator[None]:
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, cwd=folder, env={**os.environ, **environ}, stdout=log, stderr=log)
    try:
        yield
    except SystemExit:
        say((folder / "log").read_text(errors="replace")[-3000:])
        raise
    finally:
        process.terminate()
        process.wait(30)


def wait(port: int, path: str = "/healthz") -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.2)
        else:
            return
    sys.exit(f"nobody answers at port {port}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
