"""Everybody there is and what they may do, in memory: the request path never asks a database.

The last snapshot stays in force while the database is away. What is changed in this process is known once `refresh` has
returned; what is changed elsewhere, within `POLL_S` and the time of a read.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import TypeVar, cast

from headgate.access.holders import Holder, Owners, holder_of, person
from headgate.access.roles import Roles
from headgate.access.subjects import Rules
from headgate.storage.database import Database
from headgate.storage.records import Applying, Budget, Entity, Key, Limit, ProviderKey, User
from headgate.storage.tables import TABLES, revision
from headgate.types import Identity

log = logging.getLogger("headgate.access")

POLL_S = 0.5
"""How often is asked whether another replica has changed something."""

E = TypeVar("E", bound=Entity)
Tags = Sequence[tuple[str, str]]
Changes = Mapping[type[Entity], Sequence[Entity]]


class Directory:
    """A snapshot of what is administered, kept fresh."""

    def __init__(self, database: Database, roles: Roles) -> None:
        self._database = database
        self._roles = roles
        self._snapshot = _Snapshot(roles)
        self._revision = -1
        self._changing = asyncio.Lock()
        self._followers: list[Callable[[int], Awaitable[None]]] = []
        self._stale = False
        self.generation = 0
        """Grows with every change that is taken over: who keeps what it found here looks again."""

    # ── keeping it fresh ──

    def followed_by(self, follow: Callable[[int], Awaitable[None]]) -> None:
        """Tell somebody of the database's revision whenever it is looked at. `follow` raises nothing."""
        self._followers.append(follow)

    async def load(self) -> None:
        """Read everything.

        Raises:
            StoreUnavailable: the database cannot be reached.
        """
        async with self._changing:
            await self._read()

    async def refresh(self) -> None:
        """Take over what has changed. While the database is away, what is known stays in force."""
        async with self._changing:
            try:
                await self._read()
            except Exception as error:  # noqa: BLE001  # whatever a store raises, it must not end the looking
                if not self._stale:
                    log.warning("keys, teams and limits stay as they were last seen: %s", error)
                self._stale = True
                return
        if self._stale:
            self._stale = False
            log.info("keys, teams and limits are up to date again")

    async def run(self, shared: bool) -> None:
        """Go on until cancelled. `shared` says whether others write to the same database."""
        while True:
            await asyncio.sleep(POLL_S)
            if shared or self._stale:
                await self.refresh()

    def use(self, roles: Roles) -> None:
        """Go by these roles from now on."""
        if all(roles.scopes([name]) == self._roles.scopes([name]) for name in {*roles.names, *self._roles.names}):
            return
        self._roles = self._snapshot.roles = roles
        self._snapshot.rebuild()
        self.generation += 1

    async def _read(self) -> None:
        now = await revision(self._database)
        if now != self._revision:
            await self._take_over(now)
        for follow in self._followers:
            await follow(now)

    async def _take_over(self, now: int) -> None:
        again = now < self._revision  # somebody has restored a backup
        known = -1 if again else self._revision
        changes: Changes = {table.struct: await table.changed_since(self._database, known) for table in TABLES}
        if again:
            self._snapshot = _Snapshot(self._roles)
        self._snapshot.take_over(changes)
        self._revision = now
        self.generation += 1

    # ── who ──

    def holder(self, digest: bytes) -> Holder | None:
        """What a key opens, by its SHA-256; None where there is no such key."""
        return self._snapshot.holders.get(digest)

    def person(self, user_id: str) -> Identity | None:
        """Who is signed in as a user; None where that is nobody any more."""
        user = self.get(User, user_id)
        return None if user is None else person(user, self._snapshot.owners, self._roles)

    def get(self, kind: type[E], id: str) -> E | None:
        """A row by its id, archived ones too."""
        return cast("E | None", self._snapshot.rows[kind].get(id))

    def named(self, kind: type[E], organisation: str, name: str) -> E | None:
        """What is in use of that id in an organisation, else of that name; None where there is none, or several."""
        return cast("E | None", self._snapshot.named(kind).get((organisation, name)))

    def active(self, organisation: str, team_id: str | None, project_id: str | None) -> bool:
        """Whether all of them are in use."""
        return self._snapshot.owners.active(organisation, team_id, project_id, None)

    def timezone(self, team_id: str | None) -> str:
        """Where a team's days and months begin."""
        return self._snapshot.owners.timezone_of(team_id)

    def provider_key(self, team_id: str | None, provider: str) -> ProviderKey | None:
        """A team's own credential at a provider."""
        return self._snapshot.provider_keys.get((team_id or "", provider))

    # ── how much ──

    def applying(self, identity: Identity, model: str, tags: Tags, end_user: str | None) -> Applying | None:
        """The limits and budgets of a call, each with the subject whose use it counts: `customer:jo` for `customer:*`;
        None where there are none.

        `end_user` is None where the client names none.
        """
        rules = self._snapshot.rules.get(identity.organisation)
        return rules.applying(identity, model, tags, end_user) if rules is not None else None


