"""Proofs that need no database to check: that a record is in the log, and that the log has only grown.

An inclusion proof is a C2SP tlog-proof, with the record's leaf in base64 as its extra data. A consistency proof is
`{"format": "headgate-consistency-proof-v1", "old": note, "new": note, "path": [base64, …]}`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from headgate.audit.checkpoints import Checkpoint
from headgate.audit.errors import Disproved, Malformed, Tampered
from headgate.audit.leaves import parse
from headgate.audit.merkle import Frontier, Span, consistency_spans, extends, includes, inclusion_spans, leaf_hash
from headgate.audit.notes import Verifier, decode64, encode64
from headgate.audit.pages import leaves
from headgate.storage.database import Database

MAX_PROOF_BYTES = 1024 * 1024

_INCLUSION = "c2sp.org/tlog-proof@v1"
_CONSISTENCY = "headgate-consistency-proof-v1"
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})")
_MAX_STEPS = 64


class Proved(msgspec.Struct, frozen=True, kw_only=True):
    """What a proof has shown."""

    kind: Literal["inclusion", "consistency"]
    checkpoint: Checkpoint
    """The log the record is in, or the later one of two."""
    position: int | None = None
    record: dict[str, Any] | None = None
    earlier: Checkpoint | None = None


class _Consistency(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: Literal["headgate-consistency-proof-v1"] = _CONSISTENCY
    old: str
    new: str
    path: list[str]


async def prove_inclusion(database: Database, position: int, checkpoint: Checkpoint) -> str:
    """The proof that the record at `position` is in the log of a checkpoint. Reads the whole log of then.

    Raises:
        ValueError: the checkpoint is of fewer records.
        Tampered: the log is not the checkpoint's any more.
    """
    path = await _roots(database, inclusion_spans(position, checkpoint.size))
    rows = await database.fetch("SELECT leaf FROM audit_records WHERE position = $1", position)
    if not rows:
        raise Tampered(f"record {position} is missing", position)
    leaf: bytes = rows[0][0].encode()
    if not includes(checkpoint.root, checkpoint.size, position, leaf_hash(leaf), path):
        raise Tampered(f"the first {checkpoint.size} records are not those that were signed")
    lines = [_INCLUSION, f"extra {encode64(leaf)}", f"index {position}", *map(encode64, path)]
    return "\n".join(lines) + f"\n\n{checkpoint.note}"


async def prove_consistency(database: Database, old: Checkpoint, new: Checkpoint) -> str:
    """The proof that the log of `new` begins with that of `old`. Reads the whole log.

    Raises:
        ValueError: the old one is of no records, or of more than the new one.
        Tampered: the log is not the checkpoints' any more.
    """
    path = await _roots(database, consistency_spans(old.size, new.size))
    if not extends(old.root, old.size, new.root, new.size, path):
        raise Tampered(f"the first {new.size} records are not those that were signed")
    proof = _Consistency(old=old.note, new=new.note, path=[encode64(each) for each in path])
    return msgspec.json.format(msgspec.json.encode(proof), indent=2).decode() + "\n"


def check_proof(text: str, keys: Sequence[Verifier]) -> Proved:
    """What a proof shows, its checkpoints being signed by one of the keys.

    Raises:
        Malformed: it is no proof.
        NotSigned: nobody who is trusted signed the checkpoint.
        Disproved: it does not prove what it says.
    """
    return _consistency(text, keys) if text.lstrip().startswith("{") else _inclusion(text, keys)


def _inclusion(text: str, keys: Sequence[Verifier]) -> Proved:
    head, _, note = text.partition("\n\n")
    lines = head.split("\n")
    if lines[0] != _INCLUSION or len(lines) < 3 or not lines[1].startswith("extra "):
        raise Malformed(f"no proof: it begins with '{_INCLUSION}' and 'extra', or is JSON")
    index = _INDEX.fullmatch(lines[2])
    if index is None:
        raise Malformed("a proof's third line is 'index' and a number")
    leaf, path = _bytes(lines[1].removeprefix("extra ")), _path(lines[3:])
    checkpoint = Checkpoint.open(note, keys)
    position = int(index[1])
    if not includes(checkpoint.root, checkpoint.size, position, leaf_hash(leaf), path):
        raise Disproved(f"the record is not number {position} of the {checkpoint.size} that were signed")
    try:
        record = parse(leaf.decode())
    except ValueError:
        raise Malformed("what it proves is no record") from None
    return Proved(kind="inclusion", checkpoint=checkpoint, position=position, record=record)


def _consistency(text: str, keys: Sequence[Verifier]) -> Proved:
    try:
        proof = msgspec.json.decode(text, type=_Consistency)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Malformed(f"no proof: {error}") from None
    old, new = Checkpoint.open(proof.old, keys), Checkpoint.open(proof.new, keys)
    if old.origin != new.origin:
        raise Disproved("its checkpoints are of two logs")
    if not extends(old.root, old.size, new.root, new.size, _path(proof.path)):
        raise Disproved(f"the log of {new.size} records does not begin with that of {old.size}")
    return Proved(kind="consistency", checkpoint=new, earlier=old)


def _path(lines: Sequence[str]) -> list[bytes]:
    if len(lines) > _MAX_STEPS:
        raise Malformed(f"a proof has at most {_MAX_STEPS} hashes")
    return [_bytes(line) for line in lines]


def _bytes(text: str) -> bytes:
    try:
        return decode64(text)
    except ValueError:
        raise Malformed("a line of a proof is no base64") from None


async def _roots(database: Database, spans: Sequence[Span]) -> list[bytes]:
    """The roots of subtrees, of the hashes as they are stored: what comes of them is checked anyway."""
    roots: list[bytes] = []
    for start, end in spans:
        frontier = Frontier()
        async for page in leaves(database, start, end):
            for position, _, stored in page:
                try:
                    frontier.add(bytes.fromhex(stored))
                except ValueError:
                    raise Tampered(f"record {position} has been changed: its hash is none", position) from None
        roots.append(frontier.root())
    return roots
