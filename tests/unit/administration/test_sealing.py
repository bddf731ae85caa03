"""Credentials at rest."""

from __future__ import annotations

import pytest

from headgate.administration.sealing import Sealer, owner_of
from headgate.errors import Conflict, InternalError

OWNER = owner_of("default", "team_1", "openai")


def test_what_is_sealed_can_be_opened_by_who_has_the_secret():
    sealed = Sealer("a secret").seal("sk-very-secret", OWNER)
    assert "sk-very" not in sealed
    assert Sealer("a secret").open(sealed, OWNER) == "sk-very-secret"


def test_the_same_credential_is_sealed_differently_each_time():
    sealer = Sealer("a secret")
    assert sealer.seal("sk", OWNER) != sealer.seal("sk", OWNER)


@pytest.mark.parametrize("sealer", [Sealer("another secret"), Sealer(None)])
def test_without_the_secret_nothing_is_opened(sealer: Sealer):
    with pytest.raises(InternalError):
        sealer.open(Sealer("a secret").seal("sk", OWNER), OWNER)


@pytest.mark.parametrize(
    "owner", [("other", "team_1", "openai"), ("default", "team_2", "openai"), ("default", "team_1", "anthropic")]
)
def test_a_credential_cannot_be_put_in_anothers_place(owner: tuple[str, str, str]):
    sealer = Sealer("a secret")
    with pytest.raises(InternalError):
        sealer.open(sealer.seal("sk", OWNER), owner_of(*owner))


@pytest.mark.parametrize("at", [5, 20, -3])
def test_a_changed_character_is_noticed(at: int):
    sealer = Sealer("a secret")
    sealed = sealer.seal("sk-very-secret", OWNER)
    changed = list(sealed)
    changed[at] = "A" if changed[at] != "A" else "B"
    with pytest.raises(InternalError):
        sealer.open("".join(changed), OWNER)


def test_nothing_is_sealed_without_a_secret_and_it_says_what_to_set():
    for secret in (None, ""):
        with pytest.raises(Conflict, match="HEADGATE_SECRET"):
            Sealer(secret).seal("sk", OWNER)
