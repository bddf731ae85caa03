"""Signing in by OpenID Connect Core 1.0: the authorization code flow (section 3.1) with PKCE (RFC 7636), without I/O.

Who begins gets a `Pending`, sealed into a cookie of that browser: state, nonce and verifier are known to nobody else,
and nothing is kept here for whoever only begins.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, urlencode

import msgspec

from headgate.access.config import SignInConfig
from headgate.access.fetch import UrlError, check_url
from headgate.access.signed import TokenError, check_claims
from headgate.types import JSON

PENDING_S = 600
"""How long somebody may take to sign in at the provider; and how old an id token may be."""

MAX_QUERY_CHARACTERS = 8192

_MAX_FIELDS = 20
_MAX_SUBJECT = 255
"""Characters of a subject (OpenID Connect Core, section 2)."""
_NONCE_BYTES = 12

_WITHIN = re.compile(r"/(?![/\\])[\x21-\x7e]{0,500}")
"""A place on this server: no other host, and nothing a browser would take for one."""


class SignInError(Exception):
    """Somebody cannot be signed in. `reason` is for the audit log: `login_state`, `login_denied` and so on."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = f"login_{reason}"


class Endpoints(msgspec.Struct, frozen=True):
    """Where a provider does what."""

    authorization: str
    token: str
    keys: str
    client_secret_in_form: bool
    """Whether it takes the client's secret in the form only."""


class Pending(msgspec.Struct, frozen=True):
    """Somebody who is signing in."""

    state: str
    nonce: str
    verifier: str
    then: str
    """Where on this server to go after that."""
    until_us: int


class Person(msgspec.Struct, frozen=True):
    """Who has signed in, by the provider's word."""

    issuer: str
    subject: str
    name: str
    email: str | None
    roles: tuple[str, ...]


