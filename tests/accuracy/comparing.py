"""Every figure beside the truth."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from prometheus_client.parser import text_string_to_metric_families

from accuracy.run import Place, Truth
from accuracy.sums import ATTEMPTS, CALLS, Record, Sum, names, records, summed
from cluster import Replica
from headgate.errors import error_of

SHARES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
ERROR = 0.01
SLACK_MS = 2.0
GROUPS = (None, "model", "target", "key", "operation", "team", "tag")
PAIRS = (("key", "model:plain"), ("target", "model:chat"), ("model", "tag:feature=search"))


@dataclass(frozen=True)
class Figure:
    """One figure or a number of them of a kind."""

    what: str
    compared: int
    """How many figures."""
    worst: float
    """The largest difference: absolute of what has to be exact, else relative, or in milliseconds."""
    unit: str
    bar: float
    note: str = ""

    @property
    def holds(self) -> bool:
        return self.worst <= self.bar


async def compared(place: Place, truth: Truth, *, metrics: bool = True, listed: bool = True) -> list[Figure]:
    """All figures of a run. Without `metrics` those of /metrics are left out: a process that died has taken its own
    along. `listed` reads the whole list of calls through the admin API.
    """
    calls = records(CALLS, await place.rows(f"SELECT {', '.join(CALLS)} FROM calls"))
    attempts = records(ATTEMPTS, await place.rows(f"SELECT {', '.join(ATTEMPTS)} FROM ledger"))
    shed = sum([await _shed(replica) for replica in place.replicas])
    figures = [*made(truth, calls, shed), *billed(place, attempts), each_call(calls, attempts)]
    for replica in {place.replicas[0].name: place.replicas[0], place.replicas[-1].name: place.replicas[-1]}.values():
        figures += await _traffic(replica, truth, calls, attempts)
    figures += [each async for each in end_to_end(place.replicas[0], place, truth)]
    if metrics:
        figures += await _metrics(place, calls, attempts)
    figures.append(await _listing(place.replicas[0], calls, whole=listed))
    return figures


# ── what clients and the vendor know ──


def made(truth: Truth, calls: Sequence[Record], shed: int) -> Iterator[Figure]:
    """The list of calls against those who made them. A server that is overloaded sheds some before they are calls: those
    its clients were told 503 of.
    """
    sent, ours = [s for s in truth.sent if s.status != OVERLOADED], [c for c in calls if _status(c) != OVERLOADED]
    refused = len(truth.sent) - len(sent)
    listed = len(calls) - len(ours)
    yield Figure(
        "refused for overload: list and /metrics = clients", 1, abs(refused - listed - shed), "", 0, f"{shed} shed"
    )
    yield exact(
        "calls by model, key, stream and tag: list = clients",
        Counter((c["model"], c["key_id"], bool(c["streamed"]), c["tags"].get("feature")) for c in ours),
        Counter((s.model, s.key, s.stream, s.feature) for s in sent),
    )
    yield exact(
        "whole answers by status: list = clients",
        Counter(_status(c) for c in ours if not c["streamed"]),
        Counter(s.status for s in sent if not s.stream),
    )
    good = sum(c["code"] is None for c in calls if c["streamed"])
    fates = Counter(s.fate for s in truth.sent if s.stream)
    amiss = max(0, fates["ok"] - good, good - fates["ok"] - fates["left"])
    yield Figure("streams that succeeded: list = clients", 1, amiss, "", 0, f"{fates['left']} left by their clients")


OVERLOADED = 503


def _status(call: Record) -> int:
    return 200 if call["code"] is None else error_of(call["code"]).status


def billed(place: Place, attempts: Sequence[Record]) -> Iterator[Figure]:
    """The ledger against the vendor's own bill."""
    known = {a["vendor_request_id"]: a for a in attempts if a["vendor_request_id"] is not None}
    bill = {each.id: each for each in place.vendor.bill}
    doubled = sum(a["vendor_request_id"] is not None for a in attempts) - len(known)
    yield Figure("attempts with an id of the vendor's: twice in the ledger", len(known), doubled, "", 0)
    unknown = sum(name not in bill for name in known)
    yield Figure("attempts the vendor knows nothing of", len(known), unknown, "", 0)
    given_up = len(attempts) - len(bill)
    note = f"{given_up} attempts were given up before they reached it" if given_up > 0 else ""
    yield Figure("requests that reached the vendor and are in no row", len(bill), max(0, -given_up), "", 0, note)
    reported = [(a, bill[name]) for name, a in known.items() if a["usage_source"] == "reported" and name in bill]
    cost = sum(a["cost_picodollars"] != each.picodollars for a, each in reported)
    yield Figure("cost of an attempt: ledger = bill, to the picodollar", len(reported), cost, "", 0)
    tokens = sum((a["input_tokens"], a["output_tokens"]) != (each.prompt, each.output) for a, each in reported)
    yield Figure("tokens of an attempt: ledger = bill", len(reported), tokens, "", 0)


