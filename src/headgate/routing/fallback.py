"""Going somewhere else when a model's own targets have failed, by what they failed of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import monotonic

import msgspec
from msgspec.structs import replace

from headgate import dialects
from headgate.errors import HeadgateError
from headgate.events import FellBack, RetryDenied
from headgate.routing.causes import remedy_of
from headgate.routing.config import Cause, FallbackCause, FallbackConfig
from headgate.routing.resting import Resting
from headgate.routing.summary import summed_up
from headgate.stage import EVERY_OPERATION, Next
from headgate.types import OPAQUE, Call, Payload, Reply


class Entry(msgspec.Struct, frozen=True):
    """One place to fall back to."""

    config: FallbackConfig
    next: Next


class Fallback:
    """Asks a model's own targets, then those of the failure's cause in order, then those of `any`.

    What only the caller can mend is told at once: it would be wrong elsewhere too. A call that is pinned has nowhere
    else to go.
    """

    operations = EVERY_OPERATION

    def __init__(self, entries: Mapping[FallbackCause, Sequence[Entry]]) -> None:
        self._entries = entries

    async def __call__(self, call: Call, next: Next) -> Reply:
        try:
            return await next(call)
        except HeadgateError as error:
            cause = remedy_of(error).cause
            if cause is None or call.pinned is not None:
                raise
            last = error
        try:
            return await self._elsewhere(call, cause, last)
        finally:
            del last  # it holds this frame, and the frame the call with its body

    async def _elsewhere(self, call: Call, cause: Cause, last: HeadgateError) -> Reply:
        entries = [*self._entries.get(cause, ()), *self._entries.get("any", ())]
        try:
            for entry in entries:
                if monotonic() >= call.deadline:
                    call.account.events.append(RetryDenied(entry.config.use, "deadline"))
                    break
                call.account.events.append(FellBack(cause, entry.config.use))
                try:
                    return await entry.next(adapted(call, entry.config))
                except HeadgateError as error:
                    if _tells_more(error, last):
                        last = error
            raise summed_up(last, call.account)
        finally:
            del last


def _tells_more(error: HeadgateError, last: HeadgateError) -> bool:
    """Whether a fallback's error is worth more to the client: not that nothing was tried, and not that a request is
    wrong which it did not make like that, nor for that target.
    """
    if isinstance(error, Resting):
        return isinstance(last, Resting)
    return remedy_of(error).cause is not None


def adapted(call: Call, config: FallbackConfig) -> Call:
    """The call as it goes to a fallback: with the prompt and the parameters of its own."""
    request = call.request
    if request.dialect != OPAQUE:
        if config.system is not None:
            request = dialects.get(request.dialect).with_system(request, config.system)
        if config.set:
            request = Payload(request.dialect, tree={**request.tree, **config.set}, content_type=request.content_type)
    return replace(call, request=request, cause="fallback")
