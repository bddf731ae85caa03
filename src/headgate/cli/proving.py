"""`headgate audit`: check the log, prove what is in it, check a proof."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from headgate.audit import (
    Checkpoint,
    Disproved,
    Malformed,
    NotSigned,
    Report,
    Tampered,
    Verifier,
    verify_export,
)
from headgate.audit import verify as verify_database
from headgate.audit.checkpoint_file import entries
from headgate.audit.export import moment
from headgate.audit.leaves import escaped
from headgate.audit.listing import exported, newest_checkpoint, position_of
from headgate.audit.proofs import Proved, prove_consistency, prove_inclusion
from headgate.audit.proofs import check_proof as check
from headgate.audit.verify import Progress
from headgate.cli import output
from headgate.cli.audit_log import Keys, Place, beside, damaged, done, keys_of, opened, place_of, shown, text_of
from headgate.cli.configs import ConfigFile, Json, OutputFile
from headgate.cli.exits import FAILED, OK, CannotRun, Misused
from headgate.cli.files import reading, writing
from headgate.clock import SystemClock
from headgate.storage.database import Database

Files = Annotated[list[Path] | None, Parameter(name="--checkpoint", negative="")]

_PROGRESS_RECORDS = 50_000


def verify(
    *,
    config: ConfigFile = None,
    file: Path | None = None,
    checkpoint: Files = None,
    key: Keys = None,
    json: Json = False,
) -> int:
    """Check that the log is what was signed: every record, every checkpoint. It may be in use meanwhile.

    Parameters
    ----------
    config
        The file that says where the log is; else HEADGATE_CONFIG, else ./headgate.yaml.
    file
        An export to check in place of the database, with the checkpoint beside it.
    checkpoint
        A file of checkpoints that were kept elsewhere. May be given more than once.
    key
        The public key, or a file of it: what 'headgate audit key' printed. May be given more than once.
    json
        Print JSON.
    """
    progress = _progress if sys.stderr.isatty() and not json else None
    if file is None:
        place = place_of(config)
        keys = keys_of(key, place)
        report = done(_verified(place, keys, checkpoint or [], progress))
    else:
        keys = keys_of(key, None if key else place_of(config))
        with reading():
            file.open("rb").close()
            own = beside(file)
            files = [*([own] if own.exists() else []), *(checkpoint or [])]
            if not files:
                raise CannotRun(f"there is no {own}", "Name a checkpoint of the log with --checkpoint.")
            report = verify_export(file, keys, files, progress=progress)
    if json:
        first = {"ok": report.ok, "first": report.first}
        output.json({**first, **msgspec.to_builtins(report)})
    else:
        _tell(report)
    return OK if report.ok else FAILED


def prove(
    record: str | None = None,
    /,
    *,
    from_: Annotated[Path | None, Parameter(name="--from")] = None,
    to: Annotated[Path | None, Parameter(name="--to")] = None,
    output_: OutputFile = None,
    config: ConfigFile = None,
) -> int:
    """Write a proof that a record is in the log, or with --from that the log has only grown since a checkpoint.

    Parameters
    ----------
    record
        Its id, or its position.
    from_
        A file with an earlier checkpoint, as a note or as the last of many.
    to
        A file with the checkpoint to prove it against; else the newest there is.
    output_
        Where to write the proof; else it is printed.
    config
        The file that says where the log is; else HEADGATE_CONFIG, else ./headgate.yaml.
    """
    if (record is None) == (from_ is None):
        raise Misused("name a record, or a checkpoint with --from", "Try 'headgate audit prove --help'.")
    place = place_of(config)
    old, new = _noted(from_), _noted(to)
    try:
        proof = done(_proof(place, record, old, new))
    except (Tampered, Malformed) as error:
        return damaged(error)
    if output_ is None:
        sys.stdout.write(proof)
        return OK
    with writing(output_):
        output_.write_text(proof, "utf-8")
    output.say(f"{output_} is written. To check it: 'headgate audit check-proof {output_} --key KEY'.")
    return OK


def check_proof(file: Path, /, *, key: Keys = None, config: ConfigFile = None, json: Json = False) -> int:
    """Check a proof. Needs the public key alone.

    Parameters
    ----------
    file
        What 'headgate audit prove' wrote.
    key
        The public key, or a file of it: what 'headgate audit key' printed. May be given more than once.
    config
        The file whose key counts where none is given.
    json
        Print JSON.
    """
    keys = keys_of(key, None if key else place_of(config))
    try:
        proved = check(text_of(file), keys)
    except (Malformed, NotSigned, Disproved) as error:
        if json:
            output.json({"ok": False, "problem": str(error)})
        else:
            output.complain(f"headgate: {file}: {escaped(str(error))}")
            output.complain(_AGAIN[type(error)])
        return FAILED
    if json:
        output.json({"ok": True, **_proved(proved)})
    else:
        output.say(_sentence(proved))
    return OK


_AGAIN = {
    Malformed: "Name what 'headgate audit prove' wrote.",
    NotSigned: "Name the public key of its log with --key: 'headgate audit key' prints it there.",
    Disproved: "It proves nothing: ask whoever has the log for another one.",
}
"""What to do about a proof that is none."""


# ── what needs the database ──


async def _verified(
    place: Place, keys: Sequence[Verifier], others: Sequence[Path], progress: Progress | None
) -> Report:
    clock = SystemClock()
    async with opened(place) as database:
        file = place.file if place.kept_here else None
        return await verify_database(database, keys, clock, file=file, others=others, progress=progress)


async def _proof(place: Place, record: str | None, old: Checkpoint | None, new: Checkpoint | None) -> str:
    async with opened(place) as database:
        position = None if record is None else await _position(database, record)
        needed = old.size if old else (position or 0) + 1
        against = new or await newest_checkpoint(database)
        if against is None or against.size < needed:
            have = output.counted(against.size if against else 0, "record")
            again = "Name a newer one." if new else "Try again soon: a log that is served is signed as it grows."
            raise CannotRun(f"the checkpoint is of {have}, and has to be of {needed}", again)
        if old is not None:
            return await prove_consistency(database, old, against)
        return await prove_inclusion(database, needed - 1, against)


async def _position(database: Database, record: str) -> int:
    if record.isascii() and record.isdigit():
        _, size, _ = await exported(database)
        position = int(record) if int(record) < size else None
    else:
        position = await position_of(database, record)
    if position is None:
        raise CannotRun(f"there is no record '{escaped(record)}'", "Try 'headgate audit list'.")
    return position


def _noted(path: Path | None) -> Checkpoint | None:
    """The last checkpoint of a file. Whoever checks the proof checks who signed it."""
    if path is None:
        return None
    with reading():
        notes = [entry.note for entry in entries(path) if entry.note is not None]
    try:
        return Checkpoint.read(notes[-1])
    except (IndexError, Malformed):
        hint = "Name a checkpoint file, or what 'headgate audit export' wrote beside its export."
        raise CannotRun(f"{path} holds no checkpoint", hint) from None


# ── saying it ──


def _tell(report: Report) -> None:
    for each in report.problems:
        output.complain(f"problem: {escaped(each.message)} ({each.code})")
    for each in report.warnings:
        output.complain(f"warning: {escaped(each.message)} ({each.code})")
    if report.untold:
        output.complain(f"and {report.untold} more")
    records, checkpoints = output.counted(report.records, "record"), output.counted(report.checkpoints, "checkpoint")
    under = f"{report.signed} of {records} under {checkpoints}"
    if report.ok:
        output.say(f"The log is what was signed: {under}.")
    else:
        first = "" if report.first is None else f", from record {report.first} on"
        output.complain(f"headgate: the log is not what was signed{first}: {under}")
        output.complain("What each finding means, and what to do: 'When something is wrong' in docs/audit.md.")


def _proved(proved: Proved) -> dict[str, Any]:
    told: dict[str, Any] = {
        "kind": proved.kind,
        "origin": proved.checkpoint.origin,
        "size": proved.checkpoint.size,
        "root": proved.checkpoint.root.hex(),
    }
    if proved.earlier:
        return {**told, "earlier_size": proved.earlier.size, "earlier_root": proved.earlier.root.hex()}
    return {**told, "position": proved.position, "record": proved.record}


def _sentence(proved: Proved) -> str:
    log = f"the log {proved.checkpoint.origin} of {output.counted(proved.checkpoint.size, 'record')}"
    if proved.earlier:
        return f"Proved: {log} begins with that of {proved.earlier.size}, unchanged."
    assert proved.record is not None
    record = proved.record
    told = " ".join(shown(record.get(name)) for name in ("actor", "action", "subject", "outcome"))
    return f"Proved: record {proved.position} of {log} is {record['id']}, {moment(record['at_us'])}: {told}"


def _progress(done: int, total: int) -> None:
    if done % _PROGRESS_RECORDS < 1000:
        sys.stderr.write(f"\r{done:,} of {total:,}")
        sys.stderr.flush()
    if done >= total:
        sys.stderr.write("\r\x1b[K")
