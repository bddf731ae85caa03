"""`feedback:`, and the `evaluate:` block of a model."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from headgate.catalog.config import Dollars

Label = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_.-]{0,39}$")]
Days = Annotated[int, msgspec.Meta(ge=1, le=3660)]


class FeedbackConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What users may say of answers, at `POST /v1/feedback`."""

    labels: Annotated[tuple[Label, ...], msgspec.Meta(max_length=50)] = (
        "accurate", "inaccurate", "incomplete", "irrelevant", "unhelpful", "unsafe", "too_long", "wrong_style",
    )  # fmt: skip
    """The categories there are; another one is refused."""
    texts: bool = True
    """Whether comments and corrections are kept. Who sends one means it to be read; it is shown to those alone who may
    read content."""
    max_characters: Annotated[int, msgspec.Meta(ge=1, le=32_000)] = 8_000
    """Longest comment or correction."""
    unknown: Literal["refuse", "keep"] = "refuse"
    """What is done about a call nobody knows. Kept, it is counted with that call where the call becomes known before
    the feedback is stored, and else under the model `(unknown)`."""
    per_minute: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 600
    """Most feedback one key gives in a minute, in each process."""
    keep_days: Days = 400
    """Days it is in the list. The sums are kept as `telemetry.rollups` says."""


Check = Literal["schema", "refusal", "empty", "truncated", "groundedness", "language", "repetition"]
"""What evaluators look for without asking a model."""


class JudgeConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model that marks answers from 1 to 5."""

    model: str
    """A model of this file, or a target as `provider/model-id`."""
    criteria: Annotated[str, msgspec.Meta(min_length=1, max_length=8_000)] = (
        "Is the answer correct, complete, and of use to who asked?"
    )
    """What is asked of it: what makes an answer good."""
    passing: Annotated[int, msgspec.Meta(ge=1, le=5)] = 4
    """The mark from which on an answer passes."""
    share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0
    """Of the calls that are evaluated, the share it is asked about."""
    max_characters: Annotated[int, msgspec.Meta(ge=100, le=1_000_000)] = 24_000
    """Longest request, and longest answer, it is shown; of a longer one the beginning and the end."""


class EvaluateConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A share of a model's answers looked at, once their clients have them: whether they are any good."""

    share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.05
    """Share of the calls, from 0 to 1. 0 is off."""
    checks: tuple[Check, ...] = ("schema", "refusal", "empty", "truncated", "repetition")
    """What is looked for in each of them."""
    grounded_from: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.7
    """Share of an answer's words that have to be found in what it was given, for `groundedness` to pass."""
    judges: dict[Label, JudgeConfig] = {}
    """Models that mark answers, by names of your own."""
    concurrency: Annotated[int, msgspec.Meta(ge=1, le=100)] = 2
    """Evaluations under way at once, in each process."""
    queue: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 32
    """Evaluations that wait for their turn, in each process. What finds it full is not evaluated, and counted."""
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 60.0
    """Seconds a judge may take."""
    budget_usd: Dollars | None = Decimal(5)
    """The most judges may cost in a `period`, over all processes; none is asked beyond it. A judge needs a price for
    it. `null` for no bound: where they cost nothing."""
    period: Literal["day", "week", "month", "total"] = "day"
    """What the budget is for, by UTC's calendar."""
