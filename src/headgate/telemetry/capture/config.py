"""`telemetry.capture:` keeping what was asked and answered."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from headgate.types import Operation

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Days = Annotated[int, msgspec.Meta(ge=1, le=3660)]
Word = Annotated[str, msgspec.Meta(min_length=3, max_length=500)]

Personal = Literal["email", "phone", "card", "iban", "ip", "ssn"]
"""What is taken out of texts because it names or belongs to somebody."""


class CaptureRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which calls, and what of them is kept. A list that is empty does not matter."""

    models: tuple[str, ...] = ()
    """Models as clients ask for them; a name may end in `*`."""
    organisations: tuple[str, ...] = ()
    """Ids of organisations."""
    teams: tuple[str, ...] = ()
    """Ids of teams."""
    projects: tuple[str, ...] = ()
    """Ids of projects."""
    keys: tuple[str, ...] = ()
    """Ids of keys."""
    operations: tuple[Operation, ...] = ()
    """What is asked for: `chat`, `embed`, `image`, …"""
    share: Share = 1.0
    """The share of them that is kept, whatever became of them. Which ones follows from their ids."""
    errors: bool = True
    """Whether those that fail are all kept."""
    slow: bool = True
    """Whether those that take `telemetry.calls.slow_s` or longer are all kept."""


class CaptureConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was asked and answered. Without this block nothing of it is kept anywhere."""

    rules: Annotated[tuple[CaptureRule, ...], msgspec.Meta(min_length=1, max_length=200)]
    """The first rule that fits a call says what is done; a call that none fits is not kept."""
    max_kb: Annotated[int, msgspec.Meta(ge=1, le=4096)] = 64
    """KiB of a call's request and answer together that are kept at most. Longer texts are cut, and marked where."""
    keep_days: Days = 14
    """Days it is kept."""
    max_mb: Annotated[int, msgspec.Meta(ge=1, le=1_048_576)] = 1024
    """MiB that are kept of one organisation at most; where there is more, the oldest goes first."""
    memory_mb: Annotated[int, msgspec.Meta(ge=1, le=4096)] = 64
    """MiB of each process for answers that pass, and for what waits to be stored. What does not fit is not kept, and
    counted."""
    redact: tuple[Personal, ...] = ("email", "phone", "card", "iban")
    """What is taken out of all texts before they are stored, beside credentials, which always are."""
    words: Annotated[tuple[Word, ...], msgspec.Meta(max_length=1000)] = ()
    """Words of your own that are taken out too, in capitals or not."""
