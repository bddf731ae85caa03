"""A verdict as one page for a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from math import floor, isfinite, log10

from headgate.shadow.verdict import Likeness, Pair, Speed, Spent, Verdict
from headgate.stats.intervals import Interval, known

WIDE = 26


def page(verdict: Verdict) -> str:
    """The page, ready to be printed. Intervals are of 95 % confidence."""
    dropped = sum(verdict.dropped.values())
    lines = [
        f"{verdict.model}, and {verdict.shadow} as its shadow",
        "",
        verdict.sentence,
        "",
        _line("pairs", f"{verdict.pairs}{' (the newest; there are more)' if verdict.cut else ''}{_between(verdict)}"),
        _line("not mirrored", f"{dropped}{_counts(verdict.dropped)}"),
        "",
        _line("", f"{verdict.model:<{WIDE}}  {verdict.shadow}"),
        *_both("failed", verdict.errors, _share),
        *_codes(verdict),
        *_speed("first content", verdict.first_token),
        *_speed("whole answer", verdict.whole),
        *_cost(verdict.cost),
        *_both("characters, median", verdict.characters, _number),
        *_both("refused", verdict.refused, _share),
        *_both("JSON where asked for", verdict.json, _share),
        "",
        *_shape(verdict),
        *_likeness("vectors that fit", "cosine, median", verdict.vectors),
        *_likeness("same order", "agreement, median", verdict.order),
    ]
    return "\n".join(line.rstrip() for line in lines)


def _shape(verdict: Verdict) -> Sequence[str]:
    if not verdict.looked_at and (verdict.vectors.pairs or verdict.order.pairs):
        return []
    calling = f"{_share(verdict.same_tools)} of {sum(verdict.tools.values())}{_counts(verdict.tools)}"
    return [
        _line("same shape", f"{_share(verdict.same_shape)} of {verdict.looked_at}"),
        *([_line("ended otherwise", _counts(verdict.stops).strip(" ()"))] if verdict.stops else []),
        _line("same tool calls", calling if verdict.tools else "no answer has any"),
    ]


def _likeness(what: str, how: str, found: Likeness) -> Sequence[str]:
    if not found.pairs:
        return []
    middle = [_line(f"  {how}", _bounded(found.middle, ".4f"))] if known(found.middle) else []
    return [_line(what, f"{_share(found.same)} of {found.pairs}"), *middle]


def _codes(verdict: Verdict) -> Sequence[str]:
    if not verdict.codes and not verdict.shadow_codes:
        return []
    one, other = (_counts(codes).strip(" ()") or "none" for codes in (verdict.codes, verdict.shadow_codes))
    return [_line("  of", f"{one:<{WIDE}}  {other}")]


def _speed(what: str, speed: Speed) -> Sequence[str]:
    if not speed.pairs:
        return []
    ratio = f"{_bounded(speed.ratio, '.2f')} times as long"
    return [
        *_both(f"{what}, p50", speed.p50, _ms),
        *_both(f"{what}, p95", speed.p95, _ms),
        *([_line("  pair by pair", ratio)] if known(speed.ratio) else []),
    ]


def _cost(cost: Spent) -> Sequence[str]:
    lines = []
    if cost.pairs:
        lines.append(_line("cost a call", f"{_usd(cost.primary):<{WIDE}}  {_usd(cost.shadow)}"))
    if known(cost.ratio):
        lines.append(_line("  all in all", f"{_bounded(cost.ratio, '.2f')} times as much"))
    if cost.unpriced:
        lines.append(_line("  without a price", f"{cost.unpriced} pairs"))
    return lines


def _both(what: str, pair: Pair, show: Callable[[Interval], str]) -> Sequence[str]:
    if not known(pair.primary) and not known(pair.shadow):
        return []
    return [_line(what, f"{show(pair.primary):<{WIDE}}  {show(pair.shadow)}")]


def _share(interval: Interval) -> str:
    if not known(interval):
        return "-"
    return f"{100 * interval.estimate:.1f} % ({100 * interval.low:.1f} to {100 * interval.high:.1f})"


def _ms(interval: Interval) -> str:
    return f"{_bounded(interval, ',.0f' if interval.estimate >= 10 else '.1f')} ms"


def _usd(amount: float) -> str:
    """With as many places as show something of it: an embedding costs a fraction of a microdollar."""
    places = 6 if amount >= 1e-5 or amount == 0 else min(12, 2 - floor(log10(amount)))
    return f"${amount:.{places}f}"


def _number(interval: Interval) -> str:
    return _bounded(interval, ",.0f")


def _bounded(interval: Interval, form: str) -> str:
    if not known(interval):
        return "-"
    low, high = (f"{each:{form}}" if isfinite(each) else "?" for each in (interval.low, interval.high))
    return f"{interval.estimate:{form}} ({low} to {high})"


def _between(verdict: Verdict) -> str:
    if verdict.from_us is None or verdict.until_us is None:
        return ""
    return f", {_day(verdict.from_us)} to {_day(verdict.until_us)}"


def _day(at_us: int) -> str:
    return f"{datetime.fromtimestamp(at_us / 1e6, UTC):%Y-%m-%d %H:%M}"


def _counts(counts: Mapping[str, int]) -> str:
    return f" ({', '.join(f'{count} {name}' for name, count in counts.items())})" if counts else ""


def _line(what: str, value: str) -> str:
    return f"{what:<22}{value}"
