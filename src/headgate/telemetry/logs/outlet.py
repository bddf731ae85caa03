"""Where lines go: to a file descriptor, which is never waited for while calls are under way."""

from __future__ import annotations

import os
import select
from collections import deque

PIECE_BYTES = 4096
"""As much as a pipe that can be written to takes at once (PIPE_BUF, pipe(7))."""

MOST_WAITING_BYTES = 4 * 1024 * 1024
"""Lines that wait for whoever reads them. What comes beside that many is lost, and counted."""


class Outlet:
    """One file descriptor. Its reader may be slow or stuck, or gone: whoever writes a line goes on."""

    def __init__(self, descriptor: int) -> None:
        self.lost = 0
        """Lines that nobody took in time."""
        self._descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0

    @property
    def free(self) -> bool:
        """Whether all there was has been taken."""
        self.flush()
        return not self._waiting

    def write(self, line: bytes) -> None:
        """Write a line, or have it wait for its turn."""
        self.flush()
        if self._waiting_bytes + len(line) > MOST_WAITING_BYTES:
            self.lost += 1
            return
        self._add(line)
        self.flush()

    def flush(self, wait_s: float = 0.0) -> None:
        """Write as much of what waits as is taken, waiting `wait_s` at a time for the reader."""
        while self._waiting and self._ready(wait_s):
            piece = self._waiting[0]
            try:
                written = os.write(self._descriptor, piece[:PIECE_BYTES])
            except BlockingIOError:
                return
            except OSError:  # nobody reads any more
                self.lost += len(self._waiting)
                self._waiting.clear()
                self._waiting_bytes = 0
                return
            self._waiting_bytes -= written
            if written == len(piece):
                self._waiting.popleft()
            else:
                self._waiting[0] = piece[written:]

    def _add(self, line: bytes) -> None:
        self._waiting.append(line)
        self._waiting_bytes += len(line)

    def _ready(self, wait_s: float) -> bool:
        return bool(self._poll.poll(wait_s * 1000))
