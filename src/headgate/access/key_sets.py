"""The public keys by which an issuer's signatures are checked (RFC 7517)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

from headgate.access.fetch import Fetcher, UrlError
from headgate.errors import ConfigError, HeadgateError
from headgate.types import JSON

log = logging.getLogger("headgate.access")

AGAIN_S = 5.0
"""Least time between two fetches of the same keys, whatever kids tokens claim to have."""

REFRESH_S = 300.0
"""Keys are fetched that often in any case: a withdrawn one is taken for no longer."""

MAX_KEYS = 100
MIN_RSA_BITS = 2048

_FAMILIES: Mapping[str, tuple[str, str | None]] = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), ("RSA", None)),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
}
"""Which keys an algorithm goes with: type and curve."""

_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}


class PublicKey(msgspec.Struct, frozen=True):
    """One key that signatures are checked by."""

    kid: str | None
    family: tuple[str, str | None]
    algorithm: str | None
    """The one it is for, where the issuer says so."""
    key: Any
    """As `cryptography` has it."""

    def fits(self, kid: str | None, algorithm: str) -> bool:
        return (
            self.family == _FAMILIES.get(algorithm)
            and self.algorithm in (None, algorithm)
            and (kid is None or self.kid is None or self.kid == kid)
        )


class Keys(Protocol):
    """Where public keys are found."""

    version: int
    """Changes when the keys do."""

    def find(self, kid: str | None, algorithm: str) -> Sequence[PublicKey]:
        """The keys that may have made a signature."""
        ...


class FileKeys:
    """Keys of a file, as they were when it was read."""

    version = 0

    def __init__(self, path: Path) -> None:
        """Raises ConfigError where the file cannot be used."""
        try:
            raw = path.read_bytes()
        except OSError as error:
            raise ConfigError([f"keys_file '{path}' cannot be read: {error.strerror}"]) from error
        try:
            self._keys = _of_pem(raw) if raw.lstrip().startswith(b"-----BEGIN") else parsed(json.loads(raw))
        except ValueError as error:
            raise ConfigError([f"keys_file '{path}' cannot be used: {error}"]) from error
        if not self._keys:
            raise ConfigError([f"keys_file '{path}' holds no public key that can be used"])

    def find(self, kid: str | None, algorithm: str) -> Sequence[PublicKey]:
        return [key for key in self._keys if key.fits(kid, algorithm)]


class FetchedKeys:
    """Keys of a URL, fetched in the background: nothing here waits for the network."""

    def __init__(self, url: str, fetcher: Fetcher) -> None:
        self.url = url
        self.version = 0
        self._fetcher = fetcher
        self._document: JSON | None = None
        self._keys: Sequence[PublicKey] = ()
        self._asked = asyncio.Event()
        self._failing = False

    def find(self, kid: str | None, algorithm: str) -> Sequence[PublicKey]:
        """As `Keys.find`; where there is none, the keys are fetched anew before long."""
        found = [key for key in self._keys if key.fits(kid, algorithm)]
        if not found:
            self._asked.set()
        return found

    async def run(self) -> None:
        """Keep the keys fresh until cancelled."""
        try:
            while True:
                fetched = await self.fetch()
                await asyncio.sleep(AGAIN_S)
                if fetched:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(REFRESH_S):
                            await self._asked.wait()
        finally:
            await self._fetcher.close()

    async def fetch(self) -> bool:
        """Fetch the keys now, and whether that worked. Where it does not, those there are stay."""
        try:
            document = await self._fetcher.get(self.url)
            keys = self._keys if document == self._document else parsed(document)
        except (HeadgateError, UrlError, ValueError) as error:
            if not self._failing:
                log.warning("the keys at %s were not fetched, those there are stay: %s", self.url, error)
            self._failing = True
            return False
        finally:
            self._asked.clear()
        self._failing = False
        if keys is not self._keys:
            self._document, self._keys = document, keys
            self.version += 1
        return True


def parsed(document: Any) -> list[PublicKey]:
    """The keys of a JSON Web Key Set that can be used; what is not for signatures, or secret, is passed over.

    Raises:
        ValueError: it is no such set.
    """
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise ValueError("it is no JSON Web Key Set: that has 'keys', a list")  # noqa: TRY004
    if len(listed) > MAX_KEYS:
        raise ValueError(f"it holds more than {MAX_KEYS} keys")
    return [key for each in listed if isinstance(each, dict) and (key := _of_jwk(each)) is not None]


def _of_jwk(jwk: JSON) -> PublicKey | None:
    from jwt import PyJWK, PyJWTError  # brings cryptography, which not everybody needs

    kid, algorithm, operations = jwk.get("kid"), jwk.get("alg"), jwk.get("key_ops", ["verify"])
    if not isinstance(kid, str | None) or not isinstance(algorithm, str | None) or not isinstance(operations, list):
        return None
    family = jwk.get("kty"), jwk.get("crv") if jwk.get("kty") != "RSA" else None
    name = next((name for name, each in _FAMILIES.items() if each == family), None)
    if name is None or "d" in jwk or jwk.get("use", "sig") != "sig" or "verify" not in operations:
        return None
    try:
        key = PyJWK(jwk, algorithm=name).key
    except (PyJWTError, ValueError, TypeError, KeyError):
        return None
    return _usable(key, kid, algorithm)


def _of_pem(raw: bytes) -> list[PublicKey]:
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from cryptography.x509 import load_pem_x509_certificate

    certificate = b"BEGIN CERTIFICATE" in raw
    key = load_pem_x509_certificate(raw).public_key() if certificate else load_pem_public_key(raw)
    usable = _usable(key, None, None)
    return [] if usable is None else [usable]


def _usable(key: Any, kid: str | None, algorithm: str | None) -> PublicKey | None:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    match key:
        case RSAPublicKey(key_size=size) if size >= MIN_RSA_BITS:
            return PublicKey(kid, ("RSA", None), algorithm, key)
        case EllipticCurvePublicKey() if key.curve.name in _CURVES:
            return PublicKey(kid, ("EC", _CURVES[key.curve.name]), algorithm, key)
        case Ed25519PublicKey():
            return PublicKey(kid, ("OKP", "Ed25519"), algorithm, key)
        case _:
            return None
