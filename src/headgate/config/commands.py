"""Running a command for what it prints: `${exec:vault kv get -field=key secret/openai}`.

No shell is involved: the words go to the program as they are. What it writes to its standard error is thrown away, for
a tool that fails may print what it was to keep.
"""

from __future__ import annotations

import os
import selectors
import shlex
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from time import monotonic

MAX_OUTPUT_BYTES = 64 * 1024
"""Most a command may print."""

KEPT_BACK = ("HEADGATE_ADMIN_KEY", "HEADGATE_SECRET")
"""Variables that no command is given: they are this server's own."""


class CommandFailed(Exception):
    """A command gave nothing to use. The text says why, and nothing of what was printed."""


def run(command: str, directory: Path, environ: Mapping[str, str], timeout_s: float) -> bytes:
    """What a command prints to its standard output, run in `directory`. Blocks for up to `timeout_s`.

    Raises:
        CommandFailed: it cannot be run, failed, took too long or printed too much.
    """
    if os.name != "posix":
        raise CommandFailed("runs a command, which works on Linux and macOS alone; use ${file:/path}")
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise CommandFailed(f"is no command line: {error}") from None
    if not words:
        raise CommandFailed("names no command; write ${exec:program argument …}")
    name, is_setting, _ = words[0].partition("=")
    if is_setting:  # what follows may be a secret
        raise CommandFailed(f"begins with {name}=…, as a shell would have it; no shell is involved, write a script")
    try:
        process = subprocess.Popen(  # noqa: S603  # the operator's own words, and only where the operator allows it
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=directory.absolute(),
            env={name: value for name, value in environ.items() if name not in KEPT_BACK},
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it holds a character no command can have"
        raise CommandFailed(f"runs {words[0]!r}, which cannot be started: {why}") from None
    try:
        return _printed(process, words[0], timeout_s)
    finally:
        _end(process)


def _printed(process: subprocess.Popen[bytes], name: str, timeout_s: float) -> bytes:
    assert process.stdout is not None, "it was started with a pipe"
    end = monotonic() + timeout_s
    output = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            if not selector.select(max(0.0, end - monotonic())):
                raise CommandFailed(f"runs {name!r}, which was not done within {timeout_s:g} s")
            piece = os.read(process.stdout.fileno(), MAX_OUTPUT_BYTES)
            if not piece:
                break
            output += piece
            if len(output) > MAX_OUTPUT_BYTES:
                raise CommandFailed(f"runs {name!r}, which printed more than {MAX_OUTPUT_BYTES} bytes")
    try:
        code = process.wait(max(0.0, end - monotonic()))
    except subprocess.TimeoutExpired:
        raise CommandFailed(f"runs {name!r}, which was not done within {timeout_s:g} s") from None
    if code != 0:
        raise CommandFailed(f"runs {name!r}, which failed with exit code {code}; run it by hand to see why")
    return output


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave nothing of a command behind: neither itself nor what it started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.stdout is not None:
        process.stdout.close()
    process.wait()
