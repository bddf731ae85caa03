"""The connection to Redis: what becomes of what was said while it is away, hangs, is started again or emptied."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import logging
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import services
from certificates import Authority
from headgate.errors import ConfigError, StoreUnavailable
from headgate.storage import redis_link
from headgate.storage.redis_link import Address, RedisLink, Space, Word, parse_url
from headgate.storage.redis_state import RedisState
from waiting import eventually


@contextlib.asynccontextmanager
async def linked(url: str) -> AsyncIterator[RedisLink]:
    link = RedisLink(url)
    try:
        yield link
    finally:
        await link.close()


class Note:
    """A command that keeps."""

    keeps = True

    def __init__(self, text: str) -> None:
        self.text = text
        self.replies: list[Any] = []
        self.failures: list[bool] = []

    def words(self, space: Space) -> Sequence[Word] | None:
        return ("RPUSH", "notes", self.text)

    def answered(self, reply: Any) -> None:
        self.replies.append(reply)

    def failed(self, error: StoreUnavailable, *, sent: bool) -> None:
        self.failures.append(sent)


# ── where Redis is ──


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://localhost", Address("localhost", 6379, "", None, "", "", 0)),
        ("redis://user:p%40ss@redis.internal:7000/3", Address("redis.internal", 7000, "", None, "user", "p@ss", 3)),
        ("redis://:secret@[::1]:7000?db=2", Address("::1", 7000, "", None, "", "secret", 2)),
        ("unix:///run/redis.sock?db=1", Address("", 6379, "/run/redis.sock", None, "", "", 1)),
    ],
)
def test_urls_are_read_as_redis_py_reads_them(url: str, address: Address):
    assert parse_url(url) == address


def test_an_address_does_not_show_its_password():
    assert repr(parse_url("redis://me:hush@localhost")) == "localhost:6379"


def test_tls_checks_certificates_and_names_unless_told_otherwise():
    tls = parse_url("rediss://localhost").tls
    assert tls is not None
    assert tls.check_hostname
    tls = parse_url("rediss://localhost?ssl_check_hostname=false").tls
    assert tls is not None
    assert not tls.check_hostname
    assert tls.verify_mode.name == "CERT_REQUIRED"
    tls = parse_url("rediss://localhost?ssl_cert_reqs=none").tls
    assert tls is not None
    assert tls.verify_mode.name == "CERT_NONE"


@pytest.mark.parametrize(
    "url",
    [
        "postgres://u:hush-hush@localhost/0",
        "redis://u:hush-hush@localhost/one",
        "redis://u:hush-hush@localhost:port/0",
        "redis://u:hush-hush@localhost:70000",
        "redis://u:hush-hush@localhost?cluster=yes",
        "redis://u:hush-hush@localhost?cluster",
        "rediss://u:hush-hush@localhost?ssl_ca_certs=/no/such/file",
        "redis://",
        "unix://",
        "",
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_repeating_it(url: str):
    with pytest.raises(ConfigError) as refused:
        parse_url(url)
    assert refused.value.message.startswith("storage.shared: ")
    assert "hush" not in str(refused.value)


def test_without_the_extra_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(redis_link, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'headgate\[redis\]'"):
        RedisLink("redis://localhost")


def test_what_redis_needs_is_in_the_extra():
    assert importlib.util.find_spec("hiredis")


# ── going and coming ──


async def test_commands_of_one_turn_go_out_in_one_write(redis_url: str):
    async with linked(redis_url) as link:
        await link.connect()
        wire = link._wire
        assert wire is not None
        writes: list[int] = []
        send = wire.send
        wire.send = lambda commands, packed: (writes.append(len(commands)), send(commands, packed))[1]
        await asyncio.gather(*(link.call(lambda _: ("INCR", "n")) for _ in range(50)))
        assert writes == [50]


async def test_what_is_away_fails_at_once_and_is_found_again(private_redis: services.Redis):
    async with linked(private_redis.url()) as link:
        state = RedisState(link)
        await state.put("a", b"1", 60)
        private_redis.kill()
        with pytest.raises(StoreUnavailable):
            await state.get("a")
        started = time.monotonic()
        for _ in range(100):
            with pytest.raises(StoreUnavailable, match=f"127.0.0.1:{private_redis.port}"):
                await state.get("a")
        assert time.monotonic() - started < 0.2
        private_redis.start()
        await eventually(lambda: state.put("a", b"2", 60))
        assert await state.get("a") == b"2"


async def test_one_that_hangs_is_given_up_within_a_second(private_redis: services.Redis):
    async with linked(private_redis.url()) as link:
        await link.connect()
        private_redis.pause()
        started = time.monotonic()
        with pytest.raises(StoreUnavailable, match="does not answer"):
            await link.call(lambda _: ("PING",))
        assert time.monotonic() - started < 1.5
        started = time.monotonic()
        with pytest.raises(StoreUnavailable, match="does not answer"):
            await link.call(lambda _: ("PING",))
        assert time.monotonic() - started < 0.2
        private_redis.resume()
        await eventually(link.connect)


async def test_a_connection_that_was_closed_while_idle_is_made_anew_unnoticed(redis_url: str):
    async with linked(redis_url) as link:
        await link.connect()
        wire = link._wire
        services.redis().ask("CLIENT KILL TYPE normal")
        await eventually(lambda: asyncio.sleep(0, link._wire is not wire))
        await link.connect()


async def test_nobody_there_from_the_start_is_told_and_looked_for(private_redis: services.Redis):
    private_redis.kill()
    async with linked(private_redis.url()) as link:
        with pytest.raises(StoreUnavailable):
            await link.connect()
        private_redis.start()
        await eventually(link.connect)


async def test_what_keeps_is_said_when_redis_is_back_in_its_order_and_once_if_it_was_not_heard(
    private_redis: services.Redis,
):
    async with linked(private_redis.url()) as link:
        await link.connect()
        private_redis.kill()
        notes = [Note(str(number)) for number in range(5)]
        for note in notes:
            link.send(note)
        with pytest.raises(StoreUnavailable):
            await link.flush()
        private_redis.start()
        await eventually(link.flush)
        assert [note.replies for note in notes] == [[1], [2], [3], [4], [5]]
        assert await link.call(lambda _: ("LRANGE", "notes", 0, -1)) == [b"0", b"1", b"2", b"3", b"4"]


async def test_what_keeps_is_said_again_where_its_answer_was_lost(private_redis: services.Redis):
    async with linked(private_redis.url()) as link:
        await link.connect()
        private_redis.pause()
        note = Note("heard twice")
        link.send(note)
        with pytest.raises(StoreUnavailable):
            await link.flush()
        assert note.failures == [True]
        private_redis.resume()
        await eventually(link.flush)
        assert len(note.replies) == 1


async def test_what_cannot_be_said_fails_alone(redis_url: str):
    async with linked(redis_url) as link:
        bad = asyncio.ensure_future(link.call(lambda _: ("GET", "\ud800")))
        good = asyncio.ensure_future(link.call(lambda _: ("PING",)))
        with pytest.raises(StoreUnavailable):
            await bad
        assert await good == b"PONG"


async def test_what_redis_refuses_fails_alone(redis_url: str):
    async with linked(redis_url) as link:
        bad = asyncio.ensure_future(link.call(lambda _: ("INCR",)))
        good = asyncio.ensure_future(link.call(lambda _: ("PING",)))
        with pytest.raises(StoreUnavailable, match="wrong number"):
            await bad
        assert await good == b"PONG"


async def test_scripts_that_redis_has_forgotten_are_told_again(redis_url: str):
    async with linked(redis_url) as link:
        state = RedisState(link)
        await state.replace("a", None, b"1", 60)
        services.redis().ask("SCRIPT FLUSH")
        outcomes = await asyncio.gather(*(state.replace("a", b"1", b"1", 60) for _ in range(5)))
        assert outcomes == [True] * 5


async def test_a_server_that_may_not_be_written_to_is_held_to_be_away(private_redis: services.Redis):
    async with linked(private_redis.url()) as link:
        state = RedisState(link)
        await state.put("a", b"1", 60)
        private_redis.ask("REPLICAOF 127.0.0.1 1")
        with pytest.raises(StoreUnavailable):
            await state.put("a", b"2", 60)
        assert "READONLY" in link.away
        private_redis.ask("REPLICAOF NO ONE")
        await eventually(lambda: state.put("a", b"2", 60))


async def test_a_server_without_memory_left_is_held_to_be_away_and_what_keeps_is_kept(redis_url: str):
    async with linked(redis_url) as link:
        state = RedisState(link)
        await state.put("a", b"1", 60)
        services.redis().ask("CONFIG SET maxmemory 1")
        try:
            note = Note("kept")
            link.send(note)
            with pytest.raises(StoreUnavailable):
                await state.put("a", b"2", 60)
            assert "OOM" in link.away
        finally:
            services.redis().ask("CONFIG SET maxmemory 0")
        await eventually(link.flush)
        assert note.replies == [1]


async def test_a_cancelled_question_is_not_asked_and_its_answer_not_missed(redis_url: str):
    async with linked(redis_url) as link:
        await link.connect()
        asked = asyncio.ensure_future(link.call(lambda _: ("INCR", "n")))
        await asyncio.sleep(0)
        asked.cancel()
        assert await link.call(lambda _: ("GET", "n")) is None


# ── spaces ──


async def test_a_server_started_again_is_a_new_space(private_redis: services.Redis):
    async with linked(private_redis.url()) as link:
        told: list[bool] = []
        link.entered.append(told.append)
        state = RedisState(link)
        await state.put("a", b"1", 60)
        first = link.space
        private_redis.kill()
        private_redis.start()
        await eventually(link.connect)
        assert link.space != first
        assert told == [True, True]
        assert await state.get("a") is None


async def test_a_snapshot_that_comes_back_with_a_server_is_not_believed():
    with services.Redis(lasting=True) as server:
        async with linked(server.url()) as link:
            state = RedisState(link)
            await state.put("a", b"1", 60)
            server.kill()
            server.start()
            await eventually(link.connect)
            assert int(server.ask("DBSIZE").strip(":")) == 3, "two keys are there again, and a new space"
            assert await state.get("a") is None


async def test_a_connection_to_the_same_server_is_the_same_space(redis_url: str):
    async with linked(redis_url) as link:
        told: list[bool] = []
        link.entered.append(told.append)
        state = RedisState(link)
        await state.put("a", b"1", 60)
        link.renew("for a test")
        assert await state.get("a") == b"1"
        assert told == [True, False]


async def test_a_server_that_was_emptied_is_a_new_space(redis_url: str):
    async with linked(redis_url) as link:
        state = RedisState(link)
        await state.put("a", b"1", 60)
        first = link.space
        services.redis().flush()
        with pytest.raises(StoreUnavailable, match="emptied"):
            await state.replace("a", b"1", b"2", 60)
        assert await link.connect() != first
        assert await state.replace("a", None, b"2", 60)


async def test_two_links_share_a_space_and_two_namespaces_do_not(redis_url: str):
    async with linked(redis_url) as one, linked(redis_url) as other:
        stranger = RedisLink(redis_url, namespace="other")
        await RedisState(one).put("a", b"1", 60)
        assert await RedisState(other).get("a") == b"1"
        assert await RedisState(stranger).get("a") is None
        assert one.space == other.space
        await stranger.close()


async def test_what_was_meant_for_one_space_is_not_said_in_another(private_redis: services.Redis):
    async with linked(private_redis.url()) as link:
        space = await link.connect()
        assert await link.call(lambda _: ("PING",), space.id) == b"PONG"
        private_redis.kill()
        private_redis.start()
        await eventually(link.connect)
        with pytest.raises(StoreUnavailable, match="started again"):
            await link.call(lambda _: ("SET", "a", "1"), space.id)
        assert await link.call(lambda _: ("GET", "a")) is None


# ── signing in ──


async def test_a_redis_that_may_forget_is_warned_of_once(
    private_redis: services.Redis, caplog: pytest.LogCaptureFixture
):
    private_redis.ask("CONFIG SET maxmemory-policy allkeys-lru")
    async with linked(private_redis.url()) as link:
        await link.connect()
        link.renew("for a test")
        await link.connect()
    [told] = [each for each in caplog.messages if "maxmemory-policy" in each]
    assert "allkeys-lru" in told


async def test_a_wrong_password_is_told_and_shown_nowhere(redis_url: str, caplog: pytest.LogCaptureFixture):
    url = redis_url.replace(services.PASSWORD, "hush-hush")
    async with linked(url) as link:
        with caplog.at_level(logging.DEBUG), pytest.raises(StoreUnavailable, match="refuses the credentials") as told:
            await link.connect()
        assert "hush" not in str(told.value) + caplog.text + repr(link)
        assert services.PASSWORD not in caplog.text


async def test_a_user_with_a_name_and_a_database_with_a_number(redis_url: str):
    services.redis().ask("ACL SETUSER gate on >word allkeys allcommands")
    url = f"redis://gate:word@127.0.0.1:{services.redis().port}/5"
    async with linked(url) as link, linked(redis_url) as other:
        await RedisState(link).put("a", b"1", 60)
        assert await RedisState(link).get("a") == b"1"
        assert await RedisState(other).get("a") is None
    services.redis().ask("ACL DELUSER gate")


class TlsRedis(services.Redis):
    """Speaks TLS on one port more, and asks for certificates."""

    def __init__(self, authority: Authority) -> None:
        super().__init__()
        certificate, key = authority.issue("redis")
        for source, name in ((authority.ca_file, "ca"), (certificate, "cert"), (key, "key")):
            (self.folder / name).write_bytes(source.read_bytes())
            (self.folder / name).chmod(0o644)
        self.tls_port = services._unused_port()

    def _command(self) -> list[str]:
        options = {"tls-port": self.tls_port, "tls-cert-file": "cert", "tls-key-file": "key", "tls-ca-cert-file": "ca"}
        return [*super()._command(), *(part for name, value in options.items() for part in (f"--{name}", str(value)))]


async def test_tls_with_certificates_on_both_sides(tmp_path: Path):
    authority = Authority(tmp_path)
    certificate, key = authority.issue("client")
    with TlsRedis(authority) as server:
        url = f"rediss://:{services.PASSWORD}@127.0.0.1:{server.tls_port}/0"
        options = f"ssl_ca_certs={authority.ca_file}&ssl_certfile={certificate}&ssl_keyfile={key}"
        async with linked(f"{url}?{options}") as link:
            await RedisState(link).put("a", b"1", 60)
            assert await RedisState(link).get("a") == b"1"
        async with linked(f"{url}?ssl_certfile={certificate}&ssl_keyfile={key}") as link:
            with pytest.raises(StoreUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
                await link.connect()


# ── what is not a Redis ──


@contextlib.asynccontextmanager
async def speaking(answer: bytes) -> AsyncIterator[str]:
    """A server that says the same to everything."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65_536):
            writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "speaks no Redis"),
        (b"-NOAUTH Authentication required.\r\n" * 3, "NOAUTH"),
        (b"$0\r\n\r\n" * 2, "run_id"),
        (b"+OK\r\n$25\r\nredis_mode:cluster\r\nrun:1\r\n", "cluster"),
        (b":1\r\n" * 10, "no Redis"),
        (b"", "does not answer"),
    ],
)
async def test_what_is_no_redis_to_work_with_is_told(answer: bytes, why: str):
    async with speaking(answer) as url, linked(url) as link:
        with pytest.raises(StoreUnavailable, match=why):
            await link.connect()


async def test_a_server_that_hangs_up_on_everybody_is_not_called_without_pause(private_redis: services.Redis):
    async with linked(private_redis.url()) as link:
        entered: list[float] = []

        def hung_up(new: bool) -> None:
            entered.append(time.monotonic())
            asyncio.get_running_loop().call_soon(link.renew, "hung up")

        link.entered.append(hung_up)
        with contextlib.suppress(StoreUnavailable):
            await link.connect()
        while len(entered) < 4:
            await asyncio.sleep(0.01)
        assert entered[3] - entered[0] >= 0.3


async def test_answers_nobody_asked_for_end_the_connection(redis_url: str):
    async with linked(redis_url) as link:
        await link.connect()
        wire = link._wire
        assert wire is not None
        wire.data_received(b"+OK\r\n")
        assert wire.over
        await link.connect()
