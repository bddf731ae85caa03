"""The monthly statement of a team, or of a whole organisation: what was used, by whom, and what it cost."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from headgate.ledger.exports.cells import Sheets, safe
from headgate.ledger.exports.columns import rfc3339
from headgate.money import format_usd
from headgate.storage.records import LedgerRow
from headgate.types import Usage

TOKENS = Usage.__struct_fields__
"""Categories of usage, searches among them."""

CALLS_REMEMBERED = 200_000
"""Calls whose other attempts are recognised: rows come in the order of their start, so those of a call are close."""

_INPUT = tuple(
    name for name in TOKENS if name.endswith("_tokens") and "output" not in name and name != "reasoning_tokens"
)
_OUTPUT = ("output_tokens", "audio_output_tokens", "image_output_tokens")


class Sums(msgspec.Struct):
    """What some rows come to. Money is picodollars."""

    calls: int = 0
    attempts: int = 0
    """Upstream calls: a call has one or more, and none where its answer came from the cache."""
    failed: int = 0
    """Attempts that ended in an error."""
    cache_hits: int = 0
    estimated: int = 0
    """Attempts whose vendor did not report what they used."""
    unpriced: int = 0
    """Attempts whose cost is not known; it is in none of the amounts."""
    tokens: dict[str, int] = msgspec.field(default_factory=lambda: dict.fromkeys(TOKENS, 0))
    cost_picodollars: int = 0
    failed_picodollars: int = 0
    """Of the cost, what attempts took that ended in an error."""
    estimated_picodollars: int = 0
    """Of the cost, what is an upper estimate."""
    correction_picodollars: int = 0
    """Of the cost, what corrections added or took off after comparing with the vendors' own accounts."""
    saving_picodollars: int = 0
    """What cache hits would have cost."""

    def add(self, row: LedgerRow, new_call: bool) -> None:
        cost = row.cost_picodollars
        self.calls += new_call
        self.saving_picodollars += row.saving_picodollars or 0
        if row.cause == "cache_hit":
            self.cache_hits += 1
        else:
            for name in TOKENS:
                if count := getattr(row.usage, name):
                    self.tokens[name] += count
            if row.cause == "correction":
                self.correction_picodollars += cost or 0
            else:
                self._attempt(row)
        self.cost_picodollars += cost or 0

    def _attempt(self, row: LedgerRow) -> None:
        cost = row.cost_picodollars
        self.attempts += 1
        if cost is None:
            self.unpriced += 1
        if row.code is not None:
            self.failed += 1
            self.failed_picodollars += cost or 0
        if row.usage_source == "estimated":
            self.estimated += 1
            self.estimated_picodollars += cost or 0

    @property
    def input_tokens(self) -> int:
        return sum(self.tokens[name] for name in _INPUT)

    @property
    def output_tokens(self) -> int:
        return sum(self.tokens[name] for name in _OUTPUT)


class Group(msgspec.Struct):
    """The rows that share one project, key, user, model, day or cause."""

    id: str
    """Empty for rows that have none."""
    name: str
    sums: Sums


class Statement(msgspec.Struct, kw_only=True):
    """What one team used in one month of its own calendar."""

    organisation: str
    team_id: str | None
    """None for a whole organisation."""
    name: str
    month: str
    """`2026-11`."""
    timezone: str
    from_us: int
    to_us: int
    total: Sums
    """What the team pays for."""
    groups: dict[str, list[Group]]
    """By `project`, `key`, `user`, `model`, `day`, `cause` and, of an organisation, `team`: the dearest first, days in
    their order. Each adds up to the total."""
    internal: Sums
    """What Headgate did for itself, which nobody is charged for."""
    clients: Sums
    """What clients paid for with credentials of their own."""

    def json(self) -> bytes:
        """The statement as JSON: money in decimal dollars, as texts."""
        return msgspec.json.encode(
            {
                "organisation": self.organisation,
                "team": self.team_id,
                "name": self.name,
                "month": self.month,
                "timezone": self.timezone,
                "from": rfc3339(self.from_us),
                "to": rfc3339(self.to_us),
                "total": _shown(self.total),
                "internal": _shown(self.internal),
                "clients": _shown(self.clients),
                "by": {
                    kind: [{"id": each.id, "name": each.name, **_shown(each.sums)} for each in groups]
                    for kind, groups in self.groups.items()
                },
            }
        )

    def csv(self) -> bytes:
        """One line for the total and one for each group, under a line of names (RFC 4180)."""
        lines: list[list[Any]] = [["by", "id", "name", *_COUNTS, *TOKENS, *(_usd(name) for name in _AMOUNTS)]]
        for kind, groups in (("total", [Group("", self.name, self.total)]), *self.groups.items()):
            lines += [[kind, safe(each.id), safe(each.name), *_cells(each.sums)] for each in groups]
        for kind, sums in (("internal", self.internal), ("clients", self.clients)):
            lines.append([kind, "", "", *_cells(sums)])
        return Sheets().lines(lines)

    def text(self) -> str:
        """The statement for a terminal."""
        total = self.total
        head = f"{printable(self.name)}, {self.month} ({self.timezone})"
        parts = [head, f"{rfc3339(self.from_us)} to {rfc3339(self.to_us)}", "", *_table(_facts(total))]
        for kind, groups in self.groups.items():
            rows = [[printable(each.name), *_figures(each.sums)] for each in groups]
            if rows:
                parts += ["", *_table([[f"by {kind}", "calls", "attempts", "failed", "in", "out", "cost"], *rows])]
        for what, sums in (("for Headgate itself", self.internal), ("by clients' own credentials", self.clients)):
            if sums.attempts:
                parts += ["", f"Beside it {what}: ${format_usd(sums.cost_picodollars)} (attempts: {sums.attempts:,})"]
        return "\n".join(parts) + "\n"


