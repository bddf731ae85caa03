"""Signed notes and checkpoints, in their exact form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_logs import ORIGIN, OTHER_SEED, SEED, signer
from headgate.audit.checkpoints import Checkpoint
from headgate.audit.errors import Malformed, NotSigned
from headgate.audit.merkle import EMPTY_ROOT
from headgate.audit.notes import MAX_NOTE_BYTES, Verifier, decode64, opened, split

NEUMANN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NEUMANNS_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
"""The example of Go's `sumdb/note`."""


def test_a_note_that_go_signed_opens() -> None:
    assert opened(NEUMANNS_NOTE, [Verifier.from_text(NEUMANN)]) == NEUMANNS_NOTE.partition("\n\n")[0] + "\n"


def test_a_checkpoints_form_is_exact() -> None:
    checkpoint = Checkpoint.sign(signer(), 0, EMPTY_ROOT)
    head, _, tail = checkpoint.note.partition("\n\n")
    assert head == f"{ORIGIN}\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    assert tail.startswith(f"— {ORIGIN} ")
    assert tail.endswith("\n")
    signature = decode64(tail.removeprefix(f"— {ORIGIN} ").removesuffix("\n"))
    assert signature[:4] == signer().verifier.id
    assert len(signature) == 4 + 64


def test_a_checkpoint_opens_as_what_was_signed() -> None:
    checkpoint = Checkpoint.sign(signer(), 20_852_163, b"\x01" * 32)
    assert Checkpoint.open(checkpoint.note, [signer().verifier]) == checkpoint
    assert Checkpoint.read(checkpoint.note) == checkpoint


def test_a_public_key_survives_its_text() -> None:
    verifier = signer().verifier
    again = Verifier.from_text(f"{verifier}\n")
    assert (again.name, again.id, again.key) == (verifier.name, verifier.id, verifier.key)
    assert str(Verifier.from_text(NEUMANN)) == NEUMANN


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+c74f20a3",
        NEUMANN.replace("c74f20a3", "c74f20a4"),
        NEUMANN.replace("PeterNeumann", "PeterNeuman"),
        NEUMANN.replace("ARpc", "Ahpc"),  # another kind of signature
        NEUMANN[:-1],
        NEUMANN.replace("/LDE", "/LDF"),
        "+".join(["", *NEUMANN.split("+")[1:]]),
    ],
)
def test_a_public_key_that_was_changed_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        Verifier.from_text(text)


@pytest.mark.parametrize(
    "origin",
    ["", "a b", "a+b", "a\nb", "a\tb", "a\rb", "a\x00b", "a\u2028b", "a\u00a0b", "a\x85b", "a\u202eb", "a\x1b[1mb"],
)
def test_an_origin_that_could_forge_another_line_is_refused(origin: str) -> None:
    with pytest.raises(Malformed):
        signer(origin=origin)


def cosigned(note: str, seed: str, name: str) -> str:
    """A note with one more signature."""
    return note + signer(seed, name).sign(split(note)[0]).rpartition("\n\n")[2]


def test_one_trusted_signature_of_several_is_enough() -> None:
    note = cosigned(Checkpoint.sign(signer(), 7, b"\x02" * 32).note, OTHER_SEED, "witness.example")
    log, witness = signer().verifier, signer(OTHER_SEED, "witness.example").verifier
    assert Checkpoint.open(note, [log]).size == 7
    assert Checkpoint.open(note, [log, witness]).size == 7
    with pytest.raises(Malformed, match="of the log"):  # a witness vouches for a log, and is none
        Checkpoint.open(note, [witness])
    with pytest.raises(NotSigned):
        Checkpoint.open(note, [signer(OTHER_SEED, "else.example").verifier])


