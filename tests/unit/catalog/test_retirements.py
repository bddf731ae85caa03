"""The days on which models retire: which names a day holds for, and which it does not."""

from __future__ import annotations

import runpy
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from headgate.catalog.retirements import RetirementList, Retirements, retirement_list
from headgate.config import Config, loads
from headgate.config.retirements import Retiring
from headgate.errors import ConfigError
from headgate.providers.row import ROWS

ROOT = Path(__file__).parents[3]
DAY, OTHER = date(2027, 1, 14), date(2026, 10, 23)

LIST = RetirementList(
    source="test",
    date=date(2026, 11, 1),
    kinds={
        "openai": {"gpt-4o": DAY, "gpt-4o-2024-05-13": OTHER, "ft:gpt-4o-2024-08-06": DAY, "o1": DAY},
        "azure": {"gpt-4o": OTHER},
        "anthropic": {"claude-sonnet-4-5": DAY},
        "bedrock": {"anthropic.claude-sonnet-4-5-20250929-v1:0": DAY, "eu.meta.llama-v1:0": OTHER},
        "gemini": {"gemini-2.0-flash": DAY},
        "vertex": {"claude-sonnet-4-5": OTHER, "meta/llama-maas": DAY},
        "fireworks": {"kimi-k2p6": DAY},
    },
)

CONFIG = """
providers:
  oa: {kind: openai}
  az: {kind: azure, base_url: "https://x.openai.azure.com", models: {mine: {base_model: gpt-4o}}}
  google: {kind: vertex, project: p}
  sim: {kind: simulator}
models:
  chat:
    targets: [oa/gpt-4o, sim/gpt-4o, {target: az/other, base_model: gpt-4o}]
    fallback: [az/mine, later]
  later: {targets: [sim/gpt-4o]}
  any-*: {targets: [oa/*]}
  triage: {prompt: support/triage@production}
"""


@pytest.mark.parametrize(
    ("kind", "model", "day"),
    [
        ("openai", "gpt-4o", DAY),
        ("openai", "GPT-4o", DAY),
        ("openai", "gpt-4o-2024-05-13", OTHER),
        ("openai", "gpt-4o-2024-11-20", DAY),
        ("openai", "gpt-4o-20241120", DAY),
        ("openai", "gpt-4o-2026-12-01", None),  # a snapshot the list cannot have known
        ("openai", "gpt-4o-2024-13-45", None),
        ("openai", "gpt-4o-mini", None),
        ("openai", "gpt-4o-mini-2024-07-18", None),
        ("openai", "gpt-4o-latest", None),
        ("openai", "gpt-4o-0806", None),
        ("openai", "o1-pro", None),
        ("openai", "ft:gpt-4o-2024-08-06:acme:support:9abc", DAY),
        ("openai", "ft:gpt-4o-2024-05-13:acme::9abc", None),  # what is tuned is not what it was tuned from
        ("azure", "gpt-4o-2024-05-13", OTHER),
        ("anthropic", "claude-sonnet-4-5-20250929", DAY),
        ("anthropic", "claude-sonnet-4", None),
        ("bedrock", "anthropic.claude-sonnet-4-5-20250929-v1:0", DAY),
        ("bedrock", "eu.anthropic.claude-sonnet-4-5-20250929-v1:0", DAY),
        ("bedrock", "global.anthropic.claude-sonnet-4-5-20250929-v1:0:200k", DAY),
        ("bedrock", "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0", DAY),
        ("bedrock", "us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0", None),
        ("bedrock", "eu.meta.llama-v1:0", OTHER),
        ("bedrock", "meta.llama-v1:0", None),
        ("gemini", "gemini-2.0-flash-001", DAY),
        ("gemini", "models/gemini-2.0-flash", DAY),
        ("gemini", "gemini-2.0-flash-lite", None),
        ("vertex", "claude-sonnet-4-5@20250929", OTHER),
        ("vertex", "claude-sonnet-4-5@default", OTHER),
        ("vertex", "publishers/anthropic/models/claude-sonnet-4-5", OTHER),
        ("vertex", "meta/llama-maas", DAY),
        ("fireworks", "accounts/fireworks/models/kimi-k2p6", DAY),
        ("fireworks", "accounts/acme/models/kimi-k2p6", None),
        ("simulator", "gpt-4o", None),
        ("nobody", "gpt-4o", None),
        ("openai", "", None),
    ],
)
def test_a_day_is_found_under_the_names_a_model_has_and_no_other(kind: str, model: str, day: date | None) -> None:
    assert Retirements(listed=LIST).day(kind, model) == day


