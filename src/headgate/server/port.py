"""Finding out whether a server can listen where it is told to, before it tries."""

from __future__ import annotations

import socket


def usable_port(host: str, port: int) -> int:
    """The port, where one can listen on it; a free one for port 0.

    The servers' own error for this is a native stack trace.

    Raises:
        OSError: the address is taken, or not this machine's.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
        return probe.getsockname()[1]
