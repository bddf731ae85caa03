"""Budgets from elsewhere as ours, and amounts and counts within the bounds of ours."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, localcontext

from headgate.administration.importing import ImportedBudget
from headgate.administration.values import MAX_COUNT, MAX_DOLLARS
from headgate.importing.periods import Fit
from headgate.importing.report import Report
from headgate.money import format_usd, from_decimal

NOTHING = Decimal("0.000000000001")
"""The least there can be of a budget: one of zero lets nothing be spent there, and neither does this."""

_PICODOLLAR = Decimal("0.000000000001")


def picodollars(amount: Decimal) -> Decimal:
    """A double's dollars to the picodollar: what is behind that is the double's noise. Never more than an amount can
    be.
    """
    bounded = max(Decimal(-MAX_DOLLARS), min(Decimal(MAX_DOLLARS), amount))
    with localcontext(prec=60):
        return bounded.quantize(_PICODOLLAR, ROUND_HALF_EVEN)


def counted(count: int) -> int:
    """A number of requests or tokens, as a limit can have it."""
    return min(MAX_COUNT, max(0, count))


class Budgets:
    """The budgets of all subjects, as they are found."""

    def __init__(self, timezone: str, report: Report) -> None:
        self._timezone = timezone
        self._report = report
        self.rows: list[ImportedBudget] = []

    def add(
        self, subject: str, amount: Decimal, duration: str | None, found: Fit, place: str, *, hard: bool = True
    ) -> str | None:
        """Give a subject a budget of so many dollars, for the period that takes the duration's place; its id."""
        if not amount.is_finite():
            return None
        if amount > MAX_DOLLARS:
            self._report.cannot(
                "budgets",
                place,
                "its budget is left out",
                why=f"it is of more than ${MAX_DOLLARS:,}, and a budget is of no more",
                do="it is as good as none; or give it a smaller one",
            )
            return None
        exact = picodollars(max(amount, Decimal(0)))
        dollars = max(exact, NOTHING)
        named = f"{subject}/{found.period}/{'hard' if hard else 'soft'}"
        self.rows.append(
            ImportedBudget(
                id=named, subject=subject, amount_usd=dollars, period=found.period, timezone=self._timezone, hard=hard
            )
        )
        self._tell(duration, found, exact, hard, place)
        return named

    def _tell(self, duration: str | None, found: Fit, amount: Decimal, hard: bool, place: str) -> None:
        of = "for good" if found.period == "total" else f"a {found.period}"
        what = f"{'budget' if hard else 'soft budget'} of ${format_usd(from_decimal(amount))} {of}"
        if found.exact:
            self._report.carries("budgets", place, what)
        else:
            self._report.changes(
                "budgets",
                place,
                f"{what}, instead of every {duration}",
                why="budgets here are of the calendar's day, week or month, or for good; the next longer is taken, so "
                "that nobody can spend more than before",
                do="'headgate budgets list', and set the amount you want for that period",
            )
        if amount <= 0:
            self._report.changes("budgets", place, "nothing can be spent", why="its budget is $0")
