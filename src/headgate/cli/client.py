"""Asking the admin API: of the server that runs, or in this process where nobody serves from the SQLite file."""

from __future__ import annotations

import asyncio
import getpass
import http.client
import os
import sys
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, unquote, urlencode, urlsplit

import msgspec
from cyclopts import Parameter
from msgspec.structs import replace

from headgate.access.roles import SCOPES
from headgate.cli.configs import ConfigFile, Json, load_or_starter
from headgate.cli.exits import CANNOT_RUN, FAILED, USAGE, CannotRun
from headgate.cli.files import check_database
from headgate.config import Config
from headgate.config.rules import loopback
from headgate.errors import StoreUnavailable
from headgate.types import Identity

TIMEOUT_S = 60.0
PAGE = 500

Query = Mapping[str, Any]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Reach:
    """Which server is asked, by whom, about which organisation."""

    config: ConfigFile = None
    """The file that says where the server and its database are; else HEADGATE_CONFIG, else ./headgate.yaml."""
    url: str | None = None
    """The server's address; else HEADGATE_URL, else that of the configuration."""
    key: str | None = None
    """A key that may do this; better in HEADGATE_ADMIN_KEY, where others on this machine do not see it."""
    organisation: str | None = None
    """Another organisation than the key's own."""
    json: Json = False
    """Print JSON."""


HERE = Reach()


class Refused(Exception):
    """The admin API said no."""

    def __init__(self, status: int, error: Mapping[str, Any]) -> None:
        super().__init__(str(error.get("message", "")))
        self.status = status
        self.error = error

    @property
    def problems(self) -> list[Mapping[str, Any]]:
        """What is wrong."""
        return list(self.error.get("errors") or [self.error])

    @property
    def code(self) -> int:
        """The exit code this comes to."""
        if self.status in (404, 409) or all(each.get("code") == "not_found" for each in self.problems):
            return FAILED
        return USAGE if self.status in (400, 422) else CANNOT_RUN


class Client(Protocol):
    """Somebody who answers."""

    def ask(self, method: str, path: str, body: Any = None, query: Query | None = None) -> Any:
        """The parsed answer.

        Raises:
            Refused: it is an error.
            CannotRun: there is none.
        """
        ...

    def download(self, path: str, query: Query | None = None) -> Iterator[bytes]:
        """An export, piece by piece; raises as `ask` does, and CannotRun where it breaks off."""
        ...

    def targets(self) -> list[Any]:
        """How targets are doing, as the server's page tells it; none where nobody serves. Raises as `ask` does."""
        ...


@contextmanager
def reached(reach: Reach) -> Generator[Client, None, None]:
    """Whoever answers for what `reach` says.

    Raises:
        CannotRun: nobody does.
    """
    url = reach.url or os.environ.get("HEADGATE_URL")
    if url is not None:
        yield _Server(url, key_of(reach), reach.organisation)
        return
    config, path = load_or_starter(reach.config)
    address = _address(config)
    if _answers(address):
        yield _Server(address, key_of(reach), reach.organisation)
        return
    with _in_process(config, path, address, reach.organisation) as client:
        yield client


def everything(client: Client, path: str, query: Query | None = None) -> list[Any]:
    """All entries of a list, page by page."""
    found: list[Any] = []
    cursor: str | None = None
    while True:
        page = client.ask("GET", path, query={**(query or {}), "limit": PAGE, "cursor": cursor})
        found += page["data"]
        cursor = page["next"]
        if cursor is None:
            return found


def segment(text: str) -> str:
    """A text as one part of a path."""
    return quote(text, safe="")


# ── a server ──


class _Server:
    """A server that runs, over HTTP."""

    def __init__(self, url: str, key: str | None, organisation: str | None) -> None:
        self._url = base_of(url, key)
        parts = urlsplit(self._url)
        self._tls = parts.scheme == "https"
        self._host, self._port = parts.hostname or "", parts.port
        self._headers = {"authorization": f"Bearer {key}"} if key else {}
        self._keyless = not key
        self._organisation = organisation

    def ask(self, method: str, path: str, body: Any = None, query: Query | None = None) -> Any:
        return _parsed(*self._read(method, path, body, query), keyless=self._keyless)

    def download(self, path: str, query: Query | None = None) -> Iterator[bytes]:
        connection, response = self._sent("GET", path, None, query)
        try:
            if response.status != 200:
                _parsed(response.status, response.read(), keyless=self._keyless)
            while piece := response.read(1 << 16):
                yield piece
        except (OSError, http.client.HTTPException) as error:
            raise CannotRun(f"the export from {self._url} broke off: {error!r}", "Try again.") from None
        finally:
            connection.close()

    def targets(self) -> list[Any]:
        status, body = self._read("GET", "/targets", None, None, below="")
        return _parsed(status, body, keyless=self._keyless)["targets"]

    def _read(self, method: str, path: str, body: Any, query: Query | None, below: str = "/admin") -> tuple[int, bytes]:
        connection, response = self._sent(method, path, body, query, below)
        try:
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise CannotRun(f"the answer of {self._url} broke off: {error!r}", "Try again.") from None
        finally:
            connection.close()

    def _sent(
        self, method: str, path: str, body: Any, query: Query | None, below: str = "/admin"
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        kind = http.client.HTTPSConnection if self._tls else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=TIMEOUT_S)
        headers = {**self._headers, **({"content-type": "application/json"} if body is not None else {})}
        data = None if body is None else msgspec.json.encode(body)
        try:
            connection.request(method, f"{below}{path}{_query(query, self._organisation)}", data, headers)
            return connection, connection.getresponse()
        except (OSError, http.client.HTTPException, ValueError) as error:
            connection.close()
            raise CannotRun(
                f"nobody answers at {self._url}: {error}", "Start it with 'headgate serve', or set HEADGATE_URL."
            ) from None


