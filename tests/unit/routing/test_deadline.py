"""A call has its model's time, or its client's where that is shorter."""

from __future__ import annotations

import pytest

from calls import call
from headgate.routing.deadline import Deadline
from headgate.types import Call, Payload, Reply
from virtual_time import BEGIN, virtual


@pytest.mark.parametrize(("client_s", "ends_at_s"), [(None, 30), (100, 30), (5, 5)])
@virtual
async def test_the_shorter_time_holds(client_s: float | None, ends_at_s: float) -> None:
    seen: list[Call] = []

    async def goes_on(made: Call) -> Reply:
        seen.append(made)
        return Reply(payload=Payload("openai_chat", b"{}"))

    made = call() if client_s is None else call(deadline=BEGIN + client_s)
    await Deadline(30.0)(made, goes_on)
    assert seen[0].deadline == BEGIN + ends_at_s
