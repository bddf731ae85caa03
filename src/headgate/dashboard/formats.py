"""Figures as people read them."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from headgate.money import format_usd

NOTHING = "–"
"""Where there is no figure."""


def count(number: float | None) -> str:
    """A count in four digits or less: `9,999`, `12.3k`, `4.56M`."""
    if number is None:
        return NOTHING
    size = abs(number)
    for least, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e4, "k")):
        if size >= least:
            by = 1e3 if unit == "k" else least
            return f"{number / by:.3g}{unit}" if size / by < 999.5 else f"{number / by:,.0f}{unit}"
    return f"{number:,.0f}" if number == int(number) else f"{number:,.1f}"


def exact(number: float | None) -> str:
    """A count with all its digits."""
    return NOTHING if number is None else f"{number:,.0f}"


def money(picodollars: int | None) -> str:
    """Dollars: cents, or two digits that count of a small amount."""
    if picodollars is None:
        return NOTHING
    dollars = picodollars / 1e12
    size = abs(dollars)
    if size == 0:
        return "$0"
    sign = "-" if dollars < 0 else ""
    if size >= 10_000:
        return f"{sign}${size:,.0f}"
    if size >= 0.1:
        return f"{sign}${size:,.2f}"
    if size >= 1e-6:
        return f"{sign}${size:.2g}" if size >= 1e-4 else f"{sign}${size:.7f}".rstrip("0")
    return f"{sign}<$0.000001"


def dollars(picodollars: int | None) -> str:
    """All digits, for files."""
    return "" if picodollars is None else format_usd(picodollars)


def duration(ms: float | None) -> str:
    """Milliseconds, or seconds from one on."""
    if ms is None:
        return NOTHING
    if ms >= 60_000:
        minutes, seconds = divmod(round(ms / 1000), 60)
        return f"{minutes:,} min {seconds:02} s"
    if ms >= 1000:
        return f"{ms / 1000:.2f} s" if ms < 10_000 else f"{ms / 1000:.1f} s"
    return f"{ms:.0f} ms" if ms >= 10 or ms == 0 else f"{ms:.2g} ms"


def share(part: float | None) -> str:
    """A share as a percentage of three digits at most."""
    if part is None:
        return NOTHING
    percent = part * 100
    if abs(percent) < 0.005:
        return "0 %" if percent == 0 else "<0.01 %"
    if 99.95 <= percent < 100:
        return f"{percent:.2f} %" if percent < 99.995 else ">99.99 %"
    return (
        f"{percent:.2f} %" if abs(percent) < 1 else f"{percent:.1f} %" if abs(percent) < 99.95 else f"{percent:.0f} %"
    )


def points(difference: float) -> str:
    """A difference between shares in percentage points: `+0.3`; nothing is never less than nothing."""
    return f"{round(100 * difference, 1) + 0.0:+.1f}"


def part(share: float) -> str:
    """A share as a percentage in which 99.95 is not 100."""
    return f"{f'{share * 100:.3f}'.rstrip('0').rstrip('.')} %"


def usd(dollars: float) -> str:
    """Dollars that are no whole number of picodollars."""
    return money(round(dollars * 1e12))


def json(value: object) -> str:
    """A value as JSON, in one line and with all its characters as they are."""
    return msgspec.json.encode(value, enc_hook=str).decode()


def paid(dollars: str | None) -> str:
    """Dollars as the admin API writes them."""
    return NOTHING if dollars is None else money(round(Decimal(dollars) * 10**12))


def change(now: float | None, before: float | None) -> str | None:
    """By how much something is more or less than before: `+12 %`; None where that says nothing."""
    if not now or not before:
        return None
    by = now / before - 1
    if abs(by) < 0.005:
        return "±0 %"
    return f"{by * 100:+.0f} %" if by < 9.995 else f"×{now / before:.0f}"


def moment(time: datetime | int | None) -> str:
    """A time in UTC to the second: a `datetime`, or microseconds since 1970."""
    if time is None:
        return NOTHING
    if isinstance(time, int):
        time = datetime.fromtimestamp(time / 1e6, UTC)
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def day(time: datetime | None) -> str:
    return NOTHING if time is None else f"{time.astimezone(UTC):%Y-%m-%d}"


def prose(text: str) -> str:
    """A text of several lines in the same way: its lines and tabs stay."""
    return "".join(each if each in "\n\t" else plain(each) for each in text.replace("\r\n", "\n"))


def plain(text: object) -> str:
    """A text with what cannot be seen made visible, such as controls, escapes of terminals, and what turns the
    direction of writing: a name is never other than it looks.
    """
    return "".join(
        each if each.isprintable() or unicodedata.category(each) == "Zs" else f"\\u{ord(each):04x}"
        for each in str(text)
    )
