"""What a model answered, as assertions look at it and as caches and run files keep it."""

from __future__ import annotations

import msgspec


class ToolCalled(msgspec.Struct, frozen=True):
    """A tool the model called. `arguments` is the JSON text it wrote, valid or not."""

    name: str
    arguments: str = ""


class Answer(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One answer. Costs are of all attempts it took; None where a price is not known."""

    text: str = ""
    tool_calls: tuple[ToolCalled, ...] = ()
    stop: str | None = None
    """`end`, `length`, `tool_calls`, `content_filter`, …"""
    refused: bool = False
    """Whether its vendor marked it as a refusal."""
    input_tokens: int = 0
    output_tokens: int = 0
    cost_picodollars: int | None = 0
    answered_by: str = ""
    """What the vendor calls the model that answered; empty where it does not say."""
    latency_ms: float = 0.0
    target: str = ""
    """`provider/model-id` it came from."""
    version: str = ""
    """Of the prompt; empty where none was rendered."""
    served: str = ""
    """The prompt its model is, as `support/triage@0123456789ab`, where it is one."""
