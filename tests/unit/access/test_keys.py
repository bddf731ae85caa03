"""Who calls, from headers and address alone."""

from __future__ import annotations

from typing import Any

import pytest
from place import Place, key_row

from headgate.access.keys import INVALID, KeyAuthenticator, Open, presented_key
from headgate.access.minting import mint, well_formed
from headgate.access.roles import SCOPES
from headgate.errors import Unauthenticated

HERE = "127.0.0.1"
KEYS = KeyAuthenticator("hg-secret")


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
    assert "call" in KEYS.identify(headers, HERE).scopes


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
        {b"authorization": b"Bearer wrong", b"x-api-key": b"hg-secret"},
    ],
)
def test_anything_else_is_nobody(headers: dict[bytes, bytes]):
    with pytest.raises(Unauthenticated):
        KEYS.identify(headers, HERE)


@pytest.mark.parametrize(("given", "opens"), [(b"a-key-of-no-form", True), (b"a-key-of-no-forn", False), (b"", False)])
def test_what_is_a_key_is_known_whatever_it_looks_like(given: bytes, opens: bool):
    assert KeyAuthenticator("a-key-of-no-form").opens(given) == opens


def test_the_key_itself_is_not_kept():
    assert b"hg-secret" not in repr(KEYS.__dict__).encode()


def test_the_key_of_the_environment_may_do_everything():
    assert KEYS.identify({b"x-api-key": b"hg-secret"}, HERE).scopes == set(SCOPES)


@pytest.mark.parametrize("unset", [None, ""])
def test_an_unset_key_of_the_environment_is_nobodys(unset: str | None):
    keys = KeyAuthenticator(unset)
    for headers in ({b"x-api-key": b""}, {b"authorization": b"Bearer "}, {b"authorization": b"Bearer  "}):
        with pytest.raises(Unauthenticated):
            keys.identify(headers, HERE)


def test_without_authentication_nobody_is_an_administrator():
    assert Open().identify({b"authorization": b"Bearer anything"}, HERE).roles == {"caller"}


def test_no_key_is_none():
    assert presented_key({b"authorization": b"Digest x"}) is None


async def test_a_key_is_good_until_it_expires(place: Place):
    await place.put(key_row("hg-1", expires_us=place.clock.now_us() + 1_000_000))
    assert place.identify("hg-1").key_id == "key_hg-1"
    place.clock.advance(0.999)
    place.identify("hg-1")
    place.clock.advance(0.001)
    assert refused(place, "hg-1") == "expired"


async def test_a_rotated_key_goes_on_for_the_overlap(place: Place):
    """What a rotation writes: the new key, and the end of the old one."""
    end_us = place.clock.now_us() + 3600 * 1_000_000
    await place.put(key_row("hg-old", expires_us=end_us), key_row("hg-new", replaces="key_hg-old"))
    assert {place.identify(key).key_id for key in ("hg-old", "hg-new")} == {"key_hg-old", "key_hg-new"}
    place.clock.advance(3600)
    assert refused(place, "hg-old") == "expired"
    assert place.identify("hg-new").key_id == "key_hg-new"


async def test_a_revoked_key_opens_nothing_from_the_next_request_on(place: Place):
    await place.put(key_row("hg-1"))
    place.identify("hg-1")
    await place.put(key_row("hg-1", revoked_us=1))
    assert refused(place, "hg-1") == "revoked"


async def test_a_key_is_good_in_its_networks_only(place: Place):
    await place.put(key_row("hg-1", networks=["10.0.0.0/8", "2001:db8::/32", "192.0.2.1"]))
    for address in ("10.1.2.3", "2001:db8::5", "192.0.2.1", "::ffff:10.1.2.3"):
        assert place.identify("hg-1", address).key_id == "key_hg-1"
    for address in ("11.1.2.3", "192.0.2.2", "2001:db9::1", "", "nonsense", "::ffff:11.1.2.3"):
        assert refused(place, "hg-1", address) == "network"


async def test_a_key_without_networks_left_is_good_nowhere(place: Place):
    await place.put(key_row("hg-1", networks=[]))
    assert refused(place, "hg-1") == "network"


async def test_whatever_is_wrong_a_client_is_told_the_same(place: Place):
    minted = mint().key
    await place.put(
        key_row("hg-revoked", revoked_us=1),
        key_row("hg-expired", expires_us=1),
        key_row("hg-archived", archived_us=1),
        key_row("hg-elsewhere", networks=["10.0.0.0/8"]),
        key_row(minted),
    )
    look_alike = minted[:-1] + ("a" if minted[-1] != "a" else "b")
    wrong = ["hg-revoked", "hg-expired", "hg-archived", "hg-elsewhere", "hg-unknown"]
    told = set()
    for key in [*wrong, minted[:-1], look_alike, minted.swapcase(), f"{minted}x"]:
        with pytest.raises(Unauthenticated) as caught:
            place.identify(key)
        told.add((caught.value.message, caught.value.status, caught.value.code, caught.value.retry_after_s))
    assert told == {(INVALID, 401, "invalid_api_key", None)}
    reasons = [reason for reason, _, _ in place.failures]
    assert reasons == ["revoked", "expired", "archived", "network"] + ["unknown"] * 5, "the audit log is told which"


