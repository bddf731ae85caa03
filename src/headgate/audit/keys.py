"""The key that signs the log: from the configuration, else made once and kept beside the journal."""

from __future__ import annotations

import base64
import binascii
import contextlib
import logging
import os
import tempfile
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from headgate.audit.errors import Malformed
from headgate.audit.notes import Signer, Verifier

KEY_FILE = "audit.key"

log = logging.getLogger("headgate.audit")


def load_signer(key: str | None, origin: str, folder: Path | None) -> Signer:
    """The signer of the log called `origin`: with the key given, else with the one in the folder, which is made there
    where it is not yet. Without a folder it lasts as long as the process.

    Raises:
        Malformed: the key or the origin is none.
        OSError: the key's file cannot be read, or not be written.
    """
    if key is not None:
        return read_signer(key, origin)
    if folder is None:
        return Signer(origin, Ed25519PrivateKey.generate())
    path = folder / KEY_FILE
    try:
        text = path.read_text("ascii")
    except FileNotFoundError:
        _make(path)
        text = path.read_text("ascii")
    except UnicodeDecodeError:
        raise Malformed(f"{path} is no key") from None
    if os.name == "posix" and path.stat().st_mode & 0o077:
        log.warning("%s may be read by others than its owner: whoever has it can sign another log; chmod 600", path)
    return read_signer(text, origin)


def read_signer(key: str, origin: str) -> Signer:
    """The signer with a private key, as PEM (PKCS #8) or as its 32 bytes in base64.

    Raises:
        Malformed: it is neither.
    """
    what = "the audit log's key is no Ed25519 private key: PEM without a passphrase, or 32 bytes in base64"
    try:
        if "-----BEGIN" in key:
            found = load_pem_private_key(key.strip().encode(), None)
        else:
            found = Ed25519PrivateKey.from_private_bytes(base64.b64decode(key.strip(), validate=True))
    except (ValueError, TypeError, UnsupportedAlgorithm, binascii.Error):
        raise Malformed(what) from None
    if not isinstance(found, Ed25519PrivateKey):
        raise Malformed(what)
    return Signer(origin, found)


def read_verifiers(text: str, origin: str) -> list[Verifier]:
    """Public keys as texts, one a line, or one as PEM, which is then the key of the log called `origin`.

    Raises:
        Malformed: they are none.
    """
    if "-----BEGIN" not in text:
        return [Verifier.from_text(line) for line in text.splitlines() if line.strip()]
    try:
        key = load_pem_public_key(text.strip().encode())
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise Malformed("no Ed25519 public key")
    return [Verifier(origin, key.public_bytes(Encoding.Raw, PublicFormat.Raw))]


def public_pem(verifier: Verifier) -> str:
    """The public key alone, for other tools."""
    key = Ed25519PublicKey.from_public_bytes(verifier.key)
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _make(path: Path) -> None:
    """Make a key, whole or not at all; where another process was quicker, its key stays."""
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(name, path)
    finally:
        os.unlink(name)
