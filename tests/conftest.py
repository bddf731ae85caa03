"""What every test may rely on: no network but loopback, and no event loop left with work to do."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

import services
from headgate.storage.migrating import MigratedDatabase
from headgate.storage.opening import open_database

settings.register_profile("ci", derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")
"""Continuous integration tries the same examples each time; at home they differ from run to run."""


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse Python's own connections to anything but this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        host = address[0] if isinstance(address, tuple) else ""
        if self.family != socket.AF_UNIX and not (host.startswith("127.") or host in ("localhost", "::1")):
            raise OSError(f"a test tried to reach {host}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """A database with nothing in it on the run's PostgreSQL."""
    server = services.postgres()
    name = server.create()
    yield server.url(name)
    server.drop(name)


@pytest.fixture
def redis_url() -> str:
    """The run's Redis with nothing in it."""
    server = services.redis()
    server.flush()
    return server.url()


@pytest.fixture
def private_postgres() -> Iterator[services.Postgres]:
    """A PostgreSQL that a test may stop, kill and pause."""
    with services.Postgres() as server:
        yield server


@pytest.fixture
def private_redis() -> Iterator[services.Redis]:
    """A Redis that a test may stop, kill and pause."""
    with services.Redis() as server:
        yield server


@pytest.fixture(params=["sqlite-file", "sqlite-memory", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Each kind of database in turn, with nothing in it."""
    match request.param:
        case "postgres":
            return request.getfixturevalue("postgres_url")
        case "sqlite-file":
            return f"sqlite:///{tmp_path / 'headgate.db'}"
        case _:
            return "sqlite:///:memory:"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[MigratedDatabase]:
    """Each kind of database in turn, open and with all its tables."""
    opened = await open_database(database_url)
    yield opened
    await opened.close()
