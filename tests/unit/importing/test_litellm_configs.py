"""What becomes of LiteLLM's configurations: eleven of different kinds, each with what is expected beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headgate.config import loads
from headgate.importing import Report
from headgate.importing.litellm import ConvertedConfig, convert, read_file
from mutations import WRONG, mutations

FOLDER = Path(__file__).parents[2] / "litellm"
CONFIGS = sorted(FOLDER.glob("*.yaml"))


def converted(tree: dict[str, Any]) -> tuple[ConvertedConfig, Report]:
    report = Report("docs/moving-from-litellm.md")
    return convert(tree, report), report


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_configuration_and_its_report_are_as_expected(path: Path) -> None:
    found, report = converted(read_file(path))
    told = f"{found.text}---\n" + "\n".join(report.lines())
    assert told == path.with_suffix(".expected").read_text("utf-8")


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_what_is_written_can_be_served(path: Path) -> None:
    found, _ = converted(read_file(path))
    assert found.problems() == []
    loads(found.text, environ=dict.fromkeys(found.variables, "https://x.example.com"))


def test_there_are_ten_at_least() -> None:
    assert len(CONFIGS) >= 10


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_no_secret_that_is_written_out_is_written_again(path: Path) -> None:
    found, report = converted(read_file(path))
    told = found.text + "\n".join(report.lines())
    for secret in ("sk-ant-first", "sk-ant-second", "sk-internal", "sk-written-out", "sk-lf-very", "db-password"):
        assert secret not in told


def _planted(tree: Any, count: list[int]) -> Any:
    """A tree with a setting nobody knows in each mapping that holds settings."""
    if not isinstance(tree, dict):
        return tree
    count[0] += 1
    return {**tree, "setting_nobody_knows": count[0]}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_nothing_is_passed_over_unsaid(path: Path) -> None:
    tree, count = read_file(path), [0]
    for name in ("litellm_settings", "router_settings", "general_settings"):
        tree[name] = _planted(tree.get(name, {}), count)
    for entry in tree["model_list"]:
        if entry.get("model_name") in ("chat", "gpt-4o", "big", "qwen", "claude", "one", "cheap"):
            entry["litellm_params"] = _planted(entry["litellm_params"], count)
    _, report = converted(_planted(tree, count))
    told = [place for each in report.of("cannot") for place in each.places if place.endswith("setting_nobody_knows")]
    assert len(told) == count[0]


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_nothing_that_is_written_wrong_breaks_it(path: Path, wrong: Any) -> None:
    for mutated in mutations(read_file(path), wrong):
        converted(mutated)


def test_keys_of_different_servers_stay_apart() -> None:
    params = {"model": "openai/gpt-4o", "api_key": "one"}
    other = {"model": "openai/private", "api_base": "https://private.example.com/v1", "api_key": "two"}
    tree = {"model_list": [{"model_name": "a", "litellm_params": params}, {"model_name": "b", "litellm_params": other}]}
    found, _ = converted(tree)
    keys = {each["api_key"] for each in found.tree["providers"].values()}
    assert keys == {"${OPENAI_API_KEY}", "${PRIVATE_API_KEY}"}


def test_a_key_from_the_environment_is_sent_to_its_vendor_only() -> None:
    params = {"model": "openai/private", "api_base": "https://private.example.com/v1"}
    found, report = converted({"model_list": [{"model_name": "a", "litellm_params": params}]})
    assert "api_key" not in found.tree["providers"]["private"]
    assert any("called without a key" in each.what for each in report.of("changes"))


def test_whether_team_keys_count_for_a_person_is_read() -> None:
    assert not converted({})[0].defaults.user_budget_on_team_keys
    tree = {"general_settings": {"apply_user_budget_to_team_keys": True}}
    assert converted(tree)[0].defaults.user_budget_on_team_keys
