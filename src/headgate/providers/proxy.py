"""A forward proxy, as the configuration names it."""

from __future__ import annotations

import base64
from typing import Self
from urllib.parse import unquote, urlsplit

import msgspec

from headgate.errors import ConfigError


class Proxy(msgspec.Struct, frozen=True):
    """An HTTP proxy: asked with absolute URLs for http, with CONNECT for https."""

    host: str
    port: int
    headers: tuple[tuple[str, str], ...] = ()
    """Its own credentials, where it wants any."""

    @property
    def url(self) -> str:
        """The proxy without its credentials."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @classmethod
    def parse(cls, url: str) -> Self:
        """Take `http://[user:password@]host:port` apart.

        Raises:
            ConfigError: it is not one; the URL is not shown, it may hold a password.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise ConfigError([f"proxy: not a valid URL: {error}"]) from None
        if parts.scheme != "http" or not parts.hostname:
            raise ConfigError(["proxy: must be http://[user:password@]host:port"])
        headers: tuple[tuple[str, str], ...] = ()
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            headers = (("proxy-authorization", "Basic " + base64.b64encode(pair.encode()).decode()),)
        return cls(parts.hostname, port or 80, headers)
