"""A created key can do no more than its creator."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.access.grants import exceeds, lacking
from headgate.access.patterns import allows, covers
from headgate.access.roles import ROLES, Roles
from headgate.storage.records import Key
from headgate.types import Identity

ROLES_NOW = Roles({"reporter": ["ledger.read"]})


def creator(**changes: Any) -> Identity:
    return Identity(**{"scopes": ROLES["admin"], **changes})


def wanted(**changes: Any) -> Key:
    fields: dict[str, Any] = {"id": "k", "organisation": "default", "name": "k", "digest": "", "hint": ""}
    return Key(**{**fields, **changes})


def told(by: Identity, key: Key, held: Key | None = None) -> str | None:
    return exceeds(by, key, ROLES_NOW, held)


def test_who_is_not_bound_can_make_any_key():
    assert told(creator(), wanted(roles=["admin"], models=["x"], endpoints=["chat"], networks=["::/0"])) is None


@pytest.mark.parametrize(
    ("bound", "key", "what"),
    [
        ({"scopes": ROLES["operator"]}, {"organisation": "acme"}, "the organisation 'acme'"),
        ({"scopes": ROLES["operator"]}, {"roles": ["admin"]}, "the scope 'audit.read'"),
        ({"scopes": ROLES["auditor"]}, {"roles": ["caller"]}, "the scope 'call'"),
        ({"scopes": ROLES["caller"]}, {"roles": ["caller", "reporter"]}, "the scope 'ledger.read'"),
        ({"team_id": "a"}, {}, "no team"),
        ({"team_id": "a"}, {"team_id": "b"}, "the team 'b'"),
        ({"project_id": "a"}, {}, "no project"),
        ({"project_id": "a"}, {"project_id": "b"}, "the project 'b'"),
        ({"models": ("gpt-4*",)}, {}, "all models"),
        ({"models": ("gpt-4*",)}, {"models": ["gpt-4o", "gpt-*"]}, "the model 'gpt-*'"),
        ({"models": ()}, {"models": ["x"]}, "the model 'x'"),
        ({"endpoints": frozenset({"chat"})}, {}, "all endpoints"),
        ({"endpoints": frozenset({"chat"})}, {"endpoints": ["chat", "embed"]}, "the endpoint 'embed'"),
        ({"tags": (("stage", "test"),)}, {}, "calls without the tag 'stage=test'"),
        ({"tags": (("stage", "test"),)}, {"tags": {"stage": "live"}}, "calls without the tag 'stage=test'"),
        ({"prompt_label": "live"}, {}, "another prompt label than 'live'"),
        ({"policy": "strict"}, {"policy": "loose"}, "another policy than 'strict'"),
    ],
)
def test_the_first_thing_beyond_the_creator_is_named(bound: dict[str, Any], key: dict[str, Any], what: str):
    assert told(creator(**bound), wanted(**key)) == what


@pytest.mark.parametrize(
    ("bound", "key"),
    [
        ({"scopes": ROLES["operator"]}, {"roles": []}),
        ({"scopes": ROLES["operator"]}, {"roles": ["caller"]}),
        ({"scopes": ROLES["operator"]}, {"roles": ["reporter"]}),
        ({"scopes": ROLES["admin"]}, {"organisation": "acme"}),
        ({"team_id": "a"}, {"team_id": "a"}),
        ({"models": ("*",)}, {}),
        ({"models": ("gpt-*", "claude-opus")}, {"models": ["gpt-4*", "claude-opus"]}),
        ({"models": ("gpt-*",)}, {"models": []}),
        ({"endpoints": frozenset({"chat", "embed"})}, {"endpoints": ["chat"]}),
        ({"tags": (("stage", "test"),)}, {"tags": {"stage": "test", "app": "x"}}),
        ({"policy": "strict", "prompt_label": "live"}, {"policy": "strict", "prompt_label": "live"}),
    ],
)
def test_what_is_within_the_creators_bounds_is_fine(bound: dict[str, Any], key: dict[str, Any]):
    assert told(creator(**bound), wanted(**key)) is None


@pytest.mark.parametrize(
    ("held", "key", "what"),
    [
        ({"networks": ["10.0.0.0/8"]}, {}, "any network"),
        ({"networks": ["10.0.0.0/8"]}, {"networks": ["10.1.0.0/16", "192.0.2.1"]}, "the network '192.0.2.1'"),
        ({"networks": ["10.0.0.0/8"]}, {"networks": ["10.1.0.0/16", "::ffff:10.2.0.1"]}, None),
        ({"networks": ["10.0.0.0/8"]}, {"networks": []}, None),
        ({"expires_us": 5}, {}, "a later expiry"),
        ({"expires_us": 5}, {"expires_us": 6}, "a later expiry"),
        ({"expires_us": 5}, {"expires_us": 5}, None),
        ({}, {"networks": None, "expires_us": None}, None),
    ],
)
def test_a_key_is_usable_where_and_while_its_creators_is(held: dict[str, Any], key: dict[str, Any], what: str | None):
    assert told(creator(), wanted(**key), wanted(**held)) == what


def test_an_unknown_role_lets_nothing_and_so_exceeds_nothing():
    assert lacking(creator(scopes=frozenset()), ["nobody"], ROLES_NOW) is None


# ── models ──

patterns = st.text("ab*", max_size=4)


@given(st.lists(patterns, max_size=4), patterns, st.text("ab*c", max_size=6))
def test_a_covered_pattern_allows_no_name_its_creator_may_not_use(creators: list[str], key: str, name: str):
    if covers(creators, key) and allows([key], name):
        assert allows(creators, name)


@given(st.lists(patterns, max_size=4), patterns)
def test_a_pattern_that_is_not_covered_allows_a_name_its_creator_may_not_use(creators: list[str], key: str):
    if not covers(creators, key):
        name = key[:-1] + "☃" if key.endswith("*") else key
        assert allows([key], name)
        assert not allows(creators, name)


def test_names_and_patterns():
    assert allows(None, "anything")
    assert not allows([], "anything")
    assert allows(["gpt-4o"], "gpt-4o")
    assert not allows(["gpt-4o"], "gpt-4o-mini")
    assert allows(["gpt-*"], "gpt-4o")
    assert allows(["gpt-*"], "gpt-")
    assert not allows(["gpt-*"], "GPT-4o")
    assert not allows(["*-mini"], "gpt-4o-mini"), "a '*' elsewhere is no pattern"
    assert covers(None, "*")
    assert not covers(["gpt-4*"], "gpt-*")
