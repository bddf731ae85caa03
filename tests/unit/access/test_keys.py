"""Who calls, from headers alone."""

from __future__ import annotations

import pytest

from headgate.access.keys import KeyAuthenticator, Open, presented_key
from headgate.errors import Unauthenticated

KEYS = KeyAuthenticator.with_admin("hg-secret")


@pytest.mark.parametrize(
    "headers",
    [
        {b"authorization": b"Bearer hg-secret"},
        {b"authorization": b"bearer  hg-secret"},
        {b"x-api-key": b"hg-secret"},
        {b"x-headgate-key": b"hg-secret", b"authorization": b"Bearer something-for-the-vendor"},
    ],
)
def test_the_key_is_found_where_sdks_put_it(headers: dict[bytes, bytes]):
    assert "call" in KEYS.identify(headers).scopes


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {b"authorization": b"Bearer hg-secre"},
        {b"authorization": b"Bearer hg-secrets"},
        {b"authorization": b"Bearer HG-SECRET"},
        {b"authorization": b"Basic hg-secret"},
        {b"authorization": b"Bearer"},
        {b"authorization": b"' OR 1=1 --"},
        {b"x-api-key": b""},
        {b"x-headgate-key": b"wrong", b"authorization": b"Bearer hg-secret"},
    ],
)
def test_anything_else_is_nobody(headers: dict[bytes, bytes]):
    with pytest.raises(Unauthenticated):
        KEYS.identify(headers)


def test_the_key_itself_is_not_kept():
    assert b"hg-secret" not in repr(KEYS.__dict__).encode()


def test_without_authentication_nobody_is_an_administrator():
    assert Open().identify({b"authorization": b"Bearer anything"}).roles == {"caller"}


def test_no_key_is_none():
    assert presented_key({b"authorization": b"Digest x"}) is None
