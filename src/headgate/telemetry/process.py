"""What this process takes of its machine, under the names all of Prometheus' clients have for it."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path

from headgate.telemetry.metrics import Level

_STARTED_AT = time.time()

_PROC = Path("/proc/self")


def process_levels() -> Iterator[Level]:
    """CPU everywhere; memory and open files where there is Linux' /proc."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    yield Level("process_cpu_seconds_total", "CPU time, user and system", used.ru_utime + used.ru_stime)
    yield Level("process_start_time_seconds", "When the oldest process started", _STARTED_AT, "min")
    try:
        pages = int((_PROC / "statm").read_text().split()[1])
        files = len(os.listdir(_PROC / "fd"))
    except OSError:
        return
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    yield Level("process_resident_memory_bytes", "Memory in use", pages * resource.getpagesize())
    yield Level("process_open_fds", "Open files, of the process that has most", files, "max")
    yield Level("process_max_fds", "How many files a process may have open", most, "min")
