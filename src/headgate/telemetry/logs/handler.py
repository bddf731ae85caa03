"""The one handler of the process' log, and what else would go to standard error past it."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Any

from headgate.checks.redaction import Redactor
from headgate.telemetry.config import LogsConfig
from headgate.telemetry.logs.lines import Lines
from headgate.telemetry.logs.outlet import Outlet

CLOSE_S = 0.5
"""How long what waits is given at the end, a piece at a time."""

STANDARD_ERROR = 2

OTHERS = logging.WARNING
"""The least that libraries say. Below it some write down what they send, credentials included."""


class Logs(logging.Handler):
    """Formats, redacts and writes."""

    def __init__(self, descriptor: int, known: Iterable[str] = (), worker: int | None = None) -> None:
        super().__init__()
        self._redactor = Redactor(known)
        self._lines = Lines(self._redactor, worker)
        self._outlet = Outlet(descriptor)
        self._terminal = os.isatty(descriptor)
        self._told = 0

    @property
    def lost(self) -> int:
        """Lines that nobody took in time."""
        return self._outlet.lost

    def use(self, config: LogsConfig, known: Iterable[str] = ()) -> None:
        """Go by this configuration from now on, and take these out too."""
        self._redactor.learn(known)
        text = config.format == "text" or (config.format == "auto" and self._terminal)
        self._lines.format = "text" if text else "json"
        logging.getLogger("headgate").setLevel(config.level.upper())

    def emit(self, record: logging.LogRecord) -> None:
        try:
            if self._outlet.lost > self._told and self._outlet.free:
                told, self._told = self._outlet.lost - self._told, self._outlet.lost
                self._outlet.write(
                    self._lines.line(_record(record, "%d lines of the log are lost: nobody read them", told))
                )
            self._outlet.write(self._lines.line(record))
        except Exception:  # noqa: BLE001  # telling of it must not tell what it is about
            self._outlet.write(self._lines.line(_record(record, "a line of the log could not be made")))

    def flush(self) -> None:
        with self.lock or threading.RLock():
            self._outlet.flush()

    def close(self) -> None:
        with self.lock or threading.RLock():
            self._outlet.flush(CLOSE_S)
        super().close()


def begin(known: Iterable[str] = (), worker: int | None = None) -> None:
    """Have all that is logged, and what Python itself would print of errors, go through one handler from now on. Where
    somebody has a handler already, the log is theirs.
    """
    root = logging.getLogger()
    if root.handlers:
        return
    logs = Logs(STANDARD_ERROR, known, worker)
    root.addHandler(logs)
    root.setLevel(OTHERS)
    logs.use(LogsConfig())
    logging.captureWarnings(capture=True)
    sys.excepthook = _uncaught
    sys.unraisablehook = _unraisable
    threading.excepthook = _uncaught_in_thread


def installed() -> Logs | None:
    """The handler there is; None where this process' log is somebody else's, as in who uses the library."""
    return next((each for each in logging.getLogger().handlers if isinstance(each, Logs)), None)


def _record(about: logging.LogRecord, message: str, *arguments: Any) -> logging.LogRecord:
    return logging.LogRecord("headgate.logs", logging.ERROR, about.pathname, about.lineno, message, arguments, None)


def _uncaught(kind: type[BaseException], error: BaseException, _: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        logging.getLogger("headgate").critical("this process ends", exc_info=error)


def _unraisable(what: sys.UnraisableHookArgs) -> None:
    logging.getLogger("headgate").error("an error nobody could take", exc_info=what.exc_value)


def _uncaught_in_thread(what: threading.ExceptHookArgs) -> None:
    logging.getLogger("headgate").error("a thread ends", exc_info=what.exc_value)
