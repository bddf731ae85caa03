"""The key that signs, from the configuration or made once."""

from __future__ import annotations

import logging
import stat
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from audit_logs import ORIGIN, SEED, signer
from headgate.audit.errors import Malformed
from headgate.audit.keys import KEY_FILE, load_signer, public_pem, read_signer, read_verifiers


def pem(key: Ed25519PrivateKey, password: bytes | None = None) -> str:
    protection = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection).decode()


def test_the_seed_of_rfc_8032_has_its_public_key() -> None:
    public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    assert read_signer(SEED, ORIGIN).verifier.key.hex() == public


def test_a_key_may_be_pem_or_base64() -> None:
    key = Ed25519PrivateKey.generate()
    assert read_signer(pem(key), "a").verifier.key == read_signer(f"\n{pem(key)}\n", "a").verifier.key
    assert load_signer(SEED, ORIGIN, None).verifier.key == signer().verifier.key


@pytest.mark.parametrize(
    "key",
    [
        "",
        "nonsense",
        SEED[:-4],
        SEED + "AA",
        pem(Ed25519PrivateKey.generate(), b"secret"),
        pem(Ed25519PrivateKey.generate()).replace("M", "N"),
        generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
    ],
)
def test_what_is_no_key_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(Malformed) as error:
        read_signer(key, ORIGIN)
    assert not key or key not in str(error.value)


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    first, second = load_signer(None, "a", tmp_path), load_signer(None, "a", tmp_path)
    assert first.verifier.key == second.verifier.key
    path = tmp_path / KEY_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert isinstance(load_pem_private_key(path.read_bytes(), None), Ed25519PrivateKey)
    assert [each.name for each in tmp_path.iterdir()] == [KEY_FILE]


def test_processes_that_start_together_make_one_key(tmp_path: Path) -> None:
    found: list[bytes] = []
    barrier = threading.Barrier(8)

    def start() -> None:
        barrier.wait()
        found.append(load_signer(None, "a", tmp_path).verifier.key)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_without_a_folder_a_key_lasts_as_long_as_the_process() -> None:
    assert load_signer(None, "a", None).verifier.key != load_signer(None, "a", None).verifier.key


def test_a_key_that_others_may_read_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    load_signer(None, "a", tmp_path)
    (tmp_path / KEY_FILE).chmod(0o640)
    with caplog.at_level(logging.WARNING):
        load_signer(None, "a", tmp_path)
    assert "may be read by others" in caplog.text


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\xff\xfe"])
def test_a_key_file_that_is_none_is_refused_and_kept(tmp_path: Path, content: bytes) -> None:
    (tmp_path / KEY_FILE).write_bytes(content)
    with pytest.raises(Malformed):
        load_signer(None, "a", tmp_path)
    assert (tmp_path / KEY_FILE).read_bytes() == content


def test_a_folder_that_is_not_there_cannot_keep_a_key(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"."):
        load_signer(None, "a", tmp_path / "none")


def test_public_keys_are_read_from_text_and_from_pem() -> None:
    verifier = signer().verifier
    both = f"{verifier}\n\n{signer(origin='b').verifier}\n"
    assert [each.name for each in read_verifiers(both, "ignored")] == [ORIGIN, "b"]
    [from_pem] = read_verifiers(public_pem(verifier), ORIGIN)
    assert str(from_pem) == str(verifier)


@pytest.mark.parametrize("text", ["nonsense", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"])
def test_what_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        read_verifiers(text, ORIGIN)
