"""The one connection to Redis that everything in a process shares.

Commands of one turn of the event loop go out in one write, and answers find their commands by their order (RESP2, as
hiredis writes and reads it). While Redis is away, what cannot wait fails at once, and what has to arrive is kept.

What is written belongs to a space: all keys begin with the id of the server's run and of what it held then. A server
that was started again, were it from an old snapshot, or emptied has a new space with nothing in it.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from hashlib import sha1
from importlib.util import find_spec
from math import inf
from pathlib import Path
from secrets import token_hex
from time import monotonic
from typing import Any, Final, Protocol, cast
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from headgate.errors import ConfigError, StoreUnavailable
from headgate.timers import Sweeper, sweeper_of_loop

log = logging.getLogger("headgate.storage")

TIMEOUT_S = 0.8
"""How long a connection may take to be there, and Redis to answer."""

GRACE_S = 0.05
"""What it has beyond that: a process that was held up itself finds the answers waiting."""

LATER_S = 0.002
"""How long what nobody waits for may wait for company."""

PROBE_S = 0.5
"""How often a Redis that is away is looked for."""

AGAIN_S = 0.1
"""How long a connection has to last for the next to follow at once."""

LASTS_S = 400 * 86_400
"""Life time of a space that nobody uses."""

PASSING = ("READONLY", "LOADING", "MASTERDOWN", "NOREPLICAS", "OOM", "BUSY", "MISCONF", "CLUSTERDOWN")
"""Errors that say that this server takes nothing now. The connection is given up: the next may be to another."""

KEEPS_ALL = "noeviction"

Word = str | bytes | int


class Space(msgspec.Struct, frozen=True):
    """What one Redis holds from its start, or from when it was emptied, to its end."""

    id: str
    prefix: str
    """What its keys begin with."""
    key: str
    """The key that is there as long as the space is."""
    value: str
    """What that holds."""


class Command(Protocol):
    """Something to say to Redis."""

    keeps: bool
    """Whether it waits for Redis to come back, and is said again where the answer was lost."""

    def words(self, space: Space) -> Sequence[Word] | None:
        """The command in a space; None if there is nothing to say in it."""
        ...

    def answered(self, reply: Any) -> None: ...

    def failed(self, error: StoreUnavailable, *, sent: bool) -> None:
        """Hear that there is no answer. What was sent may have been done, and what keeps is sent again; what was not
        sent never will be.
        """
        ...


class Script:
    """A script for Redis, called by its digest."""

    __slots__ = ("digest", "text")

    def __init__(self, name: str) -> None:
        folder = Path(__file__).parent / "lua"
        self.text = (folder / "_begin.lua").read_bytes() + b"\n" + (folder / f"{name}.lua").read_bytes()
        self.digest = sha1(self.text, usedforsecurity=False).hexdigest()


RESERVE: Final = Script("reserve")
SETTLE: Final = Script("settle")
CARRY: Final = Script("carry")
SEED: Final = Script("seed")
RENEW: Final = Script("renew")
KEEP: Final = Script("keep")
REPLACE: Final = Script("replace")
JOIN: Final = Script("join")
ABANDON: Final = Script("abandon")

SCRIPTS = (RESERVE, SETTLE, CARRY, SEED, RENEW, KEEP, REPLACE, JOIN, ABANDON)


class Address(msgspec.Struct, frozen=True):
    """Where a Redis is, and what it wants to hear first."""

    host: str
    port: int
    path: str
    """Of a socket of this machine; empty where there is a host."""
    tls: ssl.SSLContext | None
    user: str
    password: str
    database: int

    def __str__(self) -> str:
        return self.path or f"{self.host}:{self.port}"

    __repr__ = __str__


class RedisLink:
    """Speaks to one Redis. Belongs to the event loop it is first used on."""

    def __init__(self, url: str, *, namespace: str = "headgate", time_us: Callable[[], int] | None = None) -> None:
        """`time_us` takes the place of the server's clock in scripts: for tests.

        Raises:
            ConfigError: the URL is not one of a Redis, or the extra is not installed.
        """
        if find_spec("hiredis") is None:
            raise ConfigError(["storage.shared: Redis needs an extra: pip install 'headgate[redis]'"])
        self.address = parse_url(url)
        self.space: Space | None = None
        """Where things are written; while Redis is away, where they were last."""
        self.spaces = 0
        """How many there have been."""
        self.away = ""
        """Why Redis is held to be away; empty while it is not."""
        self.entered: list[Callable[[bool], None]] = []
        """Told of each new connection, and whether its space is a new one. What they send goes first."""
        self._namespace = namespace
        self._time_us = time_us
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wire: Wire | None = None
        self._since = 0.0
        """When it was connected."""
        self._connecting: asyncio.Task[None] | None = None
        self._waiting: deque[Command] = deque()
        self._scheduled = False
        self._later = False
        self._closed = False
        self._policy = KEEPS_ALL
        """What Redis does when it is full."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop it belongs to. CPython 3.11 asks the system whenever the running one is looked up."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop

    @property
    def unsent(self) -> int:
        """How much waits for Redis to come back."""
        return sum(command.keeps for command in self._waiting)

    @property
    def time(self) -> Word:
        """What scripts are told of the time."""
        return "" if self._time_us is None else self._time_us()

    def send(self, command: Command) -> None:
        """Send with whatever else is sent in this turn of the event loop; what keeps, with what comes a little later.

        Raises:
            StoreUnavailable: Redis is away, and the command does not keep.
        """
        if self._wire is None:
            if not command.keeps and (self.away or self._closed):
                raise StoreUnavailable(self.away or "the connection to Redis is closed")
            self._waiting.append(command)
            self._connect_soon(0.0)
            return
        self._waiting.append(command)
        if not command.keeps:
            self._flush_soon()
        elif not self._later and not self.loop.is_closed():
            self._later = True
            self.loop.call_later(LATER_S, self._flush_late)

    async def call(self, words: Callable[[Space], Sequence[Word]], space: str | None = None) -> Any:
        """Say one thing and return the answer. It is not said in any space but `space`, if that is given.

        Raises:
            StoreUnavailable: Redis is away or refuses, or its space is another by now.
        """
        ask = Ask(words, space)
        self.send(ask)
        return await ask.future

    async def connect(self) -> Space:
        """Wait until Redis is there.

        Raises:
            StoreUnavailable: it is not.
        """
        await self.call(_ping)
        assert self.space is not None, "a command was answered in it"
        return self.space

    async def flush(self) -> None:
        """Wait until everything sent before was answered.

        Raises:
            StoreUnavailable: Redis is away. What keeps is kept.
        """
        if self._waiting or (self._wire is not None and self._wire.in_flight):
            await self.call(_ping)

    def renew(self, reason: str) -> None:
        """Give up the connection for a new one."""
        if self._wire is not None:
            self._wire.abort(reason)

    async def close(self) -> None:
        """Say what is left to say, if Redis is there, and part."""
        try:
            await self.flush()
        except StoreUnavailable as error:
            log.warning("%d commands have not reached Redis: %s", self.unsent, error)
        self._closed = True
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.wait([self._connecting])
        if self._wire is not None:
            wire, self._wire = self._wire, None
            await wire.close()
        self._fail_waiting("the connection to Redis is closed")

    def _connect_soon(self, pause_s: float) -> None:
        if self._connecting is not None or self._closed:
            return
        if not self.loop.is_closed():
            self._connecting = self.loop.create_task(self._connect(pause_s))

    async def _connect(self, pause_s: float) -> None:
        """Connect, and try again until it works."""
        while True:
            await asyncio.sleep(pause_s)
            wire = Wire(self)
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    await wire.dial(self.address)
                    space = await self._enter(wire)
                if wire.over:
                    raise StoreUnavailable("the connection was closed")
            except TimeoutError:
                self._is_away(wire, f"does not answer within {TIMEOUT_S} s")
            except (OSError, StoreUnavailable) as error:
                self._is_away(wire, str(error))
            except Exception as error:  # noqa: BLE001  # what is no Redis may answer anything
                self._is_away(wire, f"answers what no Redis does: {error!r}")
            except BaseException:
                wire.abort("given up")
                raise
            else:
                break
            pause_s = PROBE_S
        self._connecting = None
        self._wire, self._since = wire, monotonic()
        if self.away:
            log.warning("Redis at %s is back", self.address)
            self.away = ""
        new = space != self.space
        self.spaces += new
        self.space = space
        waiting, self._waiting = self._waiting, deque[Command]()
        for told in self.entered:
            told(new)
        self._waiting += waiting
        self._flush_soon()

    async def _enter(self, wire: Wire) -> Space:
        """Sign in, find the server's space or make one, and have its scripts ready.

        Raises:
            StoreUnavailable: it does not let us in, or cannot be written to.
        """
        address = self.address
        if address.password:
            credentials = [address.user, address.password] if address.user else [address.password]
            reply = await wire.ask("AUTH", *credentials)
            if not isinstance(reply, bytes):  # its words may repeat what it was told
                raise StoreUnavailable(f"refuses the credentials ({str(reply).split(' ', 1)[0]})")
        wire.ask("CLIENT", "SETNAME", "headgate")  # for who looks on; never mind if it may not be said
        if address.database:
            _good(await wire.ask("SELECT", address.database))
        facts = _facts(_good(await wire.ask("INFO", "server")))
        if facts.get("redis_mode") == "cluster":
            raise StoreUnavailable("is a cluster; Headgate needs a single server, replicated if you like")
        run = facts.get("run_id")
        if not run:
            raise StoreUnavailable("does not tell its run_id, so that its restarts would go unseen")
        memory = await wire.ask("INFO", "memory")
        policy = _facts(memory).get("maxmemory_policy", KEEPS_ALL) if isinstance(memory, bytes) else KEEPS_ALL
        if policy != KEEPS_ALL and policy != self._policy:
            log.warning(
                "Redis at %s forgets counters when it is full: set its maxmemory-policy, now %s, to %s",
                address,
                policy,
                KEEPS_ALL,
            )
        self._policy = policy
        key = f"{self._namespace}:{run}:space"
        made, value, *loaded = await asyncio.gather(
            wire.ask("SET", key, token_hex(4), "NX", "EX", LASTS_S),
            wire.ask("GET", key),
            *(wire.ask("SCRIPT", "LOAD", script.text) for script in SCRIPTS),
        )
        for reply in (made, *loaded):
            _good(reply)
        value = _good(value).decode()
        return Space(f"{run}:{value}", f"{self._namespace}:{run[:16]}:{value}:", key, value)

    def _flush_soon(self) -> None:
        if not self._scheduled and self._waiting and not self.loop.is_closed():
            self._scheduled = True
            self.loop.call_soon(self._flush)

    def _flush_late(self) -> None:
        self._later = False
        self._flush()

    def _flush(self) -> None:
        """Send what is waiting in one write."""
        self._scheduled = False
        wire, space = self._wire, self.space
        if wire is None or space is None or not self._waiting:
            return
        commands, packed = [], []
        waiting, self._waiting = self._waiting, deque[Command]()
        for command in waiting:
            try:
                words = command.words(space)
                if words is not None:
                    packed.append(wire.pack(tuple(words)))
                    commands.append(command)
            except (TypeError, ValueError) as error:  # a name that is no Unicode
                command.failed(StoreUnavailable(f"cannot be said to Redis: {error}"), sent=False)
        if packed:
            wire.send(commands, b"".join(packed))

    def lost(self, wire: Wire, reason: str, *, away: bool) -> None:
        """Called by a connection at its end. `away` says that a new one would be no better."""
        error = StoreUnavailable(f"Redis at {self.address}: {reason}")
        if wire is self._wire:
            self._wire = None
            self._waiting.extendleft(command for command in reversed(wire.in_flight) if command.keeps)
            brief = monotonic() - self._since < AGAIN_S
            self._connect_soon(PROBE_S if away else AGAIN_S if brief else 0.0)
            if away:
                self._is_away(None, reason)
            elif brief:
                self._fail_waiting(str(error))
        for command in wire.in_flight:
            command.failed(error, sent=True)
        wire.in_flight.clear()

    def _is_away(self, wire: Wire | None, reason: str) -> None:
        if wire is not None:
            wire.abort(reason)
        if not self.away:
            log.warning("Redis at %s cannot be used: %s", self.address, reason)
        self.away = f"Redis at {self.address}: {reason}"
        self._fail_waiting(self.away)

    def _fail_waiting(self, reason: str) -> None:
        failed = [command for command in self._waiting if not command.keeps]
        self._waiting = deque(command for command in self._waiting if command.keeps)
        for command in failed:
            command.failed(StoreUnavailable(reason), sent=False)


