"""What kinds of rules are handed."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from headgate.alerts.habits import HabitKeeping
from headgate.alerts.traffic import Traffic
from headgate.routing.config import ObjectivesConfig
from headgate.storage.database import Database


class Look(msgspec.Struct, frozen=True):
    """One look at one organisation."""

    traffic: Traffic
    database: Database
    habits: HabitKeeping
    now_us: int
    objectives: Mapping[str, ObjectivesConfig]
    """By model."""

    @property
    def organisation(self) -> str:
        return self.traffic.organisation