def discovered(document: JSON, config: SignInConfig, *, loopback: bool) -> Endpoints:
    """What a discovery document says (OpenID Connect Discovery 1.0, section 3).

    Raises:
        SignInError: it is another issuer's, lacks an endpoint, or has one we would not go to.
    """
    if document.get("issuer") != config.issuer:
        raise SignInError("provider")
    urls = [document.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
    for url in urls:
        try:
            check_url(url if isinstance(url, str) else "", loopback=loopback)
        except UrlError:
            raise SignInError("provider") from None
    methods = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    basic = isinstance(methods, list) and "client_secret_basic" in methods
    return Endpoints(urls[0] or "", urls[1] or "", urls[2] or "", client_secret_in_form=not basic)


def begin(config: SignInConfig, endpoints: Endpoints, then: str, now_us: int) -> tuple[str, Pending]:
    """Where to send a browser that wants to sign in, and what to remember of it."""
    pending = Pending(
        state=secrets.token_urlsafe(32),
        nonce=secrets.token_urlsafe(32),
        verifier=secrets.token_urlsafe(32),
        then=then if _WITHIN.fullmatch(then) else "/",
        until_us=now_us + PENDING_S * 1_000_000,
    )
    challenge = base64.urlsafe_b64encode(hashlib.sha256(pending.verifier.encode()).digest()).rstrip(b"=")
    query = urlencode(
        {
            "response_type": "code",
            "client_id": config.client_id,
            "redirect_uri": config.redirect_uri,
            "scope": " ".join(config.scopes),
            "state": pending.state,
            "nonce": pending.nonce,
            "code_challenge": challenge.decode(),
            "code_challenge_method": "S256",
        },
        quote_via=quote,
    )
    separator = "&" if "?" in endpoints.authorization else "?"
    return f"{endpoints.authorization}{separator}{query}", pending


def returned(query: str, pending: Pending, issuer: str, now_us: int) -> str:
    """The code a browser comes back with.

    Raises:
        SignInError: it is not the browser that began, came too late, or the provider has not let it in.
    """
    fields = _fields(query)
    if now_us >= pending.until_us or not hmac.compare_digest(fields.get("state", "").encode(), pending.state.encode()):
        raise SignInError("state")
    if fields.get("iss", issuer) != issuer:  # RFC 9207: another provider's answer
        raise SignInError("provider")
    if "error" in fields:
        raise SignInError("denied")
    if not fields.get("code"):
        raise SignInError("state")
    return fields["code"]


def exchange(config: SignInConfig, endpoints: Endpoints, code: str, pending: Pending) -> tuple[bytes, Headers]:
    """The form that turns a code into tokens, and its headers (RFC 6749, sections 2.3.1 and 4.1.3)."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": config.redirect_uri,
        "code_verifier": pending.verifier,
    }
    headers: Headers = ()
    if config.client_secret is None:
        form["client_id"] = config.client_id
    elif endpoints.client_secret_in_form:
        form |= {"client_id": config.client_id, "client_secret": config.client_secret}
    else:
        told = f"{quote(config.client_id, safe='')}:{quote(config.client_secret, safe='')}"
        headers = (("authorization", f"Basic {base64.b64encode(told.encode()).decode()}"),)
    return urlencode(form).encode(), headers


def person(claims: JSON, config: SignInConfig, nonce: str, now_us: int) -> Person:
    """Who an id token is about, its signature being right (OpenID Connect Core, section 3.1.3.7).

    Raises:
        SignInError: it is not for us, not of this sign-in or of now, or of somebody who has no role here.
    """
    try:
        check_claims(claims, config.issuer, [config.client_id], now_us, PENDING_S)
    except TokenError as error:
        raise SignInError(error.reason) from None
    told = claims.get("nonce")
    if not isinstance(told, str) or not hmac.compare_digest(told.encode(), nonce.encode()):
        raise SignInError("nonce")
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if claims.get("azp", None if several else config.client_id) != config.client_id:
        raise SignInError("token_audience")
    subject: str = claims["sub"]
    if len(subject) > _MAX_SUBJECT or not subject.isprintable():
        raise SignInError("token_claims")
    roles = roles_of(claims, config)
    if not roles:
        raise SignInError("roles")
    email = _text(claims, "email") or None
    name = _text(claims, "name") or _text(claims, "preferred_username") or email or subject
    return Person(config.issuer, subject, name, email, roles)


def roles_of(claims: JSON, config: SignInConfig) -> tuple[str, ...]:
    """The roles of whoever is in these groups."""
    groups = claims.get(config.groups)
    named = [each for each in (groups if isinstance(groups, list) else [groups]) if isinstance(each, str)]
    granted = [role for group in named for role in config.grants.get(group, ())]
    return tuple(sorted({*config.roles, *granted}))


class Sealer:
    """Seals what is pending into a text nobody can read or make (AES-256-GCM)."""

    def __init__(self, secret: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._cipher = AESGCM(hashlib.sha256(b"headgate sign-in\0" + secret).digest())

    def seal(self, pending: Pending) -> str:
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, msgspec.json.encode(pending), None)
        return base64.urlsafe_b64encode(nonce + sealed).rstrip(b"=").decode()

    def open(self, text: str) -> Pending:
        """Raises SignInError for what was not sealed here."""
        from cryptography.exceptions import InvalidTag

        try:
            raw = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
            opened = self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], None)
            return msgspec.json.decode(opened, type=Pending)
        except (InvalidTag, ValueError):
            raise SignInError("state") from None


Headers = tuple[tuple[str, str], ...]


def _fields(query: str) -> Mapping[str, str]:
    """The fields of a query, each there once."""
    if len(query) > MAX_QUERY_CHARACTERS:
        raise SignInError("state")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="strict")
    except ValueError:
        raise SignInError("state") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise SignInError("state")
    return fields


def _text(claims: JSON, name: str) -> str:
    value = claims.get(name)
    return value[:200] if isinstance(value, str) and value.isprintable() else ""
