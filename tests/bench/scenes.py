"""The scenes of the benchmark. Each gives rows of a table and what they were made from."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import setting
import vendor
import wrk
from processes import GATEWAY_CORE, LOAD_CORE, Process, free_port

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))

import services  # noqa: E402  # of the tests: real servers in a temporary folder

Row = dict[str, str | float | int]
Say = Callable[[str], None]


RECOVERING = """
  recovering:
    targets: [mock/gpt-4o-mini, mock/gpt-4o]
    fallback: [mock/gpt-4.1]
    hedge: {}
    balance: {affinity: session}
    validate: {tools: true, validators: [not_empty]}
"""
"""A model that is ready for everything; nothing happens to it while it is measured."""


def unary(folder: Path, seconds: float, say: Say) -> list[Row]:
    """Calls a second on one core and CPU per call: nginx, Headgate in one dialect, Headgate translating."""
    rows: list[Row] = []

    def measure(what: str, size: str, process: Process, port: int, load: wrk.Load) -> None:
        say(f"{what}, {size}")
        wrk.run(folder, process, port, load, min(2, seconds))
        result = wrk.run(folder, process, port, load, seconds)
        rows.append(
            {"what": what, "body": size, "calls/s": round(result.calls_per_s), "cpu µs/call": round(result.cpu_us, 1)}
        )

    with setting.mock(folder) as mock_port:
        direct_port = free_port()
        with vendor.mock(folder / "direct", direct_port, GATEWAY_CORE) as process:
            process.wait_for(direct_port)
            measure("nginx answering", "0.3 KB", process, direct_port, wrk.chat(0.3))
        proxy_port = free_port()
        with vendor.proxy(folder, proxy_port, mock_port, GATEWAY_CORE) as process:
            process.wait_for(proxy_port)
            for kilobytes in (0.3, 1, 32, 400):
                measure("nginx as proxy", f"{kilobytes} KB", process, proxy_port, wrk.chat(kilobytes))
        process, port = setting.gateway(folder, "unary", mock_port, more=RECOVERING)
        with process:
            process.wait_for(port)
            for kilobytes in (0.3, 1, 32, 400):
                measure("Headgate, same dialect", f"{kilobytes} KB", process, port, wrk.chat(kilobytes))
                measure("Headgate, translated", f"{kilobytes} KB", process, port, wrk.messages(kilobytes))
            measure("Headgate, recovering", "0.3 KB", process, port, wrk.chat(0.3, model="recovering"))
    proxies = {row["body"]: row["cpu µs/call"] for row in rows if row["what"] == "nginx as proxy"}
    for row in rows:
        row["x nginx proxy"] = round(float(row["cpu µs/call"]) / float(proxies[row["body"]]), 1)
    return rows


LIMITS = [{"per": "minute", "requests": 100_000_000, "tokens": 100_000_000_000}]
RULES: dict[str, Any] = {"limits": LIMITS, "budget_usd": "1000000", "budget_period": "month", "tags": {"app": "bench"}}

DRAIN_S = 1.5
"""After a load, until the database has all its rows: the measure is that of a call and of its row."""


def governed(folder: Path, seconds: float, say: Say) -> list[Row]:
    """CPU per call of 0.3 KB with its ledger row in the database: without a key, with one, with limits and a budget."""
    rows: list[Row] = []
    with setting.mock(folder) as mock_port, ExitStack() as stack:
        proxy_port = free_port()
        proxy = stack.enter_context(vendor.proxy(folder, proxy_port, mock_port, GATEWAY_CORE))
        proxy.wait_for(proxy_port)
        measured: list[tuple[str, Process, int, dict[str, str]]] = [("nginx as proxy", proxy, proxy_port, {})]
        redis = setting.Stores(services.postgres().url(services.postgres().create()), services.redis().url())
        for what, stores, body in (
            ("no key", None, None),
            ("key", None, {}),
            ("key, limits, budget", None, RULES),
            ("key, limits, budget; PostgreSQL and Redis", redis, RULES),
        ):
            name = f"governed-{len(measured)}"
            auth = "none" if body is None else "keys"
            process, port = setting.gateway(folder, name, mock_port, auth=auth, stores=stores)
            stack.enter_context(process)
            process.wait_for(port)
            headers = {} if body is None else {"authorization": f"Bearer {setting.key(port, **body)}"}
            measured.append((what, process, port, headers))
        time.sleep(1)  # a new key is known everywhere by then
        found: dict[str, list[float]] = {what: [] for what, *_ in measured}
        for turn in range(ROUNDS):
            for what, process, port, headers in measured if turn % 2 else reversed(measured):
                say(f"{what}, round {turn + 1} of {ROUNDS}")
                wrk.run(folder, process, port, wrk.chat(0.3), 1, headers=headers, rest_s=DRAIN_S)
                result = wrk.run(folder, process, port, wrk.chat(0.3), seconds, headers=headers, rest_s=DRAIN_S)
                found[what].append(result.cpu_us)
        rows = [{"what": what, "cpu µs/call": round(statistics.median(each), 1)} for what, each in found.items()]
    nginx = float(rows[0]["cpu µs/call"])
    return [{**row, "x nginx proxy": round(float(row["cpu µs/call"]) / nginx, 1)} for row in rows]


ROUNDS = 4
"""Turns each takes, so that none has the quieter machine."""


def bursts(folder: Path, seconds: float, say: Say) -> list[Row]:
    """Streams of 32 chunks that arrive at once."""
    rows: list[Row] = []
    with setting.mock(folder) as mock_port:
        process, port = setting.gateway(folder, "bursts", mock_port)
        with process:
            process.wait_for(port)
            for what, load in (
                ("same dialect", wrk.chat(0.3, stream=True, model="stream")),
                ("translated", wrk.messages(0.3, stream=True, model="stream")),
            ):
                say(f"stream of {vendor.CHUNKS} chunks at once, {what}")
                wrk.run(folder, process, port, load, 1)
                result = wrk.run(folder, process, port, load, seconds)
                rows.append({
                    "what": what, "streams/s": round(result.calls_per_s), "cpu µs/stream": round(result.cpu_us, 1),
                    "cpu µs/chunk": round(result.cpu_us / vendor.CHUNKS, 2),
                })  # fmt: skip
    return rows


def paced(folder: Path, seconds: float, say: Say) -> list[Row]:
    """Streams at a model's pace: what a chunk costs, how late it gets, what an open stream holds."""
    rows: list[Row] = []
    for streams, interval_ms in ((500, 30), (1000, 100)):
        say(f"{streams} streams, a chunk each {interval_ms} ms")
        vendor_port = free_port()
        count = int((seconds + 6) * 1000 / interval_ms)
        script = str(HERE / "paced.py")
        command = [sys.executable, script, "vendor", str(vendor_port), str(interval_ms), str(count)]
        with Process(command, LOAD_CORE, folder / "vendor.log") as vendor_process:
            vendor_process.wait_for(vendor_port)
            direct, _ = _listen(vendor_port, streams, seconds, vendor_process)
        with Process(command, LOAD_CORE, folder / "vendor.log") as vendor_process, setting.mock(folder) as mock_port:
            vendor_process.wait_for(vendor_port)
            process, port = setting.gateway(folder, "paced", mock_port, vendor_port)
            with process:
                process.wait_for(port)
                wrk.run(folder, process, port, wrk.chat(0.3), 1)
                idle_mb = process.rss_mb()
                through, mark = _listen(port, streams, seconds, process)
                cpu_s = process.cpu_s() - mark.cpu_s
        cpu_us = cpu_s / through["chunks"] * 1e6
        rows.append({
            "streams": streams, "interval ms": interval_ms, "chunks/s": round(through["chunks"] / seconds),
            "cpu µs/chunk": round(cpu_us, 1), "added p50 µs": round(through["p50_us"] - direct["p50_us"]),
            "added p99 µs": round(through["p99_us"] - direct["p99_us"]),
            "KB/stream": round((mark.rss_mb - idle_mb) * 1000 / streams, 1),
            "streams/core": round(1e6 / cpu_us * interval_ms / 1000),
        })  # fmt: skip
    return rows


