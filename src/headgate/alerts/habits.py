"""What keys and teams have done before: with which models, and since when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from headgate.storage.database import Database
from headgate.telemetry.rollups.names import OTHER

DAY_S = 86_400

REMEMBERED_DAYS = 60
"""A model that was not used for so long is a new one again."""

Pair = tuple[str, str]


class Habits(NamedTuple):
    """What was before a day."""

    pairs: AbstractSet[Pair]
    """Who used which model."""
    since_s: Mapping[str, int]
    """The first day of each within `REMEMBERED_DAYS`."""


class HabitKeeping:
    """Remembers them, so that the days before are read once a day. Of each organisation and dimension."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._held: dict[Pair, tuple[int, Habits]] = {}

    async def before(self, organisation: str, dimension: str, now_s: int) -> Habits:
        """What was before today.

        Raises:
            StoreUnavailable: the database cannot be reached.
        """
        today_s = now_s // DAY_S * DAY_S
        held = self._held.get((organisation, dimension))
        if held is None or held[0] != today_s:
            since_s = today_s - REMEMBERED_DAYS * DAY_S
            asked = (organisation, f"{dimension}+model", since_s, today_s)
            rows = await self._database.fetch(
                "SELECT first, second, min(day_s) FROM rollup_names WHERE organisation = $1 AND cube = $2 "
                "AND day_s >= $3 AND day_s < $4 GROUP BY first, second",
                *asked,
            )
            since: dict[str, int] = {}
            for who, _, day_s in rows:
                since[who] = min(day_s, since.get(who, day_s))
            held = self._held[organisation, dimension] = today_s, Habits({(who, what) for who, what, _ in rows}, since)
        return held[1]

    async def today(self, organisation: str, dimension: str, now_s: int) -> Sequence[Pair]:
        """Who uses which model today.

        Raises:
            StoreUnavailable: the database cannot be reached.
        """
        rows = await self._database.fetch(
            "SELECT first, second FROM rollup_names WHERE organisation = $1 AND cube = $2 AND day_s = $3",
            organisation,
            f"{dimension}+model",
            now_s // DAY_S * DAY_S,
        )
        return [(who, what) for who, what in rows if OTHER not in (who, what)]


def new_pairs(habits: Habits, today: Sequence[Pair], now_s: int, known_days: int) -> list[Pair]:
    """Who uses a model for the first time, of those there is something known of."""
    latest_s = now_s // DAY_S * DAY_S - known_days * DAY_S
    return [
        (who, what)
        for who, what in today
        if (who, what) not in habits.pairs and habits.since_s.get(who, now_s) <= latest_s
    ]