class Tally:
    """Adds rows up to a statement, in the order of their start. Rows of other teams and months are passed over."""

    def __init__(
        self,
        organisation: str,
        team_id: str | None,
        month: str,
        timezone: str = "UTC",
        names: Mapping[str, str] | None = None,
    ) -> None:
        """`names` says what teams, projects, keys and users are called.

        Raises:
            ValueError: the month or the time zone is none.
        """
        self._organisation = organisation
        self._team_id = team_id
        self._month = month
        self._timezone = timezone
        self._names = names or {}
        self._midnights = _midnights(month, timezone)
        self._days = [f"{month}-{day:02d}" for day in range(1, len(self._midnights))]
        self._total, self._internal, self._clients = Sums(), Sums(), Sums()
        kinds = [*_KINDS, "day", "cause"] if team_id else ["team", *_KINDS, "day", "cause"]
        self._groups: dict[str, dict[str, Sums]] = {kind: {} for kind in kinds}
        self._seen: dict[tuple[str, str], None] = {}

    def add(self, rows: Iterable[LedgerRow]) -> None:
        begin, end = self._midnights[0], self._midnights[-1]
        for row in rows:
            mine = row.organisation == self._organisation and self._team_id in (None, row.team_id)
            if mine and begin <= row.started_us < end:
                self._add(row)

    def _add(self, row: LedgerRow) -> None:
        new_call = row.cause != "correction" and self._is_new(row.payer, row.call_id)
        if row.payer != "caller":
            (self._clients if row.payer == "client" else self._internal).add(row, new_call)
            return
        self._total.add(row, new_call)
        day = self._days[bisect_right(self._midnights, row.started_us) - 1]
        for kind, groups in self._groups.items():
            shared = day if kind == "day" else _ID[kind](row) or ""
            sums = groups.get(shared)
            if sums is None:
                sums = groups[shared] = Sums()
            sums.add(row, new_call)

    def _is_new(self, payer: str, call_id: str) -> bool:
        seen, call = self._seen, (payer, call_id)
        if call in seen:
            return False
        if len(seen) >= CALLS_REMEMBERED:
            del seen[next(iter(seen))]
        seen[call] = None
        return True

    def statement(self) -> Statement:
        """What there was so far."""
        whole = self._team_id or self._organisation
        return Statement(
            organisation=self._organisation,
            team_id=self._team_id,
            name=self._names.get(whole, whole),
            month=self._month,
            timezone=self._timezone,
            from_us=self._midnights[0],
            to_us=self._midnights[-1],
            total=self._total,
            groups={kind: self._sorted(kind, groups) for kind, groups in self._groups.items()},
            internal=self._internal,
            clients=self._clients,
        )

    def _sorted(self, kind: str, groups: Mapping[str, Sums]) -> list[Group]:
        made = [Group(each, self._names.get(each, each) or f"(no {kind})", sums) for each, sums in groups.items()]
        if kind == "day":
            return sorted(made, key=lambda each: each.id)
        return sorted(made, key=lambda each: (-each.sums.cost_picodollars, -each.sums.attempts, each.id))


