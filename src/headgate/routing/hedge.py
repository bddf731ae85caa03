"""A second attempt beside a slow one (J. Dean and L. A. Barroso, "The Tail at Scale"): the first answer counts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

from headgate import dialects
from headgate.errors import HeadgateError
from headgate.routing.config import HedgeConfig
from headgate.routing.latency import Quantile
from headgate.routing.retry import RetryBudget
from headgate.stage import Next
from headgate.timers import sweeper_of_loop
from headgate.types import OPAQUE, Call, Reply

REPEATABLE = frozenset({"chat", "complete", "embed", "rerank", "moderate", "count_tokens"})
"""Operations that change nothing at the vendor, whatever it is that their requests do not ask for."""

RESERVE = 2
"""Second attempts a model may make before its calls have earned any."""


class Hedge:
    """When a model's calls get a second attempt. Outlives a reload."""

    def __init__(self, config: HedgeConfig) -> None:
        self._config = config
        self._budget = RetryBudget(config.budget, RESERVE)
        self._seen = {stream: Quantile(config.quantile) for stream in (False, True)}

    def deposit(self) -> None:
        self._budget.deposit()

    def after_s(self, call: Call) -> float | None:
        """When a call gets a second attempt; None for never, and while too little is known."""
        if not self._config.side_effects and not _repeatable(call):
            return None
        return self._config.after_s or self._seen[call.stream].seconds

    def allowed(self) -> bool:
        """Whether there is still budget, of which one is taken then."""
        return self._budget.withdraw(monotonic())

    def observe(self, stream: bool, seconds: float, *, answered: bool) -> None:
        """Note what an attempt took. One that failed or was given up would have taken longer: that counts from what is
        usual on.
        """
        seen = self._seen[stream]
        if answered or (seen.seconds is not None and seconds >= seen.seconds):
            seen.observe(seconds)


def _repeatable(call: Call) -> bool:
    if call.operation not in REPEATABLE or call.request.dialect == OPAQUE:
        return call.operation in REPEATABLE
    return not dialects.get(call.request.dialect).acts(call.request.tree)


Start = tuple[Next, Call]
"""An attempt that can be made: what makes it, and of what."""

Ended = Callable[[float, bool], None]
"""Takes how long an attempt has taken, and whether it was answered."""


async def race(first: Start, second: Callable[[], Start | None], after_s: float | None, ended: Ended) -> Reply:
    """Make an attempt, and beside it what `second` gives if there is no answer after `after_s`; the first answer.

    The other one is cancelled and waited for, so that it is settled. Where both fail, the error of the first.
    """
    other = _Second(second, after_s, ended)
    began = monotonic()
    attempt, call = first
    try:
        reply = await attempt(call)
    except BaseException as error:
        ended(monotonic() - began, False)
        if isinstance(error, asyncio.CancelledError) and other.has_won():
            return other.reply()
        if isinstance(error, HeadgateError) and (answer := await other.outcome()) is not None:
            return answer
        await other.give_up()
        raise
    ended(monotonic() - began, True)
    try:
        await other.give_up()
    except BaseException:
        await drop(reply)
        raise
    return reply


class _Second:
    """An attempt beside a slow one, in a task of its own. The first one is in the task of its call, so that calls that
    are not slow need no other, and take their target's place in the step that found it free. So does this one.
    """

    def __init__(self, start: Callable[[], Start | None], after_s: float | None, ended: Ended) -> None:
        self._start = start
        self._ended = ended
        loop = sweeper_of_loop().loop
        self._first = asyncio.current_task(loop)
        self._task: asyncio.Task[Reply | None] | None = None
        self._won = False
        self._timer = None if after_s is None else loop.call_later(after_s, self._begin)

    def has_won(self) -> bool:
        """Whether the cancellation of the first attempt is due to the answer of this one, and to nothing else."""
        won, self._won = self._won, False
        return won and self._first is not None and self._first.uncancel() == 0

    def reply(self) -> Reply:
        """The answer of one that has won."""
        assert self._task is not None
        reply = self._task.result()
        assert reply is not None
        return reply

    async def outcome(self) -> Reply | None:
        """Wait for an answer, now that the first attempt has failed; None where there is none."""
        task = self._part()
        if task is None:
            return None
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            await self.give_up()
            raise
        return None if task.cancelled() or task.exception() is not None else task.result()

    async def give_up(self) -> None:
        """Cancel it, and wait until it is settled, whoever cancels that. An answer that came all the same is closed."""
        task = self._part()
        if task is None:
            return
        task.cancel()
        cancelled = False
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:
                cancelled = True
        if not task.cancelled() and task.exception() is None and (reply := task.result()) is not None:
            await drop(reply)
        if cancelled:
            raise asyncio.CancelledError

    def _part(self) -> asyncio.Task[Reply | None] | None:
        """Begin no more, and leave the first attempt alone from now on; what is under way."""
        if self._won and self._first is not None:
            self._first.uncancel()  # which somebody has swallowed
        self._won, self._first = False, None
        if self._timer is not None:
            self._timer.cancel()
        return self._task

    def _begin(self) -> None:
        self._task = asyncio.ensure_future(self._attempt())
        self._task.add_done_callback(self._settled)

    async def _attempt(self) -> Reply | None:
        start = self._start()
        if start is None:
            return None
        attempt, call = start
        began = monotonic()
        answered = False
        try:
            reply = await attempt(call)
            answered = True
            return reply
        finally:
            self._ended(monotonic() - began, answered)

    def _settled(self, task: asyncio.Task[Reply | None]) -> None:
        """Give the first attempt up if there is an answer."""
        if self._first is not None and not task.cancelled() and task.exception() is None and task.result() is not None:
            self._won = True
            self._first.cancel()


async def drop(reply: Reply) -> None:
    """Close a stream that nobody will read. One that has not begun has nothing to close yet, so it is begun."""
    if reply.chunks is not None:
        try:
            await anext(reply.chunks, None)
        except HeadgateError:
            return  # it has closed itself
        finally:
            await reply.chunks.aclose()
