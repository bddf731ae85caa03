"""How long a stranger waits: a wheel into an empty environment, a start in an empty folder, the first answer.

Usage: python tools/first_answer.py WHEEL [REQUIREMENT …]    More requirements are pip's own arguments, such as
                                                             `--require-hashes -r requirements.lock`.

Prints the figures, and fails where they miss the bars, where a package runs code at Python's start, or where one
is there that the design bans.
"""

from __future__ import annotations

import http.client
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

INSTALL_S = 20.0
START_S = 2.0
GIVE_UP_S = 30.0

BANNED = ("httpx", "litellm", "niquests", "torch")
ASKED = {"model": "chat", "messages": [{"role": "user", "content": "Hello"}]}


def install(folder: Path, wheel: Path, more: list[str]) -> tuple[float, float]:
    """Seconds to install into a new environment, and of CPU in them; making the environment is not counted."""
    venv.create(folder, with_pip=True)
    began, used = time.monotonic(), _cpu_s()
    command = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if more:
        subprocess.run([*command, *more], check=True)
    subprocess.run([*command, *(["--no-deps"] if more else []), str(wheel)], check=True)
    return time.monotonic() - began, _cpu_s() - used


def start(folder: Path) -> tuple[float, str]:
    """Seconds from `headgate serve` to a whole answer, and the answer."""
    port = _free_port()
    environ = {"PATH": os.defpath, "HOME": str(folder)}
    with tempfile.TemporaryDirectory() as empty, Path(empty, "log").open("wb") as log:
        began = time.monotonic()
        command = [str(folder / "bin/headgate"), "serve", "--port", str(port)]
        process = subprocess.Popen(command, cwd=empty, env=environ, stdout=log, stderr=log)
        try:
            while time.monotonic() - began < GIVE_UP_S and process.poll() is None:
                answer = _ask(port)
                if answer is not None:
                    return time.monotonic() - began, answer
                time.sleep(0.005)
            sys.exit(f"no answer after {GIVE_UP_S:g} s:\n{Path(empty, 'log').read_text()}")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def problems(folder: Path) -> list[str]:
    """What was installed and should not have been."""
    (packages,) = folder.glob("lib/python*/site-packages")
    banned = [name for name in BANNED if list(packages.glob(f"{name}-*.dist-info"))]
    hooks = [each.name for each in packages.glob("*.pth") if each.name != "distutils-precedence.pth"]  # setuptools' own
    return [*(f"{name} is installed, which is banned" for name in banned), *(f"{name} runs at start" for name in hooks)]


def main(wheel: Path, more: list[str]) -> int:
    """Measure, print, judge."""
    with tempfile.TemporaryDirectory() as there:
        folder = Path(there)
        install_s, cpu_s = install(folder, wheel, more)
        times = [start(folder) for _ in range(3)]
        wrong = problems(folder)
    first_s, answer = times[0]
    print(f"install      {install_s:6.2f} s   (bar: {INSTALL_S:g} s), of which CPU {cpu_s:.1f} s")
    print(f"first start  {first_s:6.2f} s   (bar: {START_S:g} s)")
    print(f"later starts {min(each[0] for each in times[1:]):6.2f} s")
    print(f"answer       {answer[:100]!r}")
    for each in wrong:
        print(f"tools/first_answer.py: {each}", file=sys.stderr)
    return int(install_s > INSTALL_S or first_s > START_S or bool(wrong))


def _ask(port: int) -> str | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("POST", "/v1/chat/completions", json.dumps(ASKED), {"content-type": "application/json"})
        response = connection.getresponse()
        body = response.read()
        return json.loads(body)["choices"][0]["message"]["content"] if response.status == 200 else None
    except OSError:
        return None
    finally:
        connection.close()


def _cpu_s() -> float:
    """CPU time of the processes that were waited for so far, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python tools/first_answer.py WHEEL [PIP ARGUMENT …]")
    sys.exit(main(Path(sys.argv[1]).resolve(), sys.argv[2:]))
