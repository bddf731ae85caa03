"""The servers that tests start: they hang and come back as told, and nothing of them outlives the run."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import services

KILLED = """
import os, signal
import services

redis = services.redis()
print(redis.port, redis.folder, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_nothing_outlives_a_run_that_is_killed():
    tests = str(Path(__file__).parents[1])
    killed = subprocess.run([sys.executable, "-c", KILLED], cwd=tests, capture_output=True, text=True, check=False)
    port, folder = killed.stdout.split()
    end = time.monotonic() + 30
    while Path(folder).exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert not Path(folder).exists()
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", int(port))):
        pass


@pytest.mark.parametrize("make", [services.Postgres, services.Redis])
def test_a_server_stops_dies_and_hangs_as_told_and_comes_back_at_its_address(make: type[services.Server]):
    with make() as server:
        port = server.port
        for how in (server.stop, server.kill):
            how()
            assert not server.running
            assert not server.answers()
            server.start()
            assert server.port == port
            assert server.answers()
        folder = server.folder
    assert not server.running
    assert not folder.exists()


def test_a_server_that_hangs_answers_nothing_until_it_goes_on(private_redis: services.Redis):
    private_redis.pause()
    with socket.create_connection(("127.0.0.1", private_redis.port), timeout=0.1) as connection:
        connection.sendall(b"PING\r\n")
        with pytest.raises(TimeoutError):
            connection.recv(1)
        private_redis.resume()
        connection.settimeout(10)
        assert connection.recv(1)


def test_every_test_gets_a_database_with_nothing_in_it(postgres_url: str):
    name = postgres_url.rpartition("/")[2]
    server = services.postgres()
    assert server.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", name).strip() == "0"
