"""A configured vendor: where its endpoints are, what a request to it carries, and the connections to it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import copy
from urllib.parse import quote, urlsplit

import msgspec
from msgspec.structs import replace

from headgate import __version__, dialects
from headgate.clock import Clock, SystemClock
from headgate.dialects.base import Quirks
from headgate.errors import BadRequest, ConfigError, HeadgateError, Unsupported
from headgate.providers.address import Origin, parse_url
from headgate.providers.auth import Auth, KeyRing, make_auth, region_of
from headgate.providers.auth.keys import Key
from headgate.providers.config import ProviderConfig
from headgate.providers.headers import refuse_injection
from headgate.providers.row import Row, find_row
from headgate.providers.transport import HttpRequest, Transport, TransportOptions
from headgate.registry import load, look_up
from headgate.types import Operation

Headers = tuple[tuple[str, str], ...]

TRANSPORTS = {
    "http1": "headgate.providers.http1:Http1Transport",
    "aiohttp": "headgate.providers.aiohttp:AiohttpTransport",
}

MAX_HEALTH_BYTES = 64 * 1024
"""Longest health page taken."""

_JSON = "application/json"
_OPERATORS = frozenset(
    {
        "authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie", "proxy-authorization",
        "openai-organization", "openai-project", "x-goog-user-project",
    }
)  # fmt: skip
"""Headers of the operator's that say who calls, or for whom."""
_MAX_URLS = 4096
_MAX_ID = 256
_MIN_SECRET = 12  # shorter header values are words, and words are in every error message
_CLIMBS = re.compile(r"(?:^|/)(?:\.|%2e){1,2}(?:/|$)|\\|//|%2f|%5c", re.IGNORECASE)
_BODY = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Provider:
    """One entry of `providers:`. Owns its transport and its credentials."""

    def __init__(self, name: str, config: ProviderConfig, clock: Clock | None = None) -> None:
        """Take a configuration as it is in the file.

        Raises:
            ConfigError: the kind is unknown, a setting is missing or wrong, or an extra is not installed.
        """
        row = find_row(config.kind)
        self.name = name
        self.config = config
        self._clock = clock
        self._with_keys: dict[str, Provider] = {}
        self._for_clients: Provider | None = None
        self.quirks: Quirks = row.quirks
        self.catalog = row.catalog
        self.drop_unsupported = config.drop_unsupported
        self._row = row
        self._base = base_url(config, row)
        self._query = f"api-version={quote(config.api_version, safe='')}" if config.api_version else ""
        self._auth: Auth = make_auth(name, config, row, clock or SystemClock())
        self.has_many_keys = isinstance(self._auth, KeyRing)
        """What a response says of its key's limits is not what the provider takes."""
        self.transport: Transport = _transport(config, row)
        self._urls: dict[tuple[str, str, bool], str] = {}
        self._show(self._auth)
        self._hidden = tuple(value for value in config.headers.values() if len(value) >= _MIN_SECRET)
        self._extras = {member: msgspec.Raw(msgspec.json.encode(value)) for member, value in config.body.items()}

    def with_key(self, secret: str) -> Provider:
        """The same vendor, reached with another credential and on connections of its own. Kept for the next time."""
        made = self._with_keys.get(secret)
        if made is None:
            config = replace(self.config, api_key=secret, api_keys=[])
            made = self._with_keys[secret] = Provider(self.name, config, self._clock)
        return made

    def with_clients_own(self, scheme: str, secret: str) -> Provider:
        """The same vendor for a client's own credential, and nothing the operator authenticates with.

        All clients share its connections: on these a credential is known by the request it stands in, and by nothing
        else. The operator's calls use others.

        Raises:
            BadRequest: no header can carry the credential.
        """
        if self._for_clients is None:
            headers = {name: value for name, value in self.config.headers.items() if name.lower() not in _OPERATORS}
            config = replace(self.config, api_key=None, api_keys=[], auth="none", headers=headers)
            self._for_clients = Provider(self.name, config, self._clock)
        try:
            auth = Key(scheme, secret)
        except ConfigError:
            raise BadRequest("The credential beside x-headgate-key holds characters no key has.") from None
        lent = copy(self._for_clients)
        lent._show(auth)
        return lent

    # ── what it can do ──

    def dialects(self, operation: Operation) -> tuple[str, ...]:
        """What the vendor speaks for an operation, preferred first; empty where it has no such thing."""
        return self._row.dialects.get(operation, ())

    def passes(self, operation: Operation) -> bool:
        """Whether the vendor takes an operation's requests as OpenAI's or Anthropic's clients send them."""
        return operation in self._row.passed

    def base_model(self, model: str) -> str:
        """The model a deployment or inference profile stands for; the name itself where nothing was configured."""
        found = self.config.models.get(model)
        return found.base_model if found is not None else model

    @property
    def origin(self) -> Origin:
        """Where it is reached: host, port, and whether by TLS."""
        return parse_url(self._base).origin

    @property
    def secrets(self) -> tuple[str, ...]:
        """Values that must never reach a client."""
        return (*self._auth.secrets, *self._hidden)

    def tells_secret(self, text: str) -> bool:
        """Whether a text of the vendor's holds one of them."""
        return any(map(text.__contains__, self.secrets))

    # ── requests ──

    async def request(
        self, dialect: str, model: str, stream: bool, body: bytes, client_headers: Mapping[str, str]
    ) -> HttpRequest:
        """A request in one of the vendor's dialects.

        Raises:
            UpstreamAuth: there is no credential.
        """
        headers = self._streamed if stream else self._whole
        forwarded = self._row.forwarded.get(dialect)
        if forwarded is not None and client_headers:
            headers = _with_forwarded(headers, forwarded, client_headers)
        if self._extras:
            body = msgspec.json.encode({**_BODY.decode(body), **self._extras})
        request = HttpRequest(method="POST", url=self.url(dialect, model, stream), headers=headers, body=body)
        return request if self._auth.static is not None else await self._authorised(request)

    async def opaque(
        self,
        operation: Operation,
        method: str,
        path: str,
        content_type: str,
        body: bytes,
        client_headers: Mapping[str, str],
    ) -> HttpRequest:
        """A request passed on as it is. `path` is what follows `/v1` in the client's, with its query.

        Raises:
            Unsupported: the vendor has no such operation.
            BadRequest: the path leaves the place it has below the base URL.
            UpstreamAuth: there is no credential.
        """
        place = self._row.passed.get(operation)
        if place is None:
            raise Unsupported(f"The provider '{self.name}' does not do this: {method} {path.partition('?')[0]}.")
        if not path.startswith("/") or _CLIMBS.search(path.partition("?")[0]):
            raise BadRequest("The path is not a plain one below /v1.")
        headers = self._static if not content_type else (*self._static, ("content-type", content_type))
        for names in self._row.forwarded.values():
            headers = _with_forwarded(headers, names, client_headers)
        url = self._joined(place + path)
        return await self._authorised(HttpRequest(method=method, url=url, headers=headers, body=body))

    def url(self, dialect: str, model: str, stream: bool) -> str:
        """Where a model is reached in a dialect.

        Raises:
            BadRequest: the model's name would be read as another place in the path.
        """
        key = (dialect, model, stream)
        url = self._urls.get(key)
        if url is None:
            if _CLIMBS.search(f"/{model}/"):
                raise BadRequest(f"'{model[:200]}' is not a model's name.", param="model")
            url = self._joined(self._path(dialect, model, stream))
            if len(self._urls) >= _MAX_URLS:  # models may come from clients through a wildcard
                self._urls.clear()
            self._urls[key] = url
        return url

    # ── responses ──

    def has_fresh_key(self, request: HttpRequest, error: HeadgateError) -> bool:
        """Whether a request was refused for its key, and another one can be tried at once."""
        return isinstance(self._auth, KeyRing) and self._auth.refused(request, error)

    def request_id(self, headers: Mapping[str, str]) -> str | None:
        """The vendor's own id of a request, for its support; None for what is no id."""
        found = headers.get(self._row.request_id)
        usable = found and len(found) <= _MAX_ID and found.isprintable() and not self.tells_secret(found)
        return found if usable else None

    def passed_headers(self, headers: Mapping[str, str]) -> Headers:
        """The response headers a client may see."""
        shown: Headers = ()
        for name in self._row.shown:
            value = headers.get(name)
            if value is not None and not self.tells_secret(value):
                shown = (*shown, (name, value))
        return shown

    async def is_well(self, path: str) -> bool:
        """Whether a page of its host answers 2xx.

        Raises:
            HeadgateError: it does not answer.
        """
        host = urlsplit(self._base)
        url = f"{host.scheme}://{host.netloc}{path}"
        request = await self._authorised(HttpRequest(method="GET", url=url, headers=self._static))
        response = await self.transport.send(request)
        try:
            await response.read(MAX_HEALTH_BYTES)
            return 200 <= response.status < 300
        finally:
            await response.close()

    def _show(self, auth: Auth) -> None:
        """Have requests carry a credential."""
        self._auth = auth
        self._static = _static_headers(self.config, self._row, auth)
        self._whole: Headers = (*self._static, ("content-type", _JSON), ("accept", _JSON))
        self._streamed: Headers = (*self._static, ("content-type", _JSON), ("accept", "text/event-stream"))

    async def drain(self) -> None:
        """Let go of every connection that no call is on, and of the others once theirs are over."""
        if self._for_clients is not None:
            await self._for_clients.drain()
        for each in self._with_keys.values():
            await each.drain()
        await self.transport.drain()

    async def close(self) -> None:
        if self._for_clients is not None:
            await self._for_clients.close()
        for each in self._with_keys.values():
            await each.close()
        await self.transport.close()

    def _path(self, dialect: str, model: str, stream: bool) -> str:
        template = self._row.paths.get(dialect)
        if template is None:
            return dialects.get(dialect).path(model, stream)
        if not isinstance(template, str):
            template = template[stream]
        values = {"model": model, "project": self.config.project or "", "location": self.config.location}
        return template.format(**{name: quote(value, safe="") for name, value in values.items()})

    def _joined(self, path: str) -> str:
        url = self._base + path
        if not self._query:
            return url
        return f"{url}{'&' if '?' in path else '?'}{self._query}"

    async def _authorised(self, request: HttpRequest) -> HttpRequest:
        """A request with its credential, where that is not the same for all."""
        if self._auth.static is not None:
            return request
        return replace(request, headers=(*request.headers, *await self._auth.headers(request)))