def test_a_wrong_signature_of_a_trusted_key_is_not_made_good_by_a_right_one() -> None:
    note = Checkpoint.sign(signer(), 7, b"\x02" * 32).note
    text, signatures = split(note)
    other = Checkpoint.sign(signer(), 8, b"\x02" * 32).note.rpartition("\n\n")[2]
    assert len(signatures) == 1
    with pytest.raises(NotSigned, match="not of this text"):
        opened(f"{note}{other}", [signer().verifier])
    with pytest.raises(NotSigned, match="not of this text"):
        opened(f"{text}\n{other}{note.rpartition(chr(10) * 2)[2]}", [signer().verifier])


def test_a_key_of_the_same_name_signs_for_itself_only() -> None:
    note = Checkpoint.sign(signer(OTHER_SEED), 7, b"\x02" * 32).note
    with pytest.raises(NotSigned, match="not a key that is trusted"):
        Checkpoint.open(note, [signer().verifier])


@pytest.mark.parametrize(
    "change",
    [
        lambda note: note.replace("\n20\n", "\n020\n"),
        lambda note: note.replace("\n20\n", "\n+20\n"),
        lambda note: note.replace("\n20\n", "\n20 \n"),
        lambda note: note.replace("\n20\n", "\n-20\n"),
        lambda note: note.replace("\n20\n", "\n２0\n"),
        lambda note: note.replace("\n20\n", "\n9999999999999999999\n"),
        lambda note: note.replace("\n20\n", "\n\n"),
        lambda note: note.replace("AwM=\n", "AwM\n"),
        lambda note: note.replace("AwM=\n", "AwN=\n"),  # another form of the same bytes
        lambda note: note.replace("AwM=\n", "AwMD\n"),
        lambda note: note.replace("gateway.example/audit\n20", "\n20"),
        lambda note: note.replace("— ", "- "),
        lambda note: note.replace("— ", "—"),
        lambda note: note.replace("\n\n", "\n"),
        lambda note: note.replace("\n", "\r\n"),
        lambda note: note.replace("\n20", "\t\n20"),
        lambda note: note.replace("\n20", "\x00\n20"),
        lambda note: note.rstrip("\n"),
        lambda note: f"{note}\n",
        lambda note: f"{note}rest\n",
        lambda note: note.rpartition("—")[0],
        lambda note: "",
        lambda note: "\n\n",
        lambda note: note.replace("example", "\ud800"),
        lambda note: f"{'x' * MAX_NOTE_BYTES}\n{note}",
    ],
)
def test_a_note_that_is_not_in_its_form_is_no_checkpoint(change) -> None:
    note = change(Checkpoint.sign(signer(), 20, b"\x03" * 32).note)
    with pytest.raises(Malformed):
        Checkpoint.read(note)


@pytest.mark.parametrize(
    "change",
    [
        lambda note: note.replace("\n20\n", "\n21\n"),
        lambda note: note.replace("AwMDAw", "AwMDBA", 1),
        lambda note: note.replace("gateway.example/audit\n20", "gateway.example/audi\n20"),
        lambda note: note.replace("\n\n", "\nan extension\n\n"),
    ],
)
def test_a_checkpoint_that_was_changed_is_not_signed(change) -> None:
    note = change(Checkpoint.sign(signer(), 20, b"\x03" * 32).note)
    Checkpoint.read(note)
    with pytest.raises(NotSigned):
        Checkpoint.open(note, [signer().verifier])


def test_extension_lines_that_are_signed_are_taken() -> None:
    note = signer().sign(f"{ORIGIN}\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nmore\n")
    assert Checkpoint.open(note, [signer().verifier]).size == 0


def test_a_newline_smuggled_into_a_text_is_signed_for_nobody() -> None:
    with pytest.raises(Malformed):
        signer().sign("no newline at its end")
    with pytest.raises(Malformed):
        signer().sign("a\x0bcontrol character\n")


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=40))
def test_what_is_signed_opens_as_it_was(text: str) -> None:
    note = signer(SEED).sign(f"{text}\n")
    assert opened(note, [signer(SEED).verifier]) == f"{text}\n"
