"""Several keys of one provider take turns, and one that was refused rests."""

from __future__ import annotations

import asyncio

import pytest

from headgate.errors import (
    BadRequest,
    ConfigError,
    HeadgateError,
    Overloaded,
    QuotaExhausted,
    RateLimited,
    ServerError,
    UpstreamAuth,
)
from headgate.providers.auth.keys import LEAST_S, LIMITED_S, REST_S, KeyRing
from headgate.providers.config import ProviderConfig
from headgate.providers.provider import Provider
from headgate.providers.transport import HttpRequest
from virtual_time import virtual

EMPTY = HttpRequest(method="POST", url="http://x", headers=(), body=b"")


class Requests:
    """Requests with the keys of a ring."""

    def __init__(self, *keys: str) -> None:
        self.ring = KeyRing("bearer", keys)

    async def next(self) -> tuple[str, HttpRequest]:
        """The key of the next request, and the request."""
        headers = await self.ring.headers(EMPTY)
        [(name, value)] = headers
        assert name == "authorization"
        return value.removeprefix("Bearer "), HttpRequest(method="POST", url="http://x", headers=headers, body=b"")

    async def keys(self, count: int) -> list[str]:
        return [(await self.next())[0] for _ in range(count)]

    async def refuse(self, key: str, error: HeadgateError) -> bool:
        """Have a request with that key refused; whether another one can be tried."""
        while True:
            found, request = await self.next()
            if found == key:
                return self.ring.refused(request, error)


@virtual
async def test_keys_take_turns() -> None:
    assert await Requests("a", "b", "c").keys(7) == ["a", "b", "c", "a", "b", "c", "a"]


@pytest.mark.parametrize(
    ("error", "rest_s"),
    [
        (RateLimited("x"), LIMITED_S),
        (RateLimited("x", retry_after_s=30), 30),
        (RateLimited("x", retry_after_s=0.001), LEAST_S),
        (QuotaExhausted("x"), REST_S),
        (UpstreamAuth("x"), REST_S),
        (UpstreamAuth("x", retry_after_s=1), REST_S),
    ],
    ids=str,
)
@virtual
async def test_a_key_that_was_refused_rests_for_as_long_as_its_refusal_asks(
    error: HeadgateError, rest_s: float
) -> None:
    requests = Requests("a", "b")
    assert await requests.refuse("a", error)
    await asyncio.sleep(rest_s * 0.99)
    assert await requests.keys(3) == ["b", "b", "b"]
    await asyncio.sleep(rest_s * 0.02)
    assert sorted(await requests.keys(2)) == ["a", "b"]


@pytest.mark.parametrize("kind", [ServerError, Overloaded, BadRequest])
@virtual
async def test_what_is_not_the_keys_fault_is_not_held_against_it(kind: type[HeadgateError]) -> None:
    requests = Requests("a", "b")
    assert not await requests.refuse("a", kind("x"))
    assert sorted(await requests.keys(2)) == ["a", "b"]


@virtual
async def test_a_longer_rest_is_not_cut_short() -> None:
    requests = Requests("a", "b")
    _, request = await requests.next()
    requests.ring.refused(request, UpstreamAuth("x"))
    requests.ring.refused(request, RateLimited("x", retry_after_s=1))
    await asyncio.sleep(REST_S / 2)
    assert await requests.keys(2) == ["b", "b"]


@virtual
async def test_there_is_no_other_key_once_all_rest() -> None:
    requests = Requests("a", "b")
    assert await requests.refuse("a", RateLimited("x"))
    assert not await requests.refuse("b", RateLimited("x"))


@virtual
async def test_where_all_rest_the_one_that_is_back_first_is_used() -> None:
    requests = Requests("a", "b", "c")
    for key, seconds in (("a", 30), ("b", 10), ("c", 20)):
        await requests.refuse(key, RateLimited("x", retry_after_s=seconds))
    assert await requests.keys(3) == ["b", "b", "b"]


@virtual
async def test_the_turn_goes_on_after_a_key_that_rests() -> None:
    requests = Requests("a", "b", "c")
    await requests.refuse("a", UpstreamAuth("x"))
    assert await requests.keys(4) == ["b", "c", "b", "c"]


def test_all_keys_are_secrets() -> None:
    keys = ["sk-one-secret", "sk-two-secret"]
    config = ProviderConfig(kind="openai", api_key="sk-zero-secret", api_keys=keys)
    assert Provider("p", config).secrets == ("sk-zero-secret", *keys)
    assert not any(key in repr(config) for key in keys)


def test_a_key_no_header_can_carry_is_refused() -> None:
    with pytest.raises(ConfigError, match="line break"):
        KeyRing("bearer", ("good", "bad\n"))


def test_keys_are_shown_as_the_vendor_wants_them() -> None:
    ring = KeyRing("x-api-key", ("a", "b"))
    assert ring._headers == [(("x-api-key", "a"),), (("x-api-key", "b"),)]
