"""The list of calls: a page at a time, and one of them by what somebody has of it."""

from __future__ import annotations

from base64 import urlsafe_b64encode

import pytest

from call_rows import call_row
from headgate.clock import ManualClock
from headgate.errors import BadRequest
from headgate.storage.database import Database
from headgate.storage.records import CallRow
from headgate.telemetry.calls import encode
from headgate.telemetry.listing import CallFilters, CallQueries
from headgate.telemetry.rollups.sink import CallSink

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


async def listed(database: Database, *rows: CallRow) -> CallQueries:
    async with database.transaction() as transaction:
        await CallSink(ManualClock()).store(transaction, [encode([row]) for row in rows])
    return CallQueries(database)


async def test_a_team_finds_its_own_call_of_a_trace_that_others_have_called_in(database: Database):
    rows = [call_row(number, team_id=team, trace_id=TRACE) for number, team in ((1, "a"), (2, "b"))]
    queries = await listed(database, *rows)
    for team, number in (("a", 0), ("b", 1)):
        found = await queries.find("default", TRACE, team)
        assert found is not None
        assert found.id == rows[number].id
    assert await queries.find("default", rows[1].id, "a") is None
    assert await queries.find("elsewhere", TRACE) is None


@pytest.mark.parametrize("cursor", ["1", "-1 req_1", f"{2**63} req_1", "1 req\0", "x req_1", "1 "])
async def test_a_cursor_that_no_page_gave_is_refused(database: Database, cursor: str):
    queries = CallQueries(database)
    with pytest.raises(BadRequest):
        await queries.page(CallFilters(organisation="default"), urlsafe_b64encode(cursor.encode()).decode())