def base_url(config: ProviderConfig, row: Row) -> str:
    """What every URL of a provider begins with, without a slash at its end.

    Raises:
        ConfigError: a setting it is made of is missing, or it is not a URL; every problem at once.
    """
    region = region_of(config)
    values = {"base_url": config.base_url, "region": region, "project": config.project, "location": config.location}
    problems = [f"{name}: is needed for the kind '{config.kind}'" for name in row.needs if not values.get(name)]
    if not config.base_url and not row.base_url and "base_url" not in row.needs:
        problems.append(f"base_url: is needed for the kind '{config.kind}'")
    problems += [
        f"{name}: must be lower-case letters, digits and dashes"
        for name in ("region", "location")
        if not re.fullmatch(r"[a-z0-9-]*", values[name] or "")
    ]
    if problems:
        raise ConfigError(problems)
    at = row.base_url_at.get(config.location)
    given = config.base_url or at or (row.base_url or "").format(region=region, location=config.location)
    try:
        parse_url(given)
    except BadRequest as error:
        raise ConfigError([f"base_url: {error.message}"]) from None
    if "?" in given or "#" in given:
        raise ConfigError(["base_url: must not have a query"])
    base = given.rstrip("/")
    return base if not row.prefix or base.endswith(row.prefix) else base + row.prefix


