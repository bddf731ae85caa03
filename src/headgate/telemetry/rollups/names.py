"""The names there are on a day, so that there are not too many of them: a client may make up models and tags."""

from __future__ import annotations

from headgate.storage.database import Transaction

DAY_S = 86_400

OTHER = "(other)"
"""What stands for names that are too many."""

PAIRS = 10
"""How many times as many pairs of names there may be. Beyond them a name's own others are one."""


class Names:
    """Remembers those of the latest day it has seen, in every organisation and cube. Used by one transaction at a time,
    which has to be the only one that adds names: it begins with `begin` and ends with `store`.
    """

    def __init__(self) -> None:
        self._known: dict[Day, set[Name]] = {}
        self._latest = 0
        self._current: set[Day] = set()
        """Those of which nobody else can have added names since they were looked up."""
        self._added: list[tuple[Day, Name]] = []

    def begin(self) -> None:
        """From now on others may have added names."""
        self._current.clear()

    async def bounded(
        self, transaction: Transaction, most: int, organisation: str, cube: str, at_s: int, first: str, second: str
    ) -> Name:
        """The names themselves, or what stands for them where there are as many as may be. Those of a pair are to be
        asked about before, each by itself: what goes by another name there does so here.
        """
        day_s = at_s // DAY_S * DAY_S
        day, name = (organisation, cube, day_s), (first, second)
        if day_s > self._latest:
            self._latest = day_s
            for other in [each for each in self._known if each not in self._current]:
                del self._known[other]
        known = self._known.get(day)
        if known is not None and name in known:
            return name
        if day not in self._current:
            known = await self._looked_up(transaction, day)
        assert known is not None, "what is current is known"
        if second:
            name = first, second = self._each_bounded(organisation, cube, day_s, name)
        if name in known:
            return name
        if len(known) < (most * PAIRS if second else most):
            known.add(name)
            self._added.append((day, name))
            return name
        return (first, OTHER) if second else (OTHER, "")

    def _each_bounded(self, organisation: str, pair: str, day_s: int, names: Name) -> Name:
        """A pair's names, or what stands for each: so that names somebody makes up use up no pairs of others."""
        first, second = (
            name if (name, "") in self._known.get((organisation, cube, day_s), ()) else OTHER
            for cube, name in zip(pair.split("+"), names, strict=True)
        )
        return first, second

    async def store(self, transaction: Transaction) -> None:
        """Write down the names that are new: many at once, for a client may make up thousands."""
        added, self._added = self._added, []
        for start in range(0, len(added), AT_ONCE):
            some = added[start : start + AT_ONCE]
            await transaction.execute(_adding(len(some)), *(value for day, name in some for value in (*day, *name)))

    async def _looked_up(self, transaction: Transaction, day: Day) -> set[Name]:
        """All there are on a day: read again only where others have added some."""
        known = self._known.get(day)
        if known is not None:
            [[number]] = await transaction.fetch(_COUNT, *day)
            if number != len(known):
                known = None
        if known is None:
            known = self._known[day] = set(await transaction.fetch(_KNOWN, *day))  # type: ignore[arg-type]
        self._current.add(day)
        return known


AT_ONCE = 200
"""Names of one statement."""

Day = tuple[str, str, int]
"""Organisation, cube, and the second it begins at."""

Name = tuple[str, str]

_DAY = "FROM rollup_names WHERE organisation = $1 AND cube = $2 AND day_s = $3"
_KNOWN = f"SELECT first, second {_DAY}"
_COUNT = f"SELECT count(*) {_DAY}"


def _adding(names: int) -> str:
    places = ", ".join(f"({', '.join(f'${5 * number + at}' for at in range(1, 6))})" for number in range(names))
    return (
        f"INSERT INTO rollup_names (organisation, cube, day_s, first, second) VALUES {places} "  # noqa: S608
        "ON CONFLICT DO NOTHING"
    )