@dataclass(frozen=True)
class Mark:
    """How a process stood when the counting began."""

    cpu_s: float
    rss_mb: float


def _listen(port: int, streams: int, seconds: float, process: Process) -> tuple[dict[str, float], Mark]:
    """Open streams and time their chunks."""
    command = [
        "taskset", "-c", str(LOAD_CORE), sys.executable, str(HERE / "paced.py"), "client", str(port), str(streams),
        str(seconds), "3",
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout is not None
        client.stdout.readline()
        mark = Mark(process.cpu_s(), process.rss_mb())
        return json.loads(client.stdout.readline()), mark


def latency(folder: Path, seconds: float, say: Say) -> list[Row]:
    """Latency at 2,000 calls a second on a fixed schedule: nginx as proxy and Headgate, taken in turns."""
    rate = 2000
    body = folder / "body.json"
    body.write_text(wrk.chat(0.3).body)
    rounds: dict[str, list[dict[str, float]]] = {"nginx as proxy": [], "Headgate": []}
    with setting.mock(folder) as mock_port:
        proxy_port = free_port()
        process, port = setting.gateway(folder, "latency", mock_port)
        with vendor.proxy(folder, proxy_port, mock_port, GATEWAY_CORE) as proxy, process:
            proxy.wait_for(proxy_port)
            process.wait_for(port)
            wrk.run(folder, process, port, wrk.chat(0.3), 2)
            for number in range(3):
                for what, at in (("nginx as proxy", proxy_port), ("Headgate", port)):
                    say(f"open loop, {rate} calls/s, {what}, round {number + 1} of 3")
                    command = [
                        "taskset", "-c", str(LOAD_CORE), sys.executable, str(HERE / "openloop.py"), str(at),
                        "/v1/chat/completions", str(body), str(rate), str(seconds), "64",
                    ]  # fmt: skip
                    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
                    rounds[what].append(json.loads(output))
    quantiles = ("p50_ms", "p95_ms", "p99_ms")
    rows: list[Row] = []
    for what, results in rounds.items():
        middle = {name: sorted(each[name] for each in results)[len(results) // 2] for name in quantiles}
        rows.append({"what": what, **{name.replace("_ms", " ms"): round(value, 3) for name, value in middle.items()}})
    added = {name: round(float(rows[1][name]) - float(rows[0][name]), 3) for name in ("p50 ms", "p95 ms", "p99 ms")}
    rows.append({"what": "added by Headgate over nginx", **added})
    return rows


def memory(folder: Path, calls: int, say: Say) -> list[Row]:
    """Resident memory after 1, 100 thousand and 1 million calls."""
    rows: list[Row] = []
    with setting.mock(folder) as mock_port:
        process, port = setting.gateway(folder, "memory", mock_port)
        with process:
            process.wait_for(port)
            done = 0
            for goal in (1, 100_000, calls):
                while done < goal:
                    say(f"memory: {done:,} of {goal:,} calls")
                    if goal == 1:
                        done += _one(port)
                    else:
                        done += wrk.run(folder, process, port, wrk.chat(0.3), min(20, 1 + (goal - done) / 12_000)).calls
                rows.append({"calls": done, "RSS MB": round(process.rss_mb(), 1)})
    growth = float(rows[-1]["RSS MB"]) - float(rows[1]["RSS MB"])
    rows.append({"calls": "growth from 100 thousand on", "RSS MB": round(growth, 1)})
    return rows


def _one(port: int) -> int:
    command = ["curl", "-sf", "-H", "content-type: application/json", "-d", wrk.chat(0.3).body]
    subprocess.run([*command, f"http://127.0.0.1:{port}/v1/chat/completions"], check=True, stdout=subprocess.DEVNULL)
    return 1


def start(folder: Path, rounds: int, say: Say) -> list[Row]:
    """How long it takes to import the library, and from the command to the first answer. Medians."""
    say("start-up")
    empty, imports, firsts = [], [], []
    for _ in range(rounds):
        empty.append(_timed([sys.executable, "-c", "pass"]))
        imports.append(_timed([sys.executable, "-c", "from headgate import Gateway"]))
    with setting.mock(folder) as mock_port:
        for number in range(rounds):
            process, port = setting.gateway(folder, f"start{number}", mock_port)
            with process:
                process.wait_for(port)
                _one(port)
                firsts.append(time.monotonic() - process.started)
    middle = rounds // 2
    return [
        {"what": "from headgate import Gateway (without Python's own start)",
         "ms": round((sorted(imports)[middle] - sorted(empty)[middle]) * 1000)},
        {"what": "headgate serve to first answer", "ms": round(sorted(firsts)[middle] * 1000)},
    ]  # fmt: skip


def _timed(command: list[str]) -> float:
    started = time.monotonic()
    subprocess.run(command, check=True)
    return time.monotonic() - started


def stages(folder: Path, calls: int, say: Say) -> list[Row]:
    """What a stage costs that does nothing, and what wrapping a stream costs per chunk."""
    say("empty stages")
    output = subprocess.run(
        ["taskset", "-c", str(GATEWAY_CORE), sys.executable, str(HERE / "stages.py"), str(calls)],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return json.loads(output)
