"""Where a request comes from, and where a key may be used."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.access.addresses import ClientAddress, Networks, join_forwarded, network, normal

CLIENT = ClientAddress(["10.0.0.0/8", "fd00::/8"])


def of(peer: str, forwarded: str | None = None) -> str:
    return CLIENT.of(peer, {} if forwarded is None else {b"x-forwarded-for": forwarded.encode("latin-1")})


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.1", None, "192.0.2.1"),
        ("192.0.2.1", "198.51.100.7", "192.0.2.1"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "203.0.113.9, 198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "203.0.113.9,198.51.100.7,10.0.0.2 , 10.0.0.3", "198.51.100.7"),
        ("10.0.0.1", "10.0.0.9, 10.0.0.2", "10.0.0.9"),
        ("10.0.0.1", "198.51.100.7:51234", "198.51.100.7"),
        ("10.0.0.1", "[2001:db8::7]:443", "2001:db8::7"),
        ("10.0.0.1", "2001:DB8:0::7", "2001:db8::7"),
        ("fd00::1", "2001:db8::7", "2001:db8::7"),
        ("::ffff:10.0.0.1", "::ffff:198.51.100.7", "198.51.100.7"),
        ("::ffff:192.0.2.1", None, "192.0.2.1"),
    ],
)
def test_the_client_is_the_first_hop_from_the_right_that_is_not_ours(peer: str, forwarded: str | None, client: str):
    assert of(peer, forwarded) == client


@pytest.mark.parametrize(
    "garbage", ["", "unknown", "_hidden", "localhost", "1.2.3", "01.2.3.4", "1.2.3.4.5", "é", "' OR 1=1", "10.0.0.0/8"]
)
def test_nothing_left_of_garbage_is_believed(garbage: str):
    assert of("10.0.0.1", f"203.0.113.9, {garbage}, 10.0.0.2") == "10.0.0.2"
    assert of("10.0.0.1", f"203.0.113.9, {garbage}") == "10.0.0.1"


def test_without_trusted_proxies_nobody_is_asked():
    client = ClientAddress([])
    assert client.of("10.0.0.1", {b"x-forwarded-for": b"203.0.113.9"}) == "10.0.0.1"
    assert client.of("::ffff:10.0.0.1", {}) == "10.0.0.1"
    assert client.of("", {}) == "", "a socket without addresses"


def test_of_a_long_chain_the_end_is_looked_at():
    forwarded = ", ".join(["203.0.113.9"] + ["10.0.0.2"] * 10_000)
    assert of("10.0.0.1", forwarded) == "10.0.0.2"


def test_several_headers_are_one_chain():
    raw = [(b"x-forwarded-for", b"203.0.113.9, 198.51.100.7"), (b"host", b"x"), (b"x-forwarded-for", b"10.0.0.2")]
    headers = dict(raw)
    join_forwarded(headers, raw)
    assert CLIENT.of("10.0.0.1", headers) == "198.51.100.7"


def test_what_is_no_network_is_refused():
    for text in ("10.0.0.0/33", "example.com", "", "10.0.0.0/8 "):
        with pytest.raises(ValueError):
            Networks([text])


def test_ipv4_in_ipv6s_clothes_is_ipv4():
    assert network("::ffff:10.0.0.0/104") == ip_network("10.0.0.0/8")
    assert "::ffff:10.1.2.3" in Networks(["10.0.0.0/8"])
    assert "10.1.2.3" in Networks(["::ffff:10.0.0.0/104"])
    assert "::ffff:10.1.2.3" not in Networks(["::/96"])
    assert normal("::FFFF:10.1.2.3") == "10.1.2.3"


def test_nobody_is_in_no_network():
    assert "10.0.0.1" not in Networks([])
    assert "nonsense" not in Networks(["0.0.0.0/0", "::/0"])


def test_what_was_looked_up_is_not_kept_without_bound():
    networks = Networks(["10.0.0.0/8"])
    for number in range(3000):
        assert str(ip_address(0x0A000000 + number)) in networks
    assert len(networks._known) <= 1000


addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)
prefixes = st.one_of(
    st.tuples(st.ip_addresses(v=4), st.integers(0, 32)), st.tuples(st.ip_addresses(v=6), st.integers(0, 128))
).map(lambda pair: f"{pair[0]}/{pair[1]}")


@given(st.lists(prefixes, max_size=4), addresses)
def test_membership_is_that_of_the_standard_library(texts: list[str], address: str):
    expected = any(ip_address(normal(address)) in network(text) for text in texts)
    assert (address in Networks(texts)) == expected


@given(prefixes, prefixes, st.integers(0, 2**128 - 1))
def test_what_is_covered_holds_no_address_that_is_not(outer: str, inner: str, seed: int):
    covered = network(inner)
    if Networks([outer]).covers(covered):
        address = str(covered.network_address + seed % covered.num_addresses)
        assert address in Networks([outer]) or address not in Networks([inner])
