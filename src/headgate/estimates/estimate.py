"""From samples to a month: what calls use and cost, and how far that can be off.

Two things make it uncertain, and the intervals hold both: that the samples are few, by drawing samples from them
(`stats/bootstrap.py`), and that calls come by chance, by a Poisson number of them (`stats/traffic.py`). What they do
not hold is that the samples may not be like the calls, or the traffic not like the curve. What a model's configuration
can have made beside the one attempt of a call is in the notes.

These are statistics and floats. What a call costs by a given usage is exact all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

import msgspec

from headgate.catalog import cost
from headgate.estimates.answers import AnswerLengths
from headgate.estimates.errors import BadEstimate
from headgate.estimates.places import Counter, Place
from headgate.estimates.prompt import Prompt
from headgate.estimates.samples import Sample
from headgate.money import PICODOLLARS_PER_DOLLAR
from headgate.stats.bootstrap import Vector, column_means, likely_means, percentile_interval
from headgate.stats.traffic import Curve, compound_total
from headgate.types import Usage

FEW = 50
"""Samples below which intervals hold the truth less often than they say, where calls differ much."""

MIN_CACHED_TOKENS = 1_024
"""The shortest beginning vendors keep in a cache (OpenAI and Anthropic, "Prompt caching")."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be estimated."""

    prompt: Prompt
    samples: Sequence[Sample]
    lengths: AnswerLengths | None
    """Of answers; None where every sample has one."""
    curve: Curve
    months: int = 1
    cached: float = 0.0
    """Share of the calls that find the prompt's beginning in the vendor's cache."""
    max_tokens: int | None = None
    """The most tokens of an answer."""
    attempts: float = 1.0
    """How often a call is paid for: more than once where retries, hedges and answers that are asked for again are."""
    seed: int = 0


class Interval(msgspec.Struct, frozen=True):
    """A figure and where it is with 95 % confidence."""

    expected: float
    low: float
    high: float


class Month(msgspec.Struct, frozen=True, kw_only=True):
    """A month of calls."""

    month: int
    """Counted from 1."""
    calls: Interval
    input_tokens: Interval
    """Of the prompts, cached or not."""
    output_tokens: Interval
    cost_usd: Interval | None
    """None where a price is not known."""
    peak_calls_per_minute: float
    """With all their attempts, as the vendor counts them."""
    peak_tokens_per_minute: float


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """What a target, or all of a model's by their shares, comes to."""

    model: str
    target: str
    """`(all)` for all of a model's."""
    share: float
    price_version: str | None
    input_tokens: float
    """Per call, cached or not."""
    cached_tokens: float
    """Of these, from the cache."""
    output_tokens: float
    cost_usd: float | None
    """Per call."""
    months: list[Month]
    notes: list[str]


_COLUMNS = 4
"""Input tokens, cached ones, output tokens, picodollars."""


def estimate(asked: Asked, places: Sequence[Place]) -> list[Estimate]:
    """What each place of a model comes to, at all of its calls; and where there are several, what their shares do.

    Raises:
        BadEstimate: a sample does not fit the prompt, or has no answer and no length of one.
    """
    measured = [_measured(asked, place) for place in places]
    found = [_estimate(asked, place, rows) for place, rows in zip(places, measured, strict=True)]
    if len(places) > 1:
        mixed = [_mix(rows, [place.share for place in places]) for rows in zip(*measured, strict=True)]
        known = all(place.price is not None for place in places)
        whole = msgspec.structs.replace(places[0], target="(all)", share=1.0, rpm=None, tpm=None)
        found.append(_estimate(asked, whole, mixed, known=known))
    return found


# ── per call ──


def _measured(asked: Asked, place: Place) -> list[Vector]:
    """By sample, the means of the columns and then of their squares, over all the ways its call can go."""
    beginning = place.counter.request(asked.prompt.beginning()) if asked.cached else 0
    kept = beginning if beginning >= MIN_CACHED_TOKENS else 0
    return [_moments(list(_ways(asked, place, sample, kept))) for sample in asked.samples]


def _ways(asked: Asked, place: Place, sample: Sample, kept: int) -> Iterator[tuple[float, Vector]]:
    """Every way one call can go: how likely, and what it comes to."""
    try:
        prompt = place.counter.request(asked.prompt.filled(sample.values))
    except BadEstimate as error:
        raise BadEstimate(f"line {sample.line} {error}") from None
    lengths = _lengths(asked, sample, place.counter)
    hits = asked.cached if kept else 0.0
    for share, cached in ((hits, min(kept, prompt)), (1 - hits, 0)):
        if not share:
            continue
        written = min(kept, prompt) if place.writes_cache and kept and not cached else 0
        for output in lengths:
            usage = Usage(
                input_tokens=prompt - cached - written,
                cached_tokens=cached,
                cache_write_5m_tokens=written,
                output_tokens=round(output),
            )
            price = None if place.price is None else cost(usage, place.price)
            yield share / len(lengths), (prompt, cached, output, 0.0 if price is None else float(price))


