"""The `limits:` block of `headgate.yaml`: how limits and budgets are kept. They are made through the admin API."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec


class LimitsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happens where a limit or a budget cannot be kept exactly."""

    unknown_price: Literal["refuse", "allow"] = "refuse"
    """A call whose cost cannot be bounded, for its price or for what it refers to, under a hard budget."""
    min_output_tokens: Annotated[int, msgspec.Meta(ge=1)] = 256
    """Least output that a call without a limit of its own is cut down to where more does not fit its budget."""
    store_unavailable: Literal["refuse", "allow"] = "refuse"
    """A call with limits or budgets while their counters cannot be reached."""
    journal_unwritable: Literal["refuse", "allow"] = "refuse"
    """Any call while the ledger's journal cannot be written."""
