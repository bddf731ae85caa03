"""What a page is asked for: all of it stands in the URL, so that a page can be kept, sent and found again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec

from headgate.administration.problems import invalid
from headgate.administration.reading import read_query
from headgate.administration.requests import TrafficAsked
from headgate.administration.values import moment
from headgate.errors import BadRequest
from headgate.telemetry.rollups.reading import MOST_POINTS, STEPS

RANGES: Mapping[str, tuple[str, int]] = {
    "1h": ("Last hour", 3_600),
    "6h": ("Last 6 hours", 21_600),
    "24h": ("Last 24 hours", 86_400),
    "7d": ("Last 7 days", 604_800),
    "30d": ("Last 30 days", 2_592_000),
    "90d": ("Last 90 days", 7_776_000),
    "1y": ("Last year", 31_536_000),
}
"""Times up to now, by name: what they are called, and seconds."""

DEFAULT = "24h"

OWN = "custom"
"""The range that `from` and `to` say."""

STEP_OF_S = ((6 * 3600, "minute"), (15 * 86_400, "hour"))
"""Up to how many seconds which steps are shown, where nothing is asked for."""

REFRESH = {"": "off", "10": "every 10 s", "60": "every minute"}

MAX_QUERY_BYTES = 4096
MAX_FIELDS = 40


class Asked:
    """The query of a page's URL, and what follows from it."""

    def __init__(self, path: str, fields: Mapping[str, str], now_us: int) -> None:
        """
        Raises:
            Invalid: the times make no sense.
        """
        self.path = path
        self.fields = dict(fields)
        self.now = moment(now_us // 1_000_000 * 1_000_000)
        self.range = self.get("range") or (OWN if self.get("from") or self.get("to") else DEFAULT)
        self.from_, self.to = self._bounds()
        self.seconds = int((self.to - self.from_).total_seconds())

    @classmethod
    def of(cls, path: str, query: bytes, now_us: int) -> Asked:
        """
        Raises:
            BadRequest: the query is malformed.
        """
        if len(query) > MAX_QUERY_BYTES:
            raise BadRequest(f"The query is longer than {MAX_QUERY_BYTES} bytes.")
        try:
            pairs = parse_qsl(query.decode("ascii"), errors="strict", max_num_fields=MAX_FIELDS)
        except ValueError:
            raise BadRequest("The query is malformed, or is not UTF-8.") from None
        return cls(path, {name: value.strip() for name, value in pairs if value.strip()}, now_us)

    def get(self, name: str) -> str:
        """A field; empty where it is not there."""
        return self.fields.get(name, "")

    def url(self, path: str | None = None, /, **changes: str | None) -> str:
        """The URL of the same with other fields; None leaves one out. Where a list is read on from is never kept."""
        fields = {**self.fields, "cursor": None, "csv": None, **changes}
        query = urlencode({name: value for name, value in fields.items() if value})
        return f"{path or self.path}{'?' if query else ''}{query}"

    def elsewhere(self, path: str, /, **fields: str | None) -> str:
        """The URL of another page about the same time."""
        kept = {name: self.get(name) for name in ("range", "from", "to", "organisation")}
        query = urlencode({name: value for name, value in {**kept, **fields}.items() if value})
        return f"{path}{'?' if query else ''}{query}"

    @property
    def step(self) -> str:
        """Of the charts."""
        return self.get("step") or next((step for most, step in STEP_OF_S if self.seconds <= most), "day")

    @property
    def steps(self) -> list[str]:
        """Those that are short enough and not too many."""
        return [
            name for name, step_s in STEPS.items() if step_s <= self.seconds and self.seconds / step_s < MOST_POINTS
        ]

    @property
    def told(self) -> str:
        """The time in words."""
        if self.range in RANGES:
            return RANGES[self.range][0]
        return f"{self.from_:%Y-%m-%d %H:%M} to {self.to:%Y-%m-%d %H:%M} UTC"

    @property
    def begins(self) -> datetime:
        """When the first step begins: figures are of whole steps, up to `to`."""
        step_s = STEPS.get(self.step, STEPS["day"])
        return datetime.fromtimestamp(int(self.from_.timestamp()) // step_s * step_s, UTC)

    @property
    def refresh_s(self) -> int | None:
        """How often the page is to be fetched anew; None where it is not."""
        told = self.get("refresh")
        return int(told) if told and told in REFRESH else None

    def traffic(self, *, by: str | None = None, of: str | None = None, before: bool = False) -> TrafficAsked:
        """What administration is asked for; with `before`, about the time as long before the first step.

        Raises:
            Invalid: there is no such dimension or step.
        """
        from_, to, step = self.from_, self.to, self.step
        if before:
            from_, to, step = self.begins - (self.to - self.begins), self.begins, self._finer()
        query: dict[str, Any] = {"from": [_written(from_)], "to": [_written(to)], "step": [step]}
        if by:
            query["by"] = [by]
        if of or self.get("of"):
            query["of"] = [of or self.get("of")]
        return read_query(TrafficAsked, query)

    def _finer(self) -> str:
        """Steps at whose bounds a time can begin that is as long as this one, as far as there are not too many."""
        seconds = (self.to - self.begins).total_seconds()
        return next((name for name, step_s in STEPS.items() if seconds / step_s < MOST_POINTS), self.step)

    def _bounds(self) -> tuple[datetime, datetime]:
        if self.range in RANGES:
            return self.now - timedelta(seconds=RANGES[self.range][1]), self.now
        if self.range != OWN:
            raise invalid("range", f"must be {', '.join([*RANGES, OWN])}")
        to = read("to", self.get("to")) if self.get("to") else self.now
        from_ = read("from", self.get("from")) if self.get("from") else to - timedelta(days=1)
        if from_ >= to:
            raise invalid("to", "has to come after 'from'")
        return from_, to


_LOCAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?")


def read(name: str, text: str) -> datetime:
    """A time as a browser's field writes it, in UTC, or as RFC 3339 does.

    Raises:
        Invalid: it is none.
    """
    try:
        if _LOCAL.fullmatch(text):
            return datetime.fromisoformat(text).replace(tzinfo=UTC)
        return msgspec.convert(text, datetime).astimezone(UTC)
    except (ValueError, OverflowError, msgspec.ValidationError):
        raise invalid(name, "is no time; write 2026-11-26T08:00, in UTC") from None


def _written(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%S}Z"
