"""Where a request comes from, and where a key may be used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import cast

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

FORWARDED = b"x-forwarded-for"

_HOPS = 100
"""Most entries of `x-forwarded-for` that are looked at."""
_REMEMBERED = 1000
_MAPPED = ip_network("::ffff:0:0/96")


class ClientAddress:
    """Finds the client behind reverse proxies of one's own."""

    def __init__(self, trusted: Iterable[str]) -> None:
        """Raises ValueError where one of the proxies is no address or network."""
        self._trusted = Networks(trusted)

    def of(self, peer: str, headers: Mapping[bytes, bytes]) -> str:
        """The address of who sent a request that `peer` handed over.

        What a trusted proxy says of the hop before it is believed, and so on from the right to the first hop that is
        not trusted. What is no address ends the chain: whoever is left of it cannot be known. The rest of the header
        is the client's own invention.
        """
        if not self._trusted:
            return peer if ":" not in peer else normal(peer)
        client = normal(peer)
        forwarded = headers.get(FORWARDED)
        if forwarded is None or client not in self._trusted:
            return client
        for hop in reversed(forwarded.decode("latin-1").rsplit(",", _HOPS)[-_HOPS:]):
            address = _parsed(_without_port(hop.strip()))
            if address is None:
                break
            client = str(address)
            if client not in self._trusted:
                break
        return client


def join_forwarded(headers: dict[bytes, bytes], raw: Iterable[tuple[bytes, bytes]]) -> None:
    """Make one `x-forwarded-for` of several: of a repeated header, `headers` has the last line only."""
    lines = [value for name, value in raw if name == FORWARDED]
    if len(lines) > 1:
        headers[FORWARDED] = b",".join(lines)


class Networks:
    """A set of addresses, from addresses and networks as texts. IPv4 in IPv6's clothes is IPv4."""

    def __init__(self, texts: Iterable[str]) -> None:
        """Raises ValueError where one is no address or network."""
        self._networks = tuple(network(text) for text in texts)
        self._known: dict[str, bool] = {}

    def __bool__(self) -> bool:
        return bool(self._networks)

    def __contains__(self, address: str) -> bool:
        known = self._known.get(address)
        if known is None:
            parsed = _parsed(address)
            known = parsed is not None and any(parsed in each for each in self._networks)
            if len(self._known) < _REMEMBERED:
                self._known[address] = known
        return known

    def covers(self, other: Network) -> bool:
        """Whether every address of a network is one of these. Two halves are not seen to cover a whole."""
        return any(_within(other, each) for each in self._networks)


def network(text: str) -> Network:
    """A network, or an address as the network it is alone in.

    Raises:
        ValueError: it is neither.
    """
    found = ip_network(text, strict=False)
    if isinstance(found, IPv6Network) and _within(found, _MAPPED):
        mapped = cast("IPv4Address", found.network_address.ipv4_mapped)
        return IPv4Network((mapped, found.prefixlen - 96))
    return found


def normal(text: str) -> str:
    """An address as it is compared: IPv4 in IPv6's clothes as IPv4. What is no address, as it is."""
    address = _parsed(text)
    return text if address is None else str(address)


def is_loopback(host: str) -> bool:
    """Whether a host as it stands in a URL is this machine."""
    address = _parsed(host)
    return host == "localhost" or (address is not None and address.is_loopback)


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Address | None:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _without_port(hop: str) -> str:
    """`10.0.0.1:5678` and `[::1]:80`, as some proxies write it, without the port."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


def _within(inner: Network, outer: Network) -> bool:
    if isinstance(inner, IPv4Network):
        return isinstance(outer, IPv4Network) and inner.subnet_of(outer)
    return isinstance(outer, IPv6Network) and inner.subnet_of(outer)