def each_call(calls: Sequence[Record], attempts: Sequence[Record]) -> Figure:
    """How many attempts there were at each call, and what they cost: the list against the ledger."""
    costs: dict[str, list[int | None]] = {}
    for attempt in attempts:
        costs.setdefault(attempt["call_id"], []).append(attempt["cost_picodollars"])
    amiss = 0
    for call in calls:
        its = costs.get(call["id"], [])
        known = [cost for cost in its if cost is not None]
        cost = sum(known) if its and len(known) == len(its) else None
        amiss += call["attempts"] != len(its) or (call["cost_picodollars"] or 0) != (cost or 0)
    return Figure("attempts and cost of each call: list = ledger", len(calls), amiss, "", 0)


# ── /admin/traffic ──


async def traffic(replica: Replica, truth: Truth, by: str | None = None, of: str | None = None) -> dict[str, Any]:
    """The totals of a query by name."""
    asked = {"from": truth.from_s, "to": truth.until_s + 60, "step": "minute", "by": by, "of": of}
    query = urlencode({k: _time(v) if k in ("from", "to") else v for k, v in asked.items() if v is not None})
    outcome = await replica.ask("GET", f"/admin/traffic?{query}")
    assert outcome.status == 200, outcome.body
    return {each["name"]: each["total"] for each in json.loads(outcome.body)["series"]}


