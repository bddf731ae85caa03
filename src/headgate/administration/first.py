"""The key that makes the first ones."""

from __future__ import annotations

from headgate.access.minting import mint
from headgate.administration import keyring
from headgate.administration.acting import Actor, Acts
from headgate.storage.records import Key
from headgate.types import Identity

NAME = "first key"

_SYSTEM = Actor(identity=Identity(key_id="system"), organisation="default", name="system")


async def first_key(acts: Acts) -> str | None:
    """A new key that may do everything, where there has never been one; None where there has.

    Raises:
        StoreUnavailable: the database cannot be reached.
    """
    async with acts.begin(_SYSTEM) as act:
        if await act.transaction.fetch("SELECT 1 FROM keys LIMIT 1"):
            return None
        minted = mint()
        key = Key(
            **act.common("key"), name=NAME, digest=minted.digest, hint=minted.hint, roles=["admin"], created_by="system"
        )
        await keyring.register.add(act, key, ["name", "hint", "roles"])
        return minted.key
