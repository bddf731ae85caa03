"""Whose act something is: a protected label takes two people, and keys are not people."""

from __future__ import annotations

from collections.abc import AsyncIterator

from headgate.administration.acting import Act
from headgate.errors import Forbidden
from headgate.storage.records import Key, PromptMove
from headgate.storage.tables import KEYS, Reader
from headgate.types import Identity

MAX_LINE = 10
"""Keys that made each other, looked through for whoever was first."""


async def person(reader: Reader, identity: Identity) -> str:
    """Whose act something is: the user's, or of a key of nobody's whoever made it, as far as that is known."""
    if identity.user_id is not None:
        return f"user:{identity.user_id}"
    maker = f"key:{identity.key_id}"
    async for key in _line(reader, identity):
        if key.user_id is not None:
            return f"user:{key.user_id}"
        maker = key.created_by if key.created_by.startswith(("user:", "key:")) else f"key:{key.id}"
    return maker


async def check_second(act: Act, move: PromptMove) -> None:
    """Raise `Forbidden` unless a person acts, and another one than asked, with a key that whoever asked has not made:
    who makes a key has seen it.
    """
    identity = act.actor.identity
    if identity.user_id is None:
        raise Forbidden(
            "Approving takes a person: sign in, or come with a key that belongs to a user "
            "('headgate keys create --user')."
        )
    if await person(act.transaction, identity) == move.person:
        raise Forbidden("Approving takes a second person, and you have asked for this yourself.")
    asking = {move.asked_by, move.person} if move.person.startswith("user:") else {move.asked_by}
    async for key in _line(act.transaction, identity):
        if key.created_by in asking or f"user:{key.user_id}" in asking:
            raise Forbidden(
                "Approving takes a second person, and whoever asked for this has made your key, so knows it: sign in, "
                "or come with a key that somebody else has made."
            )


async def _line(reader: Reader, identity: Identity) -> AsyncIterator[Key]:
    """The key somebody comes with, the key that made it, and so on."""
    key_id = identity.key_id
    for _ in range(MAX_LINE):
        key = await KEYS.get(reader, identity.organisation, key_id)
        if key is None:
            return
        yield key
        kind, _, maker = key.created_by.partition(":")
        if kind != "key" or maker == key_id:
            return
        key_id = maker
