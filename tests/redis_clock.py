"""Time for Redis in tests: for its scripts, and for the keys it forgets."""

from __future__ import annotations

from collections.abc import Callable

from headgate.clock import ManualClock
from headgate.storage.redis_link import RedisLink

BEGIN_US = 1_750_000_000_000_000

AGE = """
for _, key in ipairs(redis.call('KEYS', '*')) do
  local left = redis.call('PTTL', key)
  if left >= 0 and left <= tonumber(ARGV[1]) then
    redis.call('DEL', key)
  elseif left >= 0 then
    redis.call('PEXPIRE', key, left - tonumber(ARGV[1]))
  end
end
return 1
"""


def server_time(clock: ManualClock) -> Callable[[], int]:
    """The clock of a server that is never set: it goes on as the given clock's monotonic time does."""
    return lambda: BEGIN_US + round(clock.monotonic() * 1e6)


async def age(link: RedisLink, seconds: float) -> None:
    """Let all keys have so much less time to live, and those without any left go."""
    await link.call(lambda _: ("EVAL", AGE, 0, round(seconds * 1000)))
