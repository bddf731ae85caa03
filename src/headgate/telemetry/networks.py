"""From which networks keys are used: an address itself is not kept, and nobody waits for it to be written down."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

import msgspec
from msgspec.structs import astuple

from headgate.clock import Clock
from headgate.storage.database import Transaction
from headgate.types import Identity

log = logging.getLogger("headgate.telemetry")

KIND = b"n"
"""Of the journal's records."""

Append = Callable[[bytes, bytes], None]
"""`Journal.append`: a record's kind and the record. Raises OSError."""

MOST = 50_000
"""Pairs of key and network a process remembers, so that it tells each once a day."""

DAY_US = 86_400_000_000


class Used(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A key was used from a network on a day."""

    organisation: str
    key_id: str
    network: str
    """IPv4 as /24, IPv6 as /48: what one site or provider has."""
    team_id: str | None
    at_us: int


encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Used).decode


class NetworkRecorder:
    """Writes each pair of key and network down once a day and process. Never raises."""

    def __init__(self, append: Append, clock: Clock) -> None:
        self._append = append
        self._clock = clock
        self._seen: set[tuple[str, str | None]] = set()
        self._day = 0

    def seen(self, identity: Identity, address: str) -> None:
        """A key was used from an address."""
        network = network_of(address)
        pair = (identity.key_id, network)
        if network is None or pair in self._seen or not identity.key_id:
            return
        if len(self._seen) >= MOST:
            self._seen.clear()
        self._seen.add(pair)
        try:
            used = Used(identity.organisation, identity.key_id, network, identity.team_id, self._clock.now_us())
            self._append(KIND, encode(used))
        except OSError as error:
            log.debug("where a key is used from cannot be written: %s", error)

    def forget(self) -> None:
        """Begin anew where another day has begun; to be called now and then."""
        day = self._clock.now_us() // DAY_US
        if day != self._day:
            self._day = day
            self._seen.clear()


class NetworkSink:
    """Stores when each key was first and last used from a network."""

    kind = KIND

    async def store(self, transaction: Transaction, payloads: Sequence[bytes]) -> None:
        for payload in payloads:
            organisation, key_id, network, team_id, at_us = astuple(_decode(payload))
            await transaction.execute(_PUT, organisation, key_id, network, team_id, at_us)


_PUT = (
    "INSERT INTO key_networks AS k (organisation, key_id, network, team_id, first_us, last_us) "
    "VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (organisation, key_id, network) DO UPDATE SET "
    "first_us = CASE WHEN excluded.first_us < k.first_us THEN excluded.first_us ELSE k.first_us END, "
    "last_us = CASE WHEN excluded.last_us > k.last_us THEN excluded.last_us ELSE k.last_us END"
)


@lru_cache(maxsize=16_384)
def network_of(address: str) -> str | None:
    """The network an address is counted as; None of what is none."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is None:
            return str(ip_network((found, 48), strict=False))
        found = found.ipv4_mapped
    return str(ip_network((found, 24), strict=False))
