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
"""The most that memory and the journal may grow over the last two thirds."""
LAST_S = 60.0


@dataclass(frozen=True)
class Look:
    """How it stood at one moment."""

    at: float
    behind: int
    """Records the database does not have."""
    stored: int
    """Rows it has."""
    journal_mb: float
    log_mb: float
    """SQLite's write-ahead log."""
    rss_mb: float


class Watch(threading.Thread):
    """Looks once a second, beside the load."""

    def __init__(self, folder: Path, process: Process, port: int) -> None:
        super().__init__(daemon=True)
        self.looks: list[Look] = []
        self._folder = folder
        self._process = process
        self._metrics = Request(
            f"http://127.0.0.1:{port}/metrics", headers={"authorization": f"Bearer {setting.ADMIN_KEY}"}
        )
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(LOOK_S):
            self.looks.append(self.look())

    def stop(self) -> None:
        self._over.set()
        self.join()

    def look(self) -> Look:
        return Look(
            at=time.monotonic(),
            behind=self._behind(),
            stored=self._stored(),
            journal_mb=size_mb(self._folder, "drain.journal/*.journal"),
            log_mb=size_mb(self._folder, "drain.db-wal"),
            rss_mb=self._process.rss_mb(),
        )

    def _behind(self) -> int:
        with urlopen(self._metrics) as response:
            lines = response.read().decode().splitlines()
        [line] = [line for line in lines if line.startswith("headgate_journal_backlog_records ")]
        return int(float(line.rpartition(" ")[2]))

    def _stored(self) -> int:
        database = sqlite3.connect(f"file:{self._folder}/drain.db?mode=ro", uri=True)
        try:
            [[newest]] = database.execute("SELECT coalesce(max(rowid), 0) FROM ledger")
        finally:
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
            watch = Watch(folder, process, port)
            warm = wrk.run(folder, process, port, wrk.chat(0.3), WARM_S, headers=headers)
            before = watch.look()
            watch.start()
            result = wrk.run(folder, process, port, wrk.chat(0.3), SECONDS, headers=headers)
            watch.stop()
            after = watch.look()
            while (last := watch.look()).behind and last.at - after.at < LAST_S:
                time.sleep(0.05)
    looks, third = watch.looks, len(watch.looks) // 3
    early, late = looks[third : 2 * third], looks[2 * third :]
    behind = max(look.behind for look in looks)
    return [
        told("calls a second", result.calls_per_s),
        told("rows a second into the database", (after.stored - before.stored) / (after.at - before.at)),
        told("CPU per call, with its row", result.cpu_us, "µs"),
        at_most(BEHIND_S, "what waits for the database, at the most", behind / result.calls_per_s, "s of calls"),
        told("the same, in records", behind),
        told("until the last was in it, afterwards", last.at - after.at, "s"),
        at_least(warm.calls + result.calls, "rows in the end", last.stored),
        told("the journal at the most", max(look.journal_mb for look in looks), "MB"),
        at_most(GROWTH_MB, "its growth over the last two thirds", growth(early, late, "journal_mb"), "MB"),
        told("SQLite's log at the most", max(look.log_mb for look in looks), "MB"),
        at_most(GROWTH_MB, "growth of memory over the last two thirds", growth(early, late, "rss_mb"), "MB"),
        told("memory in the end", last.rss_mb, "MB"),
    ]


def growth(early: Sequence[Look], late: Sequence[Look], what: str) -> float:
    """From one time to a later one, by their means: a peak alone is no growth."""
    before, after = (sum(getattr(look, what) for look in looks) / len(looks) for looks in (early, late))
    return after - before


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
