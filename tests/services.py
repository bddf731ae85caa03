"""Real PostgreSQL and Redis for tests: on free ports of this machine, with data in a temporary folder.

`postgres()` and `redis()` start one of each for the whole run, when first asked for. Tests that stop, kill or pause a
server make one of their own. Nothing outlives the run, however it ends: a watcher holds a pipe from it and cleans up
once that is closed.
"""

from __future__ import annotations

import atexit
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

PASSWORD = "not-to-be-shown"
"""Of every server here, so that a test can see that it never turns up where it should not."""

START_S = 60.0

_WATCHER = """
cat > /dev/null
if [ -s "$1/pid" ]; then
  read -r pid < "$1/pid"
  kill -CONT "$pid"
  kill -QUIT "$pid"
  for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$pid" && sleep 1; done
fi
rm -rf "$1"
"""


class ServiceError(Exception):
    """A server cannot be started."""


class Server:
    """A server in a process of its own, with its data in a folder of its own."""

    name: str

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"headgate-{self.name}-"))
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._account = _account()
        if self._account:
            os.chown(self.folder, self._account.pw_uid, self._account.pw_gid)
        self._watcher = subprocess.Popen(
            ["/bin/sh", "-c", _WATCHER, "sh", str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> Self:
        """Start it, again on the port it had before, and wait until it answers."""
        wanted = [self.port] if self.port else [_unused_port() for _ in range(3)]
        for port in wanted:
            self.port = port
            with (self.folder / "log").open("ab") as log:
                self._process = self._spawn(self._command(), log)
            (self.folder / "pid").write_text(f"{self._process.pid}\n")
            if self._wait():
                return self
        raise ServiceError(f"{self.name} does not start:\n{self.log[-2000:]}")

    def stop(self) -> None:
        """Stop it as its operator would."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End it where it stands."""
        for pid in self._family():
            _send(pid, signal.SIGKILL)
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Let it hang: connections stay open, nothing is answered."""
        for pid in self._family():
            _send(pid, signal.SIGSTOP)

    def resume(self) -> None:
        for pid in self._family():
            _send(pid, signal.SIGCONT)

    def close(self) -> None:
        """End it and remove its data."""
        if self.running:
            self.resume()
            self.stop()
        self._watcher.communicate()

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def __enter__(self) -> Self:
        return self if self.running else self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def answers(self) -> bool:
        raise NotImplementedError

    def _command(self) -> list[str]:
        raise NotImplementedError

    def _spawn(self, command: Sequence[str], log: Any) -> subprocess.Popen[bytes]:
        account = self._account
        as_whom: dict[str, Any] = (
            {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}
        )
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=self.folder,
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            start_new_session=True,
            **as_whom,
        )

    def _wait(self) -> bool:
        end = time.monotonic() + START_S
        while self.running and time.monotonic() < end:
            if self.answers():
                return True
            time.sleep(0.01)
        return False

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            if self.running:
                self._process.send_signal(how)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                for pid in self._family():
                    _send(pid, signal.SIGKILL)
                self._process.wait()
            self._process = None
        (self.folder / "pid").unlink(missing_ok=True)

    def _family(self) -> list[int]:
        """The server's process, and those it has started."""
        if self._process is None:
            return []
        own = self._process.pid
        return [own, *(pid for pid, parent in _parents() if parent == own)]


class Postgres(Server):
    """A PostgreSQL server. `with Postgres() as server:` starts and ends one."""

    name = "postgres"

    def __init__(self) -> None:
        self._bin = _postgres_bin()
        super().__init__()
        self._numbers = itertools.count(1)

    def start(self) -> Self:
        if not (self.folder / "data").exists():
            self._make_data()
        return super().start()

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://headgate:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def create(self, template: str = "template0") -> str:
        """A new database, by its name."""
        name = f"t{next(self._numbers)}_{os.getpid()}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, database: str) -> None:
        self.sql(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run a statement beside whatever a test does; what `psql` prints of its rows."""
        done = subprocess.run(
            [self._bin / "psql", "-qXAt", "-v", "ON_ERROR_STOP=1", "-c", statement, self.url(database)],
            env={"PATH": os.defpath},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if done.returncode:
            raise ServiceError(f"{statement}: {done.stderr}")
        return done.stdout

    def answers(self) -> bool:
        ready = [self._bin / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port), "-t", "2"]
        return subprocess.run(ready, check=False, timeout=10).returncode == 0

    def _command(self) -> list[str]:
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": 200,
            "shared_buffers": "64MB",
            "fsync": "off",
            "full_page_writes": "off",
            "jit": "off",
            "timezone": "UTC",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(self._bin / "postgres"), "-D", str(self.folder / "data"), *options]

    def _make_data(self) -> None:
        words = self.folder / "password"
        words.write_text(PASSWORD)
        if self._account:
            os.chown(words, self._account.pw_uid, self._account.pw_gid)
        command = [
            str(self._bin / "initdb"),
            "--pgdata=data",
            "--username=headgate",
            "--auth=scram-sha-256",
            "--pwfile=password",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
            "--no-instructions",
        ]
        with (self.folder / "log").open("ab") as log:
            made = self._spawn(command, log).wait()
        if made:
            raise ServiceError(f"initdb fails:\n{self.log[-2000:]}")


class Redis(Server):
    """A Redis server. Nothing it holds survives its end unless `lasting`."""

    name = "redis"

    def __init__(self, *, lasting: bool = False) -> None:
        self._binary = shutil.which("redis-server")
        if self._binary is None:
            raise ServiceError("redis-server is missing; 'make test' installs it as root, else see tools/services.sh")
        super().__init__()
        self._lasting = lasting

    def url(self, database: int = 0) -> str:
        return f"redis://:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def ask(self, command: str) -> str:
        """The first line of the answer to a command, beside whatever a test does."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(f"AUTH {PASSWORD}\r\n{command}\r\n".encode())
            with connection.makefile("r", encoding="utf-8", newline="\r\n") as lines:
                lines.readline()
                return lines.readline().strip()

    def flush(self) -> None:
        """Forget everything."""
        self.ask("FLUSHALL SYNC")

    def answers(self) -> bool:
        try:
            return self.ask("PING") == "+PONG"
        except OSError:
            return False

    def _command(self) -> list[str]:
        settings = {
            "port": self.port,
            "bind": "127.0.0.1",
            "dir": str(self.folder),
            "requirepass": PASSWORD,
            "save": "",
            "appendonly": "yes" if self._lasting else "no",
            "appendfsync": "always" if self._lasting else "no",
        }
        options = [part for name, value in settings.items() for part in (f"--{name}", str(value))]
        return [str(self._binary), *options]


@cache
def postgres() -> Postgres:
    """The PostgreSQL server of this run."""
    server = Postgres()
    atexit.register(server.close)
    return server.start()


@cache
def redis() -> Redis:
    """The Redis server of this run."""
    server = Redis()
    atexit.register(server.close)
    return server.start()


def _postgres_bin() -> Path:
    """Where the newest PostgreSQL on this machine has its programs: Debian keeps them off the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    on_path = shutil.which("initdb")
    if not found and on_path is None:
        raise ServiceError("PostgreSQL is missing; 'make test' installs it as root, else see tools/services.sh")
    return found[-1].parent if found else Path(str(on_path)).resolve().parent


def _account() -> pwd.struct_passwd | None:
    """Whom to run servers as; None for who runs the tests. PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise ServiceError("PostgreSQL does not run as root, and there is neither a user 'postgres' nor 'nobody'")


def _unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _parents() -> list[tuple[int, int]]:
    """Every process of this machine with the one that started it."""
    if Path("/proc/self/stat").exists():  # a fresh Debian has no ps
        return [found for each in Path("/proc").glob("[0-9]*/stat") if (found := _parent(each))]
    listed = subprocess.run(["/bin/ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    return [(int(pid), int(parent)) for pid, parent in (line.split() for line in listed.splitlines())]


def _parent(stat: Path) -> tuple[int, int] | None:
    """A process and the one that started it, as proc(5) has them; None once it is gone."""
    try:
        head, _, tail = stat.read_text().rpartition(")")
    except OSError:
        return None
    return int(head.split(" ", 1)[0]), int(tail.split()[1])


def _send(pid: int, what: signal.Signals) -> None:
    try:
        os.kill(pid, what)
    except ProcessLookupError:
        pass
