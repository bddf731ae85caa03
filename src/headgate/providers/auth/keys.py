"""Credentials that are one string: an API key in a header."""

from __future__ import annotations

from headgate.errors import ConfigError, UpstreamAuth
from headgate.providers.auth.port import Headers
from headgate.providers.transport import HttpRequest

SHOWN_AS: dict[str, tuple[str, str]] = {
    "bearer": ("authorization", "Bearer {}"),
    "x-api-key": ("x-api-key", "{}"),
    "api-key": ("api-key", "{}"),
    "x-goog-api-key": ("x-goog-api-key", "{}"),
}
"""Scheme to header and the form of its value."""


class Key:
    """An API key."""

    def __init__(self, scheme: str, key: str) -> None:
        """Raises ConfigError for a key with characters no header can carry, such as a line break at its end."""
        if not (key.isascii() and key.isprintable()) or key != key.strip():
            raise ConfigError(["api_key: holds a space, a line break or a non-ASCII character; is it the whole key?"])
        name, form = SHOWN_AS[scheme]
        self.static: Headers | None = ((name, form.format(key)),)
        self.secrets = (key,)

    async def headers(self, request: HttpRequest) -> Headers:
        return self.static or ()


class NoKey:
    """No credential, for servers that want none."""

    static: Headers | None = ()
    secrets: tuple[str, ...] = ()

    async def headers(self, request: HttpRequest) -> Headers:
        return ()


class MissingKey:
    """No credential where the vendor wants one: an error when it is first needed, so that others can be used."""

    static: Headers | None = None
    secrets: tuple[str, ...] = ()

    def __init__(self, provider: str, variable: str | None) -> None:
        example = f", for example api_key: '${{{variable}}}'" if variable else ""
        self._message = f"the provider '{provider}' has no api_key: set providers.{provider}.api_key{example}"

    async def headers(self, request: HttpRequest) -> Headers:
        raise UpstreamAuth(self._message)
