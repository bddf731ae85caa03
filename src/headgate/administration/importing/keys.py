"""Keys that are taken over: their holders go on using them."""

from __future__ import annotations

from collections.abc import Sequence

from headgate.access.grants import exceeds
from headgate.access.roles import Roles
from headgate.administration import keyring
from headgate.administration.acting import Act
from headgate.administration.importing.ids import Ids
from headgate.administration.importing.requests import ImportedKey
from headgate.administration.importing.tally import Tally
from headgate.administration.values import microseconds
from headgate.errors import Forbidden
from headgate.storage.records import Key
from headgate.storage.tables import KEYS

_SHOWN = (
    "name", "hint", "team_id", "project_id", "user_id", "roles", "models", "endpoints", "tags", "expires_us",
    "revoked_us",
)  # fmt: skip


class Keys:
    def __init__(self, act: Act, ids: Ids, roles: Roles, tally: Tally) -> None:
        self._act = act
        self._ids = ids
        self._roles = roles
        self._tally = tally

    async def take(self, asked: Sequence[ImportedKey]) -> None:
        """Raises `Forbidden` for a key that would be more than the actor may do."""
        if not asked:
            return
        transaction, organisation = self._act.transaction, self._ids.organisation
        identity = self._act.actor.identity
        held = await KEYS.get(transaction, identity.organisation, identity.key_id)
        ids = (self._ids.of("key", each.id) for each in asked)
        known = {key.id: key for key in await keyring.of_ids(transaction, KEYS, organisation, ids)}
        same = await keyring.of_digests(transaction, organisation, (each.digest for each in asked))
        names = {key.digest: key.name for key in same}
        for each in asked:
            key = self._key(each)
            if (row := known.get(key.id)) is not None:
                self._tally.known["keys"] += 1
                await self._revoke_since(row, each)
                continue
            if key.digest in names:
                self._tally.left.append(f"key {each.name}: it is here already, as '{names[key.digest]}'")
                continue
            if beyond := exceeds(identity, key, self._roles, held):
                raise Forbidden(f"A key can do no more than who makes it, and yours lacks: {beyond}.")
            await keyring.register.add(self._act, key, _SHOWN)
            self._tally.made["keys"] += 1

    async def _revoke_since(self, row: Key, asked: ImportedKey) -> None:
        if asked.revoked and row.revoked_us is None:
            await KEYS.update(self._act.transaction, self._act.changed(row, revoked_us=self._act.at_us))
            self._act.record("keys.revoke", f"key:{row.id}")
            self._tally.revoked += 1

    def _key(self, asked: ImportedKey) -> Key:
        return Key(
            **self._act.common("key", self._ids.of("key", asked.id)),
            name=asked.name,
            digest=asked.digest,
            hint=asked.hint,
            team_id=self._ids.reference("team", asked.team),
            project_id=self._ids.reference("project", asked.project),
            user_id=self._ids.reference("user", asked.user),
            roles=asked.roles,
            models=asked.models,
            endpoints=None if asked.endpoints is None else list(asked.endpoints),
            tags=asked.tags,
            created_by=self._act.actor.name,
            expires_us=None if asked.expires_at is None else microseconds(asked.expires_at),
            revoked_us=self._act.at_us if asked.revoked else None,
        )