class Wire(asyncio.Protocol):
    """One connection. Ends itself when an answer is due for too long."""

    def __init__(self, link: RedisLink) -> None:
        import hiredis

        self.due = inf
        self.pack: Callable[[tuple[Word, ...]], bytes] = cast("Any", hiredis.pack_command)
        self.in_flight: deque[Command] = deque()
        self._error = hiredis.ReplyError
        self._broken = hiredis.ProtocolError
        self._reader = hiredis.Reader(notEnoughData=Wire)
        self._link = link
        self._loop = asyncio.get_running_loop()
        self._sweeper: Sweeper = sweeper_of_loop()
        self._transport: asyncio.Transport | None = None
        self._gone = self._loop.create_future()
        self.over = False
        self._looked = False

    async def dial(self, address: Address) -> None:
        if address.path:
            await self._loop.create_unix_connection(lambda: self, address.path)
        else:
            await self._loop.create_connection(lambda: self, address.host, address.port, ssl=address.tls)

    def ask(self, *words: Word) -> asyncio.Future[Any]:
        """Say something at once. An error of Redis is an answer too."""
        ask = Ask(lambda _: words, errors=True)
        self.send([ask], self.pack(words))
        return ask.future

    def send(self, commands: Sequence[Command], packed: bytes) -> None:
        if self._transport is None or self.over:
            for command in commands:
                command.failed(StoreUnavailable("the connection is lost"), sent=False)
            return
        if not self.in_flight:
            self.due = monotonic() + TIMEOUT_S
            self._sweeper.watch(self)
        self.in_flight.extend(commands)
        self._transport.write(packed)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by duck typing only

    def data_received(self, data: bytes) -> None:
        in_flight, more, error = self.in_flight, Wire, self._error
        try:
            self._reader.feed(data)
            reply = self._reader.gets()
            while reply is not more and in_flight:
                command = in_flight.popleft()
                if reply.__class__ is error:
                    self._refused(command, str(reply))
                else:
                    command.answered(reply)
                reply = self._reader.gets()
        except self._broken as broken:
            self.abort(f"it speaks no Redis: {broken}")
            return
        if reply is not more and not self.over:
            self.abort("it answers what nobody asked")
        self._looked = False
        if in_flight:
            self.due = monotonic() + TIMEOUT_S
        else:
            self._rest()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._gone.done():
            self._gone.set_result(None)
        self._end(f"the connection broke: {exc}" if exc else "the connection was closed", away=False)

    def fire(self) -> None:
        if self._looked:
            self.abort(f"it does not answer within {TIMEOUT_S} s", away=True)
        else:
            self._looked = True
            self.due = monotonic() + GRACE_S

    def abort(self, reason: str, *, away: bool = False) -> None:
        """End it now. Whatever is not answered is lost."""
        if self._transport is not None:
            self._transport.abort()
        self._end(reason, away=away)

    async def close(self) -> None:
        self.over = True
        self._rest()
        if self._transport is not None:
            self._transport.close()
            await self._gone

    def _refused(self, command: Command, text: str) -> None:
        if isinstance(command, Ask) and command.errors:
            command.answered(self._error(text))
        elif text.startswith("NOSCRIPT"):
            for script in SCRIPTS:
                self.ask("SCRIPT", "LOAD", script.text)
            self._link.send(command)
        elif any(code in text for code in PASSING):
            self.in_flight.appendleft(command)
            self.abort(text, away=True)
        else:
            command.failed(StoreUnavailable(f"Redis at {self._link.address} refuses: {text}"), sent=False)

    def _end(self, reason: str, *, away: bool) -> None:
        if not self.over:
            self.over = True
            self._rest()
            self._link.lost(self, reason, away=away)

    def _rest(self) -> None:
        self.due = inf
        self._sweeper.forget(self)


