"""Tests of promptfoo, made into a test file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import strategies as st

from headgate.evals.kinds import ALIASES, ELSEWHERE, KINDS
from headgate.evals.problems import BadTests
from headgate.evals.promptfoo import configuration, promptfoo, writing
from headgate.evals.reading import read
from headgate.prompts.dotprompt import load_sources

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


def taken(text: str) -> tuple[Any, list[str]]:
    made = promptfoo("promptfooconfig.yaml", f"prompts: ['{{{{q}}}}']\nproviders: [openai:chat:m]\n{text}")
    return yaml.safe_load(made.text), [note.message for note in made.notes]


def test_what_holds_for_all_tests(tmp_path: Path) -> None:
    tree, notes = taken("""
assertionTemplates: {brief: {type: word-count, value: {max: 50}}}
evaluateOptions: {repeat: 3, maxConcurrency: 4}
defaultTest:
  vars: {language: [en, fr], tone: kind}
  assert: [{type: icontains, value: "{{language}}"}, {$ref: "#/assertionTemplates/brief", weight: 2}]
tests:
  - {vars: {q: a}}
  - {vars: {q: b, language: de}, assert: [{type: contains, value: "{{tone}}"}]}
  - file://tests/*.yaml
""")
    assert [each["inputs"] for each in tree["tests"]] == [
        {"language": "en", "tone": "kind", "q": "a"}, {"language": "fr", "tone": "kind", "q": "a"},
        {"language": "de", "tone": "kind", "q": "b"},
    ]  # fmt: skip
    assert tree["assert"] == [{"icontains": "{{inputs.language}}"}, {"word-count": {"max": 50}, "weight": 2}]
    assert (tree["repeat"], tree["tests"][2]["assert"]) == (3, [{"contains": "kind"}])
    assert "'maxConcurrency' was left out" in notes
    assert any("from CSV and JSONL files only" in each for each in notes)
    file = tmp_path / "x.test.yaml"
    file.write_text(yaml.safe_dump(tree))
    assert [case.assertions[0].value for case in read([file])[0].cases] == ["en", "fr", "de"]


def test_prompts_as_chat_and_variables_without_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "MOST_COMBINATIONS", 20)
    made = promptfoo(
        "c.yaml",
        """
prompts: ['[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "{{q}}"}]']
defaultTest: file://default.yaml
tests: [{vars: {a: [1, 2, 3, 4, 5, 6, 7, 8], b: [1, 2, 3, 4, 5, 6, 7, 8], c: [1, 2, 3, 4, 5, 6, 7, 8], d: [1, 2, 3], e: file://e.txt},
         assert: [{type: is-json}]}]
""",
    )
    tree = yaml.safe_load(made.text)
    assert [each["role"] for each in tree["messages"]] == ["system", "user"]
    assert len(tree["tests"]) == 20
    told = " ".join(note.message for note in made.notes)
    for what in ("make 1,536 tests; the first 20", "'defaultTest' is in a file", "the value of 'e' is in a file"):
        assert what in told
    (raw,) = yaml.safe_load(promptfoo("c.yaml", "prompts: [{raw: 'Hi {{q}}', label: x}]\ntests: []").text)["messages"]
    assert raw == {"user": "Hi {{q}}"}


VALUES = st.one_of(
    st.text("ab{}q ", min_size=1), st.integers(0, 9), st.lists(st.text("ab", min_size=1), min_size=1), st.none()
)
ASSERTION = st.fixed_dictionaries(
    {"type": st.builds(lambda no, kind: f"{no}{kind}", st.sampled_from(["", "not-"]), st.sampled_from([*KINDS, *ALIASES, *ELSEWHERE]))},
    optional={"value": VALUES, "threshold": st.sampled_from([0, 0.5, 1, 5, -1, "a"]), "weight": st.sampled_from([0, 2, -1, "b"]),
              "metric": st.sampled_from(["m", 5])},
)  # fmt: skip


WHOLE = """\
sharing: false
prompts:
  - "Answer {{question}} for {{ env.COMPANY }}"
  - file://prompts/chat.json
  - {label: brief one, raw: "{% if premium %}First: {% endif %}{{issue | dump}}"}
  - prompts/several.txt
  - "{% if a && b %}x{% endif %}"
  - make.py:prompt
defaultTest:
  options: {transform: output.trim()}
tests:
  - {vars: {question: a, doc: "file://doc.txt"}, assert: [{type: contains, value: "{{env.X}}"}]}
  - file://more.yaml
scenarios:
  - config: [{vars: {word: Hola}}, {vars: {word: Bonjour}}]
    tests: [{vars: {question: hi}, assert: [{type: contains, value: "{{word}}"}]}]
"""

FILES = {
    "prompts/chat.json": '[{"role": "system", "content": "Be {{tone}}"}, {"role": "user", "content": "{{question}}"}]',
    "prompts/several.txt": "One {{a}}\n---\nTwo {{b}}\n",
}


def test_prompts_become_prompt_files_and_scenarios_tests() -> None:
    made = configuration("promptfooconfig.yaml", WHOLE, "bot", FILES.get)
    *prompts, tests = made
    names = ["bot", "bot.chat", "bot.brief-one", "bot.several", "bot.several-2"]
    assert [each.name + each.ending for each in made] == [*(f"{name}.prompt" for name in names), "bot.test.yaml"]
    library = load_sources({f"{each.name}.prompt": each.text for each in prompts})
    assert [each.role for each in library.get("bot.chat").render({"tone": "t", "question": "q"}).messages] == [
        "system",
        "user",
    ]
    (message,) = library.get("bot.brief-one").render({"premium": True, "issue": [1]}).messages
    assert message.plain()["content"] == [{"text": "First: [1]"}]
    tree = yaml.safe_load(tests.text)
    assert tree["variants"] == ["default", "chat", "brief-one", "several", "several-2"]
    assert [each["inputs"].get("word") for each in tree["tests"]] == [None, "Hola", "Bonjour"]
    assert [each["assert"][0]["contains"] for each in tree["tests"]] == ["{{env.X}}", "Hola", "Bonjour"]
    told = dict.fromkeys(range(20), "")
    for note in [*prompts[0].notes, *tests.notes]:
        told[note.line] += note.message
    for line, what in (
        (3, "'env.COMPANY' is of the environment"),
        (7, "the prompt was left out, since it is no template"),
        (8, "the prompt in make.py:prompt was left out"),
        (10, "answers were changed by 'transform'"),
        (12, "'env.X' is of the environment"),
        (13, "taken over from CSV and JSONL files only"),
    ):
        assert what in told[line], told
    assert any("the value of 'doc' is in a file" in note.message for note in tests.notes)
    assert not any("sharing" in note.message for note in tests.notes)
    with pytest.raises(BadTests, match="has no 'prompts'"):
        configuration("x.yaml", "a: 1", "x", FILES.get)
