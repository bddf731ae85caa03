"""A mirrored call is gone when it is over, however it ended: nothing keeps its body until garbage is collected."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from msgspec.structs import replace

from headgate.config import loads
from headgate.errors import HeadgateError
from headgate.gateway import IN_PROCESS, Gateway
from headgate.library import call_of
from lasting import calls_left, taken

CONFIG = """
server: {auth: none}
providers:
  sim: {kind: simulator}
  bad: {kind: simulator, headers: {x-sim-fault: %s}}
models: {chat: {targets: [sim/a], retry: {attempts: 1}, shadow: {to: bad/b, share: 1, timeout_s: 0.1%s}}}
"""


@pytest.mark.parametrize("fault", ["server_error", "timeout", "cut", "stall", "html", "none", "budget", "primary"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_mirrored_call_makes_no_cycles(fault: str, stream: bool):
    named = "''" if fault in ("none", "budget", "primary") else fault
    budget = ", budget_usd: 0" if fault == "budget" else ", budget_usd: null"
    headers = {"x-sim-fault": "server_error"} if fault == "primary" else {}
    body = {"model": "chat", "messages": [{"role": "user", "content": "Hi"}], "stream": stream}

    async with Gateway(loads(CONFIG % (named, budget)), environ={}) as gateway:
        shadows = gateway.services.shadows

        async def mirrored() -> None:
            with contextlib.suppress(HeadgateError):
                await taken(gateway, replace(call_of("chat", body, IN_PROCESS), headers=headers))
            await shadows.idle()
            await asyncio.sleep(0)

        assert await calls_left(mirrored) == 0
        assert shadows.compared + shadows.dropped.total() == 4
