"""`headgate audit`: check the audit log, prove what is in it, take it out."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Coroutine, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

import msgspec
from cyclopts import Parameter

from headgate import store
from headgate.audit import (
    Checkpoint,
    Disproved,
    Listed,
    Malformed,
    NotSigned,
    Query,
    Report,
    Tampered,
    Verifier,
    listed,
    verify_export,
)
from headgate.audit import verify as verify_database
from headgate.audit.checkpoint_file import entries
from headgate.audit.export import csv_head, csv_line, moment
from headgate.audit.keys import KEY_FILE, public_pem, read_signer, read_verifiers
from headgate.audit.leaves import escaped, parse
from headgate.audit.listing import exported, newest_checkpoint, position_of
from headgate.audit.proofs import MAX_PROOF_BYTES, Proved, prove_consistency, prove_inclusion
from headgate.audit.proofs import check_proof as check
from headgate.audit.verify import Progress
from headgate.cli import output
from headgate.cli.configs import ConfigFile, Json, Most, OutputFile, load_or_starter
from headgate.cli.exits import FAILED, OK, CannotRun, Misused
from headgate.clock import SystemClock
from headgate.config.places import placed
from headgate.config.schema import AuditConfig
from headgate.errors import StoreUnavailable
from headgate.storage.database import Database
from headgate.storage.opening import MEMORY, SQLITE, open_database, sqlite_path

T = TypeVar("T")

Keys = Annotated[list[str] | None, Parameter(name="--key", negative="")]
Files = Annotated[list[Path] | None, Parameter(name="--checkpoint", negative="")]

_PROGRESS_RECORDS = 50_000


class Place(NamedTuple):
    """Where a configuration keeps its log."""

    url: str
    folder: Path | None
    file: Path | None
    audit: AuditConfig

    @property
    def kept_here(self) -> bool:
        """Whether its checkpoint file has to be on this machine: a server of PostgreSQL's may be on another one."""
        local = self.url.startswith(SQLITE) or self.audit.checkpoint_file is not None
        return local or (self.file is not None and self.file.exists())


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
        place = _place(config)
        keys = _keys(key, place)
        report = _done(_verified(place, keys, checkpoint or [], progress))
    else:
        keys = _keys(key, None if key else _place(config))
        beside = _beside(file)
        files = [*([beside] if beside.exists() else []), *(checkpoint or [])]
        if not files:
            raise CannotRun(f"there is no {beside}", "Name a checkpoint of the log with --checkpoint.")
        with _reading():
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
    place = _place(config)
    old, new = _noted(from_), _noted(to)
    try:
        proof = _done(_proof(place, record, old, new))
    except (Tampered, Malformed) as error:
        return _damaged(error)
    if output_ is None:
        sys.stdout.write(proof)
        return OK
    with _reading():
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
    keys = _keys(key, None if key else _place(config))
    try:
        proved = check(_text(file), keys)
    except (Malformed, NotSigned, Disproved) as error:
        if json:
            output.json({"ok": False, "problem": str(error)})
        else:
            output.complain(f"headgate: {file}: {escaped(str(error))}")
        return FAILED
    if json:
        output.json({"ok": True, **_proved(proved)})
    else:
        output.say(_sentence(proved))
    return OK


def export(
    file: Path,
    /,
    *,
    format_: Annotated[Literal["jsonl", "csv"] | None, Parameter(name="--format")] = None,
    config: ConfigFile = None,
) -> int:
    """Write the whole log to a file: JSON lines, and its newest checkpoint beside it, or CSV for a spreadsheet.

    Parameters
    ----------
    file
        A file that is not there yet.
    format_
        jsonl can be verified without the database. Else the file's name says it.
    config
        The file that says where the log is; else HEADGATE_CONFIG, else ./headgate.yaml.
    """
    place = _place(config)
    as_csv = format_ == "csv" or (format_ is None and file.suffix == ".csv")
    if file.exists() or (not as_csv and _beside(file).exists()):
        raise CannotRun(f"{file if file.exists() else _beside(file)} is there already")
    try:
        records, signed = _done(_export(place, file, as_csv))
    except (Tampered, Malformed) as error:
        return _damaged(error)
    output.say(f"{file} is written, {records} records.")
    if signed is not None and not as_csv:
        output.say(f"{_beside(file)} is of {signed} of them. Next: 'headgate audit verify --file {file} --key KEY'.")
    elif not as_csv:
        output.complain("Nothing is signed yet, so there is no checkpoint to verify it with.")
    return OK


