"""What the `access:` block can say, and what is wrong with it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from headgate.access.config import AccessConfig, SignInConfig
from headgate.access.problems import problems

ISSUER = {"issuer": "https://i.test", "audience": ["headgate"], "jwks_url": "https://i.test/jwks"}
SIGN_IN = {
    "issuer": "https://i.test",
    "client_id": "headgate",
    "redirect_uri": "https://gate.test/auth/callback",
    "roles": ["developer"],
}


def told(block: dict[str, Any]) -> list[str]:
    return [f"{'.'.join(map(str, path))}: {what}" for path, what in problems(block)]


def issuer(**changes: Any) -> dict[str, Any]:
    return {"issuers": [{**ISSUER, **changes}]}


def sign_in(**changes: Any) -> dict[str, Any]:
    return {"sign_in": {**SIGN_IN, **changes}}


@pytest.mark.parametrize(
    "block",
    [
        {},
        {"roles": {"reporter": ["ledger.read", "metrics"]}, "issuers": [{**ISSUER, "roles": ["reporter"]}]},
        issuer(jwks_url=None, keys_file="keys.json"),
        issuer(jwks_url="http://127.0.0.1:8081/jwks"),
        issuer(claims={"roles": "groups"}, grants={"ops": ["operator"]}, scopes=["call", "metrics"]),
        sign_in(),
        sign_in(roles=[], grants={"admins": ["admin"]}),
    ],
)
def test_what_fits_together(block: dict[str, Any]):
    assert told(block) == []
    msgspec.convert(block, AccessConfig)


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        ({"roles": {"admin": ["call"]}}, "access.roles.admin: is a role there is already, which cannot be changed"),
        (
            {"roles": {"r": ["call", "ledger.raed"]}},
            "access.roles.r.1: is no scope: 'ledger.raed'; did you mean 'ledger.read'?",
        ),
        (issuer(keys_file="x"), "access.issuers.0: needs its keys from one place; write one of jwks_url and keys_file"),
        (issuer(jwks_url=None), "access.issuers.0: needs its keys from one place"),
        (issuer(jwks_url="http://i.test/jwks"), "access.issuers.0.jwks_url: must be https: 'http://i.test/jwks'"),
        (issuer(jwks_url="file:///jwks"), "access.issuers.0.jwks_url: is no URL of a host"),
        (issuer(roles=["callr"]), "access.issuers.0.roles.0: is no role: 'callr'; did you mean 'caller'?"),
        (
            issuer(claims={"roles": "g"}, grants={"ops": ["operatr"]}),
            "access.issuers.0.grants.ops.0: is no role: 'operatr'; did you mean 'operator'?",
        ),
        (issuer(grants={"ops": ["operator"]}), "access.issuers.0.grants: says what a claim's values are worth"),
        (issuer(scopes=["cal"]), "access.issuers.0.scopes.0: is no scope: 'cal'; did you mean 'call'?"),
        (sign_in(issuer="http://i.test"), "access.sign_in.issuer: must be https: 'http://i.test'"),
        (sign_in(issuer="https://i.test?x=1"), "access.sign_in.issuer: has a query"),
        (sign_in(redirect_uri="http://g.test/auth/callback"), "access.sign_in.redirect_uri: must be https"),
        (sign_in(scopes=["profile"]), "access.sign_in.scopes: lacks 'openid'"),
        (sign_in(roles=[]), "access.sign_in: gives nobody a role"),
        (sign_in(roles=["x"]), "access.sign_in.roles.0: is no role: 'x'"),
    ],
)
def test_what_does_not(block: dict[str, Any], problem: str):
    [line] = told(block)
    assert line.startswith(problem)


@pytest.mark.parametrize(
    "block",
    [
        {"roles": [], "issuers": {}, "sign_in": []},
        {"roles": {"r": "call", "s": [1, None]}, "issuers": [1, None, []]},
        issuer(jwks_url=7, roles="caller", scopes={}, grants=[], claims=[]),
        sign_in(issuer=7, redirect_uri=None, roles="x", grants={"g": "admin"}, scopes="openid"),
    ],
)
def test_what_is_of_another_type_is_told_by_the_schema(block: dict[str, Any]):
    assert told(block) == []
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(block, AccessConfig)


def test_a_value_from_a_reference_is_not_told():
    told = [what for _, what in problems(issuer(jwks_url="http://secret.test"), lambda path, value: "what $X says")]
    assert told == ["must be https: what $X says"]


@pytest.mark.parametrize("algorithm", ["none", "HS256", "ES256K", "rs256", ""])
def test_signatures_anybody_could_make_cannot_be_configured(algorithm: str):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(issuer(algorithms=[algorithm]), AccessConfig)


@pytest.mark.parametrize(
    "changes",
    [{"audience": []}, {"algorithms": []}, {"issuer": "https://a#b"}, {"issuer": ""}, {"max_age_s": 0}, {"x": 1}],
)
def test_what_cannot_be_said(changes: dict[str, Any]):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(issuer(**changes), AccessConfig)


@pytest.mark.parametrize(
    "uri", ["https://g.test/", "https://g.test/auth/callback?x=1", "javascript:x", "g.test/auth/callback"]
)
def test_people_are_sent_back_to_the_callback_only(uri: str):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(sign_in(redirect_uri=uri), AccessConfig)


def test_the_client_secret_is_not_shown():
    config = msgspec.convert({**SIGN_IN, "client_secret": "hush"}, SignInConfig)
    assert "hush" not in repr(config)
    assert "hush" not in repr(AccessConfig(sign_in=config))
