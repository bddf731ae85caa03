"""What a configuration names without a whole path is in its own folder, wherever it is served from."""

from __future__ import annotations

from pathlib import Path

import pytest

from headgate.config import loads
from headgate.config.places import placed


@pytest.mark.parametrize(
    ("storage", "database", "journal"),
    [
        ("{}", "sqlite:////etc/x/headgate.db", None),
        ("{database: 'sqlite:///a.db'}", "sqlite:////etc/x/a.db", None),
        ("{database: 'sqlite:////var/a.db', journal: {folder: j}}", "sqlite:////var/a.db", "/etc/x/j"),
        ("{database: 'postgresql://h/d', shared: 'redis://h'}", "postgresql://h/d", "/etc/x/headgate.journal"),
        ("{database: 'postgresql://h/d', shared: 'redis://h', journal: {folder: /j}}", "postgresql://h/d", "/j"),
    ],
)
def test_paths_begin_in_the_folder_of_the_file(storage: str, database: str, journal: str | None):
    text = f"storage: {storage}\nproviders: {{sim: {{kind: simulator}}}}\nmodels: {{chat: {{targets: [sim/m]}}}}\n"
    config = placed(loads(text, "headgate.yaml", {}), Path("/etc/x"))
    assert (config.storage.database, config.storage.journal.folder) == (database, journal)


def test_the_library_keeps_nothing_it_was_not_told_to():
    text = "providers: {sim: {kind: simulator}}\nmodels: {chat: {targets: [sim/m]}}\n"
    config = placed(loads(text, "headgate.yaml", {}), Path("/etc/x"), kept=False)
    assert (config.storage.database, config.storage.journal.folder) == (None, None)
