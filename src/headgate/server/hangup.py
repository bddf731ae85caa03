"""Breaking one connection of this process, which ASGI has no message for."""

from __future__ import annotations

import ctypes
import os
import socket
import stat
from pathlib import Path

_DESCRIPTORS = Path("/dev/fd")
_UNSPECIFIED = bytes(16)
"""A socket address of the family AF_UNSPEC."""


def hang_up(client: tuple[str, str | int], reset: bool) -> None:
    """Close the connection from that address: in order (FIN), or as after a crash (RST).

    The server that owns the socket sees its end and lets it go; nothing happens where there is none.
    """
    peer = (client[0], int(client[1]))  # granian gives the port as text
    for name in os.listdir(_DESCRIPTORS):
        try:
            if not stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                continue
            connection = socket.socket(fileno=os.dup(int(name)))
        except OSError:  # closed since the directory was read
            continue
        with connection:
            if _peer(connection) == peer:
                _close(connection, reset)
                return


def _close(connection: socket.socket, reset: bool) -> None:
    """End a connection for all who hold its socket.

    Connecting a TCP socket to no address is how Linux aborts it (connect(2)); where that fails it is ended in order.
    """
    if reset and ctypes.CDLL(None).connect(connection.fileno(), _UNSPECIFIED, len(_UNSPECIFIED)) == 0:
        return
    connection.shutdown(socket.SHUT_RDWR)


def _peer(connection: socket.socket) -> tuple[str, int] | None:
    try:
        name = connection.getpeername()
    except OSError:
        return None
    return (name[0], name[1]) if isinstance(name, tuple) else None