async def test_the_audit_log_is_told_from_where_and_never_the_key(place: Place):
    minted, unknown = mint().key, mint().key
    await place.put(key_row(minted, revoked_us=1))
    for key in (minted, unknown, "sk-ant-api03-somebody-elses-secret", "hunter2"):
        with pytest.raises(Unauthenticated):
            place.identify(key, "192.0.2.7")
    with pytest.raises(Unauthenticated):
        place.keys.identify({}, "192.0.2.7")
    assert place.failures == [
        ("revoked", "192.0.2.7", f"…{minted[-4:]}"),
        ("unknown", "192.0.2.7", f"…{unknown[-4:]}"),
        ("unknown", "192.0.2.7", ""),
        ("unknown", "192.0.2.7", ""),
        ("missing", "192.0.2.7", ""),
    ]


# ── attacks (security_controls.md 5.4: what each has been tried on, elsewhere) ──


@pytest.mark.parametrize(
    "token",
    [
        b"' OR '1'='1",
        b"hg-' UNION SELECT digest FROM keys --",
        b'hg-"; DROP TABLE keys; --',
        b"sk-\\'; SELECT pg_sleep(5)--",
        b"%27%20OR%201%3D1",
        b"hg-%s%s%n{0}{__class__}",
        b"\x00hg-1",
        b"hg-1\x00",
        b"\xff\xfe",
        b"hg-1\r\nx-api-key: hg-admin",
        b"." * 5000,
    ],
)
async def test_sql_and_format_characters_in_a_token_reach_nothing(place: Place, token: bytes):
    """CVE-2026-42208: the error path of a token without the prefix was formatted into a statement."""
    await place.put(key_row("hg-1"))
    statements: list[str] = []
    place.directory._database = _Watched(statements)
    for headers in ({b"authorization": b"Bearer " + token}, {b"x-api-key": token}, {b"x-headgate-key": token}):
        with pytest.raises(Unauthenticated) as caught:
            place.keys.identify(headers, HERE)
        assert token.decode("latin-1") not in caught.value.message
    assert statements == []
    assert place.identify("hg-1").key_id == "key_hg-1"


async def test_two_keys_with_the_same_beginning_are_two_callers(place: Place):
    """CVE-2026-35030: identities were cached by the first twenty characters."""
    first, second = "hg-" + "a" * 40 + "1", "hg-" + "a" * 40 + "2"
    await place.put(key_row(first), key_row(second, roles=["auditor"]))
    assert place.identify(first).key_id == f"key_{first}"
    assert place.identify(second).key_id == f"key_{second}"
    assert refused(place, "hg-" + "a" * 40) == "unknown"
    assert refused(place, "hg-" + "a" * 40 + "3") == "unknown"


@pytest.mark.parametrize(
    "junk", [b"junk", b"null", b"undefined", b"anonymous", b"admin", b"eyJ.eyJ.x", b"Bearer", b"{}"]
)
async def test_a_junk_bearer_is_nobody_rather_than_anonymous(place: Place, junk: bytes):
    """CVE-2026-59822: a token that could not be read fell through to an empty identity."""
    for headers in ({b"authorization": b"Bearer " + junk}, {b"x-api-key": junk}):
        with pytest.raises(Unauthenticated):
            place.keys.identify(headers, HERE)


async def test_a_stored_digest_is_no_key(place: Place):
    """What a leaked backup holds lets nobody in."""
    row = key_row("hg-0123456789")
    await place.put(row)
    for key in (row.digest, row.digest.upper(), row.id, row.hint, f"hg-{row.digest}"):
        assert refused(place, key) == "unknown"


async def test_keys_are_compared_by_their_hash_alone(place: Place, monkeypatch: pytest.MonkeyPatch):
    """CVE-2022-31142, CVE-2026-85725: a comparison that ends at the first wrong character tells how many were right.

    Whatever is presented, one hash is made and looked up; nothing is ever compared with a key, for none is kept.
    """
    await place.put(key_row("hg-1"))
    looked_up: list[int] = []

    def counted(digest: bytes) -> Any:
        looked_up.append(len(digest))
        return place.directory.holder(digest)

    monkeypatch.setattr(place.keys, "_look_up", counted)
    for key in ("hg-1", "hg-0", "x", "hg-1" * 100):
        try:
            place.identify(key)
        except Unauthenticated:
            pass
    assert looked_up == [32] * 4


def test_what_is_minted_can_be_told_from_what_is_not():
    minted = {mint().key for _ in range(100)}
    assert len(minted) == 100
    assert all(well_formed(key) and len(key) == 52 for key in minted)
    for key in list(minted)[:10]:
        assert not well_formed(key[:-1])
        assert not well_formed(f"{key}0")
        assert not well_formed(key.replace("hg-", "sk-"))
        assert not well_formed(key[:20] + ("A" if key[20] != "A" else "B") + key[21:])


def refused(place: Place, key: str, address: str = HERE) -> str:
    """Why a key opens nothing, as the audit log is told."""
    before = len(place.failures)
    with pytest.raises(Unauthenticated):
        place.identify(key, address)
    assert len(place.failures) == before + 1
    return place.failures[-1][0]


class _Watched:
    """A database nobody should ask anything."""

    kind = "sqlite"

    def __init__(self, statements: list[str]) -> None:
        self._statements = statements

    async def fetch(self, sql: str, *parameters: Any) -> Any:
        self._statements.append(sql)

    def transaction(self) -> Any:
        self._statements.append("BEGIN")

    async def close(self) -> None: ...
