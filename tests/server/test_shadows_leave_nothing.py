"""A mirrored call is gone when it is over, however it ended: nothing keeps its body until garbage is collected."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from headgate.config import loads
from headgate.errors import HeadgateError
from headgate.gateway import IN_PROCESS, Gateway
from headgate.library import call_of
from headgate.types import Call

CONFIG = """
server: {auth: none}
providers:
  sim: {kind: simulator}
  bad: {kind: simulator, headers: {x-sim-fault: %s}}
models: {chat: {targets: [sim/a], retry: {attempts: 1}, shadow: {to: bad/b, share: 1, timeout_s: 0.1%s}}}
"""


@pytest.fixture
def nothing_collected() -> Iterator[None]:
    """No collection while a test runs."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def calls_alive() -> int:
    return sum(type(each) is Call for each in gc.get_objects())


@pytest.mark.usefixtures("nothing_collected")
@pytest.mark.parametrize("fault", ["server_error", "timeout", "cut", "stall", "html", "none", "budget", "primary"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_mirrored_call_makes_no_cycles(fault: str, stream: bool):
    named = "''" if fault in ("none", "budget", "primary") else fault
    budget = ", budget_usd: 0" if fault == "budget" else ", budget_usd: null"
    body = {"model": "chat", "messages": [{"role": "user", "content": "Hi"}], "stream": stream}

    async def mirrored(gateway: Gateway) -> None:
        call = call_of("chat", body, IN_PROCESS)
        call = replace(call, headers={"x-sim-fault": "server_error"}) if fault == "primary" else call
        with contextlib.suppress(HeadgateError):
            reply = await gateway.handle(call)
            if reply.chunks is not None:
                async for _ in reply.chunks:
                    pass
        del call
        await gateway.services.shadows.idle()
        await asyncio.sleep(0)

    async with Gateway(loads(CONFIG % (named, budget)), environ={}) as gateway:
        await mirrored(gateway)
        before = calls_alive()
        for _ in range(3):
            await mirrored(gateway)
        assert calls_alive() == before
        shadows = gateway.services.shadows
        assert shadows.compared + shadows.dropped.total() == 4
