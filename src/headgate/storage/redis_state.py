"""Shared state in Redis: over the connection the counters have."""

from __future__ import annotations

from collections.abc import Sequence

from headgate.errors import StoreUnavailable
from headgate.storage.redis_link import REPLACE, RedisLink, Space, Word


class RedisState:
    """Shared state of all replicas of one Redis. It is gone when that is started again.

    Every method raises `StoreUnavailable` where Redis cannot be reached.
    """

    def __init__(self, link: RedisLink) -> None:
        self._link = link

    async def get(self, key: str) -> bytes | None:
        return await self._link.call(lambda space: ("GET", _name(space, key)))

    async def put(self, key: str, value: bytes, ttl_s: float) -> None:
        await self._link.call(lambda space: ("SET", _name(space, key), value, "PX", _ms(ttl_s)))

    async def replace(self, key: str, expected: bytes | None, value: bytes, ttl_s: float) -> bool:
        link = self._link

        def words(space: Space) -> Sequence[Word]:
            thought = (b"", "1") if expected is None else (expected, "0")
            script = "EVALSHA", REPLACE.digest, 2, space.key, _name(space, key), space.value, link.time
            return (*script, *thought, value, _ms(ttl_s))

        (answer,) = await link.call(words)
        if answer < 0:
            link.renew("it was emptied")
            raise StoreUnavailable("Redis was emptied")
        return answer == 1

    async def delete(self, key: str) -> None:
        await self._link.call(lambda space: ("DEL", _name(space, key)))


def _name(space: Space, key: str) -> str:
    return f"{space.prefix}v:{key}"


def _ms(ttl_s: float) -> int:
    return max(1, round(ttl_s * 1000))
