"""A review in words and tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from math import inf, isnan

from headgate.reports.changes import Compared
from headgate.reports.document import Block, Document, Heading, Listed, Paragraph, Table
from headgate.reports.patterns import Pattern
from headgate.reports.review import Review
from headgate.stats.intervals import Interval

TITLES = {"day": "Daily review", "week": "Weekly review", "month": "Monthly review"}


def title(review: Review) -> str:
    last = review.to.timestamp() - 1
    from_, to = f"{review.from_:%Y-%m-%d}", f"{review.to.fromtimestamp(last, review.to.tzinfo):%Y-%m-%d}"
    return f"{TITLES[review.period]}, {from_ if from_ == to else f'{from_} to {to}'}"


def document(review: Review) -> Document:
    """All of it."""
    return [Heading(title(review), 1), *_blocks(review)]


def _blocks(review: Review) -> Iterator[Block]:
    yield Paragraph(_summary(review))
    if review.advice:
        yield Heading("What to do")
        yield Listed([(each.what, f"Because {each.because}. See: {each.look}") for each in review.advice])
    yield Heading("All calls")
    yield _table(review.whole, named=False)
    yield from _changed("What became worse", review.worse, "Nothing became worse that chance would not explain.")
    if review.better:
        yield from _changed("What became better", review.better, "")
    yield from _costs(review)
    yield from _errors(review)
    yield from _keys(review)
    yield Heading("How it was worked out")
    confidence = ""
    if review.worse or review.better:
        confidence = f"; its interval has a confidence of {review.confidence:.1%}"
    yield Paragraph(
        f"The period is held against the one of the same length before it, from {review.before:%Y-%m-%d} on, in UTC. "
        f"{review.looked_at:,} figures were compared. What is called a change is more than chance would explain at a "
        f"false discovery rate of 5 %, and large enough to matter{confidence}. Other intervals have 95 %. Intervals "
        "rest on how much hours and days differ among themselves, so a burst counts once."
    )


def _summary(review: Review) -> str:
    if not review.calls:
        return f"There were no calls; in the period before there were {review.calls_before:,}."
    worse, advised = len(review.worse), len(review.advice)
    return (
        f"{review.calls:,} calls ({review.calls_before:,} before) for {_usd(review.costs.after_usd)} "
        f"({_usd(review.costs.before_usd)} before). {worse or 'No'} figure{'' if worse == 1 else 's'} became worse; "
        f"{advised or 'no'} thing{'' if advised == 1 else 's'} to do."
    )


def _changed(heading: str, compared: Sequence[Compared], nothing: str) -> Iterator[Block]:
    yield Heading(heading)
    yield _table(compared) if compared else Paragraph(nothing)


def _table(compared: Sequence[Compared], *, named: bool = True) -> Table:
    columns = (*(("where",) if named else ()), "figure", "before", "now", "times as much", "from", "to")
    rows = [
        (
            *(((f"{each.dimension} {each.name}" if each.dimension else "all calls"),) if named else ()),
            each.label,
            _figure(each.before, each.unit),
            _figure(each.after, each.unit),
            *_times(each.ratio),
        )
        for each in compared
        if (each.before, each.after) != (None, None)
    ]
    return Table(columns, rows)


def _costs(review: Review) -> Iterator[Block]:
    yield Heading("What it cost")
    if not review.costs.drivers:
        yield Paragraph("Nothing that is known.")
        return
    yield Table(
        ("for", "before", "now", "change", "by volume", "by cost of a call", "share"),
        [
            (f"{each.dimension} {each.name}", _usd(each.before_usd), _usd(each.after_usd),
             *(_usd(value, signed=True) for value in (each.change_usd, each.by_volume_usd, each.by_price_usd)),
             f"{each.share:.1%}")
            for each in review.costs.drivers
        ],
    )  # fmt: skip
    if review.costs.unpriced:
        yield Paragraph(f"What {review.costs.unpriced:,} attempts cost is not known.")


def _errors(review: Review) -> Iterator[Block]:
    yield Heading("What failed")
    if not review.errors:
        yield Paragraph("Nothing.")
        return
    yield Table(
        ("error", "before", "now", "of calls", "what they share"),
        [
            (_failure(each.pattern), f"{each.before:,}", f"{each.pattern.failed:,}",
             f"{each.pattern.rate.estimate:.2%}", _shares(each.pattern))
            for each in review.errors
        ],
    )  # fmt: skip


def _failure(pattern: Pattern) -> str:
    status = "" if pattern.upstream_status is None else f" {pattern.upstream_status}"
    return f"{pattern.code}{status} ({pattern.at})"


def _shares(pattern: Pattern) -> str:
    """The three that have the most failures too many."""
    return "; ".join(
        f"{each.dimension} {each.name} {_number(each.risk.estimate)} times ({_number(each.risk.low)} to "
        f"{_number(each.risk.high)})"
        for each in pattern.shares[:3]
    )


def _keys(review: Review) -> Iterator[Block]:
    if not review.keys:
        return
    yield Heading("Keys that are not what they were")
    yield Table(
        ("key", "what", "calls before", "calls"),
        [
            (
                each.key,
                "; ".join(f"{change.label} {_number(change.ratio.estimate)} times" for change in each.changes)
                or each.what,
                f"{each.calls_before:,}",
                f"{each.calls:,}",
            )
            for each in review.keys
        ],
    )


# ── figures ──


def _figure(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    match unit:
        case "share":
            return f"{value:.2%}"
        case "ms":
            return f"{value:,.0f} ms" if value >= 100 else f"{value:.1f} ms"
        case "usd":
            return f"${value:,.2f}" if value >= 1 else f"${value:.6f}"
        case _:
            return f"{value:,.0f}"


def _usd(text: str, *, signed: bool = False) -> str:
    amount = Decimal(text)
    sign = "-" if amount < 0 else "+" if signed and amount > 0 else ""
    size = abs(amount)
    return f"{sign}${size:,.2f}" if size >= Decimal("0.01") or not size else f"{sign}${size:.6f}"


def _times(ratio: Interval) -> tuple[str, str, str]:
    if (ratio.low, ratio.high) == (0.0, inf) or isnan(ratio.estimate):
        return _number(ratio.estimate), "", ""
    return _number(ratio.estimate), _number(ratio.low), _number(ratio.high)


def _number(value: float) -> str:
    return "" if isnan(value) else "any" if value == inf else f"{value:.2f}"
