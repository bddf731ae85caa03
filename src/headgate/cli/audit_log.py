"""Where the audit log of a configuration is, and the keys that check it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar

from cyclopts import Parameter

from headgate import store
from headgate.audit import Malformed, Verifier
from headgate.audit.keys import KEY_FILE, read_signer, read_verifiers
from headgate.audit.leaves import escaped
from headgate.audit.proofs import MAX_PROOF_BYTES
from headgate.cli import output
from headgate.cli.configs import load_or_starter
from headgate.cli.exits import FAILED, CannotRun
from headgate.cli.files import check_database, reading
from headgate.config.places import placed
from headgate.config.schema import AuditConfig
from headgate.errors import StoreUnavailable
from headgate.storage.database import Database
from headgate.storage.opening import SQLITE, open_database, sqlite_path

T = TypeVar("T")

Keys = Annotated[list[str] | None, Parameter(name="--key", negative="")]


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


def place_of(config: Path | None) -> Place:
    """Where the log of a configuration is.

    Raises:
        CannotRun: nowhere that this process could read.
    """
    loaded, path = load_or_starter(config)
    loaded = placed(loaded, path.parent if path else Path())
    url = loaded.storage.database
    assert url is not None, "it has been given one"
    check_database(url)
    folder = store.journal_folder(loaded.storage)
    return Place(url, folder, store.checkpoint_file(loaded.audit, folder), loaded.audit)


def keys_of(given: Sequence[str] | None, place: Place | None) -> list[Verifier]:
    """The public keys given, as they are or in files; else the configured log's own.

    Raises:
        CannotRun: one is none, or there is none.
    """
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
            private = text_of(path)
        earlier = [key for text in place.audit.earlier_keys for key in read_verifiers(text, origin)]
        return [read_signer(private, origin).verifier, *earlier]
    except Malformed as error:
        raise CannotRun(str(error)) from None


def _key_text(given: str) -> str:
    path = Path(given)
    if "+" in given and not path.is_file():
        return given
    return text_of(path, "Name the public key, or a file of it: 'headgate audit key' prints it.")


def text_of(path: Path, hint: str = "") -> str:
    """A small file. `hint` is what to try where it cannot be read."""
    with reading(hint), path.open("rb") as file:
        return file.read(MAX_PROOF_BYTES).decode("utf-8", "replace")


def beside(file: Path) -> Path:
    """Where the checkpoint of an export is."""
    return file.with_name(f"{file.name}.checkpoint")


@asynccontextmanager
async def opened(place: Place) -> AsyncGenerator[Database, None]:
    """The database of a log, in use or not.

    Raises:
        CannotRun: it is not there yet.
        StoreUnavailable: it cannot be read.
    """
    if place.url.startswith(SQLITE) and not Path(sqlite_path(place.url)).exists():  # noqa: ASYNC240 - nothing else runs
        raise CannotRun(f"there is no {sqlite_path(place.url)}", "The log begins with 'headgate serve'.")
    database = await open_database(place.url, migrated=False, lock=False, connections=1)
    try:
        yield database
    finally:
        await database.close()


def done(work: Coroutine[Any, Any, T]) -> T:
    """What some work on a log comes to.

    Raises:
        CannotRun: the database, or a file, cannot be read.
    """
    try:
        with reading():
            return asyncio.run(work)
    except StoreUnavailable as error:
        raise CannotRun(error.message, "Try 'headgate storage status'.") from None


def shown(value: Any) -> str:
    """A member of a record as one line."""
    return escaped("" if value is None else str(value))


def damaged(error: Exception) -> int:
    """Say that a log is not what it was; the exit code."""
    output.complain(f"headgate: the audit log is damaged: {escaped(str(error))}")
    output.complain("Try 'headgate audit verify'.")
    return FAILED
