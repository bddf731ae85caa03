"""The `shadow:` block of a model."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from headgate.catalog.config import Dollars


class ShadowConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A share of a model's calls sent to another place too, whose answers nobody gets: to see how it would do."""

    to: str
    """Another model, or a target as `provider/model-id`: also another gateway, as a provider with its `base_url`."""
    share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.01
    """Share of the calls, from 0 to 1. 0 is off: what is under way or waits is given up at once."""
    by: Literal["call", "session"] = "call"
    """What is drawn: each call for itself, or whole sessions, each with all of its calls or none."""
    concurrency: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 4
    """Mirrored calls under way at once, in each process."""
    queue: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 16
    """Mirrored calls that wait for their turn, in each process. What finds it full is not mirrored, and counted."""
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 120.0
    """Seconds a mirrored call may take."""
    budget_usd: Dollars | None = Decimal(10)
    """The most mirrored calls may cost in a `period`, over all processes; nothing is mirrored beyond it. A target
    needs a price for it. `null` for no bound: where calls cost nothing."""
    period: Literal["day", "week", "month", "total"] = "day"
    """What the budget is for, by UTC's calendar."""