def _lengths(asked: Asked, sample: Sample, counter: Counter) -> list[float]:
    if sample.answer is not None:
        lengths = [float(counter.text(sample.answer))]
    elif asked.lengths is not None:
        lengths = asked.lengths.tokens
    else:
        raise BadEstimate(f"line {sample.line} has no answer; add one, or say how long they are with --answer-tokens")
    most = asked.max_tokens or asked.prompt.max_tokens
    return lengths if most is None else [min(each, float(most)) for each in lengths]


def _moments(ways: Sequence[tuple[float, Vector]]) -> Vector:
    means = tuple(sum(share * row[column] for share, row in ways) for column in range(_COLUMNS))
    squares = tuple(sum(share * row[column] ** 2 for share, row in ways) for column in range(_COLUMNS))
    return means + squares


def _mix(rows: Sequence[Vector], shares: Sequence[float]) -> Vector:
    return tuple(
        sum(share * row[column] for share, row in zip(shares, rows, strict=True)) for column in range(len(rows[0]))
    )


# ── per month ──


def _estimate(asked: Asked, place: Place, rows: Sequence[Vector], *, known: bool | None = None) -> Estimate:
    priced = place.price is not None if known is None else known
    means = column_means(rows)
    draws = list(likely_means([row[:_COLUMNS] for row in rows], Random(asked.seed)))  # noqa: S311 - statistics
    months = [_month(asked, month, means, draws, priced) for month in range(asked.months)]
    return Estimate(
        model=place.model,
        target=place.target,
        share=place.share,
        price_version=place.price.version if place.price is not None and known is None else None,
        input_tokens=means[0] * asked.attempts,
        cached_tokens=means[1] * asked.attempts,
        output_tokens=means[2] * asked.attempts,
        cost_usd=means[3] * asked.attempts / PICODOLLARS_PER_DOLLAR if priced else None,
        months=months,
        notes=[
            *_notes(place, months[-1], len(rows), priced, asked.cached > 0 and not means[1]),
            *_left_out(asked, place),
        ],
    )


def _month(asked: Asked, month: int, means: Vector, draws: Sequence[Vector], priced: bool) -> Month:
    calls = asked.curve.calls(month)
    attempts = calls * asked.attempts
    rng = Random(asked.seed + month + 1)  # noqa: S311 - statistics

    def interval(column: int, unit: float = 1.0) -> Interval:
        square = means[column + _COLUMNS]
        totals = [compound_total(attempts, max(0.0, drawn[column]), square, rng) / unit for drawn in draws]
        return Interval(attempts * means[column] / unit, *percentile_interval(totals))

    peak = asked.curve.peak_per_minute(month) * asked.attempts
    return Month(
        month=month + 1,
        calls=Interval(calls, *percentile_interval([compound_total(calls, 1, 1, rng) for _ in draws])),
        input_tokens=interval(0),
        output_tokens=interval(2),
        cost_usd=interval(3, PICODOLLARS_PER_DOLLAR) if priced else None,
        peak_calls_per_minute=peak,
        peak_tokens_per_minute=peak * (means[0] + means[2]),
    )


def _notes(place: Place, last: Month, samples: int, priced: bool, uncached: bool) -> Iterator[str]:
    if not priced:
        yield "its price is not known: write one under 'prices', or price_like"
    if samples == 1:
        yield "of one sample nothing tells how calls differ: the interval has only that they come by chance"
    elif samples < FEW:
        yield f"{samples} samples say little: the interval may be too narrow"
    if uncached:
        yield f"what its calls begin with is below {MIN_CACHED_TOKENS} tokens, which no vendor caches"
    if place.rpm is not None and last.peak_calls_per_minute > place.rpm:
        yield f"{last.peak_calls_per_minute:,.0f} calls a minute at the peak, {place.rpm:,} are allowed (rpm)"
    if place.tpm is not None and last.peak_tokens_per_minute > place.tpm:
        yield f"{last.peak_tokens_per_minute:,.0f} tokens a minute at the peak, {place.tpm:,} are allowed (tpm)"


def _left_out(asked: Asked, place: Place) -> Iterator[str]:
    """What the calls of a model cost beside what was counted, as far as its configuration tells."""
    left = [*place.besides]
    if asked.attempts == 1:
        left += place.again
    if left:
        yield f"not counted: {'; '.join(left)}"
    if not asked.cached and place.counter.request(asked.prompt.beginning()) >= MIN_CACHED_TOKENS:
        yield "not counted: what its calls begin with is long enough for the vendor's cache; --cached says how often"
