"""What becomes of Bifrost's configurations: eight of different kinds, each with what is expected beside it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headgate.config import loads
from headgate.errors import ConfigError
from headgate.importing import Report
from headgate.importing.bifrost import ConvertedBifrost, convert, read_file
from headgate.importing.parts import parts
from mutations import WRONG, mutations

FOLDER = Path(__file__).parents[2] / "bifrost"
CONFIGS = sorted(FOLDER.glob("*.json"))
ENVIRON = {"VK_SET": "sk-bf-one-from-the-environment"}
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def converted(tree: dict[str, Any]) -> tuple[ConvertedBifrost, Report]:
    report = Report("docs/moving-from-others.md")
    return convert(tree, report, ENVIRON, NOW), report


def told(path: Path) -> str:
    """The configuration, the report, and the rows that a file comes to."""
    found, report = converted(read_file(path))
    rows = [] if found.records is None else parts(found.records.whole)
    bodies = "".join(msgspec.json.format(msgspec.json.encode(each)).decode() + "\n" for each in rows)
    lines = "\n".join(report.lines())
    return f"{found.text}---\n{lines}---\n{bodies}"


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_configuration_and_its_report_are_as_expected(path: Path) -> None:
    assert told(path) == path.with_suffix(".expected").read_text("utf-8")


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_variables_are_those_it_refers_to(path: Path) -> None:
    found, _ = converted(read_file(path))
    assert set(found.variables) == set(re.findall(r"\$\{(\w+)\}", found.text))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_what_is_written_can_be_served(path: Path) -> None:
    found, _ = converted(read_file(path))
    assert found.problems() == []
    loads(found.text, environ=dict.fromkeys(found.variables, "https://x.example.com"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_no_secret_is_written_again_or_told(path: Path) -> None:
    """Virtual keys neither, not even where they are ids: rows have their digests."""
    said = told(path)
    for secret in ("written-out", "sk-bf-", "secret-plan"):
        assert secret not in said


HOLD = {
    "client", "providers", "keys", "network_config", "concurrency_and_buffer_size", "custom_provider_config", "governance",
    "virtual_keys", "provider_configs", "teams", "customers", "budgets", "rate_limits", "model_configs", "routing_rules",
    "targets", "compat", "azure_key_config", "vertex_key_config", "bedrock_key_config", "ollama_key_config",
    "vllm_key_config", "proxy_config",
}  # fmt: skip
"""Members that hold settings, or lists of such."""


def _planted(tree: Any, at: str, places: list[str], names: bool = False) -> Any:
    """A configuration with a member nobody knows in each mapping that holds settings."""
    if isinstance(tree, list):
        return [_planted(each, f"{at}[{index}]", places) for index, each in enumerate(tree)]
    if not isinstance(tree, dict):
        return tree
    dot = f"{at}." if at else ""
    kept = {
        name: _planted(value, f"{dot}{name}", places, at == "" and name == "providers")
        if names or name in HOLD
        else value
        for name, value in tree.items()
    }
    if names:
        return kept
    places.append(f"{dot}member_nobody_knows")
    return {**kept, "member_nobody_knows": 1}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_nothing_is_passed_over_unsaid(path: Path) -> None:
    """Each is named, or is in something that is left out whole."""
    planted: list[str] = []
    _, report = converted(_planted(read_file(path), "", planted))
    said = {place for each in report.findings for place in each.places}
    lost = {place for each in report.findings if "left out" in each.what for place in each.places}
    whole = tuple(f"{place}." for place in lost if place.startswith(("providers.", "governance.")))
    keys = [f"governance.virtual_keys[{index}]." for index in (3, 4)] if path.stem.startswith("05") else []
    assert planted
    for place in planted:
        assert place in said or place.startswith((*whole, *keys)), place


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_nothing_that_is_written_wrong_breaks_it(path: Path, wrong: Any) -> None:
    for mutated in mutations(read_file(path), wrong):
        found, _ = converted(mutated)
        if found.records is not None:
            list(parts(found.records.whole))


@pytest.mark.parametrize(
    ("text", "line"), [("[1]", ""), ('{"a": 1,}', ":1"), ('{\n"a": }', ":2"), ("\xff", ""), ("[" * 100_000, "")]
)
def test_what_is_no_configuration_is_refused(tmp_path: Path, text: str, line: str) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError) as refused:
        read_file(path)
    assert refused.value.problems[0].startswith(f"{path}{line}: ")


def test_what_is_there_twice_is_imported_once() -> None:
    """The admin API refuses an import with two rows of one id, or two keys that are one."""
    team, budget = {"id": "t", "name": "T"}, {"max_limit": 5, "reset_duration": "1M"}
    key = {"id": "k", "name": "K", "value": "sk-bf-there-twice", "provider_configs": []}
    customers = [{"id": each, "name": "Same", "budgets": [budget]} for each in ("c1", "c1")]
    governance = {"teams": [team, team], "customers": customers, "virtual_keys": [key, {**key, "id": "other"}]}
    found, report = converted({"governance": governance})
    assert found.records is not None
    whole = found.records.whole
    assert (whole.problems(()), len(whole.teams), len(whole.keys), len(whole.budgets)) == ([], 1, 1, 1)
    assert {"team T", "key K", "customer Same"} <= {place for each in report.of("cannot") for place in each.places}


def test_a_key_may_ask_by_name_alone_only_where_that_goes_nowhere_else() -> None:
    """Else it would reach providers that it may not use."""
    listed = {"models": ["gpt-4o"], "weight": 1}
    providers = {
        "openai": {"keys": [{**listed, "value": "env.A"}]},
        "azure": {
            "keys": [{**listed, "value": "env.B", "azure_key_config": {"endpoint": "https://x.openai.azure.com"}}]
        },
    }
    both = [{"provider": name, "allowed_models": ["gpt-4o"], "key_ids": ["*"]} for name in providers]
    keys = [
        {"id": "both", "name": "both", "value": "sk-bf-both", "provider_configs": both},
        {"id": "one", "name": "one", "value": "sk-bf-one", "provider_configs": both[1:]},
    ]
    found, report = converted({"providers": providers, "governance": {"virtual_keys": keys}})
    assert found.records is not None
    models = {key.id: key.models for key in found.records.whole.keys}
    assert models == {"both": ["openai/gpt-4o", "gpt-4o", "azure/gpt-4o"], "one": ["azure/gpt-4o"]}
    assert any(each.places == ["key one"] for each in report.of("cannot"))
