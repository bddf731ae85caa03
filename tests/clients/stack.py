"""A Headgate on a simulator, each a process of its own, for clients that are programs of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from simulated import Simulated, simulated
from upstream import unused_port

ADMIN = "hg-admin-of-the-client-matrix-0123456789"
START_S = 30.0
SETTLE_S = 5.0

CONFIG = """
server: {{host: 127.0.0.1, port: {port}, auth: keys}}
storage: {{database: "sqlite:///{folder}/headgate.db"}}
providers:
  gpt: {{kind: openai, base_url: "{simulator}/v1", api_key: sim-operator-gpt, accepts_client_credential: true}}
  claude: {{kind: anthropic, base_url: "{simulator}", api_key: sim-operator-claude, accepts_client_credential: true}}
access:
  roles: {{own: [call, byo_credential]}}
models:
  on-openai: &model
    targets: [gpt/gpt-4o-mini]
    retry: {{attempts: 1}}
  on-anthropic:
    <<: *model
    targets: [claude/claude-haiku-4-5]
"""


class Stack:
    """A running Headgate, and the simulator behind it."""

    def __init__(self, port: int, simulator: Simulated) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.simulator = simulator

    def key(self, name: str, role: str = "caller") -> tuple[str, str]:
        """A new key, as its id and itself."""
        made = self.admin("POST", "/admin/keys", {"name": name, "budget_usd": "50", "roles": [role]})
        return made["id"], made["key"]

    def rows(self, key_id: str) -> list[dict[str, Any]]:
        """What the ledger has of a key's calls."""
        return self.admin("GET", f"/admin/ledger?{urlencode({'key': key_id, 'limit': 200})}")["data"]

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        """One call of the admin API."""
        headers = {"authorization": f"Bearer {ADMIN}", "content-type": "application/json"}
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            raw = response.read()
        finally:
            connection.close()
        if response.status >= 300:
            raise RuntimeError(f"{method} {path}: {response.status} {raw.decode()}")
        return json.loads(raw)


@contextmanager
def running(folder: Path) -> Iterator[Stack]:
    """Run both for as long as the block lasts."""
    with simulated() as simulator:
        port = unused_port()
        config = folder / "headgate.yaml"
        config.write_text(CONFIG.format(port=port, folder=folder, simulator=simulator.url))
        environ = {**os.environ, "HEADGATE_ADMIN_KEY": ADMIN}
        log = (folder / "headgate.log").open("w")
        command = [sys.executable, "-m", "headgate", "serve", "--config", str(config)]
        process = subprocess.Popen(command, env=environ, stdout=log, stderr=log)
        try:
            _wait_for(port, process, folder / "headgate.log")
            yield Stack(port, simulator)
        finally:
            process.terminate()
            process.wait(timeout=20)
            log.close()


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < deadline:
        connection = HTTPConnection("127.0.0.1", port, timeout=2)
        try:
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.05)
        finally:
            connection.close()
    raise RuntimeError(f"Headgate did not start:\n{log.read_text()}")