def _time(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat().replace("+00:00", "Z")


async def _traffic(replica: Replica, truth: Truth, calls: Sequence[Record], attempts: Sequence[Record]) -> list[Figure]:
    figures = 0
    amiss = Counter[str]()
    worst: dict[str, tuple[float, int]] = {}
    for by, of in [*((by, None) for by in GROUPS), *PAIRS]:
        dimension, _, name = (of or "").partition(":")
        mine, theirs = (_only(rows, dimension, name) for rows in (calls, attempts))
        expected = summed(mine, theirs, by)
        shown = await traffic(replica, truth, by, of)
        amiss["names"] += len(set(expected) ^ set(shown))
        for each in set(expected) & set(shown):
            own, told = _counts(expected[each]), _shown(shown[each])
            figures += len(own | told)
            for count in set(own) | set(told):
                if own.get(count, 0) != told.get(count, 0):
                    amiss[f"{by} {of} {each} {count}: {own.get(count, 0)} is shown as {told.get(count, 0)}"] += 1
            for duration, off, number in _quantiles(expected[each], shown[each]):
                before, seen = worst.get(duration, (0.0, 0))
                worst[duration] = (max(before, off), seen + number)
    what = f"/admin/traffic of {replica.name}"
    note = "; ".join(list(+amiss)[:3])
    return [
        Figure(f"{what}: counts, tokens, errors, events and cost", figures, sum(amiss.values()), "", 0, note),
        *(
            Figure(f"{what}: p50, p95, p99 of {name}", number, 100 * off, "%", 100 * ERROR)
            for name, (off, number) in sorted(worst.items())
        ),
    ]


def _only(rows: Sequence[Record], dimension: str, name: str) -> Sequence[Record]:
    if not dimension:
        return rows
    named = names(dimension)
    return [row for row in rows if name in named(row)]


def _counts(sum_: Sum) -> dict[str, int]:
    return {name: number for name, number in sum_.counts.items() if number}


def _shown(view: dict[str, Any]) -> dict[str, int]:
    """The counts of a sum as the admin API has them, in the names of `Sum`."""
    found: dict[str, int] = {
        name: view[name] for name in ("calls", "failed", "streamed", "attempts", "attempts_failed", "unpriced")
    }
    for group in ("errors", "attempt_errors", "events", "tokens"):
        found |= {f"{group}.{name}": number for name, number in view[group].items()}
    found["cost_picodollars"] = int(Decimal(view["cost_usd"]) * 10**12)
    return {name: number for name, number in found.items() if number}


def exact_quantile(values: Sequence[float], share: float) -> float:
    """The value at rank ⌊share·(n-1)⌋ of all, the lowest first."""
    return sorted(values)[int(share * (len(values) - 1))]


def _quantiles(sum_: Sum, view: dict[str, Any]) -> Iterator[tuple[str, float, int]]:
    """Of each duration the largest relative error, and how many figures there are."""
    for name, values in sum_.samples.items():
        told = view["durations_ms"][name]
        off = 0.0
        for label, share in SHARES:
            exact_ms = exact_quantile(values, share) / 1000
            if exact_ms >= 0.001:
                off = max(off, abs(told[label] - exact_ms) / exact_ms)
            elif told[label]:
                off = 1.0
        yield name, off, len(SHARES)


async def end_to_end(replica: Replica, place: Place, truth: Truth) -> AsyncIterator[Figure]:
    """Of calls that make one attempt, against the vendor's own clock and the clients'. Those whose clients left are few,
    and have no end by either.
    """
    told = (await traffic(replica, truth, of="model:plain"))[""]["durations_ms"]["duration"]
    plain = {s.mark: s.seconds * 1000 for s in truth.sent if s.model == "plain" and s.fate in ("ok", "failed")}
    vendor = [each.seconds * 1000 for each in place.vendor.bill if each.mark in plain]
    for label, share in SHARES:
        vendors, clients = exact_quantile(vendor, share), exact_quantile(list(plain.values()), share)
        shown = told[label]
        what = f"end to end: {label} shown {shown:.2f} ms; by the vendor's clock {vendors:.2f}, by the clients' {clients:.2f}"
        yield Figure(what, 1, abs(shown - vendors), "ms", ERROR * vendors + SLACK_MS)
        outside = max(vendors - shown, shown - clients, 0)
        yield Figure(
            f"end to end: {label} outside of what lies between those two", 1, outside, "ms", ERROR * vendors + SLACK_MS
        )


# ── /metrics, and the list by its API ──


async def _metrics(place: Place, calls: Sequence[Record], attempts: Sequence[Record]) -> list[Figure]:
    found: dict[str, Counter[tuple[str, ...]]] = {}
    cost = Counter[str]()
    for text in await asyncio.gather(*(replica.metrics() for replica in place.replicas)):
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                labels = sample.labels
                if sample.name == "headgate_calls_total":
                    key = (labels["model"], labels["stream"], labels["outcome"])
                    found.setdefault("calls", Counter())[key] += int(sample.value)
                elif sample.name == "headgate_attempts_total":
                    found.setdefault("attempts", Counter())[labels["target"], labels["outcome"]] += int(sample.value)
                elif sample.name == "headgate_tokens_total" and labels["category"] in ("input", "output"):
                    found.setdefault("tokens", Counter())[labels["target"], labels["category"]] += int(sample.value)
                elif sample.name == "headgate_call_seconds_count":
                    found.setdefault("seconds", Counter())[labels["model"],] += int(sample.value)
                elif sample.name == "headgate_cost_usd_total":
                    cost[labels["target"]] += round(sample.value * 1e12)
    tokens = Counter[tuple[str, ...]]()
    spent = Counter[str]()
    for a in attempts:
        for category in ("input", "output"):
            tokens[a["target"], category] += a[f"{category}_tokens"]
        spent[a["target"]] += a["cost_picodollars"] or 0
    stream = ("false", "true")
    return [
        exact(
            "/metrics: calls by model, stream and outcome",
            found["calls"],
            Counter((c["model"], stream[c["streamed"]], c["code"] or "ok") for c in calls),
        ),
        exact("/metrics: observations of call_seconds", found["seconds"], Counter((c["model"],) for c in calls)),
        exact(
            "/metrics: attempts by target and outcome",
            found["attempts"],
            Counter((a["target"], a["code"] or "ok") for a in attempts),
        ),
        exact("/metrics: tokens by target", found["tokens"], +tokens),
        exact("/metrics: cost by target, to the picodollar", cost, +spent),
    ]


async def _shed(replica: Replica) -> int:
    families = text_string_to_metric_families(await replica.metrics())
    return int(sum(s.value for f in families for s in f.samples if s.name == "headgate_shed_calls_total"))


async def _listing(replica: Replica, calls: Sequence[Record], *, whole: bool) -> Figure:
    wanted = {c["id"]: (c["duration_us"], c["code"]) for c in calls if whole or c["code"] is not None}
    seen: dict[str, tuple[int, str | None]] = {}
    cursor = ""
    doubled = 0
    while True:
        only = "" if whole else "&failed=true"
        outcome = await replica.ask("GET", f"/admin/calls?limit=500{only}{cursor}")
        page = json.loads(outcome.body)
        for each in page["data"]:
            doubled += each["id"] in seen
            seen[each["id"]] = (round(each["duration_ms"] * 1000), each["code"])
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    amiss = doubled + sum(seen.get(name) != value for name, value in wanted.items()) + len(set(seen) - set(wanted))
    return Figure(f"/admin/calls, {'all' if whole else 'those that failed'}: page by page", len(wanted), amiss, "", 0)


def exact(what: str, ours: Counter[Any], theirs: Counter[Any]) -> Figure:
    off = {key: (ours[key], theirs[key]) for key in set(ours) | set(theirs) if ours[key] != theirs[key]}
    note = ", ".join(f"{key}: {a}, not {b}" for key, (a, b) in list(off.items())[:3])
    return Figure(what, len(set(ours) | set(theirs)), sum(abs(a - b) for a, b in off.values()), "", 0, note)


def missed(figures: Iterable[Figure]) -> list[Figure]:
    return [each for each in figures if not each.holds]