def statement(
    rows: Iterable[LedgerRow],
    organisation: str,
    team_id: str | None,
    month: str,
    timezone: str = "UTC",
    names: Mapping[str, str] | None = None,
) -> Statement:
    """The statement of a month that some rows make; see `Tally`.

    Raises:
        ValueError: the month or the time zone is none.
    """
    tally = Tally(organisation, team_id, month, timezone, names)
    tally.add(rows)
    return tally.statement()


def month_bounds(month: str, timezone: str = "UTC") -> tuple[int, int]:
    """When a month begins and ends in a place, in microseconds UTC, the end exclusive.

    Raises:
        ValueError: the month is not written `2026-11`, or there is no such time zone.
    """
    midnights = _midnights(month, timezone)
    return midnights[0], midnights[-1]


def _midnights(month: str, timezone: str) -> list[int]:
    """The beginning of each day of a month, and of the day after it."""
    written = re.fullmatch(r"(\d{4})-(\d{2})", month, re.ASCII)
    if written is None or not 1 <= int(written[2]) <= 12 or not 1970 <= int(written[1]) <= 9998:
        raise ValueError(f"'{month}' is no month: write it as 2026-11")
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"'{timezone}' is no time zone: write an IANA name such as Europe/Berlin") from None
    first = date(int(written[1]), int(written[2]), 1)
    after = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    days = [first + timedelta(days=day) for day in range((after - first).days + 1)]
    return [int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()) * 1_000_000 for day in days]


_KINDS = ("project", "key", "user", "model")

_ID: Mapping[str, Callable[[LedgerRow], str | None]] = {
    "team": lambda row: row.team_id,
    "project": lambda row: row.project_id,
    "key": lambda row: row.key_id,
    "user": lambda row: row.user_id,
    "model": lambda row: row.model,
    "cause": lambda row: row.cause,
}

_COUNTS = ("calls", "attempts", "failed", "cache_hits", "estimated", "unpriced")
_AMOUNTS = tuple(name for name in Sums.__struct_fields__ if name.endswith("_picodollars"))


def _usd(name: str) -> str:
    return f"{name.removesuffix('_picodollars')}_usd"


def _shown(sums: Sums) -> dict[str, Any]:
    counts = {name: getattr(sums, name) for name in _COUNTS}
    return {**counts, "tokens": sums.tokens, **{_usd(name): format_usd(getattr(sums, name)) for name in _AMOUNTS}}


def _cells(sums: Sums) -> list[Any]:
    amounts = [format_usd(getattr(sums, name)) for name in _AMOUNTS]
    return [*(getattr(sums, name) for name in _COUNTS), *(sums.tokens[name] for name in TOKENS), *amounts]


def printable(text: str) -> str:
    """A text without anything a terminal would act on."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def _facts(sums: Sums) -> list[list[str]]:
    """What a total says, a line each; what is nothing is left out."""
    share = ""
    if sums.estimated_picodollars and sums.cost_picodollars > 0:
        permille = 1000 * sums.estimated_picodollars // sums.cost_picodollars
        share = f", {permille // 10}.{permille % 10} % of the cost"
    facts = [
        ("cost", f"${format_usd(sums.cost_picodollars)}", True),
        ("calls", f"{sums.calls:,}", True),
        ("attempts", f"{sums.attempts:,}", True),
        ("failed attempts", f"{sums.failed:,}, ${format_usd(sums.failed_picodollars)}", sums.failed),
        ("estimated", f"{sums.estimated:,}, ${format_usd(sums.estimated_picodollars)}{share}", sums.estimated),
        ("corrections", f"${format_usd(sums.correction_picodollars)}", sums.correction_picodollars),
        ("without a known price", f"{sums.unpriced:,}, in none of the amounts", sums.unpriced),
        ("cache hits", f"{sums.cache_hits:,}, ${format_usd(sums.saving_picodollars)} saved", sums.cache_hits),
    ]
    tokens = [(name.replace("_", " "), f"{count:,}", count) for name, count in sums.tokens.items()]
    return [[name, value] for name, value, told in [*facts, *tokens] if told]


def _figures(sums: Sums) -> list[str]:
    counts = [sums.calls, sums.attempts, sums.failed, sums.input_tokens, sums.output_tokens]
    return [*(f"{count:,}" for count in counts), f"${format_usd(sums.cost_picodollars)}"]


def _table(rows: list[list[str]]) -> list[str]:
    """Lines with the first column to the left and the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
