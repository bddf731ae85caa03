"""Proofs that are checked without the log."""

from __future__ import annotations

import json

import pytest

import audit_trees
from audit_logs import ORIGIN, OTHER_SEED, Kept, record, signer
from headgate.audit.checkpoints import Checkpoint
from headgate.audit.errors import Disproved, Malformed, NotSigned, Tampered
from headgate.audit.notes import decode64, encode64
from headgate.audit.proofs import check_proof, prove_consistency, prove_inclusion

KEYS = [signer().verifier]


async def checkpoint(log: Kept, size: int) -> Checkpoint:
    [(note,)] = await log.database.fetch("SELECT note FROM audit_checkpoints WHERE size = $1", size)
    return Checkpoint.read(note)


async def test_an_inclusion_proof_is_a_tlog_proof_of_the_rfcs_path(signed: Kept) -> None:
    text = await prove_inclusion(signed.database, 17, await checkpoint(signed, 25))
    head, _, note = text.partition("\n\n")
    lines = head.split("\n")
    leaves = (await signed.leaves())[:25]
    assert lines[0] == "c2sp.org/tlog-proof@v1"
    assert lines[1] == f"extra {encode64(leaves[17])}"
    assert lines[2] == "index 17"
    assert [decode64(line) for line in lines[3:]] == audit_trees.path(17, leaves)
    assert note == (await checkpoint(signed, 25)).note


@pytest.mark.parametrize("size", [10, 25, 40])
async def test_every_record_of_a_checkpoint_is_proved(signed: Kept, size: int) -> None:
    for position in range(size):
        text = await prove_inclusion(signed.database, position, await checkpoint(signed, size))
        proved = check_proof(text, KEYS)
        assert proved.position == position
        assert proved.record
        assert proved.record["id"] == record(position).id
        assert (proved.checkpoint.size, proved.checkpoint.origin) == (size, ORIGIN)


async def test_a_log_of_one_record_is_proved(kept: Kept) -> None:
    await kept.grow(1)
    made = await kept.log.checkpoint()
    assert made
    assert check_proof(await prove_inclusion(kept.database, 0, made), KEYS).position == 0


async def test_growth_is_proved(signed: Kept) -> None:
    leaves = await signed.leaves()
    for old, new in ((10, 25), (10, 40), (25, 40), (40, 40)):
        text = await prove_consistency(signed.database, await checkpoint(signed, old), await checkpoint(signed, new))
        proved = check_proof(text, KEYS)
        assert proved.earlier
        assert (proved.earlier.size, proved.checkpoint.size) == (old, new)
        assert [decode64(each) for each in json.loads(text)["path"]] == audit_trees.proof(old, leaves[:new])


async def test_nothing_is_proved_of_what_a_checkpoint_does_not_hold(signed: Kept) -> None:
    with pytest.raises(ValueError, match="has no leaf 10"):
        await prove_inclusion(signed.database, 10, await checkpoint(signed, 10))
    with pytest.raises(ValueError, match="does not go on"):
        await prove_consistency(signed.database, await checkpoint(signed, 25), await checkpoint(signed, 10))


async def test_nothing_is_proved_of_a_log_that_was_changed(signed: Kept) -> None:
    first, last = await checkpoint(signed, 10), await checkpoint(signed, 40)
    await signed.rewrite(3, record(3, actor="key:thief"))
    with pytest.raises(Tampered, match="not those that were signed"):
        await prove_inclusion(signed.database, 3, last)
    with pytest.raises(Tampered, match="not those that were signed"):
        await prove_inclusion(signed.database, 20, last)
    with pytest.raises(Tampered, match="not those that were signed"):
        await prove_consistency(signed.database, first, last)
    await signed.change("UPDATE audit_records SET leaf_hash = 'x' WHERE position = 3")
    with pytest.raises(Tampered, match="record 3"):
        await prove_inclusion(signed.database, 20, last)
    await signed.change("DELETE FROM audit_records WHERE position = 3")
    with pytest.raises(Tampered, match="record 3 is missing"):
        await prove_inclusion(signed.database, 20, last)


