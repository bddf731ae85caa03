"""The sums that `/admin/traffic` tells, against the calls and attempts themselves: all names, all steps."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from accuracy.figures import Figure, Quantiles, same
from accuracy.run import Truth
from accuracy.sums import Record, Series, Sum, only, series, total
from cluster import Replica

GROUPS = (None, "model", "target", "operation", "key", "team", "project", "prompt", "arm", "tag")
PAIRS = (
    ("key", "model:plain"), ("target", "model:chat"), ("model", "tag:feature=search"), ("team", "model:chat"),
    ("operation", "model:vector"), ("tag", "model:plain"),
)  # fmt: skip
QUERIES = [*((by, None) for by in GROUPS), *PAIRS]


class Expected:
    """What calls and attempts come to: worked out once, asked for in many places."""

    def __init__(self, calls: Sequence[Record], attempts: Sequence[Record]) -> None:
        self.calls, self.attempts = calls, attempts
        self._known: dict[tuple[str | None, str | None, str], Series] = {}

    def series(self, by: str | None = None, of: str | None = None, step: str = "minute") -> Series:
        found = self._known.get((by, of, step))
        if found is None:
            found = series(only(self.calls, of), only(self.attempts, of), by, step)
            self._known[by, of, step] = found
        return found

    def totals(self, by: str | None = None, of: str | None = None) -> dict[str, Sum]:
        return {name: total(steps.values()) for name, steps in self.series(by, of, "day").items()}

    def total(self) -> Sum:
        return self.totals()[""]


def time(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat().replace("+00:00", "Z")


async def traffic(
    replica: Replica, truth: Truth, by: str | None = None, of: str | None = None, step: str = "minute"
) -> dict[str, Any]:
    """What a query tells, by name."""
    asked = {"from": time(truth.from_s), "to": time(truth.until_s + 60), "step": step, "by": by, "of": of}
    query = urlencode({k: v for k, v in asked.items() if v is not None})
    outcome = await replica.ask("GET", f"/admin/traffic?{query}")
    assert outcome.status == 200, outcome.body
    return {each["name"]: each for each in json.loads(outcome.body)["series"]}


async def checked(replica: Replica, truth: Truth, expected: Expected, steps: Iterable[str]) -> list[Figure]:
    """Every query at every step, in total and step by step."""
    figures: list[Figure] = []
    for step in steps:
        counted, amiss, quantiles = 0, list[str](), Quantiles()
        for by, of in QUERIES:
            known = expected.series(by, of, step)
            told = await traffic(replica, truth, by, of, step)
            pairs = list(_pairs(known, told))
            counted += sum(each.compared for each in pairs)
            amiss += [f"{by} {of} {what}" for each in pairs for what in each.amiss]
            for each in pairs:
                each.durations(quantiles)
        what = f"/admin/traffic of {replica.name} by {step}"
        figures.append(same(f"{what}: counts, tokens, errors, events and cost", counted, amiss))
        figures += quantiles.figures(what)
    return figures


class Pair:
    """A sum, and how it is shown; either may be missing."""

    def __init__(self, name: str, known: Sum | None, view: Mapping[str, Any] | None) -> None:
        self._known, self._view = known or Sum(), view
        own, told = counts_of(self._known), {} if view is None else shown(view)
        self.compared = len(own | told)
        self.amiss = [
            f"{name} {count}: {own.get(count, 0)} is shown as {told.get(count, 0)}"
            for count in own | told
            if own.get(count, 0) != told.get(count, 0)
        ]

    def durations(self, quantiles: Quantiles) -> None:
        for name, told in () if self._view is None else self._view["durations_ms"].items():
            values = self._known.samples.get(name)
            if values:
                quantiles.compare(name, values, told)
            elif any(each is not None for each in told.values()):
                quantiles.compare(name, [0.0], {"p50": None})  # a duration of nothing


def _pairs(known: Series, told: Mapping[str, Any]) -> Iterator[Pair]:
    for name in known.keys() | told.keys():
        steps, view = known.get(name, {}), told.get(name)
        yield Pair(name, total(steps.values()), view and view["total"])
        points = {} if view is None else {_second(each["at"]): each["sum"] for each in view["points"]}
        for at in steps.keys() | points.keys():
            yield Pair(f"{name} {at}", steps.get(at), points.get(at))


def _second(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def counts_of(sum_: Sum) -> dict[str, int]:
    return {name: number for name, number in sum_.counts.items() if number}


def shown(view: Mapping[str, Any]) -> dict[str, int]:
    """The counts of a sum as the admin API has them, in the names of `Sum`. What nothing was booked of here is 0."""
    found: dict[str, int] = {
        name: view[name] for name in ("calls", "failed", "streamed", "attempts", "attempts_failed", "unpriced")
    }
    for group in ("errors", "attempt_errors", "events", "tokens"):
        found |= {f"{group}.{name}": number for name, number in view[group].items()}
    found["cost_picodollars"] = int(Decimal(view["cost_usd"]) * 10**12)
    found["saving"] = int(Decimal(view["saving_usd"]) * 10**12)
    found |= {f"payer.{name}": int(Decimal(cost) * 10**12) for name, cost in view["cost_by_payer"].items()}
    return {name: number for name, number in found.items() if number}
