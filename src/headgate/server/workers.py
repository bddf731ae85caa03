"""Several worker processes behind one address: the kernel deals connections out among them (SO_REUSEPORT).

Each is a whole server of its own, which shares its records in PostgreSQL and its counters in Redis with the others, as
replicas on other machines do. Here is what starts them, and starts anew what dies.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from time import monotonic

from headgate.server.fleet.hub import Hub
from headgate.server.fleet.member import DESCRIPTOR

log = logging.getLogger("headgate.server")

WORKER = "HEADGATE_WORKER"
"""Set in a worker's environment: its number."""

PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

RESTS_S = 1.0
"""How long a worker that died soon after its start waits for its next one."""


async def supervise(command: list[str], workers: int, environ: Mapping[str, str]) -> int:
    """Run `workers` processes of a command until told to stop; the exit code.

    The first worker in a place takes all others with it if it cannot start: what keeps one from serving keeps all from
    it. One that takes the place of another is tried again and again, for the others serve.
    """
    crew = _Crew(command, environ)
    loop = asyncio.get_running_loop()
    for each in PASSED_ON:
        loop.add_signal_handler(each, crew.tell, each)
    return await crew.run(workers)


class _Crew:
    def __init__(self, command: list[str], environ: Mapping[str, str]) -> None:
        self._command = command
        self._environ = environ
        self._workers: dict[int, asyncio.subprocess.Process] = {}
        self._hub = Hub()
        self._stopping = False

    def tell(self, signum: int) -> None:
        self._stopping = self._stopping or signum != signal.SIGHUP
        for worker in self._workers.values():
            if worker.returncode is None:
                with contextlib.suppress(ProcessLookupError):  # it has just ended
                    worker.send_signal(signum)

    async def run(self, workers: int) -> int:
        try:
            codes = await asyncio.gather(*(self._keep(number) for number in range(workers)))
        finally:
            await self._hub.close()
        return max(codes, key=abs)

    async def _keep(self, number: int) -> int:
        """Keep one place filled; the exit code of the last one in it."""
        first = True
        while not self._stopping:
            began = monotonic()
            worker = self._workers[number] = await self._start(number)
            if self._stopping:
                self.tell(signal.SIGTERM)
            code = await worker.wait()
            if self._stopping:
                return max(code, 0)
            if first and code > 0 and monotonic() - began < START_S:
                log.error("worker %d cannot serve (exit code %d)", number, code)
                self.tell(signal.SIGTERM)
                return code
            log.error("worker %d has died (%s); starting another", number, code)
            first = False
            await asyncio.sleep(max(0.0, RESTS_S - (monotonic() - began)))
        return 0

    async def _start(self, number: int) -> asyncio.subprocess.Process:
        # A worker reads its standard input to know when this process is gone.
        with await self._hub.begin() as figures:
            return await asyncio.create_subprocess_exec(
                *self._command,
                env={**self._environ, WORKER: str(number), DESCRIPTOR: str(figures.fileno())},
                stdin=asyncio.subprocess.PIPE,
                pass_fds=(figures.fileno(),),
            )


START_S = 10.0
"""A worker that ends by itself this soon after its start has been refused something, not died of a call."""


def command_of(path: Path | None, host: str, port: int) -> list[str]:
    """The command line of a worker."""
    config = ["--config", str(path)] if path is not None else []
    return [sys.executable, "-m", "headgate", "serve", *config, "--host", host, "--port", str(port)]


def is_worker(environ: Mapping[str, str]) -> bool:
    return WORKER in environ


async def orphaned() -> None:
    """Wait until the process that started this worker is gone."""
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()

    def read() -> None:
        if not os.read(0, 4096):
            loop.remove_reader(0)
            gone.set()

    loop.add_reader(0, read)
    await gone.wait()
