"""What `${file:…}` and `${exec:…}` refer to, kept from one reading of the configuration to the next.

A `Secrets` is made once and handed to every `load` of the same configuration. What it has read once it goes on giving
until `refresh` finds something else there; what cannot be read any more, or is empty, is kept as it was, and the log
says so once.
"""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from time import monotonic, sleep

import msgspec

from headgate.config import commands

log = logging.getLogger("headgate.config")

MAX_FILE_BYTES = 1024 * 1024

SETTLES_S = 0.1
"""A changed file is taken when it is the same this much later: one that is being written is seen in parts."""

EXEC_TIMEOUT_S = 10.0


class Unreadable(Exception):
    """There is nothing to use at a reference. The text says what and why, and nothing of what is there."""


class ExecRules(msgspec.Struct, frozen=True):
    """Whether commands are run, and how. Settled by the first configuration that is read."""

    allowed: bool = False
    timeout_s: float = EXEC_TIMEOUT_S
    every_s: float | None = None
    """After how long they are run again; None: only when a reload is asked for."""


class Origin(msgspec.Struct, frozen=True):
    """A file, or a command and the folder it is run in."""

    kind: str
    """`file` or `exec`."""
    name: str
    """The file's path, or the command line."""
    directory: Path = Path()

    @property
    def shown(self) -> str:
        """What it is called in the log: of a command its first word, for the others may be nobody's business."""
        return (
            f"the file {self.name!r}"
            if self.kind == "file"
            else f"the command {self.name.split(' ')[0].partition('=')[0]!r}"
        )


class Secrets:
    """The values of one configuration's references to files and commands."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ
        self._held: dict[Origin, str] = {}
        self._used: set[Origin] = set()
        self._failing: set[Origin] = set()
        """Those whose present state has been complained of."""
        self._warned: set[str] = set()
        self._ran_at = monotonic()
        self.rules: ExecRules | None = None
        """How commands are run; None until a configuration has said."""

    def file(self, path: Path) -> str:
        """What is in a file, without the newline at its end.

        Raises:
            Unreadable: it cannot be read, is empty, too long or no text.
        """
        return self._get(Origin("file", str(path)))

    def output(self, command: str, directory: Path) -> str:
        """What a command prints, without the newline at its end.

        Raises:
            Unreadable: commands are not allowed, or it gave nothing to use.
        """
        return self._get(Origin("exec", command, directory))

    @property
    def held(self) -> tuple[str, ...]:
        """All values there are now."""
        return tuple(self._held.values())

    def refresh(self, *, asked: bool = False) -> bool:
        """Look at everything in use again; whether any of it is another than it was. Blocks: not for an event loop.

        Commands are run again when their time has come, and when it was `asked` for.
        """
        every_s = self.rules.every_s if self.rules is not None else None
        rerun = asked or (every_s is not None and monotonic() - self._ran_at >= every_s)
        if rerun:
            self._ran_at = monotonic()
        changed = [self._look(origin) for origin in self._held if origin.kind == "file" or rerun]
        return any(changed)

    def prune(self) -> None:
        """Forget what has not been used since the last time."""
        self._held = {origin: value for origin, value in self._held.items() if origin in self._used}
        self._failing &= self._used
        self._used = set()

    def _get(self, origin: Origin) -> str:
        self._used.add(origin)
        if origin not in self._held:
            self._held[origin] = self._read(origin)
        return self._held[origin]

    def _look(self, origin: Origin) -> bool:
        """Take what is there now, if it can be used; whether it is another than before."""
        try:
            value = self._read(origin)
            if value != self._held[origin] and origin.kind == "file":
                value = self._settled(origin, value)
        except Unreadable as error:
            if origin not in self._failing:
                self._failing.add(origin)
                log.error("a reference %s; what it gave before stays in use", error)  # noqa: TRY400
            return False
        if origin in self._failing:
            self._failing.discard(origin)
            log.info("%s can be used again", origin.shown)
        if value == self._held[origin]:
            return False
        self._held[origin] = value
        log.info("%s gives another value now", origin.shown)
        return True

    def _settled(self, origin: Origin, value: str) -> str:
        """A file's new content once it has stopped changing; the old one if it does not."""
        sleep(SETTLES_S)
        again = self._read(origin)
        return again if again == value else self._held[origin]

    def _read(self, origin: Origin) -> str:
        content = self._content(origin) if origin.kind == "file" else self._printed(origin)
        try:
            text = content.decode().removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            raise Unreadable(f"refers to {origin.shown}, which cannot be read: it is not UTF-8 text") from None
        if not text:
            raise Unreadable(f"refers to {origin.shown}, which is empty")
        return text

    def _content(self, origin: Origin) -> bytes:
        try:
            with open(origin.name, "rb", opener=_at_once) as opened:
                mode = os.fstat(opened.fileno()).st_mode
                if not stat.S_ISREG(mode):
                    raise Unreadable(f"refers to {origin.shown}, which cannot be read: it is no regular file")
                content = opened.read(MAX_FILE_BYTES + 1)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else "no file can be called that"
            raise Unreadable(f"refers to {origin.shown}, which cannot be read: {why}") from None
        if len(content) > MAX_FILE_BYTES:
            raise Unreadable(f"refers to {origin.shown}, which is over {MAX_FILE_BYTES} bytes")
        if mode & stat.S_IROTH and os.name == "posix" and origin.name not in self._warned:
            self._warned.add(origin.name)
            log.warning(
                "%s can be read by everyone on this machine; take that away: chmod o-rwx, or defaultMode: 0400 in "
                "Kubernetes",
                origin.shown,
            )
        return content

    def _printed(self, origin: Origin) -> bytes:
        rules = self.rules or ExecRules()
        if not rules.allowed:
            raise Unreadable(
                "runs a command, which is not allowed; write server: {allow_exec: true} and restart, or use "
                "${file:/path}"
            )
        try:
            return commands.run(origin.name, origin.directory, self._environ, rules.timeout_s)
        except commands.CommandFailed as error:
            raise Unreadable(str(error)) from None


def _at_once(name: str, flags: int) -> int:
    """Open without waiting: a pipe would be waited for until somebody writes to it."""
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))
