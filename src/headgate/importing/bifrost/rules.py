"""Budgets and rate limits of Bifrost's governance, for whoever has them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from headgate.administration.importing import ImportedBudget, ImportedLimit
from headgate.importing.bifrost.periods import period_of, seconds_of, window_of
from headgate.importing.budgets import Budgets, counted, picodollars
from headgate.importing.names import name_of, plain_id
from headgate.importing.report import Report
from headgate.importing.section import Section


class Owner(msgspec.Struct):
    """Somebody who may have budgets and limits."""

    subject: str
    place: str
    aligned: bool
    budgets: list[str] = []
    spent: Decimal = Decimal(0)
    of_keys: Decimal = Decimal(0)
    """Of that, what its keys have spent."""


class Rules:
    """Reads budgets and limits, as their owners are found."""

    def __init__(self, block: Section, now: datetime) -> None:
        self._report: Report = block.report
        self._now = now
        self._budgets = Budgets("UTC", self._report)
        self._limits: dict[str, ImportedLimit] = {}
        self._rates = {str(each.take("id")): each for each in block.sections("rate_limits", "limits")}
        self._rows = {str(each.take("id")): each for each in block.sections("budgets", "budgets")}
        self._used: set[str] = set()
        """Ids of limits and budgets that something has."""
        self._budgeted: set[tuple[str, str]] = set()
        """Subjects that have a budget, and for which period."""

    @property
    def budgets(self) -> list[ImportedBudget]:
        return self._budgets.rows

    @property
    def limits(self) -> list[ImportedLimit]:
        return list(self._limits.values())

    def finish(self, owners: Mapping[str, Owner]) -> None:
        """Read the budgets that name their owner themselves, and tell of what nobody has."""
        for named, row in self._rows.items():
            if named not in self._used:
                self._owned(row, owners)
        for named, rate in self._rates.items():
            if named not in self._used:
                self._report.cannot(
                    "limits", rate.place, "is left out", why=f"nothing that is carried has it: '{name_of(named)}'",
                    do="attach it, or 'headgate limits set …'",
                )  # fmt: skip

    def attach(self, section: Section, owner: Owner) -> None:
        """Budgets and limits that stand, or are named, where their owner is."""
        for line in section.sections("budgets", "budgets"):
            self._budget(owner, line)
        for each in [*section.values("budget_id"), *section.values("budget_ids")]:
            row = self._rows.get(str(each))
            self._used.add(str(each))
            if row is not None:
                self._budget(owner, row)
            else:
                self._report.cannot(
                    "budgets", section.at("budget_id"), "is left out", why="there is no budget of that id", do="add it"
                )
        for each in [*section.values("rate_limit_id"), *section.values("rate_limit_ids")]:
            rate = self._rates.get(str(each))
            self._used.add(str(each))
            if rate is not None:
                self._limit(owner, rate)
            else:
                self._report.cannot(
                    "limits",
                    section.at("rate_limit_id"),
                    "is left out",
                    why="there is no limit of that id",
                    do="add it",
                )

    def _owned(self, row: Section, owners: Mapping[str, Owner]) -> None:
        """A budget that names its owner itself."""
        for kind, member in (
            ("key", "virtual_key_id"), ("team", "team_id"), ("customer", "customer_id"), ("model", "model_config_id"),
        ):  # fmt: skip
            named = row.take(member)
            if named is None:
                continue
            owner = owners.get(f"{kind}:{plain_id(str(named)) if kind == 'team' else named}")
            if owner is not None:
                self._budget(owner, row)
                return
        self._report.cannot(
            "budgets",
            row.place,
            "is left out",
            why="it belongs to nothing that is carried",
            do="'headgate budgets set …' for whoever it is to be of",
        )

    def _budget(self, owner: Owner, row: Section) -> None:
        amount, duration = _dollars(row.take("max_limit")), row.take("reset_duration")
        used, last = _dollars(row.take("current_usage")), row.take("last_reset")
        aligned = row.take("calendar_aligned") is True or owner.aligned
        for name in ("id", "reset_config", "virtual_key_id", "team_id", "customer_id", "model_config_id"):
            row.take(name)
        row.close()
        if amount is None:
            self._report.cannot("budgets", row.at("max_limit"), "is left out", why="it is no amount", do="write one")
            return
        found = period_of(duration, aligned)
        if (owner.subject, found.period) in self._budgeted:
            self._report.cannot(
                "budgets", owner.place, f"its budget of ${amount} every {duration} is left out",
                why="there is one of that period already, and the first is kept",
                do="'headgate budgets list', and set the one you want",
            )  # fmt: skip
            return
        told = f"{duration}" if aligned else f"{duration} from its last reset on"
        made = self._budgets.add(owner.subject, amount, told, found, owner.place)
        if made is None:
            return
        self._budgeted.add((owner.subject, found.period))
        owner.budgets = [*owner.budgets, made]
        if not used:
            return
        if self._over(last, duration):
            self._report.changes(
                "budgets", owner.place, "begins at nothing spent", why="the period of what was spent is over"
            )
            return
        if len(owner.budgets) > 1 and used != owner.spent:
            self._report.changes(
                "spend to date", owner.place, "counts the larger of its sums for all of its budgets",
                why="what was spent is one row of the ledger", do="'headgate ledger list' shows it",
            )  # fmt: skip
        owner.spent = max(owner.spent, picodollars(used))
        self._report.carries("spend to date", owner.place, f"${owner.spent.normalize():f}")

    def _over(self, last: Any, duration: Any) -> bool:
        """Whether the period that something was spent in is over."""
        began, seconds = time_of(last), seconds_of(duration)
        return began is not None and seconds is not None and (self._now - began).total_seconds() >= seconds

    def _limit(self, owner: Owner, rate: Section) -> None:
        told: list[str] = []
        for kind in ("request", "token"):
            most, duration = rate.count(f"{kind}_max_limit"), rate.take(f"{kind}_reset_duration")
            for name in ("current_usage", "last_reset"):
                rate.take(f"{kind}_{name}")
            if most is None:
                continue
            window = window_of(duration)
            if window is None:
                self._report.cannot(
                    "limits", owner.place, f"its limit of {most:,} {kind}s every {duration} is left out",
                    why="a window is at most a month", do="'headgate limits set …' with another",
                )  # fmt: skip
                continue
            per, exact = window
            named = f"{owner.subject}/{per}"
            known = self._limits.get(named) or ImportedLimit(id=named, subject=owner.subject, per=per)
            self._limits[named] = msgspec.structs.replace(known, **{f"{kind}s": counted(most)})
            told.append(f"{most:,} {kind}s {_a(per)}")
            if not exact:
                self._report.changes(
                    "limits", owner.place, f"{most:,} {kind}s {_a(per)}, instead of every {duration}",
                    why="windows here are a second, minute, hour, day, week or month; the next longer is taken",
                    do="'headgate limits set …' with what you want for that window",
                )  # fmt: skip
        for name in ("id", "calendar_aligned", "metric"):
            rate.take(name)
        rate.close()
        if told:
            self._report.carries("limits", owner.place, ", ".join(told))


def _a(per: str) -> str:
    return f"{'an' if per == 'hour' else 'a'} {per}"


def _dollars(value: Any) -> Decimal | None:
    if value is None or isinstance(value, bool):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and amount >= 0 else None


def time_of(value: Any) -> datetime | None:
    """A time as RFC 3339 has it; None where it is none."""
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return time.replace(tzinfo=UTC) if time is not None and time.tzinfo is None else time
