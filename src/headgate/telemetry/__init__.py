"""How calls go: counters of this process, the list of calls, and what they come to over time."""

from __future__ import annotations

from headgate.telemetry.calls import UNKNOWN
from headgate.telemetry.keeping import CallKeeping
from headgate.telemetry.metrics import Metrics
from headgate.telemetry.stage import Telemetry

__all__ = ["UNKNOWN", "CallKeeping", "Metrics", "Telemetry"]
