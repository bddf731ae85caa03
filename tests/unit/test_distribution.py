"""Wheel, sdist and SBOM: what is in them, the same bytes each time."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    done = _run("dist.py", str(folder))
    assert done.returncode == 0, done.stderr
    return folder


def _run(tool: str, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "tools" / tool), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environ})


def _names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_they_are_built_the_same_twice_and_hold_what_they_should(made: Path) -> None:
    assert sorted(each.suffix for each in made.iterdir()) == [".gz", ".whl"]


def test_the_wheel_is_the_package_as_it_is_in_the_repository(made: Path) -> None:
    (wheel,) = made.glob("*.whl")
    listed = ["git", "ls-files", "-co", "--exclude-standard", "src/headgate"]
    done = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("this is no git repository, so nothing says which files are meant")
    meant = {line.removeprefix("src/") for line in done.stdout.splitlines() if (ROOT / line).exists()}
    assert {name for name in _names(wheel) if ".dist-info/" not in name} == meant


def test_the_wheel_runs_nothing_at_pythons_start(made: Path) -> None:
    (wheel,) = made.glob("*.whl")
    assert not [name for name in _names(wheel) if name.endswith(".pth")]


def test_what_does_not_belong_in_them_is_refused(made: Path, tmp_path: Path) -> None:
    (wheel,), (sdist,) = made.glob("*.whl"), made.glob("*.tar.gz")
    bad = tmp_path / wheel.name
    shutil.copy(wheel, bad)
    with zipfile.ZipFile(bad, "a") as archive:
        archive.writestr("headgate/start.pth", "import os")
        archive.writestr("tests/test_x.py", "")
    code = f"import sys; sys.path.insert(0, {str(ROOT / 'tools')!r}); import dist; from pathlib import Path\n"
    code += f"print(*dist.problems(Path({str(bad)!r}), Path({str(sdist)!r})), sep='\\n')"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()
    assert "headgate/start.pth does not belong in a package" in said
    assert "tests/test_x.py is not part of the package" in said


# ── the bill of materials ──


@pytest.fixture(scope="module")
def bill(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    file = tmp_path_factory.mktemp("sbom") / "headgate.cdx.json"
    done = _run("sbom.py", str(file), SOURCE_DATE_EPOCH="1780000000")
    assert done.returncode == 0, done.stderr
    again = file.with_name("again.json")
    _run("sbom.py", str(again), SOURCE_DATE_EPOCH="1780000000")
    assert again.read_bytes() == file.read_bytes()
    return json.loads(file.read_bytes())


def test_the_sbom_is_cyclonedx_by_the_official_schema(bill: dict[str, Any]) -> None:
    folder = files("cyclonedx") / "schema" / "_res"
    schema, *others = (
        json.loads((folder / f"{name}.SNAPSHOT.schema.json").read_text("utf-8"))
        for name in ("bom-1.6", "spdx", "jsf-0.82")
    )
    at = schema["$id"].rpartition("/")[0]
    others = {
        f"{at}/{name}.SNAPSHOT.schema.json": each for name, each in zip(("spdx", "jsf-0.82"), others, strict=True)
    }
    validator = jsonschema_rs.validator_for(schema, retriever=others.__getitem__, validate_formats=True)
    assert [error.message for error in validator.iter_errors(bill)] == []
    assert not validator.is_valid({**bill, "components": [{"type": "library"}]})


def test_the_sbom_says_who_needs_whom(bill: dict[str, Any]) -> None:
    refs = {each["bom-ref"] for each in bill["components"]} | {bill["metadata"]["component"]["bom-ref"]}
    graph = {each["ref"]: each["dependsOn"] for each in bill["dependencies"]}
    assert set(graph) == refs
    reached: set[str] = set()
    open_ = [bill["metadata"]["component"]["bom-ref"]]
    while open_:
        ref = open_.pop()
        if ref not in reached:
            reached.add(ref)
            open_ += graph[ref]
    assert reached == refs


def test_every_component_has_version_hashes_and_licence(bill: dict[str, Any]) -> None:
    for each in bill["components"]:
        assert each["purl"] == f"pkg:pypi/{each['name']}@{each['version']}"
        assert each["externalReferences"][0]["hashes"]
        assert each["licenses"]


# ── the release ──


def test_every_action_of_the_release_is_pinned_by_its_commit() -> None:
    text = (ROOT / ".github/workflows/release.yml").read_text("utf-8")
    used = re.findall(r"uses: (\S+)", text)
    assert used
    assert [each for each in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", each)] == []


def test_the_release_keeps_no_secret_and_grants_nothing_by_default() -> None:
    text = (ROOT / ".github/workflows/release.yml").read_text("utf-8")
    assert "secrets." not in text
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {}
    granted = {name: job["permissions"] for name, job in workflow["jobs"].items()}
    assert {name for name, permissions in granted.items() if "id-token" in permissions} == {"attest", "pypi"}