def list_(
    *,
    organisation: str | None = None,
    actor: str | None = None,
    action: str | None = None,
    subject: str | None = None,
    outcome: Literal["done", "denied", "failed"] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: Most = 50,
    config: ConfigFile = None,
    json: Json = False,
) -> int:
    """List records, the newest first.

    Parameters
    ----------
    organisation
        Whose.
    actor
        Who did it: key:…, user:…, system, shell:…, unknown.
    action
        What was done: keys.create; 'keys.*' for all that begins so.
    subject
        On what, as kind:id.
    outcome
        How it ended.
    since
        From this time on, UTC where it says no other.
    until
        Before this time.
    limit
        How many at most.
    config
        The file that says where the log is; else HEADGATE_CONFIG, else ./headgate.yaml.
    json
        Print JSON.
    """
    query = Query(
        organisation=organisation,
        actor=actor,
        action=action,
        subject=subject,
        outcome=outcome,
        since_us=_microseconds(since),
        until_us=_microseconds(until),
        limit=limit,
    )
    try:
        found = _done(_listed(_place(config), query))
    except Malformed as error:
        return _damaged(error)
    if json:
        output.json(found)
        return OK
    columns = ("position", "at", "actor", "address", "action", "subject", "outcome")
    output.table(columns, [_cells(each, columns[2:]) for each in found])
    return OK


def key(*, pem: Annotated[bool, Parameter(negative="")] = False, config: ConfigFile = None, json: Json = False) -> int:
    """Print the public key that checks the log, for whoever is to check it. Keep it elsewhere than the log.

    Parameters
    ----------
    pem
        The key alone, as PEM.
    config
        The file that says where the log is; else HEADGATE_CONFIG, else ./headgate.yaml.
    json
        Print JSON.
    """
    verifier, *_ = _keys(None, _place(config))
    if json:
        output.json(
            {"origin": verifier.name, "id": verifier.id.hex(), "key": str(verifier), "pem": public_pem(verifier)}
        )
    else:
        output.say(public_pem(verifier).rstrip() if pem else str(verifier))
    return OK


# ── what needs the database ──


@asynccontextmanager
async def _opened(place: Place) -> AsyncGenerator[Database, None]:
    if place.url.startswith(SQLITE) and not Path(sqlite_path(place.url)).exists():  # noqa: ASYNC240 - nothing else runs
        raise CannotRun(f"there is no {sqlite_path(place.url)}", "The log begins with 'headgate serve'.")
    database = await open_database(place.url, migrated=False, lock=False, connections=1)
    try:
        yield database
    finally:
        await database.close()


async def _verified(
    place: Place, keys: Sequence[Verifier], others: Sequence[Path], progress: Progress | None
) -> Report:
    clock = SystemClock()
    async with _opened(place) as database:
        file = place.file if place.kept_here else None
        return await verify_database(database, keys, clock, file=file, others=others, progress=progress)


async def _proof(place: Place, record: str | None, old: Checkpoint | None, new: Checkpoint | None) -> str:
    async with _opened(place) as database:
        position = None if record is None else await _position(database, record)
        needed = old.size if old else (position or 0) + 1
        against = new or await newest_checkpoint(database)
        if against is None or against.size < needed:
            have = against.size if against else 0
            raise CannotRun(f"the checkpoint is of {have} records, and has to be of {needed}; a newer one comes soon")
        if old is not None:
            return await prove_consistency(database, old, against)
        return await prove_inclusion(database, needed - 1, against)


async def _position(database: Database, record: str) -> int:
    position = int(record) if record.isascii() and record.isdigit() else await position_of(database, record)
    if position is None:
        raise CannotRun(f"there is no record '{escaped(record)}'", "Try 'headgate audit list'.")
    return position


async def _export(place: Place, file: Path, as_csv: bool) -> tuple[int, int | None]:
    """How many records were written, and of how many the checkpoint is."""
    async with _opened(place) as database:
        checkpoint, size, pages = await exported(database)
        with file.open("x", encoding="utf-8", newline="") as lines:
            position = 0
            if as_csv:
                lines.write(csv_head())
            async for page in pages:
                for leaf in page:
                    lines.write(csv_line(position, parse(leaf)) if as_csv else f"{leaf}\n")
                    position += 1
        if checkpoint and not as_csv:
            with _beside(file).open("x", encoding="utf-8") as note:
                note.write(checkpoint.note)
        return size, checkpoint.size if checkpoint else None


async def _listed(place: Place, query: Query) -> list[Listed]:
    async with _opened(place) as database:
        return await listed(database, query)


