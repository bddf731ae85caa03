"""`/metrics` against the list of calls and the ledger: every metric of calls and attempts, histograms bucket by bucket."""

from __future__ import annotations

import asyncio
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from math import inf, ulp

from prometheus_client.parser import text_string_to_metric_families

from accuracy.figures import Figure, exact
from accuracy.run import Place
from accuracy.sums import TOKENS, Record
from cluster import Replica

NOTHING = (
    "headgate_calls_in_flight", "headgate_journal_backlog_records", "headgate_journal_failing",
    "headgate_journal_damaged_records_total", "headgate_ledger_waiting_rows", "headgate_ledger_lost_rows_total",
    "headgate_audit_lost_records_total", "headgate_lost_calls_total", "headgate_rollups_failed_batches_total",
    "headgate_log_lost_lines_total", "headgate_target_in_flight", "headgate_target_waiting",
    "headgate_reasoning_tokens_total", "headgate_workers_silent", "headgate_workers_ended_total",
)  # fmt: skip
"""What has to be 0 where nothing is under way and nothing was lost."""

Labels = tuple[str, ...]
Observed = dict[str, list[float]]
"""Microseconds, by the label of a histogram."""


class Scrape:
    """What all servers of a place tell, added up."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.values: dict[str, Counter[tuple[tuple[str, str], ...]]] = {}
        for text in texts:
            for family in text_string_to_metric_families(text):
                for sample in family.samples:
                    labels = tuple(sorted(sample.labels.items()))
                    self.values.setdefault(sample.name, Counter())[labels] += sample.value  # type: ignore[arg-type]

    def by(self, name: str, *labels: str, **only: str) -> Counter[Labels]:
        """A metric by some of its labels, the others added up."""
        found = Counter[Labels]()
        for held, value in self.values.get(name, {}).items():
            named = dict(held)
            if all(named[label] == wanted for label, wanted in only.items()):
                found[tuple(named[label] for label in labels)] += value  # type: ignore[assignment]
        return +found


async def checked(place: Place, calls: Sequence[Record], attempts: Sequence[Record]) -> Iterator[Figure]:
    scrape = Scrape(await asyncio.gather(*(replica.metrics() for replica in place.replicas)))
    return compared(scrape, calls, attempts)


async def shed(replica: Replica) -> int:
    return int(sum(Scrape([await replica.metrics()]).by("headgate_shed_calls_total", "reason").values()))


def compared(scrape: Scrape, calls: Sequence[Record], attempts: Sequence[Record]) -> Iterator[Figure]:
    stream = ("false", "true")
    yield exact(
        "/metrics: calls by model, operation, stream and outcome",
        scrape.by("headgate_calls_total", "model", "operation", "stream", "outcome"),
        Counter((c["model"], c["operation"], stream[c["streamed"]], c["code"] or "ok") for c in calls),
    )
    yield exact(
        "/metrics: attempts by target and outcome",
        scrape.by("headgate_attempts_total", "target", "outcome"),
        Counter((a["target"], a["code"] or "ok") for a in attempts),
    )
    yield exact(
        "/metrics: events by kind",
        scrape.by("headgate_events_total", "event"),
        Counter((name,) for c in calls for name, *_ in c["events"]),
    )
    tokens = Counter[Labels]()
    for a in attempts:
        for name in TOKENS:
            tokens[a["target"], name.removesuffix("_tokens")] += a[name]
    yield exact("/metrics: tokens by target", scrape.by("headgate_tokens_total", "target", "category"), +tokens)
    unpriced = sum(a["cost_picodollars"] is None for a in attempts)
    off = abs(sum(scrape.by("headgate_unpriced_attempts_total", "target").values()) - unpriced)
    yield Figure("/metrics: attempts of unknown cost", 1, off, "", 0, f"{unpriced} there were")
    for name, column in (("headgate_cost_usd_total", "target"), ("headgate_model_cost_usd_total", "model")):
        yield _cost(scrape, name, column, attempts)
    amiss = {name: dict(found) for name in NOTHING if (found := +scrape.values.get(name, Counter()))}
    yield Figure("/metrics: what has to be 0", len(NOTHING), len(amiss), "", 0, str(amiss or ""))
    for name, label, observed in _histograms(calls, attempts):
        yield _histogram(scrape, name, label, observed)


def _cost(scrape: Scrape, name: str, column: str, attempts: Sequence[Record]) -> Figure:
    """A metric is a double: beyond 9,000 dollars it has fewer digits than money has. Of each server's there is half a unit
    of the last digit that is shown, and of what is added up here another.
    """
    spent = Counter[Labels]()
    for a in attempts:
        spent[a[column],] += a["cost_picodollars"] or 0
    told = scrape.by(name, column)
    off = [abs(Fraction(told[key]) * 10**12 - spent[key]) for key in told | +spent]
    last = max((ulp(each) for each in told.values()), default=0) * 1e12
    return Figure(f"/metrics: cost by {column}, in picodollars", len(off), float(max(off)), "", max(0.5, 4 * last))


def _histograms(calls: Sequence[Record], attempts: Sequence[Record]) -> Iterator[tuple[str, str, Observed]]:
    def by(label: str, rows: Iterable[Record], value: Callable[[Record], float]) -> Observed:
        found: Observed = {}
        for row in rows:
            found.setdefault(row[label], []).append(value(row))
        return found

    streams = [c for c in calls if c["first_token_us"] is not None]
    several = [c for c in streams if c["code"] is None and c["output_tokens"] > 1]
    waits = [
        {"target": target, "us": float(seconds) * 1e6}
        for c in calls
        for _, target, seconds in (each[:3] for each in c["events"] if each[0] == "Queued")
    ]
    yield "headgate_call_seconds", "model", by("model", calls, lambda c: c["duration_us"])
    yield "headgate_overhead_seconds", "model", by("model", calls, lambda c: c["overhead_us"])
    yield "headgate_time_to_first_token_seconds", "model", by("model", streams, lambda c: c["first_token_us"])
    yield (
        "headgate_time_per_output_token_seconds",
        "model",
        by("model", several, lambda c: (c["duration_us"] - c["first_token_us"]) / (c["output_tokens"] - 1)),
    )
    yield "headgate_attempt_seconds", "target", by("target", attempts, lambda a: a["duration_us"])
    if waits:
        yield "headgate_queue_seconds", "target", by("target", waits, lambda wait: wait["us"])


def _histogram(scrape: Scrape, name: str, label: str, observed: Observed) -> Figure:
    """Records have whole microseconds, rounded down: what is that near to a bound may be on either side of it."""
    off, compared = 0, 0
    notes: list[str] = []
    told: dict[str, dict[float, float]] = {}
    for (key, bound), count in scrape.by(f"{name}_bucket", label, "le").items():
        told.setdefault(key, {})[float(bound)] = count
    for key in told.keys() | observed.keys():
        values = sorted(observed.get(key, []))
        for bound, count in told.get(key, {inf: 0}).items():
            compared += 1
            least, most = bisect_left(values, bound * 1e6 - 2), bisect_right(values, bound * 1e6 + 2)
            if not least <= count <= most:
                off += 1
                notes.append(f"{key} up to {bound:g}: {count:g}, not {least} to {most}")
        counts, sums = scrape.by(f"{name}_count", label), scrape.by(f"{name}_sum", label)
        compared += 2
        low = sum(values) / 1e6
        if counts[key,] != len(values) or abs(sums[key,] - low) > 2e-6 * len(values) + 1e-6:
            off += 1
            notes.append(f"{key}: {counts[key,]:g} of {sums[key,]:g} s, not {len(values)} of {low:g}")
    return Figure(f"/metrics: buckets, count and sum of {name}", compared, off, "", 0, "; ".join(notes[:3]))
