"""What an endpoint of the simulator gives the engine: what was asked, and the answer before faults and timing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import msgspec

from headgate.providers.simulator.dice import Dice
from headgate.providers.simulator.response import Piece
from headgate.providers.simulator.script import ScriptedReply
from headgate.types import Usage

JSON_TYPE = "application/json"
SSE_TYPE = "text/event-stream; charset=utf-8"


class Arrival(msgspec.Struct, frozen=True):
    """A request as it came. Header names are lower-case."""

    method: str
    path: str
    """Without query, and without the `/v1` it may begin with."""
    headers: Mapping[str, str]
    body: bytes

    @property
    def key(self) -> str:
        """The API key; empty where there is none."""
        if (key := self.headers.get("x-api-key")) is not None:
            return key
        return self.headers.get("authorization", "").removeprefix("Bearer ")


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """An answer."""

    content_type: str = JSON_TYPE
    usage: Usage = Usage()
    tokens: int = 0
    """Output tokens, hidden ones included: what there is to deliver."""
    body: bytes = b""
    pieces: Iterator[Piece] | None = None
    """Instead of `body`: a stream's frames, without any timing."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request understood."""

    make: Callable[[Dice, ScriptedReply], Made]
    """Writes the answer; what the reply does not say is made up."""
    model: str = ""
    text: str = ""
    stream: bool = False
