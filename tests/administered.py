"""Administration over a database in memory, asked through the admin API without a socket."""

from __future__ import annotations

import json
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from headgate.access import Directory, KeyAuthenticator, Roles
from headgate.administration import Administration, Ports
from headgate.audit.log import AuditLog
from headgate.audit.notes import Signer
from headgate.clock import ManualClock
from headgate.config import Config, loads
from headgate.server.admin import Admin
from headgate.storage.memory_counters import MemoryCounters
from headgate.storage.opening import open_database
from headgate.storage.records import Applying
from headgate.types import Identity

SECRET = "a long random text"
CONFIG = """
providers: {sim: {kind: simulator}, paid: {kind: openai, api_key: sk-very-secret, headers: {x-team: hidden}}}
models: {chat: {targets: [sim/gpt-4o-mini]}}
"""

ADMIN_KEY = "hg-the-first-admin-key"


class Told:
    """An answer of the admin API."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> Any:
        return self.json["error"]

    @property
    def params(self) -> list[str]:
        """The fields that are wrong."""
        return [each["param"] for each in self.error["errors"]]


class Administered:
    """An empty organisation, with who may do everything."""

    def __init__(
        self, url: str = "sqlite:///:memory:", *, secret: str | None = SECRET, config: str = CONFIG, custom: Any = None
    ) -> None:
        self.clock = ManualClock()
        self.roles = Roles(custom)
        self.refusals: list[dict[str, Any]] = []
        self._url = url
        self._secret = secret
        self._config: Config = loads(config, "headgate.yaml", {})

    async def __aenter__(self) -> Self:
        self.database = await open_database(self._url, clock=self.clock)
        self.signer = Signer("test", Ed25519PrivateKey.generate())
        self.audit = AuditLog(self.database, self.signer, self.clock)
        self.directory = Directory(self.database, self.roles)
        await self.directory.load()
        self.keys = KeyAuthenticator(ADMIN_KEY, self.directory, clock=self.clock)
        self.counters = MemoryCounters(self.clock)
        self.ports = Ports(
            database=self.database,
            audit=self.audit,
            directory=self.directory,
            roles=lambda: self.roles,
            clock=self.clock,
        )
        self.administration = self.make(self.ports)
        self.admin = Admin(self.administration, self._refused)
        return self

    def make(self, ports: Ports) -> Administration:
        return Administration(ports, lambda: self._config, secret=self._secret, counters=self.counters)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.database.close()

    def rules(self, key: str | Identity, end_user: str | None = None) -> Applying:
        """The limits and budgets of a key's calls."""
        identity = self.identity(key) if isinstance(key, str) else key
        return self.directory.applying(identity, "chat", (), end_user) or ((), ())

    def _refused(self, action: str, **told: Any) -> None:
        self.refusals.append({"action": action, **told})

    def identity(self, key: str = ADMIN_KEY) -> Identity:
        return self.keys.identify({b"authorization": f"Bearer {key}".encode()}, "127.0.0.1")

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str = ADMIN_KEY,
        identity: Identity | None = None,
        headers: dict[str, str] | None = None,
        raw: bytes | None = None,
        **query: Any,
    ) -> Told:
        """One request, as the server hands it over."""
        data = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        lines = {"content-length": str(len(data)), **({"content-type": "application/json"} if data else {})}
        lines |= headers or {}
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": data}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        path, _, text = path.partition("?")
        pairs = {name.rstrip("_"): value for name, value in query.items() if value is not None}
        await self.admin.serve(
            {"type": "http", "method": method, "path": path, "query_string": (text or urlencode(pairs)).encode()},
            {name.encode(): value.encode() for name, value in lines.items()},
            receive,
            send,
            identity or self.identity(key),
            "127.0.0.1",
        )
        start, *pieces = sent
        found = {name.decode(): value.decode() for name, value in start["headers"]}
        return Told(start["status"], found, b"".join(piece["body"] for piece in pieces))

    async def made(self, path: str, body: Any, **more: Any) -> Any:
        """What a request made that has to succeed."""
        told = await self.ask("POST", path, body, **more)
        assert told.status == 201, told.body
        return told.json

    async def key(self, name: str = "k", *, by: str = ADMIN_KEY, **fields: Any) -> Any:
        return await self.made("/admin/keys", {"name": name, **fields}, key=by)

    async def walk(self, path: str, limit: int, *, key: str = ADMIN_KEY, **query: Any) -> list[Any]:
        """All entries of a list, page by page."""
        found: list[Any] = []
        cursor: str | None = None
        while True:
            page = (await self.ask("GET", path, key=key, limit=limit, cursor=cursor, **query)).json
            assert len(page["data"]) <= limit
            found += page["data"]
            cursor = page["next"]
            if cursor is None:
                return found

    async def records(self) -> list[Any]:
        """The audit log, the oldest first."""
        rows = await self.database.fetch("SELECT leaf FROM audit_records ORDER BY position")
        return [json.loads(leaf) for (leaf,) in rows]

    async def snapshot(self) -> dict[str, list[Any]]:
        """Every row there is of what is administered or written down."""
        tables = (
            "organisations", "teams", "projects", "users", "keys", "limits", "budgets", "provider_keys", "ledger",
            "spend", "audit_records", "audit_tree",
        )  # fmt: skip
        return {table: await self.database.fetch(f"SELECT * FROM {table} ORDER BY 1") for table in tables}
