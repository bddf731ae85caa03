"""Every figure that is shown is the truth, over four replicas, and where one of them is killed."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest

from accuracy.comparing import Figure, billed, compared, exact_quantile, missed, traffic
from accuracy.places import Shared
from accuracy.plan import decide
from accuracy.run import Truth, play
from accuracy.sums import ATTEMPTS, CALLS, records
from billing import Vendor
from cluster import Key
from headgate.telemetry.calls import TOGETHER

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="starts servers as on Linux")]

CALLS_MADE = 1_400
RATE = 500


def told(figures: list[Figure]) -> str:
    return "\n".join(f"{each.what}: off by {each.worst} {each.unit} of {each.bar}: {each.note}" for each in figures)


async def test_traffic_list_ledger_and_metrics_agree_with_those_who_made_and_answered_the_calls(tmp_path: Path):
    """Streams, failures, retries, hedges, broken streams and clients that go away; and a replica killed in the midst."""
    async with Vendor(decide) as vendor, Shared(tmp_path, vendor, replicas=4) as place:
        keys = await place.keys(3)
        truth = await play(place, keys, CALLS_MADE, RATE)
        figures = await compared(place, truth)
        exact = [each for each in figures if not each.what.startswith("end to end")]
        assert not missed(exact), told(missed(exact))
        assert {s.fate for s in truth.sent} == {"ok", "failed", "left"}
        await between_vendor_and_clients(place, vendor, truth)
        await killed_in_the_midst(place, keys, truth)


async def between_vendor_and_clients(place: Shared, vendor: Vendor, truth: Truth) -> None:
    """A call takes longer than the vendor takes for it, and not as long as its client waits: so do its quantiles."""
    plain = {s.mark: s.seconds * 1000 for s in truth.sent if s.model == "plain" and s.fate in ("ok", "failed")}
    answered = [each.seconds * 1000 for each in vendor.bill if each.mark in plain]
    shown = (await traffic(place.replicas[1], truth, of="model:plain"))[""]["durations_ms"]["duration"]
    for label, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        least, most = exact_quantile(answered, share), exact_quantile(list(plain.values()), share)
        assert 0.99 * least - 2 <= shown[label] <= 1.01 * most + 2


async def killed_in_the_midst(place: Shared, keys: list[Key], before: Truth) -> None:
    """What was settled is counted once; what was under way has its attempts in the ledger, and they are counted once."""
    playing = asyncio.create_task(play(place, keys, 300, RATE, prefix="k"))
    await asyncio.sleep(0.25)
    victim = place.replicas[2]
    victim.signal(signal.SIGKILL)
    await victim.ended()
    await victim.start()
    after = await playing
    await place.admin("GET", "/admin/traffic", replica=2)  # whoever asks it waits until it has adopted what it left
    await place.settled()
    truth = Truth(before.from_s, after.until_s, [*before.sent, *after.sent])
    calls = records(CALLS, await place.rows(f"SELECT {', '.join(CALLS)} FROM calls"))
    attempts = records(ATTEMPTS, await place.rows(f"SELECT {', '.join(ATTEMPTS)} FROM ledger"))
    fates = Counter(s.fate for s in after.sent)
    assert fates["lost"] > 0
    known = len(calls) - CALLS_MADE
    # An answer is out before its call is written down with others: of the last moment's calls those may be missing.
    assert fates["ok"] + fates["failed"] + fates["left"] - TOGETHER <= known <= len(after.sent)
    for each in billed(place, attempts):
        # What was under way without a budget is in no journal before its answer.
        under_way = 2 * fates["lost"] if each.what.startswith("requests that reached") else 0
        assert each.worst <= under_way, told([each])
    figures = [each for each in await compared(place, truth, metrics=False) if each.what.startswith("/admin")]
    assert not missed(figures), told(missed(figures))
