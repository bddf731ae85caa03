"""What the outside sees of how calls go: counters now, traces and rollups on the same events."""

from __future__ import annotations

from headgate.telemetry.metrics import Metrics
from headgate.telemetry.stage import Telemetry

__all__ = ["Metrics", "Telemetry"]
