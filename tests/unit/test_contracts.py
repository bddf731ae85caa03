"""The import contracts hold, and a violation of them is caught."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def check(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [
        str(Path(sys.executable).with_name("lint-imports")),
        "--no-cache",
        "--config",
        str(folder / ".importlinter"),
    ]
    environ = {"PYTHONPATH": str(folder / "src"), "PATH": "/usr/bin:/bin", "NO_COLOR": "1"}
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__", "*.bpe*", "*.zst"))
    shutil.copy(ROOT / ".importlinter", tmp_path)
    return tmp_path


def test_the_tree_keeps_its_contracts(tree: Path):
    result = check(tree)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("types.py", "import headgate.gateway"),
        ("dialects/hub.py", "from headgate.providers import transport"),
        ("routing/route.py", "import headgate.telemetry"),
    ],
)
def test_an_import_upward_or_sideways_is_caught(tree: Path, module: str, line: str):
    file = tree / "src" / "headgate" / module
    file.write_text(file.read_text() + f"\n{line}\n")
    result = check(tree)
    assert result.returncode != 0
    assert "BROKEN" in result.stdout


def test_a_new_folder_that_no_layer_names_is_caught(tree: Path):
    (tree / "src" / "headgate" / "misc.py").write_text("")
    assert check(tree).returncode != 0