class _Snapshot:
    """The rows of one database, and what is made of them for fast look-up."""

    def __init__(self, roles: Roles) -> None:
        self.roles = roles
        self.rows: dict[type[Entity], dict[str, Entity]] = {table.struct: {} for table in TABLES}
        self.owners = Owners(self.rows)
        self.holders: dict[bytes, Holder] = {}
        self.provider_keys: dict[tuple[str, str], ProviderKey] = {}
        self.rules: dict[str, Rules] = {}
        """By organisation."""
        self._names: dict[type[Entity], dict[tuple[str, str], Entity | None]] = {}

    def take_over(self, changes: Changes) -> None:
        """Put changed rows in the place of what they were."""
        owners: set[str] = set()
        for kind, rows in changes.items():
            for row in rows:
                before = self.rows[kind].get(row.id)
                self.rows[kind][row.id] = row
                if isinstance(row, Limit | Budget):
                    self._change_rule(cast("Limit | Budget | None", before), row)
                elif isinstance(row, ProviderKey):
                    self._change_provider_key(row)
                elif not isinstance(row, Key):
                    owners.add(row.id)
        self._names.clear()
        keys = {row.id: cast("Key", row) for row in changes.get(Key, ())}
        if owners:
            keys |= {key.id: key for key in self.keys() if self.owners.of(key) & owners}
        for key in keys.values():
            self._build(key)
        if changes.get(Key):
            for rules in self.rules.values():
                rules.forget_callers()

    def rebuild(self) -> None:
        for key in self.keys():
            self._build(key)

    def named(self, kind: type[Entity]) -> Mapping[tuple[str, str], Entity | None]:
        """Rows in use by organisation, and id or name; None where several are called so. Made when first asked for."""
        if kind not in self._names:
            names: dict[tuple[str, str], Entity | None] = {}
            used = [row for row in self.rows[kind].values() if row.archived_us is None]
            for row in used:
                place = row.organisation, getattr(row, "name", "")
                names[place] = None if place in names else row
            self._names[kind] = {**names, **{(row.organisation, row.id): row for row in used}}
        return self._names[kind]

    def keys(self) -> Iterator[Key]:
        return (cast("Key", row) for row in self.rows[Key].values())

    def _build(self, key: Key) -> None:
        try:
            digest = bytes.fromhex(key.digest)
        except ValueError:
            log.error("the digest of key %s is not hexadecimal; nobody can use it", key.id)  # noqa: TRY400
            return
        self.holders[digest] = holder_of(key, self.owners, self.roles)

    def _change_rule(self, before: Limit | Budget | None, row: Limit | Budget) -> None:
        """Put a rule in the place of what it was, among those of its organisation."""
        rules = self.rules.setdefault(row.organisation, Rules(self._lineage))
        used = before if before is not None and before.archived_us is None else None
        rules.change(used, row if row.archived_us is None else None)
        if not rules:
            del self.rules[row.organisation]

    def _change_provider_key(self, row: ProviderKey) -> None:
        place = row.team_id, row.provider
        if row.archived_us is None:
            self.provider_keys[place] = row
        elif (held := self.provider_keys.get(place)) is not None and held.id == row.id:
            del self.provider_keys[place]

    def _lineage(self, key_id: str) -> Sequence[str]:
        """A key and those it came from by rotation: what limited them limits it, and is counted together."""
        line = [key_id]
        while (key := self.rows[Key].get(line[-1])) is not None:
            replaced = cast("Key", key).replaces
            if replaced is None or replaced in line:
                break
            line.append(replaced)
        return line
