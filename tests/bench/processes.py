"""Processes under measurement: started on one core, asked for their CPU time and memory, stopped again."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
GATEWAY_CORE = 0
LOAD_CORE = 1


class Process:
    """A child process, and all processes below it."""

    def __init__(
        self, command: Sequence[str], core: int | None, log: Path, environ: Mapping[str, str] | None = None
    ) -> None:
        """Without a core it runs on those of its parent."""
        self.started = time.monotonic()
        with log.open("wb") as output:
            self._popen = subprocess.Popen(
                [*(["taskset", "-c", str(core)] if core is not None else []), *command],
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environ or {})},
                start_new_session=True,
            )
        self._log = log

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._popen.poll() is None:
            os.killpg(self._popen.pid, signal.SIGTERM)
            try:
                self._popen.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self._popen.pid, signal.SIGKILL)
                self._popen.wait()

    def wait_for(self, port: int, limit_s: float = 20) -> float:
        """Seconds from start until something listens on the port."""
        while time.monotonic() - self.started < limit_s:
            if self._popen.poll() is not None:
                break
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return time.monotonic() - self.started
            time.sleep(0.005)
        sys.exit(f"{self._popen.args} did not listen on {port}:\n{self._log.read_text()[-2000:]}")

    def pids(self) -> list[int]:
        found = [self._popen.pid]
        for pid in found:
            children = Path(f"/proc/{pid}/task/{pid}/children")
            if children.exists():
                found += [int(child) for child in children.read_text().split()]
        return found

    def cpu_s(self) -> float:
        """User and system time of all its processes so far, in seconds."""
        total = 0
        for pid in self.pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        return total * TICK_S

    def rss_mb(self) -> float:
        """Resident memory of all its processes, in MB."""
        pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self.pids())
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def find(command: str) -> str:
    """The path of a command, also where an ordinary user's PATH does not look."""
    found = shutil.which(command, path=f"{os.environ['PATH']}:/usr/sbin")
    return found or sys.exit(f"{command} is missing: make bench installs it when run as root")
