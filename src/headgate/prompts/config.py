"""The `prompts:` block of `headgate.yaml`, and what a model says of the prompt it is."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from headgate.catalog.config import Dollars

Overridable = Literal[
    "temperature",
    "top_p",
    "top_k",
    "max_output_tokens",
    "frequency_penalty",
    "presence_penalty",
    "seed",
    "stop",
    "thinking",
    "verbosity",
    "format",
    "version",
]
"""What a client may be let say otherwise than a prompt does."""

LabelName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,62}$")]


class TestsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tests that are published, run by one process of all of them against what is released, and against models."""

    every_s: Annotated[float, msgspec.Meta(ge=300, le=31_536_000)] = 86_400.0
    """Seconds after which each is run again."""
    on_change: bool = True
    """Whether it is also run when the configuration of a model it asks is another one, when a vendor says that another
    model answers at the same target, and when a model that answered is about to retire."""
    concurrency: Annotated[int, msgspec.Meta(ge=1, le=100)] = 4
    """Calls under way at once."""
    budget_usd: Dollars | None = Decimal(5)
    """The most that answers and judges may cost in a `period`, over all processes; beyond it nothing is asked, and that
    is told. Targets need a price for it. `null` for no bound: where calls cost nothing."""
    period: Literal["day", "week", "month", "total"] = "day"
    """What the budget is for, by UTC's calendar."""


class PromptsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where prompts come from that are not published, and how those that are get released."""

    folder: str | None = None
    """A folder of `*.prompt` files that are served as they are, in place of published ones, whatever label is asked
    for: for development. Read anew when one of them changes. Relative paths begin in the folder of this file."""
    package: str | None = None
    """An installed Python package of them, served likewise: `acme_prompts`, or `acme_prompts:support` for a folder of
    it."""
    protected: list[LabelName] = []
    """Labels that move only once a second person has approved: `[production]`."""
    tests: TestsConfig | None = None
    """The server's own running of tests that are published. Without it, it runs none."""
    keep_tests_days: Annotated[int, msgspec.Meta(ge=1, le=3660)] = 400
    """Days it is kept what came of tests. The baseline of a version that a label stands for stays."""


class PromptConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The prompt a model is. A bare string in the file is its `use`."""

    use: str
    """`support/triage@production`: a prompt, and the label or version of it; `production` where none is given."""
    override: list[Overridable] = []
    """What of the prompt's own a client may say otherwise: `[temperature, version]`. What the prompt says nothing of
    is the client's anyway."""
