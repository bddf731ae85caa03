"""What is served without a configuration."""

from __future__ import annotations

import pytest

from headgate.catalog import Catalog
from headgate.config import starter
from headgate.config.starter import VENDORS
from headgate.providers.row import find_row


def test_without_a_key_chat_is_simulated() -> None:
    config = starter({})
    assert [target.target for target in config.models["chat"].targets] == ["simulator/gpt-4o-mini"]


def test_it_is_open_on_loopback_only() -> None:
    server = starter({}).server
    assert (server.host, server.auth) == ("127.0.0.1", "none")


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_vendor_s_key_makes_chat_a_model_of_that_vendor(vendor: tuple[str, str, str]) -> None:
    variable, kind, model = vendor
    config = starter({variable: "key"})
    assert [target.target for target in config.models["chat"].targets] == [f"{kind}/{model}"]
    assert config.providers[kind].api_key == "key"
    assert find_row(kind).key_variable == variable


@pytest.mark.parametrize("vendor", [each for each in VENDORS if each.model != "openrouter/auto"])
def test_what_the_starter_s_models_cost_is_known(vendor: tuple[str, str, str]) -> None:
    assert Catalog().price(find_row(vendor[1]).catalog, vendor[2]) is not None


def test_several_keys_make_several_providers() -> None:
    config = starter({"ANTHROPIC_API_KEY": "a", "GEMINI_API_KEY": "g"})
    assert list(config.providers) == ["anthropic", "gemini"]
    assert config.models["chat"].targets[0].target == "anthropic/claude-haiku-4-5"
    assert config.server.direct_targets
