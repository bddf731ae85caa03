"""An evaluated call is gone when its evaluation is over, however that ended: nothing waits for garbage collection."""

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
models:
  chat:
    targets: [sim/a]
    retry: {attempts: 1}
    evaluate:
      share: 1
      checks: [schema, refusal, empty, truncated, repetition, groundedness, language]
      judges: {a: {model: bad/b}}
      timeout_s: 0.1
      budget_usd: %s
"""


@pytest.mark.parametrize("fault", ["server_error", "timeout", "html", "none", "budget", "primary"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_an_evaluated_call_makes_no_cycles(fault: str, stream: bool):
    named = "''" if fault in ("none", "budget", "primary") else fault
    budget = "0" if fault == "budget" else "null"
    headers = {"x-sim-fault": "server_error"} if fault == "primary" else {}
    body = {"model": "chat", "messages": [{"role": "user", "content": "Hi"}], "stream": stream}

    async with Gateway(loads(CONFIG % (named, budget), "headgate.yaml", {}), environ={}) as gateway:
        evaluations = gateway.services.evaluations

        async def evaluated() -> None:
            with contextlib.suppress(HeadgateError):
                await taken(gateway, replace(call_of("chat", body, IN_PROCESS), headers=headers))
            await evaluations.idle()
            await asyncio.sleep(0)

        assert await calls_left(evaluated) == 0
        found = {evaluator for _, evaluator, _ in gateway.metrics.evaluations}
        assert ("empty" in found) == (fault != "primary")
        assert evaluations.room.free == 64 * 1024 * 1024
