"""What is left of calls that are over, while nobody collects garbage."""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable

from headgate.gateway import Gateway
from headgate.types import Call


async def calls_left(make: Callable[[], Awaitable[None]]) -> int:
    """How many of three calls are still in memory; one is made before them, for what is kept from the first on."""
    gc.collect()
    gc.disable()
    try:
        await make()
        before = _alive()
        for _ in range(3):
            await make()
        return _alive() - before
    finally:
        gc.enable()


def _alive() -> int:
    return sum(type(each) is Call for each in gc.get_objects())


async def taken(gateway: Gateway, call: Call) -> None:
    """Take a call's answer to its end."""
    reply = await gateway.handle(call)
    if reply.chunks is not None:
        async for _ in reply.chunks:
            pass
