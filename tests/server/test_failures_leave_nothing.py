"""A call that failed is gone when it is over: nothing keeps its body until garbage is collected."""

from __future__ import annotations

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
providers: {sim: {kind: simulator}}
models:
  alone: {targets: [sim/a], retry: {attempts: 1}}
  retried: {targets: [sim/a, sim/b], retry: {base_s: 0.001}}
  elsewhere: {targets: [sim/a], retry: {base_s: 0.001}, fallback: [sim/b, retried]}
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
@pytest.mark.parametrize("fault", ["bad_request", "server_error", "reset", "html", "content_filter", "cut"])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["alone", "retried", "elsewhere"])
async def test_a_failure_makes_no_cycles(model: str, stream: bool, fault: str):
    body = {"model": model, "messages": [{"role": "user", "content": "Hi"}], "stream": stream}

    async def fail(gateway: Gateway) -> None:
        call = call_of("chat", body, IN_PROCESS)
        call = replace(call, headers={"x-sim-fault": fault})
        try:
            reply = await gateway.handle(call)
            if reply.chunks is not None:
                async for _ in reply.chunks:
                    pass
        except HeadgateError:
            return
        pytest.fail("it went well")

    async with Gateway(loads(CONFIG), environ={}) as gateway:
        await fail(gateway)
        before = calls_alive()
        for _ in range(3):
            await fail(gateway)
        assert calls_alive() == before
