"""Which alerts are not told, and when. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from headgate.storage.records import AlertSilence

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_DAYS = {"day": 1, "week": 7}


def silenced(by: Iterable[AlertSilence], rule_id: str, rule_name: str, series: str, now_us: int) -> bool:
    """Whether any of some silences keeps an alert from being told now."""
    return any(silences(each, rule, series, now_us) for each in by for rule in {rule_id, rule_name})


def silences(silence: AlertSilence, rule: str, series: str, now_us: int) -> bool:
    """Whether it keeps an alert of a rule (by name or id) from being told now."""
    return (
        silence.archived_us is None
        and (silence.rule is None or fnmatchcase(rule, silence.rule))
        and (silence.series is None or fnmatchcase(series, silence.series))
        and active(silence, now_us)
    )


def active(silence: AlertSilence, now_us: int) -> bool:
    """Whether it holds at a moment. One that repeats does so by the clocks of its time zone, summer time included."""
    if now_us < silence.starts_us:
        return False
    if silence.repeats is None:
        return now_us < silence.ends_us
    if silence.until_us is not None and now_us >= silence.until_us:
        return False
    try:
        zone = ZoneInfo(silence.timezone)
        starts, now = _local(silence.starts_us, zone), _local(now_us, zone)
    except (ZoneInfoNotFoundError, OverflowError):
        return False  # what its place's clocks show cannot be said; rather told than kept
    lasts = timedelta(microseconds=silence.ends_us - silence.starts_us)
    every = _DAYS[silence.repeats]
    passed = (now.replace(tzinfo=None) - starts.replace(tzinfo=None)).days // every * every
    begun = starts + timedelta(days=passed)  # by the wall clock: aware datetimes of one zone add up so
    return begun <= now < begun + lasts


def _local(us: int, zone: ZoneInfo) -> datetime:
    return (_EPOCH + timedelta(microseconds=us)).astimezone(zone)
