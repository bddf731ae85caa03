"""Whether this process has more to do than it can: how late its event loop is.

After CoDel (RFC 8289): lateness that does not go away for an interval is a standing queue; a burst, or one long step,
is none. Once there is one, what comes is refused while the loop is late or has just been, until that is over.
"""

from __future__ import annotations

import asyncio

LOOK_S = 0.02
LATE_S = 0.05
"""Lateness that would be felt: what has come waits at least so long before anybody looks at it."""
FORGET = 0.7
"""What a look leaves of the lateness before it: after half a second nothing stands in the way of what comes."""
STANDING_S = 0.1
"""How long it must have been late all the time."""
LOOKS = 3
"""How often in a row it must have been late: one long step is late once."""
OVER_S = 1.0
"""How long it must not have been, for the overload to be over."""


class Lag:
    """Looks at the event loop from inside it."""

    def __init__(self) -> None:
        self.overloaded = False
        """There was a standing queue of work lately."""
        self._due = 0.0
        self._late_s = 0.0
        """How late it was, forgotten a little with each look."""
        self._in_time_at = 0.0
        self._late_looks = 0
        """In a row."""
        self._late_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def late_s(self) -> float:
        """How late it was lately, in seconds."""
        return self._late_s

    def start(self) -> None:
        """Begin to look, on the running loop."""
        self._loop = asyncio.get_running_loop()
        self._in_time_at = self._due = self._loop.time()
        self._look()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def is_late(self) -> bool:
        """Whether the loop is late at this moment, or has just been. For asking while it is `overloaded`."""
        return max(self._late_s, self._loop.time() - self._due) > LATE_S

    def looked(self, now: float) -> None:
        """Note that a look that was due came at `now`."""
        late_s = now - self._due
        self._late_s = max(late_s, self._late_s * FORGET)
        if late_s < LATE_S:
            self._in_time_at = now
            self._late_looks = 0
        else:
            self._late_at = now
            self._late_looks += 1
        if self._late_looks >= LOOKS and now - self._in_time_at >= STANDING_S:
            self.overloaded = True
        elif now - self._late_at >= OVER_S:
            self.overloaded = False

    def _look(self) -> None:
        now = self._loop.time()
        self.looked(now)
        self._due = now + LOOK_S
        self._timer = self._loop.call_at(self._due, self._look)
