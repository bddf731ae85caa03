"""Where counters begin that a limit or a budget had before this process, or this Redis, was there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from headgate.storage.database import Database

SUBJECTS = {
    "organisation": "organisation",
    "team": "team_id",
    "project": "project_id",
    "user": "user_id",
    "key": "key_id",
    "model": "model",
    "customer": "end_user",
}
"""Columns of the ledger by kind of subject."""

METRICS = {
    "requests": "count(DISTINCT CASE WHEN cause <> 'correction' THEN call_id END)",
    "input_tokens": "sum(PROMPT)",
    "output_tokens": "sum(OUTPUT)",
    "tokens": "sum(PROMPT + OUTPUT)",
}

_PROMPT = (
    "input_tokens + cached_tokens + cache_write_5m_tokens + cache_write_1h_tokens + audio_input_tokens "
    "+ audio_cached_tokens + image_input_tokens"
)
_OUTPUT = "output_tokens + audio_output_tokens + image_output_tokens"


_LINE = (
    "WITH RECURSIVE line(id) AS (SELECT CAST($4 AS TEXT) "
    "UNION SELECT k.id FROM keys k JOIN line ON k.replaces = line.id) SELECT id FROM line"
)
"""A key and those that were put in its place by rotation: they are counted together."""


class LedgerSeeds:
    """Asks the ledger, once all that this process has settled is in it."""

    def __init__(self, database: Database, drain: Callable[[], Awaitable[None]]) -> None:
        self._database = database
        self._drain = drain

    async def spent(self, counter: str) -> int:
        """Picodollars settled for a budget's counter."""
        await self._drain()
        rows = await self._database.fetch("SELECT picodollars FROM spend WHERE counter = $1", counter)
        return rows[0][0] if rows else 0

    async def used(self, organisation: str, subject: str, metric: str, start_us: int, end_us: int) -> int:
        """What a subject has used of a metric in a time."""
        kind, _, name = subject.partition(":")
        await self._drain()
        where, value = _where(kind, name)
        what = METRICS[metric].replace("PROMPT", _PROMPT).replace("OUTPUT", _OUTPUT)
        rows = await self._database.fetch(
            f"SELECT CAST(coalesce({what}, 0) AS BIGINT) FROM ledger "  # noqa: S608  # made of this module's constants
            f"WHERE organisation = $1 AND started_us >= $2 AND started_us < $3 AND payer <> 'internal' AND {where}",
            organisation,
            start_us,
            end_us,
            value,
        )
        return rows[0][0]


def _where(kind: str, name: str) -> tuple[str, str]:
    """A condition on `$4`, and its value."""
    if kind == "tag":
        tag, _, value = name.partition("=")
        return r"tags LIKE $4 ESCAPE '\'", f"%{_escaped(_member(tag, value))}%"
    if kind == "key":
        return f"key_id IN ({_LINE})", name
    column = SUBJECTS[kind]
    if kind == "model" and name.endswith("*"):
        return rf"{column} LIKE $4 ESCAPE '\'", f"{_escaped(name[:-1])}%"
    return f"{column} = $4", name


def _member(tag: str, value: str) -> str:
    """A tag as it stands in its row's JSON."""
    import json

    return f"{json.dumps(tag, ensure_ascii=False)}:{json.dumps(value, ensure_ascii=False)}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
