"""What became of what was to be sent."""

from __future__ import annotations


class Counts:
    """What became of it all, for /metrics."""

    def __init__(self) -> None:
        self.spans = 0
        """Delivered."""
        self.metrics = 0
        """Messages of metrics delivered."""
        self.calls_dropped = 0
        """Not looked at: too many were over at once, or the collector of their time is another one now."""
        self.queue_dropped = 0
        """Spans that had to make room for later ones, or were left at the end."""
        self.refused = 0
        """Spans the collector did not want."""
        self.failed_sends = 0
        """Messages that did not get there, those that were sent again included."""
        self.broken = 0
        """Calls nothing could be made of."""
