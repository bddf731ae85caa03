"""Whether the database keeps up: the gateway at its full rate for a long time, a key with limits and a budget, SQLite.

`python tests/bench/drain.py`; `DRAIN_SECONDS` is how long (600: a call is about 0.7 KB of disk). The exit code is 1 where a
bar is missed.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

sys.path.append(str(Path(__file__).parents[1]))

import setting
import wrk
from processes import Process
from resilience.findings import Finding, at_least, at_most, missed, rows, show, told
from scenes import RULES

RESULTS = Path(__file__).parents[2] / ".bench"
SECONDS = float(os.environ.get("DRAIN_SECONDS", "600"))
WARM_S = 5.0
LOOK_S = 1.0
BEHIND_S = 5.0
"""The most that may wait for the database, in seconds of calls."""
GROWTH_MB = 10.0
"""The most that memory may grow over the last two thirds."""
ATTEMPTS = 'headgate_attempts_total{target="mock/gpt-4o-mini",outcome="ok"}'


@dataclass(frozen=True)
class Look:
    """How it stood at one moment."""

    at: float
    attempts: int
    stored: int
    journal_mb: float
    log_mb: float
    """SQLite's write-ahead log."""
    rss_mb: float

    @property
    def behind(self) -> int:
        return max(0, self.attempts - self.stored)


class Watch(threading.Thread):
    """Looks once a second, beside the load."""

    def __init__(self, folder: Path, process: Process, port: int) -> None:
        super().__init__(daemon=True)
        self.looks: list[Look] = []
        self._folder = folder
        self._process = process
        self._port = port
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(LOOK_S):
            self.looks.append(self.look())

    def stop(self) -> None:
        self._over.set()
        self.join()

    def look(self) -> Look:
        attempts = self._attempts()
        return Look(
            time.monotonic(), attempts, self._stored(), size_mb(self._folder, "drain.journal/*.journal"),
            size_mb(self._folder, "drain.db-wal"), self._process.rss_mb(),
        )  # fmt: skip

    def _attempts(self) -> int:
        asked = Request(
            f"http://127.0.0.1:{self._port}/metrics", headers={"authorization": f"Bearer {setting.ADMIN_KEY}"}
        )
        with urlopen(asked) as response:
            lines = response.read().decode().splitlines()
        return next(
            (int(float(line.rpartition(" ")[2])) for line in lines if line.startswith("headgate_attempts_total{")), 0
        )

    def _stored(self) -> int:
        with sqlite3.connect(f"file:{self._folder}/drain.db?mode=ro", uri=True) as database:
            [[newest]] = database.execute("SELECT coalesce(max(rowid), 0) FROM ledger")
        database.close()
        return newest


def size_mb(folder: Path, pattern: str) -> float:
    total = 0
    for file in folder.glob(pattern):
        try:
            total += file.stat().st_size
        except FileNotFoundError:  # drained just now
            continue
    return total / 1e6


def drain(folder: Path) -> list[Finding]:
    with setting.mock(folder) as mock_port:
        process, port = setting.gateway(folder, "drain", mock_port, auth="keys")
        with process:
            process.wait_for(port)
            headers = {"authorization": f"Bearer {setting.key(port, **RULES)}"}
            wrk.run(folder, process, port, wrk.chat(0.3), WARM_S, headers=headers)
            watch = Watch(folder, process, port)
            before = watch.look()
            watch.start()
            result = wrk.run(folder, process, port, wrk.chat(0.3), SECONDS, headers=headers)
            watch.stop()
            after = watch.look()
            ended = time.monotonic()
            while (last := watch.look()).behind and time.monotonic() - ended < 60:
                time.sleep(0.1)
            return judged(watch.looks, before, after, last, result, last.at - ended)


def judged(
    looks: Sequence[Look], before: Look, after: Look, last: Look, result: wrk.Result, caught_up_s: float
) -> list[Finding]:
    seconds = after.at - before.at
    third = len(looks) // 3
    early, late = looks[third : 2 * third], looks[2 * third :]
    growth = mean([look.rss_mb for look in late]) - mean([look.rss_mb for look in early])
    behind = max(look.behind for look in looks)
    return [
        told("calls a second", result.calls_per_s),
        told("rows a second into the database", (after.stored - before.stored) / seconds),
        told("CPU per call, with its row", result.cpu_us, "µs"),
        at_most(BEHIND_S, "calls that wait for the database, at the most", behind / result.calls_per_s, "s of calls"),
        told("the same, in rows", behind),
        told("until the last was in it, afterwards", caught_up_s, "s"),
        at_most(0, "rows that are missing in the end", last.behind),
        at_least(last.attempts, "rows", last.stored),
        at_most(
            1.5 * max(look.journal_mb for look in early) + 8,
            "the journal at the most, in the last third",
            max(look.journal_mb for look in late),
            "MB",
        ),
        told("SQLite's log at the most", max(look.log_mb for look in looks), "MB"),
        at_most(GROWTH_MB, "growth of memory over the last two thirds", growth, "MB"),
        told("memory in the end", last.rss_mb, "MB"),
    ]


def mean(values: Sequence[float]) -> float:
    return sum(values) / max(1, len(values))


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="headgate-drain-") as folder:
        found = drain(Path(folder))
    show(f"The drain at full rate, {SECONDS:g} s", found)
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"drain-{time.strftime('%Y%m%d-%H%M%S')}.json"
    file.write_text(json.dumps({"machine": setting.machine(), "seconds": SECONDS, "drain": rows(found)}, indent=1))
    return 1 if missed(found) else 0


if __name__ == "__main__":
    sys.exit(main())
