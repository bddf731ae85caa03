"""The schema: documented, current, and true to what loading accepts."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from typing import Any

import jsonschema_rs
import pytest
import yaml

from headgate.catalog.config import PriceConfig
from headgate.config import loads
from headgate.config.json_schema import editing


def kept() -> Any:
    return json.loads((files("headgate.config") / "headgate.schema.json").read_text("utf-8"))


def test_the_file_for_editors_is_current() -> None:
    assert kept() == json.loads(json.dumps(editing())), (
        "run 'headgate schema > src/headgate/config/headgate.schema.json'"
    )


def test_every_setting_is_documented() -> None:
    undocumented = [
        f"{name}.{field}"
        for name, definition in kept()["$defs"].items()
        for field, each in definition.get("properties", {}).items()
        if not each.get("description")
    ]
    assert undocumented == []


def test_every_block_refuses_settings_it_does_not_know() -> None:
    blocks = [name for name, each in kept()["$defs"].items() if each.get("type") == "object"]
    assert len(blocks) >= 10
    assert all(kept()["$defs"][name]["additionalProperties"] is False for name in blocks)


def test_the_written_starter_loads_and_fits_the_schema_with_all_its_comments_taken_in() -> None:
    text = (files("headgate.config") / "starter.yaml").read_text("utf-8")
    config = loads(text, environ={})
    assert list(config.models) == ["chat"]
    validator = jsonschema_rs.validator_for(kept())
    assert validator.is_valid(yaml.safe_load(text))
    # What is commented out has to be right too: it is there to be uncommented.
    prose = re.compile(r"#\s(?:[A-Z$'].*|yaml-language.*)")
    lines = [line for line in text.splitlines() if not prose.search(line)]
    opened = "\n".join(re.sub(r"^(\s*)# ", r"\1", line) for line in lines)
    opened = opened.replace("    targets: [sim/gpt-4o-mini]\n", "")
    environ = {"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k", "GEMINI_API_KEY": "k", "AZURE_OPENAI_API_KEY": "k"}
    every = loads(opened, environ=environ)
    assert {"openai", "claude", "gemini", "azure", "aws", "local", "sim"} == set(every.providers)
    assert [type(each) for each in every.prices.values()] == [PriceConfig]
    assert len(every.stages) == 1
    assert validator.is_valid(yaml.safe_load(opened))


@pytest.mark.parametrize(
    "tree",
    [
        {"server": {"port": "${PORT:-8080}", "direct_targets": "${D}", "auth": "${A}"}},
        {"models": {"m": {"targets": ["p/x", {"target": "p/y", "weight": 2}]}}},
        {"prices": {"m": {"input": 1, "output": "2.50"}}},
        {"providers": {"p": {"kind": "openai", "api_key": None}}},
    ],
)
def test_editors_accept_references_and_short_forms(tree: Any) -> None:
    assert jsonschema_rs.validator_for(kept()).is_valid(tree)


@pytest.mark.parametrize("tree", [{"server": {"port": "eighty"}}, {"models": {"m": {}}}, {"modles": {}}])
def test_editors_mark_mistakes(tree: Any) -> None:
    assert not jsonschema_rs.validator_for(kept()).is_valid(tree)
