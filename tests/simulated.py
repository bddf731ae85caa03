"""A simulator server on a free loopback port, in a process of its own, for any suite that needs an upstream.

    from simulated import simulated, simulator   # `simulator` is a fixture, one server per session

    def test_x(simulator):
        simulator.script([{"match": {"model": "m"}, "fault": "rate_limit"}])
        OpenAI(base_url=f"{simulator.url}/v1", api_key="sim-key", max_retries=0)
        simulator.requests()   # its bill, request by request

The fixture hands out a simulator without a script and with an empty record.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from upstream import unused_port

START_S = 20.0
SETTLE_S = 5.0

_CODE = """
import sys
from pathlib import Path
from headgate.server.simulate import serve
port, seed, latency, script = sys.argv[1:]
serve(port=int(port), seed=int(seed), latency=latency, script=Path(script) if script else None)
"""


class Simulated:
    """A running simulator."""

    def __init__(self, port: int, pid: int) -> None:
        self.port = port
        self.pid = pid
        self.url = f"http://127.0.0.1:{port}"

    def script(self, rules: list[dict[str, Any]]) -> None:
        """Set another script."""
        self._control("PUT", "script", json.dumps(rules))

    def record(self) -> dict[str, Any]:
        """Its bill: totals by model, dialect and key, and every request."""
        return json.loads(self._control("GET", "record"))

    def requests(self) -> list[dict[str, Any]]:
        """What it was asked so far."""
        return self.record()["requests"]

    def last(self) -> dict[str, Any]:
        """The newest request, once nothing of it is under way any more."""
        deadline = time.monotonic() + SETTLE_S
        while (row := self.requests()[-1])["outcome"] == "open":
            assert time.monotonic() < deadline, f"still under way: {row}"
            time.sleep(0.005)
        return row

    def reset(self) -> None:
        """Forget script and record."""
        self._control("DELETE", "script")
        self._control("DELETE", "record")

    def _control(self, method: str, page: str, body: str | None = None) -> bytes:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, f"/_sim/{page}", body)
            response = connection.getresponse()
            raw = response.read()
        finally:
            connection.close()
        assert response.status < 300, raw.decode()
        return raw


@contextmanager
def simulated(*, seed: int = 0, latency: str = "none", script: Path | None = None) -> Iterator[Simulated]:
    """Run a simulator for as long as the block lasts."""
    port = unused_port()
    arguments = [str(port), str(seed), latency, str(script or "")]
    process = subprocess.Popen([sys.executable, "-c", _CODE, *arguments])
    try:
        _wait_for(port, process)
        yield Simulated(port, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def simulator_server() -> Iterator[Simulated]:
    """One server for the whole session."""
    with simulated() as running:
        yield running


@pytest.fixture
def simulator(simulator_server: Simulated) -> Simulated:
    """The session's server, without script and with an empty record."""
    simulator_server.reset()
    return simulator_server


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert process.poll() is None, f"the simulator ended with {process.returncode}"
            assert time.monotonic() < deadline, "the simulator did not start"
            time.sleep(0.02)