def test_what_is_said_goes_before_the_list_and_an_exact_name_before_a_pattern() -> None:
    said = {"openai/gpt-4o": "2028-01-01", "gpt-4o*": "never", "gpt-4o-mini*": "2028-02-02", "Claude-X": "2028-03-03"}
    known = Retirements(said, LIST)
    assert known.day("openai", "gpt-4o") == date(2028, 1, 1)
    assert known.day("azure", "gpt-4o") is None
    assert known.day("openai", "gpt-4o-2024-05-13") is None
    assert known.day("openai", "gpt-4o-mini-2024-07-18") == date(2028, 2, 2)
    assert known.day("bedrock", "claude-x") == date(2028, 3, 3)
    assert known.day("anthropic", "claude-sonnet-4-5") == DAY


def retiring(text: str = CONFIG) -> Retiring:
    return Retiring(loads(text + "\nretirements: {openai/gpt-4o: 2027-01-14, azure/gpt-4o: 2026-10-23}\n", "f", {}))


def test_names_of_a_configuration_are_followed_to_their_targets() -> None:
    known = retiring()
    assert [(each.model, each.day) for each in known.of("chat")] == [
        ("az/mine", OTHER),
        ("az/other", OTHER),
        ("oa/gpt-4o", DAY),
    ]
    assert [each.model for each in known.of("any-gpt-4o")] == ["oa/gpt-4o"]
    assert [each.model for each in known.of("oa/gpt-4o")] == ["oa/gpt-4o"]
    assert [each.model for each in known.of("openai/gpt-4o")] == ["openai/gpt-4o"]
    assert [each.model for each in known.of("googleai/gemini-2.5-pro")] == ["googleai/gemini-2.5-pro"]
    assert known.of("later") == known.of("nobody") == known.of("gpt-4o") == known.of("any-*") == known.of("") == []
    assert (known.prompt("support/triage@production"), known.prompt("support/triage@staging")) == (["triage"], [])


def test_what_retires_soon_is_told_where_it_stands() -> None:
    known = retiring()
    assert known.soon(date(2026, 8, 1)) == []
    found = {path: each.model for path, each in known.soon(date(2026, 9, 1))}
    assert found == {("models", "chat", "targets", 2): "az/other", ("models", "chat", "fallback", "any", 0): "az/mine"}
    assert len(known.soon(date(2026, 11, 26))) == 3


def test_a_day_that_is_none_and_a_misplaced_star_are_mistakes() -> None:
    with pytest.raises(ConfigError) as raised:
        loads("retirements:\n  a*b: never\n  c: soon\n  d: 2027-02-30\n  e: 20270101\n", "headgate.yaml", {})
    told = raised.value.problems
    assert [each.split(":")[1] for each in told if "retirements" in each] == ["2", "3", "4", "5"]
    assert "headgate.yaml:3: retirements.c: is no day; write one as 2027-01-31, or never" in told


def test_the_list_that_comes_with_this_is_one() -> None:
    found = retirement_list()
    assert found.source.startswith("litellm ")
    assert found.kinds.keys() <= ROWS.keys()
    assert all(name == name.lower() and days for days in found.kinds.values() for name in days)
    assert Retiring(Config()).listed("openai", "gpt-4o")[0][0] == "openai"


def test_the_list_is_made_of_what_vendors_call_models() -> None:
    make: Any = runpy.run_path(str(ROOT / "tools" / "update_retirements.py"))["snapshot"]

    def model(provider: str, day: str | None = "2027-01-01") -> dict[str, str | None]:
        return {"litellm_provider": provider, "deprecation_date": day}

    models = {
        "gpt-4o": model("openai"),
        "gpt-live": model("openai", None),
        "high/1024-x-1024/gpt-image-1": model("openai"),
        "azure/eu/gpt-4o": model("azure"),
        "azure/whisper": model("azure", "2027-02-02"),
        "azure_ai/whisper": model("azure_ai"),
        "eu.a.b-v1:0": model("bedrock_converse"),
        "a.b-v1:0": model("bedrock"),
        "eu.c.d-v1:0": model("bedrock"),
        "us-gov.e.f": model("bedrock"),
        "vertex_ai/claude@default": model("vertex_ai-anthropic_models"),
        "vertex_ai/claude": model("vertex_ai-anthropic_models"),
        "together_ai/Qwen/Q-1": model("together_ai"),
        "fireworks_ai/accounts/fireworks/models/k": model("fireworks_ai"),
        "baseten/x": model("baseten"),
        "sample_spec": model("one of many", "a day"),
    }
    text = make("1.2.3", models, date(2026, 11, 1))
    assert text == (
        '{"source": "litellm 1.2.3", "date": "2026-11-01", "kinds": {\n'
        '"azure": {\n"whisper": "2027-02-02"\n},\n'
        '"bedrock": {\n"a.b-v1:0": "2027-01-01",\n"eu.c.d-v1:0": "2027-01-01"\n},\n'
        '"fireworks": {\n"k": "2027-01-01"\n},\n'
        '"openai": {\n"gpt-4o": "2027-01-01"\n},\n'
        '"together": {\n"qwen/q-1": "2027-01-01"\n},\n'
        '"vertex": {\n"claude": "2027-01-01"\n}\n}}\n'
    )
