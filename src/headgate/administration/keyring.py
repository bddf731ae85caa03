"""Keys as rows: which there are, which came from which, and what is put on them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from headgate.administration.register import Register
from headgate.storage.records import Budget, Entity, Key, Limit
from headgate.storage.tables import KEYS, Reader, Table

register = Register(KEYS, "key", "key", lambda key: key.team_id)

E = TypeVar("E", bound=Entity)
Rule = TypeVar("Rule", Limit, Budget)

Lineages = Mapping[str, Sequence[str]]
"""By key, the key itself and those it came from by rotation, the newest first."""


async def lineages(reader: Reader, organisation: str, keys: Iterable[Key]) -> Lineages:
    """Which keys some keys were rotated from."""
    replaces = {key.id: key.replaces for key in keys}
    asked = list(replaces)
    while missing := {each for each in replaces.values() if each is not None and each not in replaces}:
        rows = await of_ids(reader, KEYS, organisation, missing)
        replaces |= dict.fromkeys(missing) | {row.id: row.replaces for row in rows}
    found: dict[str, Sequence[str]] = {}
    for key_id in asked:
        line = [key_id]
        while (before := replaces[line[-1]]) is not None and before not in line:
            line.append(before)
        found[key_id] = line
    return found


async def lineage(reader: Reader, organisation: str, key_id: str) -> Sequence[str]:
    """A key and those it was rotated from; nothing where there is no such row, as of the key of the environment."""
    key = await KEYS.get(reader, organisation, key_id)
    return [] if key is None else (await lineages(reader, organisation, [key]))[key_id]


async def rules_of(
    reader: Reader, table: Table[Rule], organisation: str, subjects: Iterable[str]
) -> dict[str, list[Rule]]:
    """The limits, or the budgets, that some subjects have."""
    found: dict[str, list[Rule]] = defaultdict(list)
    for rule in await _among(reader, table, organisation, "subject", subjects, " AND archived_us IS NULL"):
        found[rule.subject].append(rule)
    return found


async def of_ids(reader: Reader, table: Table[E], organisation: str, ids: Iterable[str]) -> list[E]:
    """The rows of some ids, archived ones too."""
    return await _among(reader, table, organisation, "id", ids)


async def of_digests(reader: Reader, organisation: str, digests: Iterable[str]) -> list[Key]:
    """The keys that have some digests."""
    return await _among(reader, KEYS, organisation, "digest", digests)


_AT_ONCE = 500
"""Values in one statement."""


async def _among(
    reader: Reader, table: Table[E], organisation: str, column: str, values: Iterable[str], condition: str = ""
) -> list[E]:
    wanted = list(dict.fromkeys(values))
    found: list[E] = []
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        places = ", ".join(f"${number}" for number in range(2, len(some) + 2))
        rows = await reader.fetch(
            f"SELECT {', '.join(table.columns)} FROM {table.name} "  # noqa: S608
            f"WHERE organisation = $1 AND {column} IN ({places}){condition} ORDER BY created_us, id",
            organisation,
            *some,
        )
        found += [table.decode(row) for row in rows]
    return found