class Ask:
    """A command somebody waits for."""

    __slots__ = ("_space", "_words", "errors", "future")

    keeps = False

    def __init__(
        self, words: Callable[[Space], Sequence[Word]], space: str | None = None, *, errors: bool = False
    ) -> None:
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.errors = errors
        """Whether an error is an answer like any other."""
        self._words = words
        self._space = space

    def words(self, space: Space) -> Sequence[Word] | None:
        if self._space is not None and self._space != space.id:
            self.failed(StoreUnavailable("Redis was started again or emptied meanwhile"), sent=False)
        return None if self.future.done() else self._words(space)

    def answered(self, reply: Any) -> None:
        if not self.future.done():
            self.future.set_result(reply)

    def failed(self, error: StoreUnavailable, *, sent: bool) -> None:
        if not self.future.done():
            self.future.set_exception(error)
            self.future.exception()  # not everybody who asks looks


def parse_url(url: str) -> Address:
    """`redis://user:password@host:port/database`, `rediss://` for TLS, `unix:///path?db=0`. Options of TLS are named as
    in redis-py.

    Raises:
        ConfigError: it is not one. What it says does not repeat the URL: there is a password in it.
    """
    try:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
        database = int(options.pop("db", "") or ("" if parts.scheme == "unix" else parts.path.strip("/")) or "0")
        port = parts.port or 6379
    except ValueError as error:
        raise _bad_url("its port and its database have to be numbers") from error
    if parts.scheme not in ("redis", "rediss", "unix"):
        raise _bad_url("it has to begin with redis://, rediss:// or unix://")
    if not (parts.path if parts.scheme == "unix" else parts.hostname):
        raise _bad_url("it names no server")
    tls = _tls(options) if parts.scheme == "rediss" else None
    if options:
        raise _bad_url(f"unknown option '{min(options)}'")
    return Address(
        parts.hostname or "",
        port,
        parts.path if parts.scheme == "unix" else "",
        tls,
        unquote(parts.username or ""),
        unquote(parts.password or ""),
        database,
    )


def _tls(options: dict[str, str]) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=options.pop("ssl_ca_certs", None))
        certificate, key = options.pop("ssl_certfile", None), options.pop("ssl_keyfile", None)
        if certificate:
            context.load_cert_chain(certificate, key)
    except OSError as error:
        raise _bad_url(f"its certificates cannot be read: {error}") from error
    if options.pop("ssl_check_hostname", "true").lower() in ("false", "0", "no"):
        context.check_hostname = False
    if options.pop("ssl_cert_reqs", "required") == "none":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _bad_url(why: str) -> ConfigError:
    return ConfigError([f"storage.shared: the URL cannot be used: {why}; write redis://user:password@host:6379/0"])


def _facts(info: bytes) -> dict[str, str]:
    """What INFO tells."""
    lines = info.decode("utf-8", "replace").splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def _good(reply: Any) -> Any:
    """An answer that is no error.

    Raises:
        StoreUnavailable: it is one.
    """
    if isinstance(reply, Exception):
        raise StoreUnavailable(str(reply))
    return reply


def _ping(_: Space) -> Sequence[Word]:
    return ("PING",)
