"""How an answer ended, how long it took, what it cost and how long it is."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, get_args

from headgate.checks.words import words_of
from headgate.dialects.hub import Stop
from headgate.evals.kinds.kind import Kind, a_bound, a_text, holds
from headgate.evals.marks import CannotTell, Look, Told
from headgate.money import format_usd, from_decimal
from headgate.types import JSON

_STOPS: Mapping[str, str] = {"stop": "end", "end_turn": "end", "max_tokens": "length", "tool_use": "tool_calls"}
"""What vendors call them."""


def _finish_reason(look: Look) -> Told:
    wanted = _STOPS.get(look.value, look.value)
    return holds(look.answer.stop == wanted, f"it ended by {look.answer.stop or 'nothing told'}")


def _fits_finish_reason(value: Any) -> str | None:
    known = [*get_args(Stop), *_STOPS]
    if a_text(value) is None and value in known:
        return None
    return f"takes how an answer ends: {', '.join(known)}"


def _latency(look: Look) -> Told:
    return holds(look.answer.latency_ms <= look.value, f"it took {look.answer.latency_ms:,.0f} ms")


def _cost(look: Look) -> Told:
    cost = look.answer.cost_picodollars
    if cost is None:
        raise CannotTell(f"the price of {look.answer.target or 'this target'} is not known; give it under 'prices:'")
    return holds(cost <= from_decimal(Decimal(str(look.value))), f"it cost ${format_usd(cost)}")


def _output_tokens(look: Look) -> Told:
    answer = look.answer
    if not answer.output_tokens and (answer.text or answer.tool_calls):
        raise CannotTell(f"{answer.target or 'the vendor'} does not tell how many tokens it is")
    return _within(look.value, answer.output_tokens, "tokens")


def _word_count(look: Look) -> Told:
    return _within(look.value, len(words_of(look.answer.text)), "words")


def _within(bounds: int | JSON, found: int, what: str) -> Told:
    low, high = (bounds.get("min", 0), bounds.get("max", found)) if isinstance(bounds, dict) else (0, bounds)
    return holds(low <= found <= high, f"it has {found} {what}")


def _fits_bounds(value: Any) -> str | None:
    if not isinstance(value, dict):
        return None if a_bound(value) is None else "takes the most there may be, or {min, max}"
    if not value or set(value) - {"min", "max"} or any(a_bound(each) for each in value.values()):
        return "takes the most there may be, or {min, max}, numbers above 0"
    if value.get("min", 0) > value.get("max", value.get("min", 0)):
        return f"has a min of {value['min']:g} above its max of {value['max']:g}; nothing is within"
    return None


KINDS: Mapping[str, Kind] = {
    "finish-reason": Kind(_fits_finish_reason, _finish_reason),
    "latency": Kind(a_bound, _latency),
    "cost": Kind(a_bound, _cost),
    "output-tokens": Kind(_fits_bounds, _output_tokens),
    "word-count": Kind(_fits_bounds, _word_count),
}
"""`latency` in milliseconds, `cost` in US dollars."""
