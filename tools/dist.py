"""Build wheel and sdist into a folder, twice, and refuse what is not the same twice or not what belongs in them.

Usage: python tools/dist.py [FOLDER]    FOLDER is dist/ where none is given.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable
from fnmatch import fnmatch
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

NEEDED = (
    "headgate/py.typed",
    "headgate/catalog/prices.json",
    "headgate/catalog/retirements.json",
    "headgate/catalog/bpe/cl100k_base.tiktoken.gz",
    "headgate/catalog/bpe/o200k_base.tiktoken.gz",
    "headgate/config/headgate.schema.json",
    "headgate/config/starter.yaml",
    "headgate/storage/lua/reserve.lua",
    "headgate/storage/migrations/postgres/0001_records.sql",
    "headgate/storage/migrations/sqlite/0001_records.sql",
)
"""Data that code reads: a wheel without one of them installs and then fails."""

METADATA = ("METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE")
BESIDE = ("CHANGELOG.md", "LICENSE", "PKG-INFO", "README.md", "pyproject.toml", "requirements.lock", ".gitignore")
"""What an sdist has beside the package; the build backend always adds .gitignore, by which it chooses files."""

UNWANTED = ("*.pth", "*.pyc", "*__pycache__*", "*.so", "*.db", "*.db-*", "*.env", "*.pem", "*.key", "*/.*")
"""What has no place in the package: code that runs at Python's start, leftovers, secrets."""


def build(folder: Path) -> tuple[Path, Path]:
    """Wheel and sdist of the tree this file is in."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(folder)], cwd=ROOT, check=True, capture_output=True
    )
    (wheel,), (sdist,) = folder.glob("headgate-*.whl"), folder.glob("headgate-*.tar.gz")
    return wheel, sdist


def in_wheel(wheel: Path) -> list[str]:
    """The files of a wheel."""
    return zipfile.ZipFile(wheel).namelist()


def in_sdist(sdist: Path) -> list[str]:
    """The files of an sdist, without the folder they are all in."""
    with tarfile.open(sdist) as archive:
        return [each.name.partition("/")[2] for each in archive.getmembers() if each.isfile()]


def problems(wheel: Path, sdist: Path) -> list[str]:
    """What is in them and should not be, or is not and should."""
    package = [name for name in in_wheel(wheel) if ".dist-info/" not in name]
    source = in_sdist(sdist)
    of_package = [name.removeprefix("src/") for name in source if name.startswith("src/")]
    about = [name.partition(".dist-info/")[2] for name in in_wheel(wheel) if ".dist-info/" in name]
    return [
        *(f"the wheel lacks {name}" for name in NEEDED if name not in package),
        *(f"{name} is not part of the package" for name in package if not name.startswith("headgate/")),
        *(f"{name} does not belong in a package" for name in _unwanted(package)),
        *(f"the wheel's metadata has {name}" for name in about if name not in METADATA),
        *(f"wheel and sdist differ in {name}" for name in sorted(set(package) ^ set(of_package))),
        *(f"the sdist has {name}" for name in source if not name.startswith("src/") and name not in BESIDE),
    ]


def _unwanted(names: Iterable[str]) -> list[str]:
    return [name for name in names if any(fnmatch(name, pattern) for pattern in UNWANTED)]


def main(folder: Path) -> int:
    """Build, check, and say what there is."""
    for old in (*folder.glob("headgate-*.whl"), *folder.glob("headgate-*.tar.gz")):
        old.unlink()
    made = build(folder)
    wrong = problems(*made)
    with tempfile.TemporaryDirectory() as again:
        for first, second in zip(made, build(Path(again)), strict=True):
            if first.read_bytes() != second.read_bytes():
                wrong.append(f"{first.name} is not the same when it is built again")
    for each in wrong:
        print(f"tools/dist.py: {each}", file=sys.stderr)
    for each in made:
        print(f"{sha256(each.read_bytes()).hexdigest()}  {each} ({each.stat().st_size / 1e6:.1f} MB)")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dist"))
