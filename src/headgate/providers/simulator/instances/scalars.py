"""Numbers and strings within a schema's bounds."""

from __future__ import annotations

import math
from collections.abc import Callable

from headgate.providers.simulator import words
from headgate.providers.simulator.dice import Dice
from headgate.providers.simulator.instances.keywords import Unsatisfiable, count_at, number_at
from headgate.providers.simulator.instances.pattern import Unreadable, match
from headgate.types import JSON

MAX_CHARACTERS = 100_000
_USUAL = 100
"""How far from its bounded end a number may lie whose other end is open."""


def integer(schema: JSON, dice: Dice) -> int:
    """A whole number within bounds.

    Raises:
        Unsatisfiable: there is none.
    """
    low, high = _whole_bounds(schema)
    step = number_at(schema, "multipleOf") or 1
    if step != int(step):
        step = next((n * step for n in range(1, 1000) if n * step == int(n * step)), 1)
    step = max(1, abs(int(step)))
    first = math.ceil(low / step)
    last = math.floor(high / step)
    if first > last:
        raise Unsatisfiable("no whole number lies in its bounds")
    return dice.between(first, last) * step


def number(schema: JSON, dice: Dice) -> float | int:
    """A number within bounds, never on an end that is excluded.

    Raises:
        Unsatisfiable: there is none.
    """
    low, high = _bounds(schema)
    step = number_at(schema, "multipleOf")
    if step:
        first, last = math.ceil(low / abs(step)), math.floor(high / abs(step))
        if first > last:
            raise Unsatisfiable("no number lies in its bounds")
        return dice.between(first, last) * abs(step)
    if low > high:
        raise Unsatisfiable("no number lies in its bounds")
    inside = low + (high - low) * (0.05 + 0.9 * dice.unit())
    rounded = round(inside, 2)
    return rounded if low < rounded < high else inside


def string(schema: JSON, dice: Dice, name: str) -> str:
    """A string within bounds, in its format where that is a known one, else fit for a member called `name`.

    Raises:
        Unsatisfiable: there is none, or its pattern is beyond this generator.
    """
    least = count_at(schema, "minLength", 0)
    most = count_at(schema, "maxLength", MAX_CHARACTERS)
    if least > MAX_CHARACTERS or least > most:
        raise Unsatisfiable("a string's bounds cannot be met")
    if isinstance(pattern := schema.get("pattern"), str):
        try:
            return match(pattern, dice)
        except Unreadable as error:
            raise Unsatisfiable(str(error)) from None
    form = _FORMATS.get(str(schema.get("format")))
    text = form(dice) if form else _plain(dice, name)
    while len(text) < least:
        text += " " + words.phrase(dice)
    return text[:most]


def _bounds(schema: JSON) -> tuple[float, float]:
    lows = [each for key in ("minimum", "exclusiveMinimum") if (each := number_at(schema, key)) is not None]
    highs = [each for key in ("maximum", "exclusiveMaximum") if (each := number_at(schema, key)) is not None]
    if lows:
        low = max(lows)
        return low, min(highs, default=low + _USUAL)
    high = min(highs, default=_USUAL)
    return min(0, high - _USUAL), high


def _whole_bounds(schema: JSON) -> tuple[int, int]:
    low, high = _bounds(schema)
    first, last = math.ceil(low), math.floor(high)
    return first + (first == schema.get("exclusiveMinimum")), last - (last == schema.get("exclusiveMaximum"))


def _plain(dice: Dice, name: str) -> str:
    return dice.pick(_BY_NAME[name]) if name in _BY_NAME else words.phrase(dice)


def _uuid(dice: Dice) -> str:
    digits = "".join(dice.pick("0123456789abcdef") for _ in range(30))
    return f"{digits[:8]}-{digits[8:12]}-4{digits[12:15]}-a{digits[15:18]}-{digits[18:30]}"


_PLACES = ("Lisbon", "Oslo", "Kyoto", "Quito")

_BY_NAME: dict[str, tuple[str, ...]] = {
    "city": _PLACES,
    "location": _PLACES,
    "country": ("Portugal", "Norway", "Japan", "Ecuador"),
    "name": ("Ada Moreau", "Jon Berg", "Mei Tanaka"),
    "currency": ("EUR", "USD", "JPY"),
    "language": ("en", "fr", "ja"),
}

_FORMATS: dict[str, Callable[[Dice], str]] = {
    "date-time": lambda dice: f"2026-0{dice.between(1, 9)}-1{dice.between(0, 9)}T1{dice.between(0, 9)}:30:00Z",
    "date": lambda dice: f"2026-0{dice.between(1, 9)}-1{dice.between(0, 9)}",
    "time": lambda dice: f"1{dice.between(0, 9)}:30:00Z",
    "duration": lambda dice: f"P{dice.between(1, 9)}D",
    "email": lambda dice: f"{words.name(dice)}@example.com",
    "hostname": lambda dice: f"{words.name(dice)}.example.com",
    "ipv4": lambda dice: f"192.0.2.{dice.between(1, 254)}",
    "ipv6": lambda dice: f"2001:db8::{dice.between(1, 9999)}",
    "uri": lambda dice: f"https://example.com/{words.name(dice)}",
    "url": lambda dice: f"https://example.com/{words.name(dice)}",
    "uuid": _uuid,
}
