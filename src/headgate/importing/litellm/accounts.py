"""What has been spent there: who has budgets, what they have spent, and how much of that their keys account for."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from headgate.administration.importing import ImportedSpend
from headgate.administration.values import MAX_DOLLARS
from headgate.importing.budgets import picodollars
from headgate.importing.litellm.rows import Limited
from headgate.importing.litellm.rules import Rules
from headgate.importing.report import Report

_MOST = Decimal(MAX_DOLLARS)


class Owner(msgspec.Struct):
    """Something that has budgets, and what it has spent."""

    place: str
    spend: Decimal
    budgets: list[str]
    limited: bool
    """Whether there is a budget or a limit."""
    models: list[str] | None = None
    of_keys: Decimal = Decimal(0)
    """Of what was spent, what its keys there are have spent."""


class Accounts:
    """Owners, by subject."""

    def __init__(self, rules: Rules, report: Report) -> None:
        self._rules = rules
        self._report = report
        self._owners: dict[str, Owner] = {}
        self.of_keys = Decimal(0)
        """What all keys have spent."""

    def __contains__(self, subject: str) -> bool:
        return subject in self._owners

    def get(self, subject: str) -> Owner | None:
        return self._owners.get(subject)

    def own(self, subject: str, row: Limited, spend: Decimal, place: str, models: list[str] | None = None) -> Owner:
        """Somebody whom keys belong to."""
        owner = self._owners[subject] = self._read(subject, row, spend, place, models)
        return owner

    def alone(self, subject: str, row: Limited, spend: Decimal, place: str, more: Iterable[str] = ()) -> ImportedSpend:
        """What somebody has spent whom no key belongs to: another view of money that others' rows have."""
        owner = self._read(subject, row, spend, place, None)
        return ImportedSpend(
            subject=subject, cost_usd=owner.spend, budgets=sorted({*owner.budgets, *more}), counted=False
        )

    def of_key(self, token: str, row: Limited, spend: Decimal, place: str, owners: Iterable[str]) -> ImportedSpend:
        """What a key has spent, which counts for all that it belongs to."""
        own = self._read(f"key:{token}", row, spend, place, None)
        charged = set(own.budgets)
        for owner in [self._owners[subject] for subject in owners if subject in self._owners]:
            owner.of_keys += own.spend
            charged.update(owner.budgets)
        self.of_keys += own.spend
        return ImportedSpend(subject=f"key:{token}", cost_usd=own.spend, budgets=sorted(charged))

    def beyond_keys(self) -> list[ImportedSpend]:
        """What owners have spent that their keys do not account for."""
        found: list[ImportedSpend] = []
        for subject, owner in self._owners.items():
            rest = picodollars(owner.spend - owner.of_keys)
            counted = subject.startswith("team:")  # what others have spent is in the keys' and the teams' sums
            found.append(ImportedSpend(subject=subject, cost_usd=rest, budgets=owner.budgets, counted=counted))
            if rest:
                self._report.changes(
                    "spend to date",
                    owner.place,
                    "the difference to what its keys here have spent is a row of no key",
                    why="some were deleted, or began anew at other times",
                )
        return found

    def _read(self, subject: str, row: Limited, spend: Decimal, place: str, models: list[str] | None) -> Owner:
        budgets, limited = self._rules.add(subject, row, place)
        over = bool(budgets) and self._rules.over(row, place)
        amount = Decimal(0) if over or not spend.is_finite() else spend
        if abs(amount) > _MOST:
            self._report.changes(
                "spend to date",
                place,
                f"is ${_MOST:,}",
                why="it is more, and that is the most there can be in one amount",
            )
        amount = picodollars(amount)
        if amount:
            self._report.carries("spend to date", place, "to the picodollar")
        return Owner(place, amount, budgets, limited, models)
