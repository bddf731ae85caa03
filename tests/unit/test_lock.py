"""`requirements.lock` is what `pyproject.toml` and `constraints.txt` come to, and nothing more."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
EXTRAS = ("postgres", "redis")

BANNED = ("httpx", "litellm", "niquests", "torch")
"""Never in the tree: dead, compromised, in others' way, or too much."""


def _tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"tools_{name}", ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.fixture(scope="module")
def locked() -> list[Any]:
    return _tool("sbom").locked((ROOT / "requirements.lock").read_text("utf-8"))


def _deployed(project: dict[str, Any]) -> Iterator[Requirement]:
    lines = [*project["dependencies"], *(line for extra in EXTRAS for line in project["optional-dependencies"][extra])]
    return map(Requirement, lines)


def _closure(project: dict[str, Any], *, here: bool) -> set[str]:
    """All that is needed by what is deployed: on this machine, or on any."""
    found: set[str] = set()
    open_ = list(_deployed(project))
    while open_:
        each = open_.pop()
        name = canonicalize_name(each.name)
        found.add(name)
        try:
            lines = requires(name) or []
        except PackageNotFoundError:  # for other platforms only
            continue
        for line in lines:
            below = Requirement(line)
            asked = [{"extra": extra} for extra in ("", *each.extras)]
            marker = below.marker
            of_extra = marker is not None and "extra" in str(marker)
            wanted = marker is None or any(marker.evaluate(extra) for extra in asked) or (not here and not of_extra)
            if wanted and not (canonicalize_name(below.name) in found and not below.extras):
                open_.append(below)
    return found


def _constraints() -> set[tuple[str, str]]:
    """Names and versions that are tested with."""
    lines = map(Requirement, (ROOT / "constraints.txt").read_text("utf-8").splitlines())
    return {(canonicalize_name(each.name), str(each.specifier).removeprefix("==")) for each in lines}


def _names(locked: list[Any]) -> set[str]:
    return {each.name for each in locked}


def test_every_package_of_the_lock_is_needed(project: dict[str, Any], locked: list[Any]) -> None:
    assert _names(locked) <= _closure(project, here=False)


def test_the_lock_has_all_that_is_needed_here(project: dict[str, Any], locked: list[Any]) -> None:
    assert _closure(project, here=True) <= _names(locked), "run 'make lock'"


def test_the_lock_keeps_to_the_ranges_of_the_project(project: dict[str, Any], locked: list[Any]) -> None:
    for each in _deployed(project):
        versions = [pinned.version for pinned in locked if pinned.name == canonicalize_name(each.name)]
        assert any(each.specifier.contains(version) for version in versions), f"{each}: run 'make lock'"


def test_what_is_deployed_is_what_is_tested(locked: list[Any]) -> None:
    assert {(each.name, each.version) for each in locked} <= _constraints()


def test_every_package_is_locked_by_its_hashes(locked: list[Any]) -> None:
    assert locked
    for each in locked:
        assert each.hashes, each.name
        assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in each.hashes), each.name


def test_nothing_banned_is_locked_or_developed_with(locked: list[Any]) -> None:
    assert not (_names(locked) | {name for name, _ in _constraints()}) & set(BANNED)


def test_a_lock_with_a_package_too_many_would_be_seen(project: dict[str, Any]) -> None:
    more = _tool("sbom").locked("leftpad==1.0 \\\n    --hash=sha256:" + "0" * 64)
    assert more == [("leftpad", "1.0", ["0" * 64])]
    assert not _names(more) <= _closure(project, here=False)