async def test_a_proof_says_only_what_a_trusted_key_signed(signed: Kept) -> None:
    for text in (
        await prove_inclusion(signed.database, 17, await checkpoint(signed, 25)),
        await prove_consistency(signed.database, await checkpoint(signed, 10), await checkpoint(signed, 25)),
    ):
        with pytest.raises(NotSigned):
            check_proof(text, [signer(OTHER_SEED).verifier])
        with pytest.raises(NotSigned):
            check_proof(text, [])


async def test_no_byte_of_an_inclusion_proof_can_be_changed(signed: Kept) -> None:
    text = await prove_inclusion(signed.database, 17, await checkpoint(signed, 25))
    for at in range(0, len(text), 3):
        changed = f"{text[:at]}{chr(ord(text[at]) ^ 1)}{text[at + 1 :]}"
        with pytest.raises((Malformed, NotSigned, Disproved)):
            check_proof(changed, KEYS)


async def test_a_proof_of_one_record_is_none_of_another(signed: Kept) -> None:
    last = await checkpoint(signed, 40)
    one, other = [(await prove_inclusion(signed.database, at, last)) for at in (17, 18)]
    leaf = other.split("\n")[1]
    with pytest.raises(Disproved):
        check_proof(one.replace(one.split("\n")[1], leaf), KEYS)
    with pytest.raises(Disproved):
        check_proof(one.replace("index 17", "index 18"), KEYS)
    with pytest.raises(Disproved):
        check_proof(one.replace("index 17", "index 40"), KEYS)


async def test_checkpoints_of_two_logs_prove_no_growth(signed: Kept) -> None:
    other = signer(OTHER_SEED, "else.example")
    text = await prove_consistency(signed.database, await checkpoint(signed, 10), await checkpoint(signed, 25))
    proof = json.loads(text)
    proof["old"] = Checkpoint.sign(other, 10, (await checkpoint(signed, 10)).root).note
    with pytest.raises(Disproved, match="two logs"):
        check_proof(json.dumps(proof), [*KEYS, other.verifier])


async def test_growth_from_a_fork_is_not_proved(signed: Kept) -> None:
    text = await prove_consistency(signed.database, await checkpoint(signed, 10), await checkpoint(signed, 25))
    proof = json.loads(text)
    proof["old"] = Checkpoint.sign(signer(), 10, b"\x01" * 32).note
    with pytest.raises(Disproved, match="does not begin with"):
        check_proof(json.dumps(proof), KEYS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "{",
        "{" * 100_000,
        '{"format":"headgate-consistency-proof-v2","old":"","new":"","path":[]}',
        '{"format":"headgate-consistency-proof-v1","old":"","new":"","path":[]}',
        "c2sp.org/tlog-proof@v1",
        "c2sp.org/tlog-proof@v1\nindex 0\n\n",
        "c2sp.org/tlog-proof@v1\nextra AA==\nindex 00\n\n",
        "c2sp.org/tlog-proof@v1\nextra ????\nindex 0\n\n",
        "c2sp.org/tlog-proof@v1\nextra AA==\nindex 0\n" + "AA==\n" * 65 + "\n",
    ],
)
def test_what_is_no_proof_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        check_proof(text, KEYS)


def test_a_signed_leaf_that_is_no_record_is_not_shown_as_one() -> None:
    for leaf in (b"no record", b"\xff", b"{}"):
        made = Checkpoint.sign(signer(), 1, audit_trees.mth([leaf]))
        text = f"c2sp.org/tlog-proof@v1\nextra {encode64(leaf)}\nindex 0\n\n{made.note}"
        with pytest.raises(Malformed, match="is no record"):
            check_proof(text, KEYS)
