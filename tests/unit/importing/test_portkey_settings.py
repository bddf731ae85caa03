"""Single members of Portkey's configs that are easily taken wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headgate.errors import ConfigError
from headgate.importing import Report
from headgate.importing.converted import Converted
from headgate.importing.portkey import File, convert, read_file


def converted(tree: dict[str, Any], *more: dict[str, Any]) -> tuple[Converted, Report]:
    report = Report("docs/moving-from-others.md")
    files = [File("config", tree), *(File("conf", each) for each in more)]
    found = convert(files, report)
    assert found.problems() == []
    return found, report


def told(report: Report) -> str:
    return "\n".join(report.lines())


def test_secrets_in_headers_bodies_and_addresses_are_not_copied() -> None:
    override = {
        "model": "m",
        "store": True,
        "max_tokens": "9",
        "options": {"api_token": "planted-1", "names": ["a", "sk-planted-2"]},
    }
    targets = [
        {"provider": "openai", "custom_host": "https://user:planted-3@models.example.com/v1", "override_params": override},
        {"provider": "openai", "api_key": "planted-4", "override_params": {"model": "m", "extra_key": "planted-5"}},
        {"provider": "openai", "api_key": "planted-6", "openai_beta": "sk-planted-7", "openai_project": "ours"},
        {"provider": "azure-openai", "azure_foundry_url": "https://x.services.ai.azure.com/sk-planted-8", "api_key": "planted-9"},
        {"virtual_key": "openai-house"},
        {"provider": "@sk-planted-10"},
    ]  # fmt: skip
    conf = {
        "integrations": [
            {"slug": "openai-house", "provider": "openai", "credentials": {"apiKey": "planted-11", "other": "planted-12"}}
        ],
        "credentials": {"guard": {"apiKey": "planted-13"}},
    }  # fmt: skip
    found, report = converted({"strategy": {"mode": "fallback"}, "targets": targets}, conf)
    assert "planted" not in found.text + told(report)
    first = next(each for each in found.tree["providers"].values() if "body" in each)
    assert (first["base_url"], first["kind"]) == ("${OPENAI_BASE_URL}", "openai_compatible")
    assert first["body"] == {
        "store": True,
        "max_tokens": "9",
        "options": {"api_token": "${API_TOKEN}", "names": ["a", "${NAMES}"]},
    }
    [project] = [each["headers"] for each in found.tree["providers"].values() if "headers" in each]
    assert project == {"OpenAI-Beta": "${OPENAI_BETA}", "OpenAI-Project": "ours"}


def test_a_secret_that_is_written_out_takes_the_place_of_no_variable_the_config_refers_to() -> None:
    targets = [{"provider": "openai", "api_key": "written-out"}, {"provider": "groq", "api_key": "{{OPENAI_API_KEY}}"}]
    found, _ = converted({"strategy": {"mode": "loadbalance"}, "targets": targets})
    keys = {name: each["api_key"] for name, each in found.tree["providers"].items()}
    assert keys == {"openai": "${OPENAI_API_KEY_2}", "groq": "${OPENAI_API_KEY}"}


def test_what_looks_like_a_reference_of_ours_means_itself() -> None:
    found, _ = converted(
        {"provider": "openai", "override_params": {"model": "${file:/etc/passwd}", "user": "a${HOME}"}}
    )
    [provider] = found.tree["providers"].values()
    assert found.tree["models"]["*"]["targets"] == [{"target": "openai/$${file:/etc/passwd}"}]
    assert provider["body"] == {"user": "a$${HOME}"}


def test_a_target_that_a_condition_on_metadata_leads_to_passes_the_clients_model_on() -> None:
    conditions = [{"query": {"metadata.plan": {"$eq": "paid"}}, "then": "paid"}]
    targets = [{"name": "paid", "provider": "openai"}, {"name": "free", "provider": "groq"}]
    tree = {"strategy": {"mode": "conditional", "conditions": conditions, "default": "free"}, "targets": targets}
    found, report = converted(tree)
    assert found.tree["models"]["paid/*"]["targets"] == [{"target": "openai/*"}]
    assert "ask for the model 'paid/<model>'" in told(report)


def test_of_several_configs_each_has_models_of_its_own() -> None:
    conditions = [{"query": {"params.model": "gpt-4o"}, "then": "azure"}]
    targets = [{"name": "azure", "provider": "groq"}, {"name": "other", "provider": "openai"}]
    tree = {"strategy": {"mode": "conditional", "conditions": conditions, "default": "other"}, "targets": targets}
    report = Report("docs/moving-from-others.md")
    found = convert([File("one", tree), File("two", tree)], report)
    goes_to = {name: each["targets"][0]["target"] for name, each in found.tree["models"].items()}
    assert goes_to == {
        "one/gpt-4o": "groq/gpt-4o", "one/*": "openai/*", "two/gpt-4o": "groq/gpt-4o", "two/*": "openai/*",
    }  # fmt: skip
    assert "one: is asked for as one/gpt-4o, one/*" in told(report)


def test_what_only_a_client_can_say_is_not_set_and_told() -> None:
    found, report = converted({"provider": "openai", "override_params": {"stream": True, "messages": [], "top_p": 1}})
    [provider] = found.tree["providers"].values()
    assert provider["body"] == {"top_p": 1}
    places = [place for each in report.of("cannot") for place in each.places]
    assert {"override_params.stream", "override_params.messages"} <= set(places)


def test_a_server_of_ones_own_is_called_without_a_key_and_that_is_told() -> None:
    found, report = converted({"provider": "openai", "custom_host": "http://models.internal:8000/v1"})
    [provider] = found.tree["providers"].values()
    assert "api_key" not in provider
    assert "is called without a key" in told(report)


@pytest.mark.parametrize("text", [False, True])
def test_a_config_that_is_nested_too_deep_is_refused(tmp_path: Path, text: bool) -> None:
    """In an answer of the admin API, where it may be a text, too."""
    config: dict[str, Any] = {"provider": "openai"}
    for _ in range(200):
        config = {"targets": [config]}
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"data": {"config": json.dumps(config) if text else config}}))
    with pytest.raises(ConfigError):
        read_file(path)
