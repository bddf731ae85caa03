"""Single settings of LiteLLM's configuration that are easily taken wrong."""

from __future__ import annotations

from typing import Any

import pytest

from headgate.importing import Report
from headgate.importing.litellm import ConvertedConfig, convert

OPENAI = {"model": "openai/gpt-4o", "api_key": "os.environ/OPENAI_API_KEY"}


def converted(*deployments: dict[str, Any], **more: Any) -> tuple[ConvertedConfig, Report]:
    report = Report("docs/moving-from-litellm.md")
    entries = [{"model_name": each.pop("name", "chat"), "litellm_params": each} for each in map(dict, deployments)]
    found = convert({"model_list": entries, **more}, report)
    assert found.problems() == []
    return found, report


def told(report: Report) -> str:
    return "\n".join(report.lines())


def test_a_deployment_without_a_weight_gets_calls_only_where_the_others_cannot() -> None:
    found, report = converted(
        {**OPENAI, "weight": 3},
        {"model": "openai/gpt-4o-mini", "weight": 0},
        {"model": "groq/llama-3.3-70b-versatile"},
        {"model": "xai/grok-4", "weight": 1, "order": 2},
    )
    targets = [(each.get("weight"), each["priority"]) for each in found.tree["models"]["chat"]["targets"]]
    assert targets == [(3, 1), (None, 2), (None, 2), (1, 3)]
    assert "gets calls only where the others cannot" in told(report)


def test_limits_of_the_same_place_twice_add_up() -> None:
    other = {"model": "groq/llama-3.3-70b-versatile", "rpm": 50}
    found, _ = converted({**OPENAI, "rpm": 100, "tpm": 10}, {**OPENAI, "rpm": 50}, other)
    first, second = found.tree["models"]["chat"]["targets"]
    assert (first["rpm"], first["weight"], "tpm" in first, second["weight"]) == (150, 150, False, 50)


def test_the_same_place_twice_has_twice_the_share() -> None:
    found, _ = converted(OPENAI, OPENAI, {"model": "groq/llama-3.3-70b-versatile"})
    first, second = found.tree["models"]["chat"]["targets"]
    assert (first["weight"], second.get("weight", 1)) == (2, 1)


@pytest.mark.parametrize("number", [float("inf"), float("nan"), True, "many", [1]], ids=str)
def test_what_is_no_number_is_told(number: Any) -> None:
    _, report = converted({**OPENAI, "rpm": number}, router_settings={"num_retries": number, "timeout": number})
    assert [place for each in report.of("cannot") for place in each.places] == [
        "model_list[0].litellm_params.rpm", "router_settings.num_retries", "router_settings.timeout",
    ]  # fmt: skip


def test_a_price_that_is_given_in_part_is_completed_from_the_price_list() -> None:
    found, _ = converted({**OPENAI, "output_cost_per_token": 0.00002}, {"model": "hosted_vllm/own", "api_base": "http://h/v1", "input_cost_per_token": 1e-6})  # fmt: skip
    assert found.tree["prices"]["openai/gpt-4o"] == {"input": "2.5", "output": "20", "cached": "1.25"}
    assert found.tree["prices"]["own"] == {"input": "1", "output": "0"}


def test_secrets_in_headers_bodies_and_addresses_are_not_copied() -> None:
    deployment = {
        "model": "openai/private",
        "api_base": "https://user:planted-1@models.example.com/v1?key=planted-2",
        "extra_headers": {"Authorization": "Bearer planted-3", "x-team": "platform"},
        "extra_body": {"store": True, "options": {"api_token": "planted-4", "names": ["a", "os.environ/OPTION"]}},
    }
    found, report = converted(deployment, litellm_settings={"callbacks": [{"langfuse": {"secret": "planted-5"}}]})
    assert "planted" not in found.text + told(report)
    [provider] = found.tree["providers"].values()
    assert provider["headers"] == {"Authorization": "${AUTHORIZATION}", "x-team": "platform"}
    assert provider["body"] == {
        "store": True,
        "options": {"api_token": "${API_TOKEN}", "names": ["a", "${OPTION}"]},
    }
    assert (provider["base_url"], provider["kind"]) == ("${API_BASE}", "openai_compatible")


def test_a_key_that_is_written_out_takes_the_place_of_none_from_the_environment() -> None:
    """A deployment without a key is called with that of OPENAI_API_KEY, which is another."""
    found, _ = converted({"model": "openai/gpt-4o", "api_key": "written-out"}, {"model": "openai/gpt-4o-mini"})
    keys = {each["api_key"] for each in found.tree["providers"].values()}
    assert keys == {"${OPENAI_API_KEY_2}", "${OPENAI_API_KEY}"}


def test_what_looks_like_a_reference_of_ours_means_itself() -> None:
    found, _ = converted({"model": "openai/${file:/etc/passwd}", "extra_body": {"prompt": "${HOME}"}})
    [provider] = found.tree["providers"].values()
    assert provider["body"] == {"prompt": "$${HOME}"}
    assert found.tree["models"]["chat"]["targets"] == [{"target": "openai/$${file:/etc/passwd}"}]


