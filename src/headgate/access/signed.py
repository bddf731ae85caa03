"""JSON Web Tokens (RFC 7519) taken apart and checked, by the advice of RFC 8725."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headgate.access.key_sets import Keys
from headgate.errors import BadRequest
from headgate.types import JSON, parse_object

LEEWAY_S = 30
"""How far the issuer's clock may be off."""

MAX_BYTES = 16 * 1024

_MAX_CANDIDATES = 5
"""Most keys that are tried on a token that does not say which."""


class TokenError(Exception):
    """A token is not taken. `reason` is for the audit log: `token_expired`, `token_signature` and so on."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = f"token_{reason}"


def looks_signed(token: bytes) -> bool:
    """Whether a text can be a signed token: three parts, of which the first is a JSON object in base64."""
    return token.startswith(b"eyJ") and token.count(b".") == 2 and len(token) <= MAX_BYTES


def issuer_of(token: bytes) -> str:
    """Who a token says has signed it, which is not to be believed before it is `opened`.

    Raises:
        TokenError: it cannot be read.
    """
    from jwt.utils import base64url_decode

    try:
        claims = parse_object(base64url_decode(token.split(b".")[1]))
    except (ValueError, BadRequest, IndexError):
        raise TokenError("malformed") from None
    issuer = claims.get("iss")
    if not isinstance(issuer, str):
        raise TokenError("issuer")
    return issuer


def opened(token: bytes, keys: Keys, algorithms: Sequence[str]) -> JSON:
    """The claims of a token whose signature is right, unchecked.

    Raises:
        TokenError: it is malformed, signed in another way than these, or not by one of these keys.
    """
    from jwt import PyJWS, PyJWTError

    jws = PyJWS(algorithms=algorithms)
    try:
        header = jws.get_unverified_header(token)
    except PyJWTError:
        raise TokenError("malformed") from None
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        raise TokenError("algorithm")
    if "crit" in header or not isinstance(kid, str | None):
        raise TokenError("malformed")
    candidates = keys.find(kid, algorithm)
    if not candidates:
        raise TokenError("key")
    for candidate in candidates[:_MAX_CANDIDATES]:
        try:
            payload: Any = jws.decode(token, candidate.key, algorithms=[algorithm])
            return parse_object(payload)
        except BadRequest:
            raise TokenError("malformed") from None
        except PyJWTError:
            continue
    raise TokenError("signature")


def check_claims(claims: JSON, issuer: str, audience: Sequence[str], now_us: int, max_age_s: int) -> int:
    """Check whom a token is by and for, and when. Returns when it ends, leeway included, in microseconds.

    Raises:
        TokenError: it is somebody else's, not for us, not yet or no longer valid, or says nothing of these.
    """
    if claims.get("iss") != issuer:
        raise TokenError("issuer")
    named = claims.get("aud")
    if not any(each in audience for each in (named if isinstance(named, list) else [named])):
        raise TokenError("audience")
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise TokenError("claims")
    issued_us, expires_us = _time_us(claims, "iat"), _time_us(claims, "exp")
    begins_us = _time_us(claims, "nbf") if "nbf" in claims else issued_us
    leeway_us = LEEWAY_S * 1_000_000
    if now_us + leeway_us < max(begins_us, issued_us):
        raise TokenError("early")
    ends_us = min(expires_us, issued_us + max_age_s * 1_000_000) + leeway_us
    if now_us >= ends_us:
        raise TokenError("expired")
    return ends_us


def _time_us(claims: JSON, name: str) -> int:
    """A claim that is a NumericDate: seconds since the epoch, with or without a fraction."""
    seconds = claims.get(name)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < 2**40:
        raise TokenError("claims")
    return int(seconds * 1_000_000)
