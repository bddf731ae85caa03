"""What people have set up, read from the database without changing anything in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from os.path import isfile
from typing import Any

import msgspec

from headgate.alerts.objectives import NO_OBJECTIVES, Objectives, ObjectiveStanding
from headgate.alerts.standings import standings
from headgate.errors import ConfigError, HeadgateError
from headgate.production.facts import LONG_S, KeyFacts, Records, Unseen
from headgate.storage.database import Row
from headgate.storage.opening import MEMORY, SQLITE, connect, sqlite_path

LOOK_BACK_US = 30 * 86_400 * 1_000_000
"""How long ago a key may have been used to count as used."""

_KEYS = (
    "SELECT id, name, roles, expires_us, team_id, project_id, user_id FROM keys "
    "WHERE revoked_us IS NULL AND archived_us IS NULL"
)
_BUDGETS = "SELECT subject, hard FROM budgets WHERE archived_us IS NULL"
_CALLERS = "SELECT DISTINCT key_id FROM ledger WHERE started_us >= $1"


async def look(url: str, now_us: int, objectives: Objectives = NO_OBJECTIVES) -> Records:
    """The records of a database, and how models stand to their objectives. An SQLite file is opened for reading alone,
    also beside the process that serves from it; PostgreSQL gets statements that read.

    Raises:
        Unseen: they cannot be read, and why.
    """
    if url.startswith(SQLITE):
        return await _read_file(url, now_us, objectives)
    try:
        database = await connect(url, lock=False, connections=2)
        try:
            keys, budgets = await database.fetch(_KEYS), await database.fetch(_BUDGETS)
            callers = await database.fetch(_CALLERS, now_us - LOOK_BACK_US)
            stand = await standings(database, "default", objectives, now_us // 1_000_000)
            return _records(keys, budgets, callers, now_us, stand)
        finally:
            await database.close()
    except ConfigError as error:
        raise Unseen(error.problems[0].partition("\n")[0]) from None
    except HeadgateError as error:
        why = error.message.partition("\n")[0]
        raise Unseen(f"the database cannot be read: {why}") from None


async def _read_file(url: str, now_us: int, objectives: Objectives) -> Records:
    import apsw  # a driver is loaded when it is needed

    path = _there(url)
    try:
        connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)
        try:
            connection.set_busy_timeout(5_000)
            reader = _Reader(connection)
            keys, budgets = await reader.fetch(_KEYS), await reader.fetch(_BUDGETS)
            callers = await reader.fetch(_CALLERS, now_us - LOOK_BACK_US)
            stand = await standings(reader, "default", objectives, now_us // 1_000_000)
            return _records(keys, budgets, callers, now_us, stand)
        finally:
            connection.close()
    except apsw.Error as error:
        raise Unseen(f"{path} cannot be read: {error}") from None


def _there(url: str) -> str:
    path = sqlite_path(url)
    if path == MEMORY or not isfile(path):
        raise Unseen("there is no database yet")
    return path


class _Reader:
    """A file that is only looked at."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def fetch(self, sql: str, *parameters: Any) -> list[Row]:
        return list(self._connection.execute(_NUMBERED.sub(r"?\1", sql), parameters))


_NUMBERED = re.compile(r"\$(\d+)")


def _records(
    keys: Iterable[Row],
    budgets: Iterable[Row],
    callers: Iterable[Row],
    now_us: int,
    stand: Sequence[ObjectiveStanding],
) -> Records:
    return Records(
        keys=[
            KeyFacts(
                id=id_,
                name=name,
                roles=_roles(roles),
                expires=expires_us is not None and expires_us < now_us + LONG_S * 1_000_000,
                owners=owners(*of),
            )
            for id_, name, roles, expires_us, *of in keys
            if expires_us is None or expires_us > now_us
        ],
        budgets=hardest((subject, bool(hard)) for subject, hard in budgets),
        callers=frozenset(key_id for (key_id,) in callers),
        objectives=list(stand),
    )


def owners(team: str | None, project: str | None, user: str | None) -> list[str]:
    """Whose a key is, as subjects of budgets."""
    named = (("team", team), ("project", project), ("user", user))
    return [f"{kind}:{owner}" for kind, owner in named if owner is not None]


def hardest(budgets: Iterable[tuple[str, bool]]) -> dict[str, bool]:
    """By subject, whether one of its budgets is hard."""
    found: dict[str, bool] = {}
    for subject, hard in budgets:
        found[subject] = found.get(subject, False) or hard
    return found


def _roles(text: Any) -> list[str]:
    return msgspec.json.decode(text, type=list[str]) if isinstance(text, str) else list(text)
