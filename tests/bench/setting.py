"""What is measured: the mock vendor, nginx as a proxy, and Headgate, each on its core."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

import vendor
from processes import GATEWAY_CORE, LOAD_CORE, Process, free_port

CONFIG = """
server: {{host: 127.0.0.1, port: {port}, auth: {auth}}}
storage: {{database: "{database}"{shared}}}
providers:
  mock: {{kind: openai, base_url: "http://127.0.0.1:{mock}/v1", api_key: bench}}
  stream: {{kind: openai, base_url: "http://127.0.0.1:{mock}/stream/v1", api_key: bench}}
  paced: {{kind: openai, base_url: "http://127.0.0.1:{paced}/v1", api_key: bench}}
models:
  chat: {{targets: [mock/gpt-4o-mini]}}
  stream: {{targets: [stream/gpt-4o-mini]}}
  paced: {{targets: [paced/gpt-4o-mini]}}
{more}
"""


ADMIN_KEY = "bench-admin"  # of a server that lasts as long as its measurement


class Stores(NamedTuple):
    """Where a gateway keeps what it is told."""

    database: str
    shared: str = "memory"


def gateway(
    folder: Path,
    name: str,
    mock_port: int,
    paced_port: int = 9,
    more: str = "",
    source: Path | None = None,
    auth: str = "none",
    stores: Stores | None = None,
) -> tuple[Process, int]:
    """Headgate on the gateway's core; `source` is another tree's `src` to take it from."""
    port = free_port()
    config = folder / f"{name}.yaml"
    database = stores.database if stores else f"sqlite:///{name}.db"
    shared = f", shared: '{stores.shared}'" if stores and stores.shared != "memory" else ""
    config.write_text(
        CONFIG.format(
            port=port, mock=mock_port, paced=paced_port, more=more, auth=auth, database=database, shared=shared
        )
    )
    environ = {"HEADGATE_ADMIN_KEY": ADMIN_KEY, **({"PYTHONPATH": str(source)} if source else {})}
    command = [sys.executable, "-m", "headgate", "serve", "--config", str(config)]
    return Process(command, GATEWAY_CORE, folder / f"{name}.log", environ), port


def key(port: int, **body: Any) -> str:
    """A new key of a gateway."""
    request = Request(
        f"http://127.0.0.1:{port}/admin/keys",
        json.dumps({"name": "bench", **body}).encode(),
        {"authorization": f"Bearer {ADMIN_KEY}", "content-type": "application/json"},
    )
    with urlopen(request) as response:
        return json.load(response)["key"]


@contextmanager
def mock(folder: Path) -> Iterator[int]:
    """The mock vendor on the load's core; its port."""
    port = free_port()
    with vendor.mock(folder, port, LOAD_CORE) as process:
        process.wait_for(port)
        yield port


def machine() -> dict[str, str | int]:
    """Which machine figures were taken on."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    return {
        "cpu": model,
        "cores": os.cpu_count() or 0,
        "python": platform.python_version(),
        "kernel": platform.release(),
    }
