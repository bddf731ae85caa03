"""Bodies are read within two bounds, and what is held is given back."""

from __future__ import annotations

from typing import Any

import pytest

from headgate.errors import BadRequest, Overloaded, PayloadTooLarge
from headgate.server.body import Bodies, Receive


def sent(*pieces: bytes, then: dict[str, Any] | None = None) -> Receive:
    messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    if then is None:
        messages[-1]["more_body"] = False
    else:
        messages.append(then)
    queue = iter(messages)

    async def receive() -> dict[str, Any]:
        return next(queue)

    return receive


async def test_a_body_in_one_or_many_pieces_is_the_same():
    bodies = Bodies(100, 100)
    assert await bodies.read(sent(b"hello world")) == b"hello world"
    assert await bodies.read(sent(b"hello", b" ", b"world")) == b"hello world"


async def test_a_body_longer_than_allowed_is_refused_whatever_its_length_claimed():
    bodies = Bodies(10, 100)
    for pieces in ((b"x" * 11,), (b"x" * 6, b"x" * 5)):
        with pytest.raises(PayloadTooLarge):
            await bodies.read(sent(*pieces))
    assert bodies._held_bytes == 0


async def test_all_bodies_together_are_bounded_until_one_is_released():
    bodies = Bodies(10, 15)
    first = await bodies.read(sent(b"x" * 10))
    with pytest.raises(Overloaded):
        await bodies.read(sent(b"x" * 6))
    with pytest.raises(Overloaded):
        await bodies.read(sent(b"x" * 3, b"x" * 3))
    bodies.release(first)
    assert await bodies.read(sent(b"x" * 6)) == b"x" * 6
    assert bodies._held_bytes == 6


async def test_a_client_that_goes_away_holds_nothing():
    bodies = Bodies(10, 10)
    with pytest.raises(BadRequest):
        await bodies.read(sent(b"x" * 5, then={"type": "http.disconnect"}))
    assert bodies._held_bytes == 0
