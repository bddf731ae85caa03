"""How long vendors say to wait, as seconds from the moment of their response.

They write a number, a duration as Go prints it (`6m0s`), a time (RFC 3339, or RFC 9110 section 5.6.7), an epoch time in
seconds or milliseconds, or a sentence. A codec has no clock, so times are measured against the response's own `date`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_tz
from functools import lru_cache
from math import inf

MAX_S = 86_400.0
"""The longest wait there is: whoever asks for more is asked again tomorrow."""

_UNITS: dict[str, float] = {
    spelling: seconds
    for spellings, seconds in (
        ("d day days", 86_400.0),
        ("h hr hrs hour hours", 3_600.0),
        ("m min mins minute minutes", 60.0),
        ("s sec secs second seconds", 1.0),
        ("ms millisecond milliseconds", 1e-3),
        ("us µs μs", 1e-6),
        ("ns", 1e-9),
    )
    for spelling in spellings.split()
}
_NUMBER = r"\d{1,12}(?:\.\d{1,12})?"
_UNIT = "|".join(sorted(_UNITS, key=len, reverse=True))
_PRINTED = re.compile(rf"({_NUMBER})(ms|[uµμn]s|[dhms])")
_SPELLED = re.compile(rf"({_NUMBER})\s?({_UNIT})(?![a-z])", re.IGNORECASE)
_SENTENCE = re.compile(
    r"\b(?:try(?:ing)? again|retry(?:ing)?(?: (?:your|the|this) request)?|wait|resets?)"
    rf"(?: (?:in|after|for|at least))?:? ((?:{_NUMBER}\s?(?:{_UNIT})(?![a-z]),?\s?(?:and )?)+)",
    re.IGNORECASE,
)

_EPOCH_S = 1e8
"""From here on a number is a time: as a wait it would be three years, as a time it is 1973."""
_EPOCH_MS = 1e11
"""From here on it is one in milliseconds: in seconds it would be the year 5138."""
_LONGEST_TIME = 40
"""Characters of a time that are read."""


def bounded(seconds: float) -> float | None:
    """A wait, cut at `MAX_S`; None for what is none: negative, endless, or not a number."""
    return min(seconds, MAX_S) if 0 <= seconds < inf else None


def number(text: str) -> float | None:
    """A number as a header has it; None where it is something else."""
    try:
        return float(text)
    except ValueError:
        return None


def ahead_s(text: str, date: str | None) -> float | None:
    """Seconds from `date` to what a header says, which is a wait or a time; 0 for a time that is past.

    None where it is neither, or a time and there is no `date` to measure it against.
    """
    if ":" in text:
        instant = _time_s(text[:_LONGEST_TIME])
    else:
        seconds = number(text) if text[-1:].isdecimal() else _duration_s(text)
        if seconds is None or seconds < _EPOCH_S:
            return bounded(seconds) if seconds is not None else None
        instant = seconds if seconds < _EPOCH_MS else seconds / 1000
    now = _time_s(date[:_LONGEST_TIME]) if date is not None else None
    return bounded(max(0.0, instant - now)) if instant is not None and now is not None else None


def said_s(message: str) -> float | None:
    """The wait a sentence tells: `Please try again in 6m0s.`, `Please retry after 32 seconds`, `wait 1 minute`."""
    found = _SENTENCE.search(message)
    if found is None:
        return None
    return bounded(sum(float(amount) * _UNITS[unit.lower()] for amount, unit in _SPELLED.findall(found[1])))


def _duration_s(text: str) -> float | None:
    """Seconds of a duration as Go prints it: the whole text, or it is none."""
    seconds, length = 0.0, 0
    for amount, unit in _PRINTED.findall(text):
        seconds += float(amount) * _UNITS[unit]
        length += len(amount) + len(unit)
    return seconds if 0 < length == len(text) else None


@lru_cache(maxsize=64)  # `date` is the same for all responses of a second
def _time_s(text: str) -> float | None:
    """Seconds since the epoch at a time of RFC 3339, or of RFC 9110 in any of its three forms. UTC where not said."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return _http_time_s(text)
    return (time if time.tzinfo is not None else time.replace(tzinfo=UTC)).timestamp()


def _http_time_s(text: str) -> float | None:
    try:
        parts = parsedate_tz(text)
        return datetime(*parts[:6], tzinfo=UTC).timestamp() - (parts[9] or 0) if parts is not None else None
    except (ValueError, OverflowError):
        return None
