"""The `models:` block of `headgate.yaml`."""

from __future__ import annotations

from typing import Annotated

import msgspec

Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]


class TargetConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One place a model's calls can go. A bare string in the file is its `target`."""

    target: str
    """`provider/model-id`. A `*` stands for what the `*` in the model's name stood for."""
    base_model: str | None = None
    """The model behind it, where the id is the name of a deployment: what its price and abilities are looked up by."""
    weight: Annotated[float, msgspec.Meta(gt=0, le=1_000_000)] = 1.0
    """Its share of the calls, against the other targets' weights."""
    priority: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1
    """Targets of the lowest number are chosen from."""
    price_like: str | None = None
    """Whose price it has, where its own is not known: a name under `prices`, or `vendor/model` of the built-in list."""


class TimeoutConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a model's calls may wait."""

    connect_s: Seconds = 5.0
    """For a connection to be made, TLS included."""
    total_s: Seconds = 600.0
    """For the whole call."""
    first_token_s: Seconds = 120.0
    """For the first content of a stream."""
    stall_s: Seconds = 120.0
    """For the next piece of a stream that has begun."""


class ModelConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A name clients ask for, and where its calls go."""

    targets: Annotated[list[TargetConfig], msgspec.Meta(min_length=1)]
    """Where its calls go: `provider/model-id`, or a mapping that says more."""
    timeout: TimeoutConfig = TimeoutConfig()
    """How long its calls may wait."""
    drop_unsupported: bool = False
    """Leave out what a target cannot take, with a warning header, instead of refusing the request."""
