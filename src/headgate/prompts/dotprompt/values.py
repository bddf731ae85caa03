"""Values as templates see them: those of JSON, and a missing one.

Handlebars is defined by JavaScript, so that a value is true, equal or text as it is there (ECMA-262, sections
6.1.6.1.20, 7.1.2, 7.2.15).
"""

from __future__ import annotations

import math
from json.encoder import encode_basestring
from typing import Any, Final

Value = Any
"""Of JSON, or UNDEFINED."""


class Undefined:
    """What is not there, which is not null."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNDEFINED"

    def __bool__(self) -> bool:
        return False


UNDEFINED: Final = Undefined()

WHITESPACE: Final = (
    "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)
"""What JavaScript takes for white space; Python's own notion is another one."""

MAX_DEPTH = 200
"""Levels of a value that is written out."""


class TooDeep(Exception):
    """A value is nested too deep to be written out."""


def text(value: Value, depth: int = 0) -> str:
    """What is rendered for a value: nothing for null and what is missing."""
    if isinstance(value, str):
        return str(value)
    if value is None or value is UNDEFINED:
        return ""
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, int):
        return str(value) if abs(value) < 10**21 else number(float(value)) if abs(value) < 10**308 else "Infinity"
    if isinstance(value, list | tuple):
        if depth > MAX_DEPTH:
            raise TooDeep
        return ",".join([text(each, depth + 1) for each in value])
    return "[object Object]"


def number(value: float) -> str:
    """A number as JavaScript writes it."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if value == 0:
        return "0"
    shown = repr(value)
    digits, _, exponent = shown.partition("e")
    sign = "-" if digits.startswith("-") else ""
    whole, _, fraction = digits.lstrip("-").partition(".")
    if fraction == "0":
        fraction = ""
    figures = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(figures))
    figures = figures.rstrip("0") or "0"
    if 0 < point <= 21:
        padded = figures.ljust(point, "0")
        rest = padded[point:]
        return f"{sign}{padded[:point]}{'.' + rest if rest else ''}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{figures}"
    power = point - 1
    mantissa = figures[0] + (f".{figures[1:]}" if len(figures) > 1 else "")
    return f"{sign}{mantissa}e{'+' if power > 0 else '-'}{abs(power)}"


def empty(value: Value) -> bool:
    """Whether `if` and `with` take a value for nothing: false, null, missing, "" and [], but not {}; 0 is for each of
    them to say.
    """
    if value is None or value is UNDEFINED or value is False or value == "":
        return True
    if isinstance(value, float) and math.isnan(value):
        return True
    return isinstance(value, list | tuple) and not value


def zero(value: Value) -> bool:
    """Whether a value is the number 0."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value == 0


def same(one: Value, other: Value) -> bool:
    """Whether two values are equal and of one type; two lists or mappings are if they are one thing."""
    if isinstance(one, bool) or isinstance(other, bool) or one is None or other is None:
        return one is other
    if isinstance(one, str):
        return isinstance(other, str) and one == other
    if isinstance(one, int | float):
        return isinstance(other, int | float) and one == other
    return one is other


def member(value: Value, name: str) -> Value:
    """What is under a name in a mapping, at a place of a list or a string, or how long these are."""
    if isinstance(value, dict):
        return value.get(name, UNDEFINED)
    if isinstance(value, list | tuple):
        if name.isdecimal() and name.isascii() and (name == "0" or name[0] != "0") and len(name) < 10:
            place = int(name)
            return value[place] if place < len(value) else UNDEFINED
        return len(value) if name == "length" else UNDEFINED
    if isinstance(value, str):
        if name == "length":
            return len(value) if value.isascii() else len(value.encode("utf-16-le", "surrogatepass")) // 2
        if name.isdecimal() and name.isascii() and len(name) < 10 and int(name) < len(value):
            return value[int(name)]
    return UNDEFINED


def key(value: Value) -> str:
    """The name that a value stands for in a look-up."""
    return "null" if value is None else "undefined" if value is UNDEFINED else text(value)


def as_json(value: Value, indent: Value = None) -> str:
    """A value as JSON, as JavaScript writes it; nothing for what is missing. `indent` is a number of spaces, at most
    ten, or what stands for them.
    """
    if value is UNDEFINED:
        return ""
    if isinstance(indent, str):
        step = indent[:10]
    elif isinstance(indent, int | float) and not isinstance(indent, bool) and math.isfinite(indent):
        step = " " * max(0, min(10, int(indent)))
    else:
        step = ""
    return _json(value, step, 0)


def _json(value: Value, step: str, depth: int) -> str:
    """A value as JSON, its members on lines of their own where there is a `step` they are moved in by."""
    if isinstance(value, str):
        return encode_basestring(value)
    if depth > MAX_DEPTH:
        raise TooDeep
    if isinstance(value, dict):
        colon = ": " if step else ":"
        members = [
            f"{encode_basestring(str(name))}{colon}{_json(each, step, depth + 1)}"
            for name, each in value.items()
            if each is not UNDEFINED
        ]
        return _enclosed("{", members, "}", step, depth)
    if isinstance(value, list | tuple):
        return _enclosed("[", [_json(each, step, depth + 1) for each in value], "]", step, depth)
    return _scalar(value)


def _enclosed(opened: str, members: list[str], closed: str, step: str, depth: int) -> str:
    if not step or not members:
        return f"{opened}{','.join(members)}{closed}"
    line = f"\n{step * depth}"
    return f"{opened}{line}{step}{f',{line}{step}'.join(members)}{line}{closed}"


def _scalar(value: Value) -> str:
    """What is neither a text nor has members: what JSON cannot say is null."""
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, float):
        return number(value) if math.isfinite(value) else "null"
    if value is None or value is UNDEFINED:
        return "null"
    return int.__repr__(value) if isinstance(value, int) else encode_basestring(str(value))
