"""Breaking one connection of this process, which ASGI has no message for."""

from __future__ import annotations

import os
import socket
import struct
from pathlib import Path

_DESCRIPTORS = Path("/dev/fd")


def hang_up(client: tuple[str, int], reset: bool) -> None:
    """Close the connection from that address: in order (FIN), or as after a crash (RST).

    The server that owns the socket sees its end and lets it go; nothing happens where there is none.
    """
    for name in os.listdir(_DESCRIPTORS):
        try:
            connection = socket.socket(fileno=os.dup(int(name)))
        except OSError:  # no socket, or closed since
            continue
        with connection:
            if _peer(connection) != tuple(client):
                continue
            if reset:  # with nothing lingering, closing the last descriptor sends RST
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.shutdown(socket.SHUT_RD)


def _peer(connection: socket.socket) -> tuple[str, int] | None:
    try:
        name = connection.getpeername()
    except OSError:
        return None
    return (name[0], name[1]) if isinstance(name, tuple) else None
