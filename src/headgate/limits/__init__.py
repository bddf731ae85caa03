"""How much a subject may use: requests and tokens per call, money per attempt."""

from __future__ import annotations

from headgate.limits.calendar import Calendar
from headgate.limits.config import LimitsConfig
from headgate.limits.reserve import Alerts, Reserve, Target
from headgate.limits.rules import NO_RULES, NoSeeds, Rules, Seeds
from headgate.limits.seeding import Seeder
from headgate.limits.stage import Limits

__all__ = [
    "NO_RULES",
    "Alerts",
    "Calendar",
    "Limits",
    "LimitsConfig",
    "NoSeeds",
    "Reserve",
    "Rules",
    "Seeder",
    "Seeds",
    "Target",
]
