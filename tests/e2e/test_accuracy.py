"""Every figure that is shown is the truth, over four replicas, and where one of them is killed."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from accuracy import books, clocks, scraped
from accuracy.comparing import TEN_WEEKS_S, compared, compared_later, read
from accuracy.figures import Figure, missed
from accuracy.places import Shared
from accuracy.plan import decide
from accuracy.run import Truth, play
from accuracy.sums import Record
from accuracy.traffic import Expected, checked
from billing import Vendor
from cluster import Key
from headgate.telemetry.calls import TOGETHER

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="starts servers as on Linux")]

CALLS_MADE = 1_000
RATE = 500

CLOCKS = "end to end"
"""Figures of time, which tests beside others do not hold: `make accuracy` does."""


def told(figures: list[Figure]) -> str:
    return "\n".join(f"{each.what}: off by {each.worst} {each.unit} of {each.bar}: {each.note}" for each in figures)


async def test_traffic_list_ledger_and_metrics_agree_with_those_who_made_and_answered_the_calls(tmp_path: Path):
    """Streams, failures, retries, hedges, broken streams and clients that go away; and a replica killed in the midst."""
    async with Vendor(decide) as vendor, Shared(tmp_path, vendor, replicas=4) as place:
        keys = await place.keys(3)
        truth = await play(place, keys, CALLS_MADE, RATE)
        figures = [each for each in await compared(place, truth, vendor, steps=()) if not each.what.startswith(CLOCKS)]
        assert not missed(figures), told(missed(figures))
        assert {s.fate for s in truth.sent} == {"ok", "failed", "left"}
        await sees_what_is_wrong(place, vendor, truth)
        await killed_in_the_midst(place, vendor, keys, truth)


async def sees_what_is_wrong(place: Shared, vendor: Vendor, truth: Truth) -> None:
    """One call, one token or one picodollar more or less is seen: by every comparison that has to."""
    calls, attempts = await read(place)
    answered = next(at for at, each in enumerate(vendor.bill) if each.outcome == "complete")
    one = vendor.bill[answered]
    dearer = [replace(each, output=each.output + 1) if each is one else each for each in vendor.bill]
    row = next(a for a in attempts if a["vendor_request_id"] == one.id)
    assert "cost of an attempt" in told(missed([*books.billed(truth, dearer, attempts)]))
    assert "each has its row" in told(missed([*books.billed(truth, vendor.bill, without(attempts, row))]))
    assert "twice" in told(missed([*books.billed(truth, vendor.bill, [*attempts, row])]))
    assert missed([books.each_call(calls, without(attempts, row))])
    fewer = Truth(truth.from_s, truth.until_s, truth.keys, truth.sent[1:])
    assert len(missed([*books.made(fewer, calls, 0, vendor.bill)])) >= 2
    scrape = scraped.Scrape([await each.metrics() for each in place.replicas])
    slower = [{**calls[0], "duration_us": calls[0]["duration_us"] + 2_000_000}, *calls[1:]]
    assert "call_seconds" in told(missed([*scraped.compared(scrape, slower, attempts)]))
    cheaper = changed(attempts, row, cost_picodollars=row["cost_picodollars"] - 1)
    assert "cost by target" in told(missed([*scraped.compared(scrape, calls, cheaper)]))
    shown = told(missed(await checked(place.replicas[1], truth, Expected(calls[1:], cheaper), ["minute"])))
    assert "cost_picodollars" in shown or "calls" in shown
    late = [{**each, "duration_us": each["duration_us"] * 1.02} for each in calls]
    assert "quantiles of duration" in told(
        missed(await checked(place.replicas[1], truth, Expected(late, attempts), ["day"]))
    )
    later = [replace(each, seconds=each.seconds * 1.2 + 0.01) for each in vendor.bill]
    assert any(CLOCKS in each.what for each in missed(await clocks.checked(place.replicas[0], truth, later, attempts)))
    assert not Figure("nothing", 0, 0, "", 0).holds


def without(rows: list[Record], row: Record) -> list[Record]:
    return [each for each in rows if each is not row]


def changed(rows: list[Record], row: Record, **columns: int) -> list[Record]:
    return [{**each, **columns} if each is row else each for each in rows]


async def killed_in_the_midst(place: Shared, vendor: Vendor, keys: list[Key], before: Truth) -> None:
    """What was settled is counted once; what was under way has its attempts in the ledger, and they are counted once. It
    stays so when hours, days and weeks are summed up.
    """
    playing = asyncio.create_task(play(place, keys, 300, RATE, prefix="k"))
    await asyncio.sleep(0.25)
    victim = place.replicas[2]
    victim.signal(signal.SIGKILL)
    await victim.ended()
    await victim.start()
    after = await playing
    await place.admin("GET", "/admin/traffic", replica=2)  # whoever asks it waits until it has adopted what it left
    await place.settled()
    truth = Truth(before.from_s, after.until_s, keys, [*before.sent, *after.sent])
    calls, attempts = await read(place)
    fates = Counter(s.fate for s in after.sent)
    assert fates["lost"] > 0
    known = len(calls) - CALLS_MADE
    # An answer is out before its call is written down with others: of the last moment's calls those may be missing.
    assert fates["ok"] + fates["failed"] + fates["left"] - TOGETHER <= known <= len(after.sent)
    figures = [*books.billed(truth, vendor.bill, attempts)]
    assert not missed(figures), told(missed(figures))
    expected = Expected(calls, attempts)
    shown = await checked(place.replicas[1], truth, expected, ["minute"])
    shown += await compared_later(place, truth, expected, TEN_WEEKS_S, ["day"])
    assert not missed(shown), told(missed(shown))
