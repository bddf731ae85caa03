"""Limits and budgets of LiteLLM's rows, as ours."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec.structs import replace

from headgate.administration.importing import ImportedBudget, ImportedLimit
from headgate.importing.budgets import Budgets, counted
from headgate.importing.litellm.periods import fit
from headgate.importing.litellm.rows import BudgetRow, Limited
from headgate.importing.report import Report

_OWN = ("max_budget", "soft_budget", "budget_duration", "tpm_limit", "rpm_limit", "tpd_limit", "max_parallel_requests")


def merged(row: Limited, budget: BudgetRow | None) -> Limited:
    """What limits a row: what it says itself, else the budget it is linked to."""
    if budget is None:
        return row
    more = {name: getattr(budget, name) for name in _OWN if getattr(row, name) is None}
    more |= {name: getattr(row, name) or getattr(budget, name) for name in ("model_max_budget", "budget_limits")}
    if row.budget_reset_at is None:
        more["budget_reset_at"] = budget.budget_reset_at
    return replace(row, **more)


class Rules:
    """The limits and budgets of all subjects, as they are found."""

    def __init__(self, timezone: str, now: datetime, report: Report) -> None:
        self._timezone = timezone
        self._now = now
        self._report = report
        self._budgets = Budgets(timezone, report)
        self.limits: list[ImportedLimit] = []

    @property
    def budgets(self) -> list[ImportedBudget]:
        return self._budgets.rows

    def add(self, subject: str, row: Limited, place: str) -> tuple[list[str], bool]:
        """Put a subject under what limits a row: the budgets that come of it, by id, and whether there is anything."""
        limited = self._limits(subject, row, place)
        if row.model_max_budget or row.budget_limits:
            self._report.cannot(
                "budgets",
                place,
                "its budgets per model, or of several windows, are left out",
                why="a budget here is of one subject: of a key or of a model, not of both",
                do="make a key per model with a budget of its own, or budget the model: 'headgate budgets set model:…'",
            )
        duration, amounts = row.budget_duration, ((row.max_budget, True), (row.soft_budget, False))
        made = [
            self._budgets.add(subject, amount, duration, fit(duration), place, hard=hard)
            for amount, hard in amounts
            if amount is not None
        ]
        found = [each for each in made if each is not None]
        return found, limited or bool(found)

    def block(self, subject: str) -> None:
        """Let a subject do nothing: by a limit that no row of LiteLLM's comes to, so that it can come later."""
        self._limit(ImportedLimit(id=f"{subject}/blocked", subject=subject, per="hour", requests=0))

    def over(self, row: Limited, place: str) -> bool:
        """Whether the period that a row's spend is of is over, though LiteLLM has not begun another."""
        reset_at = row.budget_reset_at
        if reset_at is None or not row.budget_duration or in_utc(reset_at) > self._now:
            return False
        self._report.changes(
            "budgets",
            place,
            "begins at nothing spent",
            why="the period of what was spent is over; LiteLLM would see that at its next reset",
        )
        return True

    def _limits(self, subject: str, row: Limited, place: str) -> bool:
        minute = {"requests": row.rpm_limit, "tokens": row.tpm_limit}
        told = [f"{count:,} {what} a minute" for what, count in minute.items() if count is not None]
        if told:
            self._limit(
                ImportedLimit(
                    id=f"{subject}/minute",
                    subject=subject,
                    per="minute",
                    requests=_count(row.rpm_limit),
                    tokens=_count(row.tpm_limit),
                )
            )
        if row.tpd_limit is not None:
            told.append(f"{row.tpd_limit:,} tokens a day")
            self._limit(ImportedLimit(id=f"{subject}/day", subject=subject, per="day", tokens=_count(row.tpd_limit)))
        if row.max_parallel_requests is not None:
            told.append(f"{row.max_parallel_requests:,} calls at once")
            most = _count(row.max_parallel_requests)
            self._limit(ImportedLimit(id=f"{subject}/total", subject=subject, per="total", concurrent=most))
        if told:
            self._report.carries("limits", place, ", ".join(told))
        return bool(told)

    def _limit(self, limit: ImportedLimit) -> None:
        self.limits.append(replace(limit, timezone=self._timezone))


def _count(count: int | None) -> int | None:
    return None if count is None else counted(count)


def in_utc(time: datetime) -> datetime:
    """A time of LiteLLM's, which says no zone and means UTC."""
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
