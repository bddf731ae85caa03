"""A captured call is gone when its content is stored, however it ended: nothing waits for garbage collection."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from msgspec.structs import replace

from headgate.config import loads
from headgate.errors import HeadgateError
from headgate.gateway import IN_PROCESS, Gateway
from headgate.library import call_of
from headgate.store import Store
from lasting import calls_left, taken

CONFIG = """
server: {auth: none}
storage: {database: "sqlite:///:memory:"}
providers: {sim: {kind: simulator}}
models: {chat: {targets: [sim/a], retry: {attempts: 1}}}
telemetry: {capture: {rules: [{share: %s}]}}
"""


@pytest.mark.parametrize("fault", ["none", "server_error", "cut", "left"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("share", [0, 1])
async def test_a_captured_call_makes_no_cycles(fault: str, stream: bool, share: int):
    headers = {} if fault in ("none", "left") else {"x-sim-fault": fault}
    body = {"model": "chat", "messages": [{"role": "user", "content": "Hi"}], "stream": stream}

    async with Gateway(loads(CONFIG % share, "headgate.yaml", {}), environ={}) as gateway:
        store = gateway.store
        assert isinstance(store, Store)
        desk = store.contents.desk

        async def captured() -> None:
            call = replace(call_of("chat", body, IN_PROCESS), headers=headers)
            with contextlib.suppress(HeadgateError):
                if fault == "left" and stream:
                    reply = await gateway.handle(call)
                    assert reply.chunks is not None
                    await anext(reply.chunks)
                    await reply.chunks.aclose()
                else:
                    await taken(gateway, call)
            await desk.flush()
            await store.caught_up()
            await asyncio.sleep(0)

        assert await calls_left(captured) == 0
        assert desk.room.free == 64 * 1024 * 1024
        assert desk.captured == (4 if share or fault in ("server_error", "cut") else 0)