def base_of(url: str, key: str | None) -> str:
    """The address of a server, with nothing behind host and port.

    Raises:
        CannotRun: it is none, or a key would be sent there for anybody to read.
    """
    parts = urlsplit("")
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    if not fine:
        raise CannotRun(f"{url} is no address of a server", "Write http://host:port or https://host.")
    if parts.scheme == "http" and not loopback(parts.hostname or "") and key:
        raise CannotRun(
            f"{parts.hostname} would be sent the key without encryption", "Write https://, or a loopback address."
        )
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def key_of(reach: Reach) -> str | None:
    """The key to come with."""
    return reach.key or os.environ.get("HEADGATE_ADMIN_KEY")


def _address(config: Config) -> str:
    host = config.server.host
    if host in ("0.0.0.0", "::"):  # noqa: S104 - asked of this machine itself
        host = "127.0.0.1"
    return f"http://{f'[{host}]' if ':' in host else host}:{config.server.port}"


def _answers(address: str) -> bool:
    """Whether a Headgate serves there."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _query(query: Query | None, organisation: str | None) -> str:
    pairs: list[tuple[str, str]] = []
    for name, value in {**(query or {}), "organisation": organisation}.items():
        match value:
            case None:
                pass
            case bool():
                pairs.append((name, str(value).lower()))
            case list() | tuple():
                pairs += [(name, str(each)) for each in value]
            case _:
                pairs.append((name, str(value)))
    return f"?{urlencode(pairs)}" if pairs else ""


def _parsed(status: int, raw: bytes, *, keyless: bool = False) -> Any:
    try:
        answer = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        raise CannotRun(f"the answer, status {status}, is not Headgate's", "Check HEADGATE_URL.") from None
    if status < 300:
        return answer
    error = answer.get("error") if isinstance(answer, dict) else None
    if status == 401:
        what = "no key was given" if keyless else "the key is not valid"
        raise CannotRun(what, "Set HEADGATE_ADMIN_KEY to a key that may do this.")
    if status == 403 and keyless:
        raise CannotRun(
            "this server asks nobody for a key ('auth: none'), so there is nobody who may administer it",
            "Set 'auth: keys'; or stop it, and the commands open its database themselves.",
        )
    raise Refused(status, error if isinstance(error, dict) else {"message": f"status {status}"})


# ── in this process ──


class _Here:
    """Administration in this process, which has the file to itself."""

    def __init__(self, runner: asyncio.Runner, admin: Any, organisation: str | None) -> None:
        self._runner = runner
        self._admin = admin
        self._organisation = organisation
        self._identity = Identity(key_id="shell", roles=frozenset({"admin"}), scopes=frozenset(SCOPES))

    def ask(self, method: str, path: str, body: Any = None, query: Query | None = None) -> Any:
        answered = self._answered(method, path, body, query)
        return _parsed(answered.status, answered.body)

    def download(self, path: str, query: Query | None = None) -> Iterator[bytes]:
        answered = self._answered("GET", path, None, query)
        if answered.pieces is None:
            _parsed(answered.status, answered.body)
            return
        yield answered.body
        while (piece := self._runner.run(_next(answered.pieces))) is not None:
            yield piece

    def targets(self) -> list[Any]:
        return []

    def _answered(self, method: str, path: str, body: Any, query: Query | None) -> Any:
        data = b"" if body is None else msgspec.json.encode(body)
        asked = self._admin.handle(
            method,
            f"/admin{unquote(path)}",
            _query(query, self._organisation)[1:],
            data,
            identity=self._identity,
            name=f"shell:{login()}",
        )
        return self._runner.run(asked)


async def _next(pieces: Any) -> bytes | None:
    return await anext(pieces, None)


@contextmanager
def _in_process(
    config: Config, path: Path | None, address: str, organisation: str | None
) -> Generator[Client, None, None]:
    from headgate.storage.opening import MEMORY, SQLITE, located, sqlite_path

    nobody = f"nobody serves at {address}"
    url = located(config.storage.database, path.parent if path else Path())
    if not url.startswith(SQLITE):
        raise CannotRun(f"{nobody}, and the database is no file", "Start 'headgate serve', or set HEADGATE_URL.")
    if url == f"{SQLITE}{MEMORY}":
        raise CannotRun(f"{nobody}, and nothing is kept", "Start 'headgate serve', or set HEADGATE_URL.")
    check_database(url)
    if path is None and not Path(sqlite_path(url)).exists():
        raise CannotRun(f"{nobody}, and there is no database here", "Try 'headgate init', then 'headgate serve'.")
    from headgate.server.admin.making import opened

    config = replace(config, storage=replace(config.storage, database=url))
    with asyncio.Runner() as runner:
        try:
            services, admin = runner.run(opened(config, os.environ))
        except StoreUnavailable as error:
            raise CannotRun(error.message, "If a server runs elsewhere, set HEADGATE_URL.") from None
        try:
            yield _Here(runner, admin, organisation)
        finally:
            runner.run(services.close())


def login() -> str:
    """Who works at this shell."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid()) if sys.platform != "win32" else "unknown"
