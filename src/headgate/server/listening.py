"""Listening: whether a server can where it is told to, and the server itself."""

from __future__ import annotations

import socket
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

MAX_PORT = 65_535

HEAD_S = 30.0
"""Longest time for the head of a request, and for which a connection without one stays."""


def usable_port(host: str, port: int) -> int:
    """The port, where one can listen on it; a free one for port 0.

    The servers' own error for this is a native stack trace.

    Raises:
        OSError: the address is taken, not this machine's, or none.
    """
    if not 0 <= port <= MAX_PORT:
        raise OSError(f"a port is between 0 and {MAX_PORT}")  # getaddrinfo takes it modulo 65,536
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
        return probe.getsockname()[1]


def listener(app: Any, host: str, port: int) -> Server:
    """Granian around an ASGI application, in this process and on its event loop."""
    return Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=round(HEAD_S * 1000)),
        websockets=False,
        log_enabled=False,
        backlog=4096,
        backpressure=100_000,
    )
