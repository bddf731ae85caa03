"""Getting a file from an address an operator gave on the command line."""

from __future__ import annotations

import http.client
import ssl
from urllib.parse import urlsplit

from headgate.cli.exits import CannotRun
from headgate.config.price_lists import MAX_BYTES
from headgate.config.rules import loopback

TIMEOUT_S = 30.0


def fetch(url: str) -> bytes:
    """What is at an https address, or at an http one of this machine. No redirect is followed.

    Raises:
        CannotRun: it cannot be had.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    if not host or parts.scheme not in ("http", "https"):
        raise CannotRun(f"{url} is no address", "Write https://host/path, or name a file.")
    if parts.scheme == "http" and not loopback(host):
        raise CannotRun(f"{url} would be fetched without encryption", "Write https://, or fetch it and name the file.")
    connection = (
        http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=ssl.create_default_context())
        if parts.scheme == "https"
        else http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    )
    try:
        connection.request("GET", f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}")
        response = connection.getresponse()
        body = response.read(MAX_BYTES + 1)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise CannotRun(f"{url} cannot be fetched: {error}", "Fetch it elsewhere, and name the file.") from None
    finally:
        connection.close()
    if response.status != 200:
        raise CannotRun(f"{url} answered {response.status}", "Give the address of the file itself.")
    return body
