"""An OpenID provider on loopback: discovery, keys, an authorization and a token endpoint, and every way of being wrong
that a test asks for.

    async with IdentityProvider() as provider:
        token = provider.token(sub="repo:acme/x")               # a workload's token
        back = await provider.sign_in(url)                      # what a browser comes back with
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from upstream import Exchange, Upstream

CLIENT_ID = "headgate"
CLIENT_SECRET = "client-secret-of-the-test"
NOW = 1_800_000_000
"""Seconds at which tests' clocks stand."""


@dataclass(frozen=True)
class SigningKey:
    """A key of the provider."""

    kid: str
    algorithm: str

    @property
    def private(self) -> Any:
        return _private(self.kid, self.algorithm)

    @property
    def jwk(self) -> dict[str, Any]:
        """Its public half (RFC 7517)."""
        made = jwt.get_algorithm_by_name(self.algorithm).to_jwk(self.private.public_key(), as_dict=True)
        return {**made, "kid": self.kid, "use": "sig", "alg": self.algorithm}

    @property
    def pem(self) -> bytes:
        return self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )


@cache
def _private(kid: str, algorithm: str) -> Any:
    """A private key, made once per run: RSA takes a while."""
    match algorithm[:2]:
        case "RS" | "PS":
            return rsa.generate_private_key(65537, 2048)
        case "ES":
            curve = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}[algorithm]
            return ec.generate_private_key(curve)
        case _:
            return ed25519.Ed25519PrivateKey.generate()


RSA = SigningKey("rsa-1", "RS256")
EC = SigningKey("ec-1", "ES256")


def signed(key: SigningKey, claims: dict[str, Any], **headers: Any) -> str:
    """A token."""
    return jwt.PyJWS().encode(json.dumps(claims).encode(), key.private, key.algorithm, {"kid": key.kid, **headers})


def unsigned(claims: dict[str, Any], algorithm: str = "none") -> str:
    """A token of no signature at all (CVE-2015-9235)."""
    return f"{_part({'alg': algorithm, 'typ': 'JWT'})}.{_part(claims)}."


def confused(key: SigningKey, claims: dict[str, Any]) -> str:
    """A token signed by HMAC with the public key as its secret (CVE-2016-5431, CVE-2022-29217)."""
    body = f"{_part({'alg': 'HS256', 'typ': 'JWT', 'kid': key.kid})}.{_part(claims)}"
    return f"{body}.{_base64(hmac.digest(key.pem, body.encode(), 'sha256'))}"


def _part(tree: Any) -> str:
    return _base64(json.dumps(tree).encode())


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass
class Grant:
    """Somebody who has signed in, and whose code has not been used."""

    nonce: str
    challenge: str
    redirect_uri: str


@dataclass
class IdentityProvider:
    """The provider. What is set on it changes what it answers from then on."""

    keys: list[SigningKey] = field(default_factory=lambda: [EC])
    claims: dict[str, Any] = field(default_factory=lambda: {"sub": "jo", "name": "Jo", "email": "jo@acme.test"})
    """Of who signs in."""
    sign: Callable[[dict[str, Any]], str] | None = None
    """How id tokens are signed; by the first key."""
    discovery: dict[str, Any] = field(default_factory=dict)
    """What the discovery document says otherwise."""
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    """Status and body by path, in place of what it would answer."""
    held: asyncio.Event = field(default_factory=asyncio.Event)
    """Answers wait for it."""
    grants: dict[str, Grant] = field(default_factory=dict)
    secret: str | None = CLIENT_SECRET

    def __post_init__(self) -> None:
        self.held.set()

    async def __aenter__(self) -> Self:
        self._server = Upstream(self._serve)
        await self._server.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._server.__aexit__(kind, error, traceback)

    @property
    def issuer(self) -> str:
        return self._server.url

    @property
    def asked(self) -> list[str]:
        """The paths that were asked for."""
        return [request.target for request in self._server.requests]

    @property
    def jwks(self) -> dict[str, Any]:
        return {"keys": [key.jwk for key in self.keys]}

    def token(self, key: SigningKey | None = None, **claims: Any) -> str:
        """A workload's token; a claim that is None is left out."""
        return signed(key or self.keys[0], workload_claims(self.issuer, **claims))

    async def sign_in(self, url: str) -> str:
        """Somebody signs in at the address the browser was sent to, and is sent back: the query it comes back with."""
        asked = dict(parse_qsl(urlsplit(url).query, strict_parsing=True))
        assert url.startswith(f"{self.issuer}/authorize?")
        assert (asked["response_type"], asked["client_id"]) == ("code", CLIENT_ID)
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self.grants[code] = Grant(asked["nonce"], asked["code_challenge"], asked["redirect_uri"])
        return urlencode({"code": code, "state": asked["state"], "iss": self.issuer})

    async def _serve(self, exchange: Exchange) -> None:
        await self.held.wait()
        path = exchange.request.target
        if path in self.answers:
            await exchange.reply(*self.answers[path], ("location", "/elsewhere"))
            return
        match path:
            case "/.well-known/openid-configuration":
                await exchange.reply(200, json.dumps({**self._discovered(), **self.discovery}).encode())
            case "/jwks":
                await exchange.reply(200, json.dumps(self.jwks).encode())
            case "/token":
                await exchange.reply(*self._exchanged(exchange))
            case _:
                await exchange.reply(404, b"{}")

    def _discovered(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
        }

    def _exchanged(self, exchange: Exchange) -> tuple[int, bytes]:
        """Answer a code, once, to who has begun (RFC 6749, section 4.1.3; RFC 7636, section 4.6)."""
        form = dict(parse_qsl(exchange.request.body.decode(), strict_parsing=True))
        if not self._is_client(exchange.request.header("authorization"), form):
            return 401, b'{"error": "invalid_client"}'
        grant = self.grants.pop(form.get("code", ""), None)
        challenge = _base64(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        wanted = "authorization_code", grant and grant.redirect_uri, grant and grant.challenge
        if grant is None or (form.get("grant_type"), form.get("redirect_uri"), challenge) != wanted:
            return 400, b'{"error": "invalid_grant"}'
        claims = {**id_claims(self.issuer, grant.nonce), **self.claims}
        claims = {name: value for name, value in claims.items() if value is not None}
        token = self.sign(claims) if self.sign else signed(self.keys[0], claims)
        return 200, json.dumps({"access_token": "x", "token_type": "Bearer", "id_token": token}).encode()

    def _is_client(self, authorization: str | None, form: dict[str, str]) -> bool:
        if self.secret is None:
            return form.get("client_id") == CLIENT_ID and authorization is None
        told = base64.b64encode(f"{CLIENT_ID}:{self.secret}".encode()).decode()
        in_form = (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, self.secret)
        return authorization == f"Basic {told}" or in_form


def workload_claims(issuer: str, **claims: Any) -> dict[str, Any]:
    """Of a token for a workload; a claim that is None is left out."""
    usual = {"iss": issuer, "aud": "headgate", "sub": "workload-1", "iat": NOW, "exp": NOW + 600}
    return {name: value for name, value in {**usual, **claims}.items() if value is not None}


def id_claims(issuer: str, nonce: str) -> dict[str, Any]:
    """Of an id token."""
    return {"iss": issuer, "aud": CLIENT_ID, "nonce": nonce, "iat": NOW, "exp": NOW + 300}