# ── settings ──


def _place(config: Path | None) -> Place:
    loaded, path = load_or_starter(config)
    loaded = placed(loaded, path.parent if path else Path())
    url = loaded.storage.database
    assert url is not None, "it has been given one"
    if url == f"{SQLITE}{MEMORY}":
        raise CannotRun("the log is in memory, and belongs to the process that serves")
    folder = store.journal_folder(loaded.storage)
    return Place(url, folder, store.checkpoint_file(loaded.audit, folder), loaded.audit)


def _keys(given: Sequence[str] | None, place: Place | None) -> list[Verifier]:
    """The public keys given, as they are or in files; else the configured log's own."""
    origin = place.audit.origin if place else "headgate"
    try:
        if given:
            return [key for each in given for key in read_verifiers(_key_text(each), origin)]
        assert place is not None, "without a key there is a place"
        private = place.audit.key
        if private is None:
            path = (place.folder or Path()) / KEY_FILE
            if not path.exists():
                raise CannotRun(f"there is no {path}", "Name the public key with --key.")
            private = _text(path)
        earlier = [key for text in place.audit.earlier_keys for key in read_verifiers(text, origin)]
        return [read_signer(private, origin).verifier, *earlier]
    except Malformed as error:
        raise CannotRun(str(error)) from None


def _key_text(given: str) -> str:
    path = Path(given)
    return given if "+" in given and not path.is_file() else _text(path)


def _noted(path: Path | None) -> Checkpoint | None:
    """The last checkpoint of a file. Whoever checks the proof checks who signed it."""
    if path is None:
        return None
    with _reading():
        notes = [entry.note for entry in entries(path) if entry.note is not None]
    try:
        return Checkpoint.read(notes[-1])
    except (IndexError, Malformed):
        raise CannotRun(f"{path} holds no checkpoint") from None


def _beside(file: Path) -> Path:
    return file.with_name(f"{file.name}.checkpoint")


def _text(path: Path) -> str:
    with _reading(), path.open("rb") as file:
        return file.read(MAX_PROOF_BYTES).decode("utf-8", "replace")


def _microseconds(time: datetime | None) -> int | None:
    if time is None:
        return None
    return round((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1_000_000)


# ── saying it ──


def _done(work: Coroutine[Any, Any, T]) -> T:
    try:
        with _reading():
            return asyncio.run(work)
    except StoreUnavailable as error:
        raise CannotRun(error.message) from None


@contextmanager
def _reading() -> Generator[None, None, None]:
    try:
        yield
    except OSError as error:
        raise CannotRun(f"{error.filename}: {error.strerror}") from None


def _damaged(error: Exception) -> int:
    output.complain(f"headgate: the audit log is damaged: {escaped(str(error))}")
    output.complain("Try 'headgate audit verify'.")
    return FAILED


def _tell(report: Report) -> None:
    for each in report.problems:
        output.complain(f"problem: {escaped(each.message)} ({each.code})")
    for each in report.warnings:
        output.complain(f"warning: {escaped(each.message)} ({each.code})")
    if report.untold:
        output.complain(f"and {report.untold} more")
    under = f"{report.signed} of {report.records} records under {report.checkpoints} checkpoints"
    if report.ok:
        output.say(f"The log is what was signed: {under}.")
    else:
        first = "" if report.first is None else f", from record {report.first} on"
        output.complain(f"headgate: the log is not what was signed{first}. {under[0].upper()}{under[1:]} are.")


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
    log = f"the log {proved.checkpoint.origin} of {proved.checkpoint.size} records"
    if proved.earlier:
        return f"Proved: {log} begins with that of {proved.earlier.size}, unchanged."
    assert proved.record is not None
    record = proved.record
    told = " ".join(_cell(record.get(name)) for name in ("actor", "action", "subject", "outcome"))
    return f"Proved: record {proved.position} of {log} is {record['id']}, {moment(record['at_us'])}: {told}"


def _cells(found: Listed, names: Sequence[str]) -> list[str]:
    record = found.record
    return [str(found.position), moment(record["at_us"]), *(_cell(record.get(name)) for name in names)]


def _cell(value: Any) -> str:
    return escaped("" if value is None else str(value))


def _progress(done: int, total: int) -> None:
    if done % _PROGRESS_RECORDS < 1000:
        sys.stderr.write(f"\r{done:,} of {total:,}")
        sys.stderr.flush()
    if done >= total:
        sys.stderr.write("\r\x1b[K")
