"""Single members of Bifrost's config.json that are easily taken wrong."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from headgate.errors import ConfigError
from headgate.importing import Report
from headgate.importing.bifrost import ConvertedBifrost, convert, read_file

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
OPENAI = {"keys": [{"name": "one", "value": "env.OPENAI_API_KEY", "models": ["gpt-4o"]}]}


def converted(providers: dict[str, Any], version: int = 2, **governance: Any) -> tuple[ConvertedBifrost, Report]:
    report = Report("docs/moving-from-others.md")
    tree = {"version": version, "providers": providers, "governance": governance}
    found = convert(tree, report, {}, NOW)
    assert found.problems() == []
    assert found.records is None or found.records.whole.problems(()) == []
    return found, report


def told(report: Report) -> str:
    return "\n".join(report.lines())


def test_secrets_in_headers_and_addresses_are_not_copied() -> None:
    network = {
        "base_url": "https://user:planted-1@models.example.com",
        "extra_headers": {"X-Api-Key": "planted-2", "Authorization": "env.HEADER", "X-Team": "platform", "X-Other": "sk-planted-3"},
    }  # fmt: skip
    proxy = {"type": "http", "url": "http://planted-4:planted-5@proxy.example.com:3128", "username": "planted-6"}
    key = {"name": "k", "value": "planted-7", "models": ["m"]}
    azure = {**key, "azure_key_config": {"endpoint": "https://x.openai.azure.com?code=planted-8"}}
    vllm = {**key, "vllm_key_config": {"url": "http://u:planted-9@gpu:8000"}}
    providers = {
        "openai": {"keys": [key], "network_config": network, "proxy_config": proxy},
        "azure": {"keys": [azure]},
        "vllm": {"keys": [vllm]},
    }
    found, report = converted(providers)
    assert "planted" not in found.text + told(report)
    made = found.tree["providers"]["openai"]
    assert (made["base_url"], made["proxy"]) == ("${OPENAI_BASE_URL}/v1", "${OPENAI_PROXY}")
    assert made["headers"] == {
        "X-Api-Key": "${X_API_KEY}", "Authorization": "${HEADER}", "X-Team": "platform", "X-Other": "${X_OTHER}",
    }  # fmt: skip


def test_two_secrets_of_a_vault_are_two_variables() -> None:
    keys = {name: [{"name": "main", "value": f"vault.{name}/key", "models": ["m"]}] for name in ("openai", "groq")}
    found, _ = converted({name: {"keys": each} for name, each in keys.items()})
    assert {each["api_key"] for each in found.tree["providers"].values()} == {"${MAIN_KEY}", "${MAIN_KEY_2}"}


def test_a_key_that_is_not_enabled_gets_no_calls() -> None:
    spare = {"name": "two", "value": "env.SPARE", "models": ["gpt-4o"], "enabled": False}
    found, _ = converted({"openai": {"keys": [*OPENAI["keys"], spare]}})
    assert found.tree["providers"]["openai"] == {"kind": "openai", "api_key": "${OPENAI_API_KEY}"}


def test_a_virtual_key_for_a_provider_that_is_not_carried_opens_no_other() -> None:
    """Not before release 1.5 either, where a key that names no provider may use all."""
    keys = [
        {"id": "gone", "name": "gone", "value": "sk-bf-gone", "provider_configs": [{"provider": "elsewhere"}]},
        {"id": "all", "name": "all", "value": "sk-bf-all"},
    ]
    found, _ = converted({"openai": OPENAI}, version=1, virtual_keys=keys)
    assert found.records is not None
    assert {key.id: "openai/*" in key.models for key in found.records.whole.keys} == {"gone": False, "all": True}


def test_customers_of_one_name_have_budgets_of_their_own() -> None:
    budget = {"max_limit": 5, "reset_duration": "1M", "current_usage": 1}
    customers = [{"id": each, "name": "Same", "budgets": [budget]} for each in ("c1", "c2")]
    found, _ = converted({"openai": OPENAI}, customers=customers)
    assert found.records is not None
    subjects = [each.subject for each in found.records.whole.budgets]
    assert subjects == ["tag:bifrost-customer=Same", "tag:bifrost-customer=Same c2"]


def test_a_price_that_is_given_in_part_is_completed_from_the_price_list() -> None:
    patch = {"output_cost_per_token": 0.00002}
    overrides = [
        {"pattern": "gpt-4o", "match_type": "exact", "scope_kind": "provider", "provider_id": "openai", "pricing_patch": patch},
        {"pattern": "gpt-*", "match_type": "wildcard", "scope_kind": "global", "pricing_patch": patch},
        {"pattern": "gpt.*", "match_type": "regex", "pricing_patch": {**patch, "input_cost_per_token": 0}},
    ]  # fmt: skip
    found, report = converted({"openai": OPENAI}, pricing_overrides=overrides)
    assert found.tree["prices"] == {"openai/gpt-4o": {"input": "2.5", "output": "20", "cached": "1.25"}}
    lost = [place for each in report.of("cannot") if each.area == "prices" for place in each.places]
    assert lost == ["governance.pricing_overrides[1]", "governance.pricing_overrides[2]"]


def test_amounts_and_counts_beyond_bounds_keep_nothing_else_out() -> None:
    budgets = [
        {"max_limit": 1e300, "reset_duration": "1M"},
        {"max_limit": 5, "reset_duration": "999999999Y", "current_usage": 1e300, "last_reset": "2026-01-01T00:00:00Z"},
    ]
    limit = {"id": "r", "request_max_limit": 10**30, "request_reset_duration": "1m"}
    teams = [{"id": "t", "name": "T", "budgets": budgets, "rate_limit_id": "r"}]
    found, report = converted({"openai": OPENAI}, teams=teams, rate_limits=[limit])
    assert found.records is not None
    whole = found.records.whole
    assert [each.amount_usd for each in whole.budgets] == [5]
    assert [each.cost_usd for each in whole.spend] == [9_000_000]
    assert whole.limits[0].requests is not None
    assert whole.limits[0].requests <= 10**15
    assert "its budget is left out" in told(report)


def test_a_fallback_to_what_is_not_served_is_left_out() -> None:
    """Of Vertex AI that is all but Google's own models."""
    vertex = {"name": "v", "models": ["*"], "vertex_key_config": {"project_id": "p", "region": "europe-west4"}}
    rule = {"cel_expression": "model == 'best'", "targets": [{"provider": "openai", "model": "gpt-4o"}]}
    rule["fallbacks"] = ["vertex/claude-sonnet-4-5", "vertex/gemini-2.5-pro", "groq/llama"]
    found, report = converted({"openai": OPENAI, "vertex": {"keys": [vertex]}}, routing_rules=[rule])
    assert found.tree["models"]["best"]["fallback"] == {"any": ["vertex/gemini-2.5-pro"]}
    assert "'vertex/claude-sonnet-4-5' is left out" in told(report)


