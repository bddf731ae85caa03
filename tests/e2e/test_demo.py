"""`headgate demo`, as a user starts it: the whole plot, on a terminal and in a pipe, and nothing left behind."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

PLOT_S = 9
LIMIT_S = 30.0

STORY = (
    ("calm: ", "incident: sim-east fails (simulated)", "recovery: ", "budget: ", "raised: "),
    ("breaker of sim-east/gpt-4o-mini opens", "breaker of sim-east/gpt-4o-mini closes"),
    ("ALERT sim-east/gpt-4o-mini", "alert is over: sim-east/gpt-4o-mini"),
    ("ALERT team Reports", "the budget of Reports is raised", "alert is over: team Reports"),
)
"""What happens, each chain in this order."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the demonstration finds its temporary folder, and nothing else."""
    (tmp_path / "tmp").mkdir()
    return tmp_path


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "headgate", "demo", *arguments]


def _environ(folder: Path) -> dict[str, str]:
    return {**os.environ, "TMPDIR": str(folder / "tmp"), "OPENAI_API_KEY": "not-to-be-used", "TERM": "xterm-256color"}


@pytest.fixture
def running(folder: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        _command(), cwd=folder, env=_environ(folder), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


def test_the_whole_plot_is_told_line_by_line(folder: Path) -> None:
    done = subprocess.run(
        _command("--for", str(PLOT_S)),
        cwd=folder,
        env=_environ(folder),
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_S,
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout
    for chain in STORY:
        places = [said.find(f" s  {each}") for each in chain]
        assert -1 not in places, dict(zip(chain, places, strict=True))
        assert places == sorted(places)
    assert "fell back to sim-west/claude-haiku-4-5" in said
    ended = re.search(r"(\d+) calls, (\d+) failed, (\d+) refused", said)
    assert ended is not None
    calls, failed, refused = map(int, ended.groups())
    assert calls > 50
    assert failed <= calls * 0.02
    assert refused > 0
    assert list(folder.rglob("*")) == [folder / "tmp"]


def test_ctrl_c_ends_it_cleanly_though_a_client_is_still_connected(
    folder: Path, running: subprocess.Popen[str]
) -> None:
    assert running.stdout is not None
    said = ""
    while "try " not in said:
        line = running.stdout.readline()
        assert line, running.stderr and running.stderr.read()
        said += line
    url = re.search(r"http://127\.0\.0\.1:(\d+)", said)
    key = re.search(r"a key +(\S+)", said)
    assert url is not None
    assert key is not None
    connection = HTTPConnection("127.0.0.1", int(url[1]), timeout=10)
    body = json.dumps({"model": "chat", "messages": [{"role": "user", "content": "Hello"}]})
    headers = {"content-type": "application/json", "authorization": f"Bearer {key[1]}"}
    connection.request("POST", "/v1/chat/completions", body, headers)
    answer = connection.getresponse()
    assert answer.status == 200
    assert "simulated" in json.loads(answer.read())["choices"][0]["message"]["content"]
    connection.request("GET", "/usage", headers={**headers, "accept": "application/json"})
    usage = json.loads(connection.getresponse().read())
    assert (usage["calls"], usage["models"]) == (1, ["chat"])
    assert usage["budgets"][0]["amount_usd"] == "1"
    running.send_signal(signal.SIGINT)
    rest, complaints = running.communicate(timeout=LIMIT_S)
    connection.close()
    assert running.returncode == 0
    assert "of simulation" in rest
    assert "Traceback" not in complaints
    assert list(folder.rglob("*")) == [folder / "tmp"]


def test_on_a_terminal_it_is_drawn(folder: Path) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 130, 0, 0))
    process = subprocess.Popen(
        _command(), cwd=folder, env=_environ(folder), stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    seen = b""
    deadline = time.monotonic() + LIMIT_S
    try:
        while b"Headgate demo" not in seen or b"sim-west/gpt-4o" not in seen:
            assert time.monotonic() < deadline, seen[-2000:]
            seen += _read(ours)
        process.send_signal(signal.SIGINT)
        while more := _read(ours):
            seen += more
        assert process.wait(LIMIT_S) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert "all of it is simulated" in seen.decode(errors="replace")
    assert b"\x1b[?1049l" in seen, "the terminal is not as it was"
    assert list(folder.rglob("*")) == [folder / "tmp"]


def _read(descriptor: int) -> bytes:
    """What a terminal shows next; nothing once nobody writes to it any more."""
    if not select.select([descriptor], [], [], LIMIT_S)[0]:
        return b""
    try:
        return os.read(descriptor, 65536)
    except OSError:  # Linux's way of saying that the other end is closed
        return b""


def test_a_port_that_is_taken_is_told(running: subprocess.Popen[str], folder: Path) -> None:
    assert running.stdout is not None
    while (found := re.search(r"http://127\.0\.0\.1:(\d+)", running.stdout.readline())) is None:
        assert running.poll() is None
    done = subprocess.run(
        _command("--port", found[1]), cwd=folder, env=_environ(folder), capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert f"cannot listen on 127.0.0.1:{found[1]}" in done.stderr
