"""A call that failed is gone when it is over: nothing keeps its body until garbage is collected."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from headgate.config import loads
from headgate.errors import HeadgateError
from headgate.gateway import IN_PROCESS, Gateway
from headgate.library import call_of
from lasting import calls_left, taken

CONFIG = """
server: {auth: none}
providers: {sim: {kind: simulator}}
models:
  alone: {targets: [sim/a], retry: {attempts: 1}}
  retried: {targets: [sim/a, sim/b], retry: {base_s: 0.001}}
  elsewhere: {targets: [sim/a], retry: {base_s: 0.001}, fallback: [sim/b, retried]}
"""


@pytest.mark.parametrize("fault", ["bad_request", "server_error", "reset", "html", "content_filter", "cut"])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["alone", "retried", "elsewhere"])
async def test_a_failure_makes_no_cycles(model: str, stream: bool, fault: str):
    body = {"model": model, "messages": [{"role": "user", "content": "Hi"}], "stream": stream}

    async with Gateway(loads(CONFIG), environ={}) as gateway:

        async def fail() -> None:
            try:
                await taken(gateway, replace(call_of("chat", body, IN_PROCESS), headers={"x-sim-fault": fault}))
            except HeadgateError:
                return
            pytest.fail("it went well")

        assert await calls_left(fail) == 0
