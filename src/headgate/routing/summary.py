"""What a client is told of attempts that failed: which targets, how often, how. Never a vendor's own words."""

from __future__ import annotations

from collections import Counter

from headgate.errors import HeadgateError
from headgate.types import Account

MAX_SHOWN = 6
"""Kinds of failure that are told one by one."""


def summed_up(error: HeadgateError, account: Account) -> HeadgateError:
    """The error with a note of all attempts, where there was more than one."""
    failed = [attempt for attempt in account.attempts if attempt.code not in (None, "cancelled")]
    if len(failed) < 2:
        return error
    counts = Counter((attempt.target, attempt.code) for attempt in failed)
    told = [f"{target} ({code}{f', {count} times' if count > 1 else ''})" for (target, code), count in counts.items()]
    more = f", and {len(told) - MAX_SHOWN} more" if len(told) > MAX_SHOWN else ""
    error.tried = f"Tried {', '.join(told[:MAX_SHOWN])}{more}."
    return error
