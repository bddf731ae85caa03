"""An event loop whose time goes straight to the next timer when nothing else is to be done, so that waiting costs nothing
and comes out the same each time. Headgate's modules read its clock for as long as it runs. For what does no I/O.

    @virtual
    async def test_x(): ...
"""

from __future__ import annotations

import asyncio
import functools
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest

T = TypeVar("T")

BEGIN = 1_000.0
"""Where its clock begins."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """Raises RuntimeError where nothing would ever happen any more: a test that hangs fails at once."""

    def __init__(self) -> None:
        super().__init__()
        self._now = BEGIN

    def time(self) -> float:
        return self._now

    def _run_once(self) -> None:
        if not self._ready and not self._stopping:
            due = min((timer.when() for timer in self._scheduled if not timer.cancelled()), default=None)
            if due is None:
                raise RuntimeError("every task waits for what never comes")
            self._now = max(self._now, due)
        super()._run_once()


def now() -> float:
    """The running loop's time."""
    return asyncio.get_running_loop().time()


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end in virtual time. A task that is left over is an error."""

    async def checked() -> T:
        result = await main
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, f"left over: {left}"
        return result

    with pytest.MonkeyPatch.context() as patch:
        for name, module in list(sys.modules.items()):
            if name.startswith("headgate.") and getattr(module, "monotonic", None) is time.monotonic:
                patch.setattr(module, "monotonic", now)
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            return runner.run(checked())


def virtual(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run an async test in virtual time."""

    @functools.wraps(test)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        run(test(*args, **kwargs))

    return wrapped
