"""From a host's name to a connection: every address it has gets its chance (after RFC 8305, "Happy Eyeballs")."""

from __future__ import annotations

import asyncio
import socket
from itertools import chain, zip_longest

from headgate.providers.address import is_public
from headgate.providers.http1.connection import Connection

HEAD_START_S = 0.25
"""How long an address is tried alone before the next one is tried beside it."""


async def open_connection(host: str, port: int, *, public_only: bool = False) -> Connection:
    """Connect over TCP to the address that answers first; with `public_only` to none that is not of the public
    internet: what is looked at is what is connected to, so no second answer of a name server gets around it.

    Raises:
        OSError: none does; `socket.gaierror` where the host has no address, PermissionError where none is public.
    """
    addresses = await _addresses(host, port)
    if public_only:
        addresses = [address for address in addresses if is_public(address)]
        if not addresses:
            raise PermissionError(f"{host} has no address of the public internet")
    connection = await (_dial(addresses[0], port) if len(addresses) == 1 else _race(addresses, port))
    connection.keep_alive()
    return connection


async def _addresses(host: str, port: int) -> list[str]:
    """The host's addresses in the system's order of preference, the families alternating."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    first = [str(entry[4][0]) for entry in found if entry[0] == found[0][0]]
    others = [str(entry[4][0]) for entry in found if entry[0] != found[0][0]]
    return [address for address in chain.from_iterable(zip_longest(first, others)) if address]


async def _dial(address: str, port: int) -> Connection:
    _, connection = await asyncio.get_running_loop().create_connection(Connection, address, port)
    return connection


async def _race(addresses: list[str], port: int) -> Connection:
    """Start an attempt per address, each after a head start of the one before or its failure."""
    attempts: set[asyncio.Task[Connection]] = set()
    failures: list[BaseException] = []
    try:
        for address in addresses:
            attempts.add(asyncio.ensure_future(_dial(address, port)))
            winner = await _settled(attempts, failures, HEAD_START_S)
            if winner is not None:
                return winner
        while attempts:
            winner = await _settled(attempts, failures, None)
            if winner is not None:
                return winner
    finally:
        for attempt in attempts:
            attempt.add_done_callback(_hang_up)
            attempt.cancel()
    raise failures[0]


async def _settled(
    attempts: set[asyncio.Task[Connection]], failures: list[BaseException], timeout_s: float | None
) -> Connection | None:
    """Wait until an attempt is over or the time is; a connection, if that is what came of it."""
    done, _ = await asyncio.wait(attempts, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    for attempt in done:
        failure = attempt.exception()
        if failure is None:
            attempts.discard(attempt)
            return attempt.result()
        attempts.discard(attempt)
        failures.append(failure)
    return None


def _hang_up(attempt: asyncio.Task[Connection]) -> None:
    """Close what an attempt that lost the race connected all the same."""
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().abort()
