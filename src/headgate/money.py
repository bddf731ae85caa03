"""Money as an integer count of picodollars (10^-12 USD), exact from the price list to the ledger.

A float never holds money. `Decimal` and `Fraction` appear at the edges only: a price is read as a decimal string,
a cost is shown as one.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

PICODOLLARS_PER_DOLLAR = 10**12


def round_half_even(amount: Fraction) -> int:
    """Round to the nearest integer, ties to even (IEEE 754 roundTiesToEven, the bankers' rule)."""
    return round(amount)


def from_decimal(dollars: Decimal) -> int:
    """Picodollars in a decimal amount of dollars, rounded half-even."""
    return round_half_even(Fraction(dollars) * PICODOLLARS_PER_DOLLAR)


def to_decimal(picodollars: int) -> Decimal:
    """The exact dollars a count of picodollars stands for."""
    return Decimal(picodollars).scaleb(-12)


def format_usd(picodollars: int) -> str:
    """Dollars as a plain decimal string without an exponent or trailing zeros: `0.054399`, `0`, `-1.5`."""
    sign = "-" if picodollars < 0 else ""
    text = f"{abs(picodollars):013d}"
    whole, digits = text[:-12], text[-12:].rstrip("0")
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"