def _transport(config: ProviderConfig, row: Row) -> Transport:
    options = TransportOptions(
        connect_s=config.connect_s,
        ca_file=config.ca_file,
        client_cert=config.client_cert,
        client_key=config.client_key,
        proxy=config.proxy,
        script=config.script,
    )
    kind = load(row.transport) if row.transport else look_up("transport", config.transport, TRANSPORTS)
    return kind(options)


def _static_headers(config: ProviderConfig, row: Row, auth: Auth) -> Headers:
    """What every request carries. Configured headers replace those of the row, whatever their case."""
    headers = {"user-agent": f"headgate/{__version__}", "accept-encoding": "identity", **dict(row.headers)}
    headers.update(auth.static or ())
    headers.update((name.lower(), value) for name, value in config.headers.items())
    try:
        refuse_injection(headers.items())
    except BadRequest as error:
        raise ConfigError([f"headers: {error.message}"]) from None
    for name in ("host", "content-length", "transfer-encoding", "connection", "accept-encoding", "content-type"):
        if name in (each.lower() for each in config.headers):
            raise ConfigError([f"headers.{name}: cannot be set, it follows from the request"])
    return tuple(headers.items())


def _with_forwarded(headers: Headers, names: tuple[str, ...], client: Mapping[str, str]) -> Headers:
    """Headers with those of the client's that the vendor knows; they replace our own of the same name."""
    found = {name: value for name in names if (value := client.get(name)) is not None}
    return tuple({**dict(headers), **found}.items()) if found else headers
