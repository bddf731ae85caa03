"""What the list of calls and the ledger come to, added up here: what every sum is held against."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from headgate.types import Usage

CALLS = (
    "id", "started_us", "duration_us", "model", "target", "operation", "streamed", "code", "attempts", "key_id",
    "team_id", "project_id", "first_token_us", "overhead_us", "queued_us", "input_tokens", "output_tokens",
    "cost_picodollars", "tags", "events",
)  # fmt: skip
TOKENS = Usage.__struct_fields__
ATTEMPTS = (
    "id", "call_id", "started_us", "duration_us", "model", "target", "operation", "cause", "code", "key_id", "team_id",
    "project_id", "first_token_us", "usage_source", "cost_picodollars", "vendor_request_id", "tags", *TOKENS,
)  # fmt: skip
STEPS = {"minute": 60, "hour": 3_600, "day": 86_400}

Record = dict[str, Any]


@dataclass
class Sum:
    """Of some calls and attempts."""

    counts: Counter[str] = field(default_factory=Counter[str])
    samples: dict[str, list[float]] = field(default_factory=dict[str, list[float]])

    def observe(self, name: str, value: float) -> None:
        self.samples.setdefault(name, []).append(value)


def records(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[Record]:
    found = [dict(zip(columns, row, strict=True)) for row in rows]
    for each in found:
        each["tags"] = json.loads(each["tags"])
        if "events" in each:
            each["events"] = json.loads(each["events"])
    return found


def names(by: str | None) -> Callable[[Record], Sequence[str]]:
    """The names a record has in a dimension."""
    if by is None:
        return lambda _: ("",)
    if by == "tag":
        return lambda record: [f"{name}={value}" for name, value in record["tags"].items()]
    column = {"key": "key_id", "team": "team_id", "project": "project_id"}.get(by, by)
    return lambda record: (record[column],) if record.get(column) else ()


Series = dict[str, dict[int, Sum]]
"""By the name in a dimension, and the second a step begins at."""


def series(calls: Iterable[Record], attempts: Iterable[Record], by: str | None, step: str) -> Series:
    """Calls and attempts by the names of a dimension and the steps they began in."""
    sums: Series = {}
    named, step_s = names(by), STEPS[step]
    for rows, add in ((calls, _add_call), (attempts, _add_attempt)):
        for row in rows:
            at = row["started_us"] // 1_000_000 // step_s * step_s
            for name in named(row):
                add(sums.setdefault(name, {}).setdefault(at, Sum()), row)
    return sums


def total(steps: Iterable[Sum]) -> Sum:
    """Several as one."""
    whole = Sum()
    for each in steps:
        whole.counts.update(each.counts)
        for name, values in each.samples.items():
            whole.samples.setdefault(name, []).extend(values)
    return whole


def only(rows: Sequence[Record], of: str | None) -> Sequence[Record]:
    """Those of `dimension:name`."""
    dimension, _, name = (of or "").partition(":")
    if not dimension:
        return rows
    named = names(dimension)
    return [row for row in rows if name in named(row)]


def _add_call(sum_: Sum, call: Record) -> None:
    counts = sum_.counts
    counts["calls"] += 1
    counts["streamed"] += call["streamed"]
    if call["code"] is not None:
        counts["failed"] += 1
        counts[f"errors.{call['code']}"] += 1
    for name, *_ in call["events"]:
        counts[f"events.{name}"] += 1
    for name in ("duration", "overhead", "queued"):
        sum_.observe(name, call[f"{name}_us"])
    first_us, output = call["first_token_us"], call["output_tokens"]
    if first_us is not None:
        sum_.observe("first_token", first_us)
        if call["code"] is None and output > 1:
            sum_.observe("per_token", (call["duration_us"] - first_us) / (output - 1))


def _add_attempt(sum_: Sum, attempt: Record) -> None:
    counts = sum_.counts
    counts["attempts"] += 1
    if attempt["code"] is not None:
        counts["attempts_failed"] += 1
        counts[f"attempt_errors.{attempt['code']}"] += 1
    for name in TOKENS:
        counts[f"tokens.{name}"] += attempt[name]
    if attempt["cost_picodollars"] is None:
        counts["unpriced"] += 1
    else:
        counts["cost_picodollars"] += attempt["cost_picodollars"]
    sum_.observe("attempt_duration", attempt["duration_us"])
    if attempt["first_token_us"] is not None:
        sum_.observe("attempt_first_token", attempt["first_token_us"])
