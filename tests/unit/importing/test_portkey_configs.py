"""What becomes of Portkey's configs: ten of different kinds, each with what is expected beside it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from headgate.config import loads
from headgate.importing import Report
from headgate.importing.converted import Converted
from headgate.importing.portkey import File, convert, read_file
from mutations import WRONG, mutations

FOLDER = Path(__file__).parents[2] / "portkey"
CONFIGS = sorted(FOLDER.glob("*.json"))
VENDORS = {"oai-vk": "openai"}


def converted(*files: File, **more: Any) -> tuple[Converted, Report]:
    report = Report("docs/moving-from-others.md")
    return convert(files, report, **more), report


def of(tree: dict[str, Any], **more: Any) -> tuple[Converted, Report]:
    return converted(File("config", tree), **more)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_config_and_its_report_are_as_expected(path: Path) -> None:
    found, report = converted(read_file(path), vendors=VENDORS)
    told = f"{found.text}---\n" + "\n".join(report.lines())
    assert told == path.with_suffix(".expected").read_text("utf-8")


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_variables_are_those_it_refers_to(path: Path) -> None:
    found, _ = converted(read_file(path), vendors=VENDORS)
    assert set(found.variables) == set(re.findall(r"\$\{(\w+)\}", found.text))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_what_is_written_can_be_served(path: Path) -> None:
    found, _ = converted(read_file(path), vendors=VENDORS)
    assert found.problems() == []
    loads(found.text, environ=dict.fromkeys(found.variables, "https://x.example.com"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_no_secret_that_is_written_out_is_written_again(path: Path) -> None:
    found, report = converted(read_file(path), vendors=VENDORS)
    told = found.text + "\n".join(report.lines())
    for secret in ("written-out", "do-not-tell", "paid-secret", "secret-land"):
        assert secret not in told


HOLD = ("strategy", "retry", "targets", "cb_config", "sticky_session", "integrations", "conditions")


def _planted(tree: Any, at: str, places: list[str]) -> Any:
    """A config with a member nobody knows in each mapping that holds settings."""
    if isinstance(tree, list):
        return [_planted(each, f"{at}[{index}]", places) for index, each in enumerate(tree)]
    if not isinstance(tree, dict):
        return tree
    dot = f"{at}." if at else ""
    places.append(f"{dot}member_nobody_knows")
    kept = {name: _planted(value, f"{dot}{name}", places) if name in HOLD else value for name, value in tree.items()}
    return {**kept, "member_nobody_knows": 1}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_nothing_is_passed_over_unsaid(path: Path) -> None:
    """Each is named, or is in a target that is left out whole."""
    file, planted = read_file(path), list[str]()
    _, report = converted(File(file.name, _planted(file.tree, "", planted)), vendors=VENDORS)
    told = {place for each in report.findings for place in each.places if "left out" in each.what}
    whole = {re.split(r"\]\.(?=[a-z_.]+$)", place)[0].removesuffix("]") + "]." for place in told if "[" in place}
    assert planted
    for place in planted:
        assert place in told or place.startswith(tuple(whole)), place


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_nothing_that_is_written_wrong_breaks_it(path: Path, wrong: Any) -> None:
    file = read_file(path)
    for mutated in mutations(file.tree, wrong):
        converted(File(file.name, mutated))