def test_what_keys_have_spent_beyond_their_team_stays_within_bounds() -> None:
    budget = {"max_limit": 5, "reset_duration": "1M"}
    spent = {**budget, "current_usage": 8_000_000}
    keys = [
        {"id": each, "name": each, "value": f"sk-bf-{each}", "team_id": "t", "budgets": [spent]} for each in ("a", "b")
    ]
    found, _ = converted({"openai": OPENAI}, teams=[{"id": "t", "name": "T", "budgets": [budget]}], virtual_keys=keys)
    assert found.records is not None
    rest = [each.cost_usd for each in found.records.whole.spend if each.subject == "team:t"]
    assert rest == [-9_000_000]


def test_waits_between_retries_stay_within_what_was_said() -> None:
    found, _ = converted({"openai": {**OPENAI, "network_config": {"retry_backoff_max": 100}}})
    retry = found.tree["models"]["gpt-4o"]["retry"]
    assert retry == {"base_s": 0.1, "max_s": 0.1}


@pytest.mark.parametrize("text", ['{"a": "\\ud800"}', '{"a": ' + "9" * 5000 + "}", '{"a":' * 200 + "1" + "}" * 200])
def test_what_cannot_be_written_again_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(ConfigError) as refused:
        read_file(path)
    assert refused.value.problems[0].startswith(str(path))


def test_a_file_of_an_ordinary_size_is_read(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"providers": {f"p{index}": OPENAI for index in range(500)}}))
    assert len(read_file(path)["providers"]) == 500
