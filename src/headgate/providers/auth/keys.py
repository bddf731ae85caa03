"""Credentials that are one string: an API key in a header."""

from __future__ import annotations

from time import monotonic

from headgate.errors import ConfigError, HeadgateError, QuotaExhausted, RateLimited, UpstreamAuth
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


REST_S = 300.0
"""How long a key is left alone that the vendor does not take, or whose credit is used up."""

LIMITED_S = 5.0
"""How long one is left alone that is rate limited, where the vendor does not say."""

LEAST_S = 1.0
"""How long one is left alone at least, so that no call goes round and round."""


class KeyRing:
    """Several API keys of one provider, taken in turn; one that was refused is left alone for a while."""

    static: Headers | None = None

    def __init__(self, scheme: str, keys: tuple[str, ...]) -> None:
        """Raises ConfigError for a key with characters no header can carry."""
        self.secrets = keys
        self._headers: list[Headers] = [Key(scheme, key).static or () for key in keys]
        self._resting = [0.0] * len(keys)
        """By key, until when."""
        self._turn = 0

    async def headers(self, request: HttpRequest) -> Headers:
        now = monotonic()
        count = len(self._headers)
        order = [(self._turn + step) % count for step in range(count)]
        at = next((each for each in order if self._resting[each] <= now), None)
        if at is None:
            at = min(order, key=lambda each: self._resting[each])
        self._turn = at + 1
        return self._headers[at]

    def refused(self, request: HttpRequest, error: HeadgateError) -> bool:
        """Leave the key of a request alone if that is what was refused; whether another one can be tried at once."""
        if not isinstance(error, (RateLimited, QuotaExhausted, UpstreamAuth)):
            return False
        now = monotonic()
        rest_s = max(LEAST_S, error.retry_after_s or LIMITED_S) if isinstance(error, RateLimited) else REST_S
        for at, [header] in enumerate(self._headers):
            if header in request.headers:
                self._resting[at] = max(self._resting[at], now + rest_s)
        return any(until <= now for until in self._resting)


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
