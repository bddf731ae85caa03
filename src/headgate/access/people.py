"""The rows of those who sign in: made and brought up to date by what their provider says of them."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Sequence

from msgspec.structs import replace

from headgate.access.directory import Directory
from headgate.access.oidc import Person, SignInError
from headgate.clock import Clock
from headgate.storage.database import Database, Transaction
from headgate.storage.records import AuditRecord, User
from headgate.storage.tables import USERS, next_revision

Append = Callable[[Transaction, Sequence[AuditRecord]], Awaitable[object]]
"""Writes audit records as a part of a transaction; raises where that cannot be done."""


class People:
    """Users who come from an identity provider. Their name, address and roles are what it last said."""

    def __init__(self, database: Database, directory: Directory, clock: Clock, append: Append) -> None:
        self._database = database
        self._directory = directory
        self._clock = clock
        self._append = append

    async def signed_in(self, person: Person, organisation: str, address: str) -> User:
        """The row of somebody who signs in now. That, the change of the row and its audit records are one act.

        Raises:
            SignInError: the user is archived.
            StoreUnavailable: the database cannot be reached.
        """
        async with self._database.transaction() as transaction:
            revision = await next_revision(transaction)
            now_us = self._clock.now_us()
            before = await self._found(transaction, person, organisation)
            if before is None:
                user = User(
                    id=f"user_{secrets.token_hex(12)}",
                    organisation=organisation,
                    revision=revision,
                    created_us=now_us,
                    updated_us=now_us,
                    name=person.name,
                    email=person.email,
                    roles=list(person.roles),
                    issuer=person.issuer,
                    subject=person.subject,
                )
                await USERS.insert(transaction, user)
                actions = ["users.create", "login"]
            elif before.archived_us is not None:
                raise SignInError("archived")
            else:
                user = replace(before, name=person.name, email=person.email, roles=list(person.roles))
                actions = ["login"]
                if user != before:
                    user = await USERS.update(transaction, replace(user, revision=revision, updated_us=now_us))
                    actions = ["users.change", "login"]
            await self._append(transaction, [self._record(action, user, address, now_us) for action in actions])
        await self._directory.refresh()
        return user

    async def _found(self, transaction: Transaction, person: Person, organisation: str) -> User | None:
        by = {"issuer": person.issuer, "subject": person.subject}
        found, _ = await USERS.list(transaction, organisation, by, limit=1, archived=True)
        return found[0] if found else None

    def _record(self, action: str, user: User, address: str, now_us: int) -> AuditRecord:
        """What is written down: who and what roles, nothing personal."""
        return AuditRecord(
            id=f"aud_{secrets.token_hex(12)}",
            at_us=now_us,
            organisation=user.organisation,
            actor=f"user:{user.id}",
            address=address or None,
            action=action,
            subject=f"user:{user.id}",
            detail={"roles": ", ".join(user.roles)},
        )
