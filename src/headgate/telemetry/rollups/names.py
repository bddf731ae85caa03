"""The names there are on a day, so that there are not too many of them: a client may make up models and tags."""

from __future__ import annotations

from headgate.storage.database import Transaction

DAY_S = 86_400

OTHER = "(other)"
"""What stands for names that are too many."""

PAIRS = 10
"""How many times as many pairs of names there may be."""


class Names:
    """Remembers those of the latest day it has seen, in every organisation and cube."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, int], set[tuple[str, str]]] = {}
        self._latest = 0

    async def bounded(
        self, transaction: Transaction, most: int, organisation: str, cube: str, at_s: int, first: str, second: str
    ) -> tuple[str, str]:
        """The names themselves, or what stands for them where there are as many as may be. The transaction has to be
        the only one that adds names.
        """
        day_s = at_s // DAY_S * DAY_S
        day = (organisation, cube, day_s)
        known = self._known.get(day)
        if known is None:
            if day_s > self._latest:
                self._latest = day_s
                self._known.clear()
            known = self._known[day] = set(await transaction.fetch(_KNOWN, *day))  # type: ignore[arg-type]
        name = (first, second)
        if name in known:
            return name
        if second:
            most *= PAIRS
        if len(known) < most:
            [[number]] = await transaction.fetch(_COUNT, *day)  # others may have added some
            if number < most or await transaction.fetch(_FIND, *day, *name):
                await transaction.execute(_ADD, *day, *name)
                known.add(name)
                return name
        return OTHER, OTHER if second else ""


_DAY = "FROM rollup_names WHERE organisation = $1 AND cube = $2 AND day_s = $3"
_KNOWN = f"SELECT first, second {_DAY}"
_COUNT = f"SELECT count(*) {_DAY}"
_FIND = f"SELECT 1 {_DAY} AND first = $4 AND second = $5"
_ADD = (
    "INSERT INTO rollup_names (organisation, cube, day_s, first, second) VALUES ($1, $2, $3, $4, $5) "
    "ON CONFLICT DO NOTHING"
)
