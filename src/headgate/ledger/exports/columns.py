"""The columns of an export: every member of a ledger row, money in dollars and times as people write them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec

from headgate.money import format_usd
from headgate.storage.records import LedgerRow
from headgate.types import Usage

Kind = Literal["text", "count", "money", "time", "truth", "tags", "list"]


class Column(msgspec.Struct, frozen=True):
    name: str
    kind: Kind
    get: Callable[[LedgerRow], Any]
    """The member itself: picodollars, microseconds, a tuple of pairs."""


def _member(name: str, kind: Kind = "text", member: str | None = None) -> Column:
    source = member or name
    return Column(name, kind, lambda row: getattr(row, source))


def _tokens(name: str) -> Column:
    return Column(name, "count", lambda row: getattr(row.usage, name))


COLUMNS = (
    _member("id"),
    _member("call_id"),
    _member("organisation"),
    _member("team_id"),
    _member("project_id"),
    _member("key_id"),
    _member("user_id"),
    _member("end_user"),
    _member("model"),
    _member("target"),
    _member("operation"),
    _member("cause"),
    _member("parent"),
    _member("payer"),
    _member("started_at", "time", "started_us"),
    _member("duration_us", "count"),
    _member("first_token_us", "count"),
    _member("status", "count"),
    _member("code"),
    *(_tokens(name) for name in Usage.__struct_fields__),
    _member("usage_source"),
    _member("cost_usd", "money", "cost_picodollars"),
    _member("saving_usd", "money", "saving_picodollars"),
    _member("reserved_usd", "money", "reserved_picodollars"),
    _member("price_version"),
    _member("streamed", "truth"),
    _member("vendor_request_id"),
    _member("prompt_version"),
    _member("tags", "tags"),
    _member("charged", "list"),
)
"""In the order of the files."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(microseconds: int) -> datetime:
    """The exact time in UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)


def rfc3339(microseconds: int) -> str:
    """A time as RFC 3339 has it, in UTC, to the microsecond: `2026-11-25T08:00:00.000001Z`."""
    return moment(microseconds).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def plain(row: LedgerRow) -> dict[str, Any]:
    """A row as JSON shows it: money as decimal strings of dollars, times in RFC 3339."""
    return {column.name: _shown(column.kind, column.get(row)) for column in COLUMNS}


def _shown(kind: Kind, value: Any) -> Any:
    if value is None:
        return None
    if kind == "money":
        return format_usd(value)
    if kind == "time":
        return rfc3339(value)
    return dict(value) if kind == "tags" else value
