"""Where the files of a configuration are: what it names without a whole path is in its own folder."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from headgate.config.schema import Config

JOURNAL = "headgate.journal"
"""The folder of a journal that has no SQLite file to be beside."""


def placed(config: Config, folder: Path, *, kept: bool = True) -> Config:
    """The configuration of a file in `folder` with whole paths. `kept` gives it a database where it names none."""
    from headgate.storage.opening import SQLITE, located

    storage, audit = config.storage, config.audit
    database = storage.database
    if database is not None or kept:
        database = located(database, folder)
    journal = storage.journal
    beside_file = database is None or database.startswith(SQLITE)
    if journal.folder is not None or not beside_file:
        journal = replace(journal, folder=str(folder.absolute() / (journal.folder or JOURNAL)))
    if audit.checkpoint_file is not None:
        audit = replace(audit, checkpoint_file=str(folder.absolute() / audit.checkpoint_file))
    storage = replace(storage, database=database, journal=journal)
    return replace(with_scripts(config, folder), storage=storage, audit=audit)


def with_scripts(config: Config, folder: Path) -> Config:
    """The configuration of a file in `folder` with whole paths of what its simulators answer."""
    scripted = {
        name: replace(each, script=str(folder.absolute() / each.script))
        for name, each in config.providers.items()
        if each.script is not None
    }
    return replace(config, providers={**config.providers, **scripted}) if scripted else config
