"""What a scene is played with: a `headgate serve` process, and `headgate simulate` processes behind it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from bench.processes import GATEWAY_CORE, LOAD_CORE, Process, free_port
from resilience.client import Client
from simulated import Simulated

PINNED = False
"""Whether the gateway has a core of its own: in full scenes, not in tests, which share the machine."""


def pin() -> None:
    """Keep the gateway on one core, this process and all others it starts on another one."""
    global PINNED  # said once, before anything runs
    if (os.cpu_count() or 1) > 1 and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {LOAD_CORE})
        PINNED = True


class Upstream:
    """A simulator that can be stopped and started again on its port."""

    def __init__(self, folder: Path, name: str, *options: str) -> None:
        self.port = free_port()
        self._command = [sys.executable, "-m", "headgate", "simulate", "--port", str(self.port), *options]
        self._log = folder / f"{name}.log"
        self._process: Process | None = None
        self._control = Simulated(self.port, 0)

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self._process = Process(self._command, None, self._log)
        self._process.wait_for(self.port)

    def stop(self) -> None:
        """End it at once, whatever it is doing."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pids()[0], signal.SIGKILL)
            self._process.__exit__(None, None, None)
            self._process = None

    def script(self, rules: Sequence[Mapping[str, Any]]) -> None:
        self._control.script([dict(rule) for rule in rules])

    def reset(self) -> None:
        self._control.reset()

    def requests(self, model: str = "") -> int:
        """How many requests it has had since it was started or reset, of one model or all."""
        totals = self._control.record()["totals"]
        return sum(each["requests"] for each in totals if model in ("", each["model"]))


@contextmanager
def upstreams(folder: Path, *names: str, options: Sequence[str] = ("--instant",)) -> Iterator[list[Upstream]]:
    """Simulators for as long as the block lasts."""
    made = [Upstream(folder, name, "--seed", str(number), *options) for number, name in enumerate(names)]
    try:
        for upstream in made:
            upstream.start()
        yield made
    finally:
        for upstream in made:
            upstream.stop()


class Serving:
    """A gateway process under test."""

    def __init__(self, process: Process, port: int, config: Path) -> None:
        self.process = process
        self.port = port
        self.config = config
        self.url = f"http://127.0.0.1:{port}"
        self._pages = Client(port)

    async def attempts(self, outcome: str = "") -> dict[str, int]:
        """Upstream calls that have ended, by target; of one outcome or all."""
        found: dict[str, int] = {}
        for labels, value in await self._samples("headgate_attempts_total"):
            if outcome in ("", labels["outcome"]):
                found[labels["target"]] = found.get(labels["target"], 0) + int(value)
        return found

    async def in_flight(self) -> int:
        """Calls under way, and waiting for or at targets."""
        names = ("headgate_calls_in_flight", "headgate_target_in_flight", "headgate_target_waiting")
        return int(sum([value for name in names for _, value in await self._samples(name)]))

    async def events(self) -> dict[str, int]:
        """Events so far, by kind."""
        found: dict[str, int] = {}
        for labels, value in await self._samples("headgate_events_total"):
            found[labels["event"]] = found.get(labels["event"], 0) + int(value)
        return found

    async def targets(self) -> dict[str, dict[str, Any]]:
        """How each target is doing."""
        return {each["target"]: each for each in json.loads(await self._pages.get("/targets"))["targets"]}

    async def idle(self, limit_s: float) -> float:
        """Seconds until nothing is under way any more; `limit_s` where that does not happen."""
        began = monotonic()
        while await self.in_flight() and monotonic() - began < limit_s:
            await asyncio.sleep(0.05)
        return min(limit_s, monotonic() - began)

    async def close(self) -> None:
        await self._pages.close()

    async def _samples(self, name: str) -> list[tuple[dict[str, str], float]]:
        text = (await self._pages.get("/metrics")).decode()
        families = text_string_to_metric_families(text)
        return [(each.labels, each.value) for family in families for each in family.samples if each.name == name]


@contextmanager
def serving(folder: Path, config: str, server: str = "") -> Iterator[Serving]:
    """A gateway with a configuration for as long as the block lasts. `server` is more for its `server` section."""
    port = free_port()
    file = folder / "headgate.yaml"
    write(file, with_server(config, port, server))
    command = [sys.executable, "-m", "headgate", "serve", "--config", str(file)]
    with Process(command, GATEWAY_CORE if PINNED else None, folder / "gateway.log") as process:
        process.wait_for(port)
        yield Serving(process, port, file)


def with_server(config: str, port: int, more: str = "") -> str:
    """A configuration with its `server` section before it, and its records in memory."""
    server = f"server: {{host: 127.0.0.1, port: {port}, auth: none{more}}}"
    return f"{server}\nstorage: {{database: 'sqlite:///:memory:'}}\n{config}"


def write(file: Path, text: str) -> None:
    """Replace a file as a whole, so that nobody reads half of it."""
    beside = file.with_suffix(".new")
    beside.write_text(text)
    beside.replace(file)


def providers(**ports: int) -> str:
    """The `providers` section: each an OpenAI on a loopback port."""
    lines = [
        f'  {name}: {{kind: openai, base_url: "http://127.0.0.1:{port}/v1", api_key: sim-key}}'
        for name, port in ports.items()
    ]
    return "\n".join(["providers:", *lines, ""])


def mixed(share: float, faults: Sequence[Any], **match: Any) -> list[dict[str, Any]]:
    """Rules by which so large a share of requests fail, every fault as often as the others."""
    each = share / len(faults)
    return [
        {"match": match, "share": each / (1 - each * number), "fault": fault} for number, fault in enumerate(faults)
    ]


def sockets_to(pid: int, port: int) -> int:
    """Established connections of a process to a loopback port."""
    held = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            held.add(os.readlink(descriptor))
    count = 0
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        remote, state, inode = fields[2], fields[3], fields[9]
        count += state == "01" and int(remote.partition(":")[2], 16) == port and f"socket:[{inode}]" in held
    return count


def descriptors(pid: int) -> int:
    """Open files and sockets of a process."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))
