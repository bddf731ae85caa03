"""Values of an export, checked: whatever is wrong is told with its file, its line and its field."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from headgate.ledger.reconcile.export import DAY_US, UnreadableExport
from headgate.money import PICODOLLARS_PER_DOLLAR

MOST = 10**15
"""More tokens or dollars than anybody uses in a day."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND_US = 1_000_000


class Fields:
    """One object of a JSON export or one line of a CSV export."""

    def __init__(self, where: str, values: Mapping[str, Any]) -> None:
        self.where = where
        self._values = values

    def wrong(self, name: str, what: str) -> UnreadableExport:
        return UnreadableExport(f"{self.where}: {name}", what)

    def has(self, name: str) -> bool:
        return self._values.get(name) not in (None, "")

    def text(self, name: str) -> str:
        """A text; empty where there is none."""
        value = self._values.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.wrong(name, f"is {_kind(value)}, not a text")
        return value.strip()

    def count(self, name: str) -> int:
        """A whole number of at least 0; 0 where there is none. Spreadsheets write `3.0` for 3."""
        value = self._values.get(name)
        if value in (None, ""):
            return 0
        number = self._number(name, value)
        if number != number.to_integral_value():
            raise self.wrong(name, f"is {value}, not a whole number")
        if number < 0:
            raise self.wrong(name, f"is {value}, less than nothing")
        return int(number)

    def needed_count(self, name: str) -> int:
        if name not in self._values:
            raise UnreadableExport(self.where, f"lacks '{name}'")
        return self.count(name)

    def money(self, name: str, unit: int = PICODOLLARS_PER_DOLLAR) -> Fraction:
        """An amount in picodollars, exactly as written; `unit` is what one of it is worth."""
        if not self.has(name):
            raise UnreadableExport(self.where, f"lacks '{name}'")
        return Fraction(self._number(name, self._values[name])) * unit

    def rounding(self, name: str) -> Fraction:
        """By how much an amount in dollars is off at most that was rounded to the digits it is written with, cents or
        finer. In picodollars.
        """
        exponent = self._number(name, self._values[name]).as_tuple().exponent
        digits = max(-exponent, 2) if isinstance(exponent, int) else 2
        return Fraction(PICODOLLARS_PER_DOLLAR, 2 * 10**digits)

    def dollars(self, name: str, currency: str) -> None:
        """Check that a currency is the one the ledger is in."""
        if currency.lower() != "usd":
            raise self.wrong(name, f"is '{currency}', and the ledger is in US dollars")

    def unix(self, name: str) -> int:
        """Seconds since the epoch, as microseconds."""
        if name not in self._values:
            raise UnreadableExport(self.where, f"lacks '{name}'")
        seconds = self.count(name)
        if not 0 < seconds < 253_402_300_800:
            raise self.wrong(name, f"is {seconds}, no time in seconds since 1970")
        return seconds * _SECOND_US

    def moment(self, name: str) -> int:
        """A time as RFC 3339 has it, in microseconds. Without an offset it is UTC."""
        text = self.text(name)
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            raise self.wrong(name, f"is '{text}', no time such as 2026-11-01T00:00:00Z") from None
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
        return (at - _EPOCH) // timedelta(microseconds=1)

    def day(self, name: str) -> int:
        """The beginning of a day in UTC, in microseconds."""
        at = self.moment(name)
        return at - at % DAY_US

    def object(self, name: str) -> Fields:
        """An object within; an empty one where there is none."""
        value = self._values.get(name)
        if value is None:
            return Fields(f"{self.where}.{name}", {})
        if not isinstance(value, dict):
            raise self.wrong(name, f"is {_kind(value)}, not an object")
        return Fields(f"{self.where}.{name}", value)

    def objects(self, name: str) -> list[Fields]:
        """The objects of a list."""
        values = self._values.get(name)
        if not isinstance(values, list):
            raise UnreadableExport(self.where, f"lacks a list '{name}'")
        fields: list[Fields] = []
        for index, value in enumerate(values):
            at = f"{self.where}.{name}[{index}]" if ":" in self.where else f"{self.where}: {name}[{index}]"
            if not isinstance(value, dict):
                raise UnreadableExport(at, f"is {_kind(value)}, not an object")
            fields.append(Fields(at, value))
        return fields

    def truth(self, name: str) -> bool:
        """Whether something is so; no where nothing is said."""
        value = self._values.get(name)
        if isinstance(value, str):
            word = value.strip().lower()
            if word not in ("", "true", "false"):
                raise self.wrong(name, f"is '{value}', neither true nor false")
            return word == "true"
        if value is None or isinstance(value, bool):
            return bool(value)
        raise self.wrong(name, f"is {_kind(value)}, neither true nor false")

    def _number(self, name: str, value: object) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
            raise self.wrong(name, f"is {_kind(value)}, not a number")
        try:
            number = Decimal(value.strip().replace(",", "") if isinstance(value, str) else value)
        except InvalidOperation:
            raise self.wrong(name, f"is '{value}', not a number") from None
        if not number.is_finite() or abs(number) > MOST:
            raise self.wrong(name, f"is {value}, beyond anything there can be")
        return number


def span(fields: Fields, start_us: int, end_us: int) -> tuple[int, int]:
    """A bucket's time, checked: it has to be within one UTC day, or its usage could not be told which day it is of."""
    if not start_us < end_us:
        raise UnreadableExport(fields.where, "ends before it begins")
    if start_us // DAY_US != (end_us - 1) // DAY_US:
        raise UnreadableExport(fields.where, "reaches over a day in UTC: ask for buckets of a day or less")
    return start_us, end_us


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case str():
            return "a text"
        case int() | Decimal():
            return "a number"
        case list():
            return "a list"
        case _:
            return "an object"