def test_all_of_a_credential_counts_and_what_a_deployment_says_itself_more() -> None:
    values = {"api_key": "os.environ/CENTRAL", "api_base": "https://central.example.com/v1"}
    found, report = converted(
        {"model": "openai/own", "litellm_credential_name": "central"},
        {"model": "openai/own", "litellm_credential_name": "central", "api_base": "https://other.example.com/v1"},
        {"model": "openai/own", "litellm_credential_name": "nowhere", "api_base": "https://third.example.com/v1"},
        credential_list=[{"credential_name": "central", "credential_values": values}],
    )
    found_at = {each["base_url"]: each.get("api_key") for each in found.tree["providers"].values()}
    assert found_at == {
        "https://central.example.com/v1": "${CENTRAL}",
        "https://other.example.com/v1": "${CENTRAL}",
        "https://third.example.com/v1": None,
    }
    assert "there is none called 'nowhere'" in told(report)


def test_an_address_that_is_none_sends_nothing_to_the_vendor_instead() -> None:
    found, report = converted(OPENAI, {**OPENAI, "api_base": "http://[x"}, {**OPENAI, "api_base": "models"})
    assert [each["kind"] for each in found.tree["providers"].values()] == ["openai"]
    assert len(found.tree["models"]["chat"]["targets"]) == 1
    assert "it is no URL" in told(report)


def test_the_routers_fallbacks_are_taken_where_both_have_some() -> None:
    found, report = converted(
        OPENAI,
        {"name": "own", **OPENAI},
        {"name": "other", **OPENAI},
        router_settings={"fallbacks": [{"chat": ["own"]}]},
        litellm_settings={"fallbacks": [{"chat": ["other"]}]},
    )
    assert found.tree["models"]["chat"]["fallback"] == {"any": ["own"]}
    assert "LiteLLM takes that one" in told(report)


@pytest.mark.parametrize(
    ("setting", "expected"),
    [(0, None), (0.0, None), ("12.5", "12.5"), (1000, "1000.0"), ("os.environ/BUDGET", None), ([1], None)],
)
def test_a_budget_of_everybody(setting: Any, expected: str | None) -> None:
    """LiteLLM has no budget where it is 0."""
    defaults = converted(OPENAI, litellm_settings={"max_budget": setting})[0].defaults
    assert (None if defaults.max_budget is None else str(defaults.max_budget)) == expected


def test_a_time_zone_there_is_not_is_utc_as_at_litellm() -> None:
    found, report = converted(OPENAI, litellm_settings={"timezone": "Mars/Olympus"})
    assert found.defaults.timezone == "UTC"
    assert "there is no such time zone" in told(report)


def test_names_that_stand_for_others_are_known_for_the_lists_of_keys() -> None:
    found, _ = converted(OPENAI, router_settings={"model_group_alias": {"gpt-4": "chat"}})
    assert found.aliases == {"gpt-4": "chat"}


def test_models_behind_a_pattern_that_have_no_price_are_told() -> None:
    found, report = converted({"name": "openai/*", "model": "openai/*", "input_cost_per_token": 1e-6})
    assert "prices" not in found.tree
    assert "is refused under a hard budget" in told(report)


@pytest.mark.parametrize("more", [{"default_fallbacks": ["own"]}, {"fallbacks": [{"*": ["own"]}]}], ids=str)
def test_a_model_for_every_name_has_the_fallbacks_of_all(more: dict[str, Any]) -> None:
    every = {"name": "*", "model": "openrouter/*"}
    found, _ = converted(every, {"name": "own", **OPENAI}, litellm_settings=more)
    assert {name: each.get("fallback") for name, each in found.tree["models"].items()} == {
        "*": {"any": ["own"]},
        "own": None,
    }


def test_a_name_for_a_name_is_one_for_the_model() -> None:
    settings = {"model_group_alias": {"b": "chat", "c": "b"}, "fallbacks": [{"b": ["c"]}]}
    found, _ = converted(OPENAI, router_settings=settings)
    assert found.aliases == {"b": "chat", "c": "chat"}
    assert not any("fallback" in each for each in found.tree["models"].values())


def test_numbers_out_of_bounds_are_cut_or_told() -> None:
    big = {**OPENAI, "rpm": 1e30, "tpm": 0, "weight": 5e9, "order": 99_999, "timeout": -1}
    found, report = converted(big, router_settings={"timeout": -5, "cooldown_time": -1, "num_retries": 99})
    model = found.tree["models"]["chat"]
    assert model["targets"] == [{"target": "openai/gpt-4o", "weight": 1e6, "rpm": 1e9, "priority": 500}]
    assert (model["retry"], "timeout" in model, "breaker" in model) == ({"attempts": 10}, False, False)
    assert len([place for each in report.of("cannot") for place in each.places]) == 3


@pytest.mark.parametrize("model", ["os.environ/MODEL", "openai/", "/x", ""])
def test_a_deployment_that_names_no_model_is_told(model: str) -> None:
    found, report = converted(OPENAI, {"name": "b", "model": model})
    assert list(found.tree["models"]) == ["chat"]
    assert "this deployment is left out" in told(report)


def test_what_a_fallback_sets_holds_no_secret() -> None:
    use = {"model": "own", "temperature": 0, "max_tokens": 5, "user": "sk-planted", "auth_token": "planted"}
    use |= {"extra_headers": {"authorization": "planted"}, "prompt": "${HOME}"}
    settings = {"fallbacks": [{"chat": [use]}]}
    found, report = converted(OPENAI, {"name": "own", **OPENAI}, litellm_settings=settings)
    assert found.tree["models"]["chat"]["fallback"]["any"] == [
        {"use": "own", "set": {"temperature": 0, "max_tokens": 5, "prompt": "$${HOME}"}}
    ]
    assert "planted" not in found.text + told(report)
