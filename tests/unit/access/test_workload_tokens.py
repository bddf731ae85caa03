"""Signed tokens of configured issuers in place of keys."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from place import Place, key_row

from headgate.access import key_sets
from headgate.access.config import ClaimsConfig, IssuerConfig
from headgate.access.keys import INVALID, KeyAuthenticator
from headgate.access.roles import Roles
from headgate.access.tokens import WorkloadTokens
from headgate.errors import ConfigError, Unauthenticated
from headgate.storage.records import Project, Team
from headgate.types import Identity
from identity_provider import EC, NOW, RSA, IdentityProvider, SigningKey, confused, signed, unsigned, workload_claims

ISSUER = "https://issuer.test"
HERE = "127.0.0.1"
TEAM = Team(id="team_1", organisation="default", name="search", timezone="Europe/Berlin")
PROJECT = Project(id="project_1", organisation="default", name="index", team_id="team_1")


class Issued:
    """An authenticator that takes the tokens of one issuer, whose keys are in a file."""

    def __init__(self, place: Place, folder: Path) -> None:
        self.place = place
        self.place.clock.step(NOW - place.clock.now_us() / 1e6)
        self.folder = folder
        self.keys = [EC, RSA]
        self.configure()

    def configure(self, *more: IssuerConfig, roles: Roles | None = None, **settings: Any) -> None:
        file = self.folder / "jwks.json"
        file.write_text(json.dumps({"keys": [key.jwk for key in self.keys]}))
        usual: dict[str, Any] = {"issuer": ISSUER, "audience": ["headgate"], "keys_file": str(file)}
        config = IssuerConfig(**{**usual, **settings})
        self.tokens = WorkloadTokens([config, *more], self.place.directory, roles or Roles(), self.place.clock)
        self.authenticator = KeyAuthenticator(
            "hg-admin",
            self.place.directory,
            self.tokens,
            clock=self.place.clock,
            failed=lambda *failure: self.place.failures.append(failure),
        )

    def identify(self, token: str) -> Identity:
        return self.authenticator.identify({b"authorization": f"Bearer {token}".encode()}, HERE)

    def of(self, **claims: Any) -> Identity:
        return self.identify(token(**claims))

    def refused(self, token: str) -> str:
        with pytest.raises(Unauthenticated) as caught:
            self.identify(token)
        assert caught.value.message == INVALID
        assert token not in repr(self.place.failures)
        return self.place.failures[-1][0]


def token(key: SigningKey = EC, **claims: Any) -> str:
    return signed(key, workload_claims(ISSUER, **claims))


@pytest.fixture
def issued(place: Place, tmp_path: Path) -> Issued:
    return Issued(place, tmp_path)


def test_a_valid_token_is_a_caller(issued: Issued):
    assert issued.of() == Identity(
        key_id=f"jwt:{ISSUER}#workload-1", roles=frozenset({"caller"}), scopes=frozenset({"call"})
    )
    assert issued.of(aud=["other", "headgate"]).scopes == {"call"}
    assert issued.identify(token(RSA)).scopes == {"call"}


@pytest.mark.parametrize("algorithm", ["RS512", "PS256", "ES384", "ES512", "EdDSA"])
def test_other_signatures_where_they_are_configured(issued: Issued, algorithm: str):
    key = SigningKey("other", algorithm)
    assert issued.refused(token(key)) == "token_algorithm"
    issued.keys.append(key)
    issued.configure(algorithms=[algorithm])
    assert issued.identify(token(key)).scopes == {"call"}


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"iss": "https://other.test"}, "token_issuer"),
        ({"iss": f"{ISSUER}/"}, "token_issuer"),
        ({"iss": None}, "token_issuer"),
        ({"iss": [ISSUER]}, "token_issuer"),
        ({"aud": "other"}, "token_audience"),
        ({"aud": None}, "token_audience"),
        ({"aud": []}, "token_audience"),
        ({"aud": {"headgate": 1}}, "token_audience"),
        ({"aud": "headgate,other"}, "token_audience"),
        ({"exp": NOW - 31}, "token_expired"),
        ({"exp": None}, "token_claims"),
        ({"exp": "tomorrow"}, "token_claims"),
        ({"exp": True}, "token_claims"),
        ({"exp": 10**400}, "token_claims"),
        ({"exp": 1e300}, "token_claims"),
        ({"exp": -1}, "token_claims"),
        ({"nbf": NOW + 31}, "token_early"),
        ({"nbf": None}, None),
        ({"nbf": "x"}, "token_claims"),
        ({"iat": NOW + 31}, "token_early"),
        ({"iat": None}, "token_claims"),
        ({"iat": NOW - 86_431}, "token_expired"),
        ({"sub": None}, "token_claims"),
        ({"sub": ""}, "token_claims"),
        ({"sub": 7}, "token_claims"),
        ({"exp": NOW - 29}, None),
        ({"nbf": NOW + 29, "iat": NOW + 29}, None),
        ({"iat": NOW - 0.5, "exp": NOW + 0.5}, None),
    ],
)
def test_claims(issued: Issued, claims: dict[str, Any], reason: str | None):
    if reason is None:
        issued.of(**claims)
    else:
        assert issued.refused(token(**claims)) == reason


def claims_of(**claims: Any) -> dict[str, Any]:
    return workload_claims(ISSUER, **claims)


OTHER = SigningKey("ec-2", "ES256")


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        pytest.param(lambda: unsigned(claims_of()), "token_algorithm", id="alg none"),
        pytest.param(lambda: unsigned(claims_of(), "None"), "token_algorithm", id="alg None"),
        pytest.param(lambda: unsigned(claims_of(), "nOnE"), "token_algorithm", id="alg nOnE"),
        pytest.param(lambda: unsigned(claims_of(), "ES256"), "token_signature", id="no signature"),
        pytest.param(lambda: confused(EC, claims_of()), "token_algorithm", id="HMAC with the public key"),
        pytest.param(lambda: confused(RSA, claims_of()), "token_algorithm", id="HMAC with the public RSA key"),
        pytest.param(lambda: signed(OTHER, claims_of()), "token_key", id="unknown key"),
        pytest.param(lambda: signed(OTHER, claims_of(), kid="ec-1"), "token_signature", id="somebody else's key"),
        pytest.param(lambda: signed(EC, claims_of(), kid="rsa-1"), "token_key", id="another algorithm's key"),
        pytest.param(lambda: signed(EC, claims_of(), crit=["exp"]), "token_malformed", id="critical header"),
        pytest.param(lambda: signed(EC, claims_of(), kid="../../etc/passwd"), "token_key", id="path as kid"),
        pytest.param(lambda: signed(EC, claims_of(), kid="' UNION SELECT 1 --"), "token_key", id="SQL as kid"),
        pytest.param(
            lambda: signed(OTHER, claims_of(), jwk=OTHER.jwk),
            "token_key",
            id="brings its own key",
        ),
        pytest.param(
            lambda: signed(OTHER, claims_of(), jku="http://127.0.0.1:1/jwks"),
            "token_key",
            id="names a URL of keys",
        ),
    ],
)
def test_forged_tokens(issued: Issued, made: Callable[[], str], reason: str):
    assert issued.refused(made()) == reason


def test_no_part_of_a_token_can_be_changed(issued: Issued):
    good = token(sub="jo")
    issued.identify(good)
    header, payload, signature = good.split(".")
    other = token(sub="admin").split(".")[1]
    for forged in (
        f"{header}.{other}.{signature}",
        f"{header}.{payload}.{signature[:-4]}",
        f"{header}.{payload}.{'A' * len(signature)}",
        f"{header}.{payload}.",
        f"{header}.{payload}",
        f"{header}..{signature}",
        f"{good}.{signature}",
        f"{good}x",
        f"{good}=",
        f"x{good}",
    ):
        with pytest.raises(Unauthenticated):
            issued.identify(forged)


def test_two_tokens_with_the_same_beginning_are_two_callers(issued: Issued):
    """CVE-2026-35030: verified tokens were remembered by their first twenty characters."""
    first, second = token(sub="a"), token(sub="b")
    assert first[:40] == second[:40]
    assert issued.identify(first).key_id.endswith("#a")
    assert issued.identify(second).key_id.endswith("#b")
    assert issued.identify(first).key_id.endswith("#a")


def test_a_member_given_twice_is_not_for_two_readers_to_disagree_on(issued: Issued):
    twice = json.dumps(claims_of())[:-1] + ', "sub": "admin"}'
    import jwt

    raw = jwt.PyJWS().encode(twice.encode(), EC.private, "ES256", {"kid": EC.kid})
    assert issued.refused(raw) == "token_malformed"


@pytest.mark.parametrize("payload", [b"[]", b"null", b'"x"', b"{", b"\xff", b"[" * 5000])
def test_a_payload_that_is_no_object_is_refused(issued: Issued, payload: bytes):
    import jwt

    assert issued.refused(jwt.PyJWS().encode(payload, EC.private, "ES256", {"kid": EC.kid})) == "token_malformed"


def test_what_is_too_long_is_not_even_looked_at(issued: Issued):
    assert issued.refused(token(padding="x" * 20_000)) == "unknown"


def test_keys_go_before_tokens(issued: Issued):
    assert issued.identify("hg-admin").key_id == "admin"


# ── remembering ──


def test_a_token_is_verified_once(issued: Issued, monkeypatch: pytest.MonkeyPatch):
    good = token()
    first = issued.identify(good)
    monkeypatch.setattr("headgate.access.tokens.opened", None)
    assert issued.identify(good) is first


def test_a_remembered_token_ends_when_it_ends(issued: Issued):
    good = token()
    issued.identify(good)
    issued.place.clock.advance(629)
    issued.identify(good)
    issued.place.clock.advance(1)
    assert issued.refused(good) == "token_expired"
    assert issued.refused(good) == "token_expired"


def test_a_token_is_taken_no_longer_than_configured(issued: Issued):
    issued.configure(max_age_s=60)
    good = token(exp=NOW + 10**6)
    issued.identify(good)
    issued.place.clock.advance(90)
    assert issued.refused(good) == "token_expired"


def test_a_token_that_was_refused_is_not_remembered(issued: Issued):
    early = token(nbf=NOW + 60)
    assert issued.refused(early) == "token_early"
    issued.place.clock.advance(60)
    issued.identify(early)


def test_not_more_are_remembered_than_there_is_room_for(issued: Issued, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("headgate.access.tokens.REMEMBERED", 3)
    kept = token(sub="kept")
    for number in range(10):
        issued.of(sub=f"w{number}")
        issued.identify(kept)
    assert len(issued.tokens._verified) == 3
    monkeypatch.setattr("headgate.access.tokens.opened", None)
    issued.identify(kept)


async def test_a_team_that_is_archived_takes_its_remembered_tokens_with_it(issued: Issued):
    await issued.place.put(TEAM)
    issued.configure(claims=ClaimsConfig(team="team"))
    good = token(team="search")
    assert issued.identify(good).team_id == "team_1"
    await issued.place.put(replace(TEAM, archived_us=1))
    assert issued.refused(good) == "token_owner"


# ── whose it is ──


async def test_teams_and_projects_by_id_or_name(issued: Issued):
    await issued.place.put(TEAM, PROJECT)
    issued.configure(claims=ClaimsConfig(team="team", project="ci/project"))
    for team, project in (("search", "index"), ("team_1", "project_1")):
        identity = issued.of(team=team, ci={"project": project})
        assert (identity.team_id, identity.project_id, identity.timezone) == ("team_1", "project_1", "Europe/Berlin")
    for claims in (
        {},
        {"team": "search"},
        {"team": "search", "ci": "index"},
        {"team": "search", "ci": {"project": 1}},
        {"team": "nobody", "ci": {"project": "index"}},
        {"team": ["search", "ads"], "ci": {"project": "index"}},
    ):
        assert issued.refused(token(**claims)) == "token_owner"


async def test_a_project_brings_its_team(issued: Issued):
    other = replace(TEAM, id="team_2", name="ads")
    await issued.place.put(TEAM, other, PROJECT)
    issued.configure(claims=ClaimsConfig(project="project"))
    assert issued.of(project="index").team_id == "team_1"
    issued.configure(claims=ClaimsConfig(project="project", team="team"))
    assert issued.refused(token(project="index", team="ads")) == "token_owner"


def test_a_claim_whose_name_looks_like_a_path_is_found(issued: Issued):
    issued.configure(require={"https://acme.test/env": ["live"]})
    issued.of(**{"https://acme.test/env": "live"})


def test_claims_an_issuer_has_to_vouch_for(issued: Issued):
    issued.configure(require={"repository_owner": ["acme", "acme-labs"], "ref": ["main"]})
    issued.of(repository_owner="acme-labs", ref="main")
    for claims in ({}, {"repository_owner": "acme"}, {"repository_owner": "evil", "ref": "main"}):
        assert issued.refused(token(**claims)) == "token_claims"


def test_roles_by_claim_and_never_more_than_the_configured_scopes(issued: Issued):
    grants = {"ops": ["operator", "custom"], "all": ["admin"]}
    issued.configure(claims=ClaimsConfig(roles="groups"), grants=grants, scopes=["call", "metrics"])
    assert issued.of().scopes == {"call"}
    assert issued.of(groups="ops").scopes == {"call", "metrics"}
    assert issued.of(groups=["all", "x"]).scopes == {"call", "metrics"}, "a token never gets more than that"
    assert issued.of(groups=["admin", "operator"]).scopes == {"call"}, "a claim names no role itself"
    assert issued.of(groups={"all": 1}, scopes=["audit.read"], scope="audit.read").scopes == {"call"}


def test_models_an_issuers_tokens_may_use(issued: Issued):
    issued.configure(models=["gpt-*"])
    assert issued.of().models == ("gpt-*",)


def test_what_an_issuer_calls_somebody_becomes_an_id_that_can_be_shown(issued: Issued):
    plain = issued.of(sub="system:serviceaccount:ns:name").key_id
    assert plain == f"jwt:{ISSUER}#system:serviceaccount:ns:name"
    ids = {issued.of(sub=sub).key_id for sub in ("a" * 201, "a" * 202, "a\nb", "a\x1b[2J", "é", "~")}
    assert len(ids) == 6
    assert all(each.isascii() and each.isprintable() and len(each) < 300 for each in ids)


def test_each_of_an_issuers_configurations_is_tried(issued: Issued):
    second = IssuerConfig(
        issuer=ISSUER,
        audience=["other"],
        keys_file=str(issued.folder / "jwks.json"),
        organisation="acme",
        require={"env": ["live"]},
    )
    issued.configure(second)
    assert issued.of().organisation == "default"
    assert issued.of(aud="other", env="live").organisation == "acme"
    assert issued.refused(token(aud="other", env="test")) == "token_claims"


# ── keys ──


def test_keys_of_a_pem_file(issued: Issued):
    file = issued.folder / "key.pem"
    file.write_bytes(RSA.pem)
    issued.configure(keys_file=str(file))
    issued.identify(token(RSA))
    assert issued.refused(token(EC)) == "token_key"


@pytest.mark.parametrize(
    "content",
    ["", "{}", "[]", '{"keys": {}}', '{"keys": []}', '{"keys": [1, {"kty": "oct", "k": "c2VjcmV0"}]}', "-----BEGIN X"],
)
def test_a_file_without_a_usable_key_is_told(issued: Issued, content: str):
    file = issued.folder / "bad"
    file.write_text(content)
    with pytest.raises(ConfigError, match="keys_file"):
        issued.configure(keys_file=str(file))
    with pytest.raises(ConfigError, match="keys_file"):
        issued.configure(keys_file=str(issued.folder / "missing"))


@pytest.mark.parametrize(
    "changes",
    [
        {"use": "enc"},
        {"key_ops": ["sign"]},
        {"key_ops": "verify"},
        {"d": "AAAA"},
        {"kty": "oct", "k": "c2VjcmV0"},
        {"crv": "secp256k1"},
        {"crv": "P-384"},
        {"x": "AAAA"},
        {"kid": 7},
        {"alg": ["ES256"]},
        {"kty": ["EC"]},
    ],
)
def test_keys_that_are_not_for_checking_signatures_are_passed_over(changes: dict[str, Any]):
    assert key_sets.parsed({"keys": [{**EC.jwk, **changes}, RSA.jwk]}) == key_sets.parsed({"keys": [RSA.jwk]})


def test_short_rsa_keys_are_passed_over():
    from cryptography.hazmat.primitives.asymmetric import rsa
    from jwt.algorithms import RSAAlgorithm

    short = RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 1024).public_key(), as_dict=True)
    assert key_sets.parsed({"keys": [short]}) == []


def test_a_set_of_very_many_keys_is_refused():
    with pytest.raises(ValueError, match="more than"):
        key_sets.parsed({"keys": [EC.jwk] * 101})


# ── keys that are fetched ──


def fetching(place: Place, provider: IdentityProvider, held: WorkloadTokens | None = None) -> WorkloadTokens:
    place.clock.step(NOW - place.clock.now_us() / 1e6)
    config = IssuerConfig(issuer=provider.issuer, audience=["headgate"], jwks_url=f"{provider.issuer}/jwks")
    return WorkloadTokens([config], place.directory, Roles(), place.clock, held)


def taken(place: Place, tokens: WorkloadTokens, token: str) -> bool:
    try:
        KeyAuthenticator(None, place.directory, tokens, clock=place.clock).identify(
            {b"x-api-key": token.encode()}, HERE
        )
    except Unauthenticated:
        return False
    return True


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


async def test_keys_are_fetched_at_the_start_and_for_a_new_one(place: Place, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(key_sets, "AGAIN_S", 0.01)
    async with IdentityProvider() as provider:
        tokens = fetching(place, provider)
        first = provider.token()
        assert not taken(place, tokens, first), "nothing is fetched while a request waits"
        running = asyncio.create_task(tokens.run())
        await until(lambda: taken(place, tokens, first))
        provider.keys = [SigningKey("ec-2", "ES256")]
        second = provider.token()
        assert not taken(place, tokens, second)
        await until(lambda: taken(place, tokens, second))
        assert not taken(place, tokens, first), "its key is withdrawn, whatever was remembered"
        running.cancel()


async def test_made_up_kids_do_not_make_us_ask_and_ask(place: Place):
    async with IdentityProvider() as provider:
        tokens = fetching(place, provider)
        running = asyncio.create_task(tokens.run())
        await until(lambda: taken(place, tokens, provider.token()))
        for number in range(200):
            taken(place, tokens, signed(OTHER, workload_claims(provider.issuer), kid=f"k{number}"))
            await asyncio.sleep(0)
        assert provider.asked == ["/jwks"]
        running.cancel()


async def test_while_keys_cannot_be_fetched_those_there_are_stay(
    place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(key_sets, "AGAIN_S", 0.001)
    async with IdentityProvider() as provider:
        tokens = fetching(place, provider)
        running = asyncio.create_task(tokens.run())
        good = provider.token()
        await until(lambda: taken(place, tokens, good))
        bad: list[tuple[int, bytes]] = [(500, b"{}"), (200, b"{}"), (200, b"<html>"), (302, b""), (200, b"[" * 600_000)]
        for answer in bad:
            provider.answers["/jwks"] = answer
            asked = len(provider.asked)
            taken(place, tokens, signed(OTHER, workload_claims(provider.issuer)))
            await until(lambda asked=asked: len(provider.asked) > asked + 1)
            assert taken(place, tokens, good)
        assert "/elsewhere" not in provider.asked, "no redirect is followed"
        assert len(caplog.records) == 1
        running.cancel()


async def test_a_reload_keeps_fetched_keys(place: Place):
    async with IdentityProvider() as provider:
        before = fetching(place, provider)
        running = asyncio.create_task(before.run())
        await until(lambda: taken(place, before, provider.token()))
        running.cancel()
        assert taken(place, fetching(place, provider, before), provider.token())


async def test_an_issuer_that_was_taken_out_is_not_believed_any_more(place: Place, issued: Issued):
    good = token()
    issued.identify(good)
    after = WorkloadTokens([], place.directory, Roles(), place.clock, issued.tokens)
    assert not taken(place, after, good)


async def test_a_key_stays_a_key_beside_issuers(issued: Issued):
    await issued.place.put(key_row("hg-1"))
    assert issued.identify("hg-1").key_id == "key_hg-1"
