"""What ends in the database, whatever becomes of the journal."""

from __future__ import annotations

from pathlib import Path

import pytest

from headgate import store as module
from headgate.clock import SystemClock
from headgate.config import Config
from headgate.config.schema import JournalConfig, StorageConfig
from headgate.storage.journal import Journal
from headgate.storage.opening import connect
from headgate.store import Store
from ledger_rows import row
from waiting import eventually


@pytest.fixture
def config(tmp_path: Path) -> Config:
    journal = JournalConfig(folder=str(tmp_path / "journal"))
    return Config(storage=StorageConfig(database=f"sqlite:///{tmp_path / 'headgate.db'}", journal=journal))


class Full:
    """Makes a journal's disk full, and not full any more."""

    def __init__(self, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self._journal = journal

    def __enter__(self) -> None:
        def refused(line: bytes) -> None:
            raise OSError("no space left on device")

        self._monkeypatch.setattr(self._journal, "_write", refused)

    def __exit__(self, *_: object) -> None:
        self._monkeypatch.undo()


async def ids(config: Config) -> list[str]:
    assert config.storage.database is not None
    database = await connect(config.storage.database, lock=False)
    try:
        return [name for (name,) in await database.fetch("SELECT id FROM ledger ORDER BY id")]
    finally:
        await database.close()


def full(store: Store, monkeypatch: pytest.MonkeyPatch) -> Full:
    journal = store.writer._journal
    assert isinstance(journal, Journal)
    return Full(journal, monkeypatch)


async def test_a_row_that_waits_is_written_though_nobody_calls_any_more(
    config: Config, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "TICK_S", 0.01)
    store = await Store.open(config, SystemClock())
    with pytest.MonkeyPatch.context() as patch, full(store, patch), pytest.raises(OSError, match="no space"):
        store.ledger.record(row(id="a"))
    store.begin()

    async def stored() -> bool:
        return await ids(config) == ["a"]

    await eventually(stored)
    await store.close()


async def test_at_the_end_rows_that_no_journal_takes_go_to_the_database(
    config: Config, monkeypatch: pytest.MonkeyPatch
):
    store = await Store.open(config, SystemClock())
    store.begin()
    store.ledger.open(row(id="a", code="interrupted"))
    with full(store, monkeypatch):
        with pytest.raises(OSError, match="no space"):
            store.ledger.record(row(id="a"))
        await store.close()
    assert await ids(config) == ["a"]
    again = await Store.open(config, SystemClock())
    again.begin()
    await again.caught_up()
    await again.close()
    assert await ids(config) == ["a"]
