"""The shape of a row, and checks of values that several share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from math import isfinite
from typing import Any, NamedTuple

from headgate.evals.marks import Look, Told


class Kind(NamedTuple):
    """A kind of assertion."""

    check: Callable[[Any], str | None]
    """What is wrong with a value, and what to write; None for nothing."""
    look: Callable[[Look], Told | Awaitable[Told]]
    """What holds of an answer. Raises `CannotTell`."""
    threshold: float | None = None
    """For kinds with a score between 0 and 1: the one from which on it holds, where none is given."""
    options: frozenset[str] = frozenset()
    """Names it takes beside its value."""
    judges: bool = False
    """Whether a judge is asked."""


def holds(true: bool, reason: str) -> Told:
    """Whether something holds; the reason is told where it does not, and for its negation where it does."""
    return Told(float(true), reason)


def a_text(value: Any) -> str | None:
    return None if isinstance(value, str) and value else "takes a text"


def a_scalar(value: Any) -> str | None:
    """Texts, and numbers that stand for the text they are written as."""
    if isinstance(value, bool) or not isinstance(value, str | int | float) or not str(value).strip():
        return "takes a text"
    return None


def a_list(value: Any) -> str | None:
    if isinstance(value, list) and value and all(a_scalar(each) is None for each in value):
        return None
    return "takes a list of texts, as [one, other]"


def nothing(value: Any) -> str | None:
    return None if value is None or value is True else "takes no value; write 'name:' alone"


def a_bound(value: Any) -> str | None:
    """A number above zero."""
    fine = isinstance(value, int | float) and not isinstance(value, bool) and value > 0 and isfinite(value)
    return None if fine else "takes a number above 0"
