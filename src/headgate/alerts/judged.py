"""What a rule says of one series."""

from __future__ import annotations

from typing import NamedTuple

from headgate.stats.detection import Verdict


class Judged(NamedTuple):
    series: str
    """What it is about, as `model:chat`; empty for all calls."""
    verdict: Verdict
    summary: str
    """One sentence for a person."""


def named(by: str | None, name: str, of: str | None = None) -> str:
    """A series as alerts call it."""
    own = f"{by}:{name}" if by is not None else ""
    return " ".join(each for each in (own, of) if each)


def of_what(series: str) -> str:
    """How a sentence begins."""
    return f"{series}: " if series else ""


def pair(of: str | None) -> tuple[str, str] | None:
    """A rule's `of` as a dimension and a name."""
    if of is None:
        return None
    dimension, _, name = of.partition(":")
    return dimension, name


def lasting(seconds: int) -> str:
    """A length of time as people say it."""
    for unit, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= unit and seconds % unit == 0:
            number = seconds // unit
            return f"the last {name}" if number == 1 else f"the last {number} {name}s"
    return f"the last {seconds} seconds"


def usd(value: float) -> str:
    return f"${value:,.2f}" if value >= 0.995 else f"${value:.4f}"


def ms(us: float) -> str:
    return f"{us / 1e6:.2f} s" if us >= 1e6 else f"{us / 1e3:.0f} ms"


def percent(share: float) -> str:
    return f"{share * 100:.3g} %"
