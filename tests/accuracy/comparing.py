"""Every figure that is told of a run, against those who made and answered its calls."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from accuracy import accounts, books, clocks, pages, scraped, traffic
from accuracy.figures import Figure
from accuracy.run import Answering, Place, Truth
from accuracy.sums import ATTEMPTS, CALLS, Record, records
from accuracy.traffic import Expected

TWO_DAYS_S, TEN_WEEKS_S = 2 * 86_400, 70 * 86_400
"""Ahead of now: when the hours and days of a run are summed up and the minutes are still there, and when all but days and
weeks are gone."""


async def read(place: Place) -> tuple[Sequence[Record], Sequence[Record]]:
    """The list of calls and the ledger, as the database has them."""
    calls = records(CALLS, await place.rows(f"SELECT {', '.join(CALLS)} FROM calls"))
    attempts = records(ATTEMPTS, await place.rows(f"SELECT {', '.join(ATTEMPTS)} FROM ledger"))
    return calls, attempts


async def compared(
    place: Place, truth: Truth, vendor: Answering, *, steps: Iterable[str] = ("hour", "day")
) -> list[Figure]:
    """All figures of a run, by minute and by `steps`."""
    calls, attempts = await read(place)
    first, last = place.replicas[0], place.replicas[-1]
    shed = sum([await scraped.shed(replica) for replica in place.replicas])
    expected = Expected(calls, attempts)
    figures = [
        *books.made(truth, calls, shed, vendor.bill),
        *books.billed(truth, vendor.bill, attempts),
        books.each_call(calls, attempts),
        *await scraped.checked(place, calls, attempts),
        *await traffic.checked(first, truth, expected, ["minute", *steps]),
    ]
    if last is not first:
        figures += await traffic.checked(last, truth, expected, ["minute"])
    figures += await pages.checked(last, truth, expected, ["minute", *steps])
    figures += await accounts.checked(first, truth, calls, attempts)
    figures += await clocks.checked(first, truth, vendor.bill, attempts)
    return figures


async def compared_later(
    place: Place, truth: Truth, expected: Expected, seconds: int, steps: Iterable[str]
) -> list[Figure]:
    """The sums so much later, when hours, days and weeks have been summed up."""
    async with place.later(seconds) as replica:
        return await traffic.checked(replica, truth, expected, steps)
