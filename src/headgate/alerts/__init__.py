"""What is told of, when and to whom: rules over sums of calls, where alerts stand, notices and their delivery."""

from __future__ import annotations

from headgate.alerts.alerting import Alerting

__all__ = ["Alerting"]
