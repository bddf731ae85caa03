"""What is wrong with rules and channels beyond what their types say: shared by the file and the admin API."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Collection, Iterator
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from headgate.alerts.delivery.signing import PREFIX
from headgate.catalog.retirements import is_day
from headgate.registry import suggest
from headgate.telemetry.rollups.cubes import DIMENSIONS, cube_of
from headgate.types import JSON

KINDS = ("threshold", "error_rate", "latency", "cost_spike", "unusual", "budget", "absence", "prompt")

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}

DURATIONS = ("duration", "first_token", "per_token", "overhead", "queued", "attempt_duration", "attempt_first_token")

COUNTS = (
    "calls",
    "failed",
    "streamed",
    "attempts",
    "attempts_failed",
    "unpriced",
    "cost_usd",
    "saving_usd",
    "failed_share",
)

NAMED = ("error", "attempt_error", "event", "tokens")
"""What counts of many names begin with."""

Found = tuple[tuple[str | int, ...], str]
"""Where in the block, and what is wrong."""

SECRET_CHARACTERS = 24

KEY_BYTES = 24
"""Least of a key in base64, as Standard Webhooks has it."""


def alert_problems(tree: JSON) -> Iterator[Found]:
    """Of a whole block of the file."""
    channels = _mapping(tree.get("channels"))
    for name, channel in channels.items():
        for path, what in channel_problems(_mapping(channel)):
            yield ("channels", name, *path), what
    yield from _unknown(("notify",), tree.get("notify"), channels)
    timezone = tree.get("timezone")
    if isinstance(timezone, str) and timezone not in available_timezones():
        yield ("timezone",), f"is no time zone{suggest(timezone, available_timezones())}; write one as Europe/Berlin"
    for name, rule in _mapping(tree.get("rules")).items():
        if name.startswith("rule_"):
            yield ("rules", name), "begins with 'rule_', as ids of rules that people make; write another name"
        if isinstance(rule, dict):
            for path, what in rule_problems(rule, channels):
                yield ("rules", name, *path), what


def rule_problems(rule: JSON, channels: Collection[str]) -> Iterator[Found]:
    """Of one rule."""
    kinds = [kind for kind in KINDS if rule.get(kind) is not None]
    if len(kinds) != 1:
        yield (), f"has {len(kinds) or 'none'} of {', '.join(KINDS)}; write exactly one"
    by, of = rule.get("by"), rule.get("of")
    if isinstance(of, str):
        dimension, _, name = of.partition(":")
        if dimension not in DIMENSIONS or not name:
            yield ("of",), f"is no name of a dimension; write one as model:chat, of {', '.join(DIMENSIONS)}"
        elif by in DIMENSIONS and cube_of(by, dimension) is None:
            beside = [each for each in DIMENSIONS if each != by and cube_of(by, each) is not None]
            yield ("of",), f"cannot stand beside by: {by}, there are no such sums; write one of {', '.join(beside)}"
    if "unusual" in kinds and by not in ("key", "team"):
        yield ("by",), "of 'unusual' is what has habits; write by: key, or by: team"
    if "unusual" in kinds and of is not None:
        yield ("of",), "cannot stand with 'unusual', which looks at all a key or team does; leave it out"
    if "budget" in kinds and (by is not None or of is not None):
        yield (("by",) if by is not None else ("of",)), "cannot stand with 'budget': each has its subject; leave it out"
    if "prompt" in kinds and (by is not None or of is not None):
        yield (("by",) if by is not None else ("of",)), "cannot stand with 'prompt': each has its own; leave it out"
    if by is not None and of is not None and {"cost_spike", "absence"} & set(kinds):
        yield ("of",), "cannot stand beside 'by' here: there is no past of the two together; leave one of them out"
    for model, day in _mapping(_mapping(rule.get("prompt")).get("retiring")).items():
        if isinstance(day, str) and not is_day(day):
            yield ("prompt", "retiring", model), "is no day; write one as 2027-01-31"
    threshold = rule.get("threshold")
    if isinstance(threshold, dict):
        yield from _threshold(threshold)
    yield from _unknown(("notify",), rule.get("notify"), channels)


def _threshold(rule: JSON) -> Iterator[Found]:
    if (rule.get("above") is None) == (rule.get("below") is None):
        yield ("threshold",), "needs one bound; write either above or below"
    measure = rule.get("measure")
    if isinstance(measure, str) and not known_measure(measure):
        known = [
            *COUNTS,
            *(f"{name}.…" for name in NAMED),
            *(f"{name}.{each}" for name in DURATIONS for each in QUANTILES),
        ]
        yield ("threshold", "measure"), f"is nothing that is counted{suggest(measure, known)}"


def known_measure(measure: str) -> bool:
    """Whether a threshold can be of that."""
    first, _, rest = measure.partition(".")
    return measure in COUNTS or (first in NAMED and bool(rest)) or (first in DURATIONS and rest in QUANTILES)


def channel_problems(channel: JSON) -> Iterator[Found]:
    """Of one channel."""
    kind, url, secret = channel.get("kind"), channel.get("url"), channel.get("secret")
    if kind != "webhook":
        if secret is not None:
            yield ("secret",), "signs webhooks alone; leave it out, an Apprise URL has its credentials in it"
        if channel.get("internal"):
            yield ("internal",), "is said of webhooks alone; leave it out"
        return
    if isinstance(url, str) and not _is_webhook(url, internal=channel.get("internal") is True):
        yield ("url",), "must be https://… of a host, without user and fragment; with internal: true http:// does too"
    if not isinstance(secret, str) or len(secret) < SECRET_CHARACTERS:
        what = f"must be a text of at least {SECRET_CHARACTERS} characters"
        yield (
            (("secret",) if secret is not None else ()),
            f"{'secret ' if secret is None else ''}{what}, so that whoever is told can see it is us",
        )
    elif secret.startswith(PREFIX) and not _is_key(secret.removeprefix(PREFIX)):
        yield ("secret",), f"begins with {PREFIX}, and then is no base64 of {KEY_BYTES} bytes or more; copy all of it"


def _is_key(text: str) -> bool:
    try:
        return len(b64decode(text, validate=True)) >= KEY_BYTES
    except ValueError:
        return False


def _is_webhook(url: str, *, internal: bool) -> bool:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or "@" in parts.netloc or parts.fragment or any(each <= " " for each in url):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and internal)


def _unknown(path: tuple[str, ...], names: Any, channels: Collection[str]) -> Iterator[Found]:
    for index, name in enumerate(names if isinstance(names, list) else []):
        if isinstance(name, str) and name not in channels:
            yield (
                (*path, index),
                f"names no channel: there is no '{name[:64]}' under alerts.channels{suggest(name, channels)}",
            )


def _mapping(value: Any) -> JSON:
    return value if isinstance(value, dict) else {}
