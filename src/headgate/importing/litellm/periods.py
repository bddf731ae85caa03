"""LiteLLM's budget durations, as the calendar's periods.

Since 2025 LiteLLM begins `1d` at midnight, `7d` on Monday, `30d` and `1mo` on the first of the month, in its time zone,
as the calendar here does (`litellm_core_utils/duration_parser.py`). Other durations begin when the budget does.
"""

from __future__ import annotations

import re

from headgate.importing import periods
from headgate.importing.periods import NEVER, Fit

_DURATION = re.compile(r"(\d{1,9})(s|m|h|d|w|mo|y)")

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400, "mo": 30 * 86_400, "y": 365 * 86_400}

_ALIGNED = frozenset({"1d", "24h", "7d", "1w", "30d", "1mo"})
"""Those that LiteLLM begins with the calendar."""


def fit(duration: str | None) -> Fit:
    """The period for a duration; none at all is for good, and so is what cannot be understood."""
    named = (duration or "").strip().lower()
    if named in ("", "none", "null"):  # LiteLLM's pages have written these
        return Fit("total", exact=True)
    match = _DURATION.fullmatch(named)
    if match is None or int(match[1]) == 0:
        return NEVER
    return periods.fit(int(match[1]) * _SECONDS[match[2]], aligned=named in _ALIGNED)
