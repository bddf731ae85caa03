"""`telemetry:` what is kept of calls, and for how long."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from headgate.telemetry.capture.config import CaptureConfig
from headgate.telemetry.otel.config import OtelConfig

Days = Annotated[int, msgspec.Meta(ge=1, le=3660)]


class CallsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which calls are in the list of calls. All are counted; those that failed or were slow are always listed."""

    sample: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    """The share of other calls that is listed."""
    most_per_s: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 100
    """Other calls that are listed a second, by each process: where there are more, about so many of them, taken by
    chance, so that the list can be kept and looked through. Bursts may bring twice as many for a second."""
    slow_s: Annotated[float, msgspec.Meta(gt=0)] = 10.0
    """Seconds from which on a call is slow."""
    keep_days: Days = 14
    """Days a call is in the list."""


class RollupsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long sums by minute, hour and day are kept, longer ones at least as long as shorter ones, and of how many
    names.
    """

    minutes_days: Days = 3
    """Days for which there are sums by minute."""
    hours_days: Days = 92
    """Days for which there are sums by hour."""
    days_days: Days = 1100
    """Days for which there are sums by day."""
    max_names: Annotated[int, msgspec.Meta(ge=10, le=100_000)] = 2_000
    """Of each kind (models, keys, tags, …) on one day and in one organisation. Calls of further ones are counted as
    "(other)"."""


class LogsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the server says on standard error. Secrets are taken out of all of it."""

    format: Literal["text", "json", "auto"] = "text"
    """Lines for people, or one JSON object per line; `auto` is text on a terminal, else JSON."""
    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is said."""
    calls: bool = False
    """Whether there is a line of every call: who, model and target, how it ended, times, tokens, cost. No content."""


class TelemetryConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept and said of calls."""

    calls: CallsConfig = CallsConfig()
    """Which calls are listed, and for how long."""
    rollups: RollupsConfig = RollupsConfig()
    """How long sums are kept, and of how many names."""
    logs: LogsConfig = LogsConfig()
    """What is said on standard error."""
    capture: CaptureConfig | None = None
    """What was asked and answered. Nothing of it is kept without this block."""
    otel: OtelConfig | None = None
    """An OpenTelemetry collector that traces and metrics go to. Nothing is sent without this block."""
