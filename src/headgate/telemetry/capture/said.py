"""What a client said to a model that is a prompt: kept beside what the prompt made of it, so that another version of
the prompt can be asked the same.
"""

from __future__ import annotations

from typing import Any

import msgspec

from headgate.errors import HeadgateError
from headgate.telemetry.capture.binaries import Binaries
from headgate.types import JSON, Payload, Prompting

MEMBER = "headgate"
"""Where it stands in a request that is kept, as clients themselves write it."""

ASKED = ("messages", "input", "instructions", "system", "tools", "tool_choice")
"""What of the client's request is kept, in whatever dialect it has it: the conversation, and its tools."""

_json = msgspec.json.Encoder(enc_hook=str).encode
_decode = msgspec.json.Decoder().decode


class Said(msgspec.Struct, frozen=True):
    """What was said, as it waits to be looked at."""

    prompt: str
    """The version it was said to: `support/triage@0123456789ab`."""
    values: bytes
    """Inputs, context and documents, as JSON."""
    asked: Payload
    """The request as the client made it, but for those."""

    @classmethod
    def of(cls, prompt: Prompting | None) -> Said | None:
        """What was said to the prompt a call has become; None where it is none."""
        if prompt is None or prompt.used is None or prompt.asked is None:
            return None
        values = {"inputs": prompt.inputs, "context": prompt.context, "docs": prompt.docs or None}
        return cls(prompt.used, _json({name: each for name, each in values.items() if each is not None}), prompt.asked)

    @property
    def size(self) -> int:
        """Bytes it takes while it waits."""
        return len(self.values) + len(self.asked.encode())

    def value(self, most: int) -> JSON:
        """It as JSON, with a line in the place of images and the like. A request of more than `most` bytes is left out;
        what was left out is counted where the prompt's own request is.
        """
        binaries = Binaries()
        asked: dict[str, Any] = {}
        if len(self.asked.encode()) <= most:
            try:
                asked = {name: each for name, each in self.asked.tree.items() if name in ASKED and each}
            except HeadgateError:  # it was read once; whoever has changed it since is no reason to keep nothing
                asked = {}
        return binaries.without({"prompt": self.prompt, **_decode(self.values), **({"asked": asked} if asked else {})})
