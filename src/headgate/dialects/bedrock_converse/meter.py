"""Reading just enough of Converse's answers and streams to bill them."""

from __future__ import annotations

import msgspec

from headgate.dialects.base import Peek
from headgate.dialects.bedrock_converse.errors import in_stream
from headgate.dialects.bedrock_converse.usage import stop_of, tier, usage_of
from headgate.dialects.eventstream import EXCEPTION
from headgate.dialects.hub import Stop
from headgate.errors import HeadgateError, MalformedOutput
from headgate.types import JSON, Frame, Usage


class _Told(msgspec.Struct, rename="camel"):
    """What is read of an answer, of `messageStop` and of `metadata`; all else is skipped."""

    usage: JSON | None = None
    stop_reason: str | None = None
    service_tier: JSON | None = None
    performance_config: JSON | None = None

    @property
    def tier(self) -> str | None:
        if self.service_tier is None and self.performance_config is None:
            return None
        return tier({"serviceTier": self.service_tier, "performanceConfig": self.performance_config}, "answer")


_decode = msgspec.json.Decoder(_Told).decode


def peek(raw: bytes) -> Peek:
    """Usage, tier and stop of a whole answer.

    Raises:
        MalformedOutput: it is not JSON, or one of them has the wrong type.
    """
    told = _read(raw)
    return Peek(
        usage=usage_of(told.usage, "usage") if told.usage is not None else None,
        tier=told.tier,
        stop=stop_of(told.stop_reason) if told.stop_reason is not None else None,
    )


class ConverseMeter:
    """Follows one stream. It is complete at `messageStop`: `metadata`, which follows, only adds usage."""

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.tier: str | None = None
        self.stop: Stop | None = None
        self.id: str | None = None
        self.started = False
        self.ended = False
        self.error: HeadgateError | None = None

    def observe(self, frame: Frame) -> None:
        """Take note of one frame.

        Raises:
            MalformedOutput: `messageStop` or `metadata` cannot be read.
        """
        name = frame.event or ""
        if name in ("contentBlockDelta", "contentBlockStart"):
            self.started = True
        elif name == "messageStop":
            reason = _read(frame.data).stop_reason
            self.stop = stop_of(reason) if reason is not None else None
            self.started = self.ended = True
        elif name == "metadata":
            told = _read(frame.data)
            self.tier = told.tier
            if told.usage is not None:
                self.usage = usage_of(told.usage, "metadata.usage")
        elif name.startswith(EXCEPTION):
            self.error = in_stream(name.removeprefix(EXCEPTION), frame.data)


def _read(raw: bytes) -> _Told:
    try:
        return _decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise MalformedOutput(f"the vendor's answer cannot be read: {error}") from None
