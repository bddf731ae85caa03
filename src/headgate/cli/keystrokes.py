"""Keys as they are pressed, without Return after them, where there is a keyboard."""

from __future__ import annotations

import os
import select
import sys
import time
from types import TracebackType
from typing import Any, Self


class Keystrokes:
    """While entered, what is pressed comes at once and is not shown. Elsewhere than on a terminal nothing comes."""

    def __init__(self) -> None:
        self._before: Any = None

    def __enter__(self) -> Self:
        if sys.platform != "win32" and sys.stdin.isatty():
            import termios
            import tty

            self._before = termios.tcgetattr(sys.stdin)
            tty.setcbreak(sys.stdin)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._before is not None:
            import termios

            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._before)

    def next(self, wait_s: float) -> str:
        """The next key, as soon as it is pressed; empty where none is within that time."""
        if self._before is None:
            time.sleep(wait_s)
            return ""
        ready, _, _ = select.select([sys.stdin], [], [], wait_s)
        return os.read(sys.stdin.fileno(), 1).decode("ascii", "replace") if ready else ""
