"""Tests of promptfoo, made into a test file."""

from __future__ import annotations

from pathlib import Path

import pytest

from headgate.evals.problems import BadTests
from headgate.evals.promptfoo import promptfoo
from headgate.evals.reading import read

CONFIG = """\
description: Capitals
prompts:
  - "What is the capital of {{country}}?"
providers: [openai:chat:gpt-4o-mini, {id: anthropic:messages:claude-haiku-4-5, config: {temperature: 0}}]
defaultTest:
  assert:
    - {type: latency, threshold: 3000}
tests:
  - description: France
    vars: {country: France, capital: Paris}
    assert:
      - {type: icontains, value: "{{capital}}", weight: 2, metric: right}
      - {type: not-contains-any, value: "London, Berlin"}
      - {type: similar, value: It is Paris., threshold: 0.8}
      - {type: llm-rubric, value: Is it brief?}
      - {type: javascript, value: output.length < 100}
      - {type: contains, value: x, weight: 0}
      - type: assert-set
        threshold: 0.5
        assert: [{type: contains, value: a}, {type: is-json}]
    options: {transform: output.trim()}
  - vars: {country: [Norway, Sweden]}
  - file://more.csv
env: {A: b}
"""


def test_what_is_the_same_is_taken_over_and_the_rest_told(tmp_path: Path) -> None:
    made = promptfoo("promptfooconfig.yaml", CONFIG)
    (tmp_path / "more.csv").write_text("country,__expected\nItaly,contains:Rome\n")
    file = tmp_path / "x.test.yaml"
    file.write_text(made.text)
    suite = read([file])[0]
    assert [cell.model for cell in suite.cells] == ["openai/gpt-4o-mini", "anthropic/claude-haiku-4-5"]
    france, norway, sweden, italy = suite.cases
    assert [each.messages[0]["content"][-7:] for each in suite.cases] == ["France?", "Norway?", "Sweden?", " Italy?"]
    assert [(each.kind, each.value, each.negated) for each in france.assertions][:3] == [
        ("latency", 3000, False), ("icontains", "Paris", False), ("contains-any", ["London", "Berlin"], True),
    ]  # fmt: skip
    assert [each.kind for each in france.assertions][3:] == ["similar", "rubric", "assert-set"]
    assert (france.assertions[1].weight, france.assertions[1].metric, france.assertions[3].threshold) == (
        2,
        "right",
        0.8,
    )
    assert [len(each.assertions) for each in (norway, sweden, italy)] == [1, 1, 2]
    told = {(note.line, note.message) for note in made.notes}
    for line, what in (
        (4, "models are those of headgate.yaml"),
        (4, "the settings of anthropic:messages"),
        (16, "nothing like javascript"),
        (17, "only measures"),
        (21, "'options' was left out"),
        (24, "'env' was left out"),
        (1, "a judge is asked"),
    ):
        assert any(at == line and what in message for at, message in told), (line, what, sorted(told))


def test_what_is_no_configuration(tmp_path: Path) -> None:
    for text, what in (("a: [", "is not YAML"), ("a: 1", "has no 'tests'"), ("[]", "write a mapping")):
        with pytest.raises(BadTests, match=what):
            promptfoo("x.yaml", text)
