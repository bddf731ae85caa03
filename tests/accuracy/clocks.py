"""End to end: the latencies that are shown against those the vendor had and its clients saw.

Of the model `plain` every call makes one attempt and every client stays, so its latency is the vendor's, and what Headgate and
the sockets add. The vendor decides beforehand how long each takes, and writes down how long it did.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from accuracy.figures import ERROR, SHARES, SLACK_MS, Figure, exact_quantile
from accuracy.run import Truth
from accuracy.sums import Record
from accuracy.traffic import traffic
from billing import Billed
from cluster import Replica

ONE_ATTEMPT = "plain"


async def checked(replica: Replica, truth: Truth, bill: Sequence[Billed], attempts: Sequence[Record]) -> list[Figure]:
    told = await traffic(replica, truth, of=f"model:{ONE_ATTEMPT}")
    everything = await traffic(replica, truth, by="model")
    return [
        *of_the_vendor(told[""]["total"], truth, bill),
        *[each for name, view in everything.items() for each in of_clients(name, view["total"], truth)],
        *of_the_ledger(attempts, bill),
    ]


def of_the_vendor(view: Mapping[str, Any], truth: Truth, bill: Sequence[Billed]) -> Iterator[Figure]:
    marks = {s.mark for s in truth.sent if s.model == ONE_ATTEMPT}
    lines = [each for each in bill if each.mark in marks]
    yield Figure(
        f"end to end: calls of `{ONE_ATTEMPT}` by clients, vendor and sums", len(lines),
        max(abs(len(lines) - number) for number in (len(marks), view["calls"], view["attempts"])), "", 0,
    )  # fmt: skip
    streams = [each for each in lines if each.first_s]
    whole = [each for each in streams if each.outcome == "complete" and each.output > 1]
    took = [each.seconds for each in lines]
    first = [each.first_s for each in streams]
    for name, by, values in (
        ("duration", "took", took),
        ("duration", "was to take", [each.planned_s for each in lines]),
        ("attempt_duration", "took", took),
        ("first_token", "took", first),
        ("attempt_first_token", "took", first),
        ("per_token", "took", [(each.seconds - each.first_s) / (each.output - 1) for each in whole]),
    ):
        yield from _near(f"{name} of `{ONE_ATTEMPT}`", view["durations_ms"][name], values, f"the vendor {by}")


def of_clients(model: str, view: Mapping[str, Any], truth: Truth) -> Iterator[Figure]:
    """All calls of a model, retries, hedges and clients that leave among them, by their clients' clock."""
    seconds = [s.seconds for s in truth.sent if s.model == model]
    yield from _near(f"duration of `{model}`", view["durations_ms"]["duration"], seconds, "its clients waited")


def of_the_ledger(attempts: Sequence[Record], bill: Sequence[Billed]) -> Iterator[Figure]:
    """All attempts that the vendor answered to the end, of all models: the ledger's own durations, without a sketch."""
    lines = {each.id: each for each in bill if each.outcome in ("complete", "refused")}
    joined = [
        (a["duration_us"] / 1000, lines[a["vendor_request_id"]].seconds)
        for a in attempts
        if a["vendor_request_id"] in lines and a["code"] != "cancelled"
    ]
    told = {label: exact_quantile([ms for ms, _ in joined], share) for label, share in SHARES}
    yield from _near("duration in the ledger", told, [seconds for _, seconds in joined], "the vendor took")
    longer = sorted(ms - seconds * 1000 for ms, seconds in joined)
    note = ", ".join(f"{label} {exact_quantile(longer, share):.2f} ms" for label, share in SHARES)
    short = sum(each < -0.5 for each in longer)  # a millisecond's half: the vendor writes before it reads the clock
    yield Figure("attempts shorter in the ledger than for the vendor", len(joined), short, "", 0, f"longer by {note}")


def _near(what: str, told: Mapping[str, float], seconds: Sequence[float], by: str) -> Iterator[Figure]:
    for label, share in SHARES:
        true = exact_quantile(seconds, share) * 1000
        text = f"end to end: {label} {what} {told[label]:.2f} ms, {by} {true:.2f}"
        yield Figure(text, len(seconds), abs(told[label] - true), "ms", ERROR * true + SLACK_MS)
