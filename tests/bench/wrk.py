"""Closed-loop load by wrk."""

from __future__ import annotations

import json
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from processes import LOAD_CORE, Process


@dataclass(frozen=True)
class Load:
    """What to send: a path and a JSON body."""

    path: str
    body: str


@dataclass(frozen=True)
class Result:
    """One measurement. CPU is that of the process under test, per call, in microseconds."""

    calls: int
    calls_per_s: float
    cpu_us: float


def chat(kilobytes: float, stream: bool = False, model: str = "chat") -> Load:
    """A chat completion of about that many KB."""
    body = {"model": model, "messages": [{"role": "user", "content": ""}], "temperature": 0.5}
    if stream:
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
    return Load("/v1/chat/completions", _filled(body, kilobytes))


def messages(kilobytes: float, stream: bool = False, model: str = "chat") -> Load:
    """The same in Anthropic's dialect, which the mock does not speak."""
    body = {"model": model, "max_tokens": 256, "messages": [{"role": "user", "content": ""}]}
    if stream:
        body["stream"] = True
    return Load("/v1/messages", _filled(body, kilobytes))


def _filled(body: dict, kilobytes: float) -> str:
    missing = int(kilobytes * 1024) - len(json.dumps(body))
    body["messages"][0]["content"] = ("The quick brown fox jumps over the lazy dog. " * (missing // 45 + 1))[:missing]
    return json.dumps(body)


def run(folder: Path, process: Process, port: int, load: Load, seconds: float, connections: int = 64,
        headers: dict[str, str] | None = None, rest_s: float = 0) -> Result:  # fmt: skip
    """Load a port, and measure the CPU of the process behind it; `rest_s` longer, for what it does afterwards.

    Raises:
        RuntimeError: an answer was not 2xx, or a connection failed.
    """
    script = folder / "wrk.lua"
    more = "".join(f'wrk.headers["{name}"] = "{value}"\n' for name, value in (headers or {}).items())
    script.write_text(
        f'wrk.method = "POST"\nwrk.headers["content-type"] = "application/json"\nwrk.body = [==[{load.body}]==]\n{more}'
    )
    command = [
        "taskset", "-c", str(LOAD_CORE), "wrk", "--timeout", "30s", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "-s", str(script),
        f"http://127.0.0.1:{port}{load.path}",
    ]  # fmt: skip
    before = process.cpu_s()
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    time.sleep(rest_s)
    cpu_s = process.cpu_s() - before
    if "Non-2xx" in output or "Socket errors" in output:
        raise RuntimeError(f"{load.path} failed under load:\n{output}")
    calls = int(re.search(r"(\d+) requests in", output)[1])
    return Result(calls, float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1]), cpu_s / calls * 1e6)
