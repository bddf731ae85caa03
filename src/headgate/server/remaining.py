"""What is left of a caller's limits, in the headers its SDK knows.

OpenAI: `x-ratelimit-{limit,remaining,reset}-{requests,tokens}`, resets as durations ("Rate limits: headers").
Anthropic: `anthropic-ratelimit-{requests,tokens,input-tokens,output-tokens}-{limit,remaining,reset}`, resets as times
(RFC 3339).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from math import ceil

from headgate.types import Remaining

Headers = list[tuple[bytes, bytes]]

PREFIXES = ("x-ratelimit-", "anthropic-ratelimit-")
"""What the headers of vendors begin with that ours stand in place of."""


def headers_of(remaining: Mapping[str, Remaining], dialect: str) -> Headers:
    """The headers of an answer in a dialect."""
    headers: Headers = []
    if dialect == "anthropic_messages":
        now = time.time()
        for name, each in remaining.items():
            headers += _anthropic(name.replace("_", "-"), each, now)
        return headers
    for name, left in _OPENAI:
        each = remaining.get(name)
        if each is not None:
            reset_s = each.reset_s if not each.ends_us else _reset_s(each, time.time())
            headers += _limit_and_reset(name, each.limit, reset_s)
            headers.append((left, b"%d" % each.left))
    return headers


_OPENAI = (("requests", b"x-ratelimit-remaining-requests"), ("tokens", b"x-ratelimit-remaining-tokens"))


@lru_cache(1024)
def _limit_and_reset(name: str, limit: int, reset_s: float) -> Headers:
    """What is mostly the same from call to call."""
    return [
        (f"x-ratelimit-limit-{name}".encode(), b"%d" % limit),
        (f"x-ratelimit-reset-{name}".encode(), duration(reset_s).encode()),
    ]


def _anthropic(name: str, remaining: Remaining, now: float) -> Headers:
    moment = datetime.fromtimestamp(ceil(now + _reset_s(remaining, now)), UTC)
    return [
        (f"anthropic-ratelimit-{name}-limit".encode(), b"%d" % remaining.limit),
        (f"anthropic-ratelimit-{name}-remaining".encode(), b"%d" % remaining.left),
        (f"anthropic-ratelimit-{name}-reset".encode(), moment.strftime("%Y-%m-%dT%H:%M:%SZ").encode()),
    ]


def _reset_s(remaining: Remaining, now: float) -> float:
    """Seconds until all of a limit is there again."""
    return max(0.0, remaining.ends_us / 1e6 - now) if remaining.ends_us else remaining.reset_s


def duration(seconds: float) -> str:
    """Seconds as Go writes them, which is how OpenAI does: `12ms`, `1.5s`, `6m0s`, `1h0m0s`."""
    if seconds < 1:
        return f"{ceil(seconds * 1000)}ms"
    if seconds < 60:
        return f"{seconds:.3f}".rstrip("0").rstrip(".") + "s"
    minutes, rest = divmod(ceil(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes}m{rest}s" if hours else f"{minutes}m{rest}s"
