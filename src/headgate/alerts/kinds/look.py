"""What kinds of rules are handed."""

from __future__ import annotations

import msgspec

from headgate.alerts.habits import HabitKeeping
from headgate.alerts.objectives import Objectives
from headgate.alerts.traffic import Traffic
from headgate.catalog.retirements import RetiringNames
from headgate.storage.database import Database


class Look(msgspec.Struct, frozen=True):
    """One look at one organisation."""

    traffic: Traffic
    database: Database
    habits: HabitKeeping
    now_us: int
    objectives: Objectives
    retiring: RetiringNames

    @property
    def organisation(self) -> str:
        return self.traffic.organisation
