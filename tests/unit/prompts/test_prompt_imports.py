"""Prompts of other tools as prompt files: they say the same, and what does not is told with its line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml

from headgate.cli.app import run
from headgate.prompts.dotprompt import Prompt, load_sources
from headgate.prompts.importing import BadTemplate, import_prompt


def imported(kind: str, source: str, **sources: str) -> tuple[Prompt, list[tuple[int, str]]]:
    (made,) = import_prompt(kind, "t", source)
    prompt = load_sources({"t.prompt": made.text, **sources}).get("t")
    return prompt, [(note.line, note.message) for note in made.notes]


INPUTS: dict[str, Any] = {
    "name": "Ada", "tone": "kind", "items": [{"n": "a", "on": True}, {"n": "b", "on": False}], "nil": [],
    "map": {"k": "v", "w": "x"}, "flag": True, "off": False, "deep": {"list": ["p", "q"]}, "role": "R", "history": "H",
}  # fmt: skip


@pytest.mark.parametrize(
    "source",
    [
        "Hello {{ name }}, {{ deep.list[1] }} {{ map['k'] }}.",
        "{% if flag %}yes{% else %}no{% endif %}{% if not off %}on{% endif %}",
        "{% if tone == 'kind' %}1{% elif off %}2{% else %}3{% endif %}{% if tone != 'kind' %}x{% else %}y{% endif %}",
        "{% if off %}1{% elif not off %}2{% endif %}",
        "{% for item in items %}{{ loop.index0 }}{{ item.n }}{% if not loop.last %}, {% endif %}{{ name }}{% endfor %}",
        "{% for x in nil %}{{ x }}{% else %}none{% endfor %}",
        "{% for k, v in map.items() %}{{ k }}={{ v }};{% endfor %}",
        "{% for a in items %}{% for b in deep.list %}{{ a.n }}{{ b }} {% endfor %}{% endfor %}",
        "{# said #}{% raw %}{{ kept }}{% endraw %} {{ name }}",
        "{{ name }}{% if name is defined %}!{% endif %}{% if gone is not defined %}?{% endif %}",
        "plain, with { braces } and }} too",
        "{{ role }} {{ history }}{% for each in items %}{% for with in deep.list %}{{ with }}{{ each.n }}{{ role }}{% endfor %}{% endfor %}",
    ],
)  # fmt: skip
def test_a_template_of_jinja_says_the_same(source: str):
    prompt, _ = imported("jinja", source)
    inputs = {
        name: value
        for name, value in INPUTS.items()
        if name in (prompt.input_schema or {"properties": {}})["properties"]
    }
    inputs |= dict.fromkeys(set((prompt.input_schema or {}).get("properties", {})) - set(inputs))
    (message,) = prompt.render(inputs).messages
    expected = jinja2.Environment().from_string(source).render(INPUTS)
    assert message.plain()["content"] == [{"text": expected + "\n" * (prompt.raw is None)}]


def test_json_and_partials_come_along():
    prompt, notes = imported("jinja", "{{ map | tojson }}{% include 'rules.j2' %}", **{"_rules.prompt": "R"})
    assert prompt.render({"map": {"k": 1}}).messages[0].plain()["content"] == [{"text": '{"k":1}R'}]
    assert notes == [(1, "import 'rules.j2' too, as the partial 'rules'")]


def test_what_jinja_alone_can_say_is_told_by_its_line():
    source = "a\n{% set x = 1 %}\n{{ name | upper }}\n{{ 1 + 2 }}\n{% for i in range(3) %}{{ i }}{% endfor %}\n{% if a and b %}c{% endif %}"
    _, notes = imported("jinja", source)
    assert [line for line, _ in notes] == [2, 3, 4, 5, 6]
    assert "the filter 'upper' has nothing like it" in notes[1][1]
    with pytest.raises(BadTemplate) as raised:
        import_prompt("jinja", "t", "a\n{% if %}")
    assert raised.value.line == 2


PROMPTY = """---
name: Basic
description: A basic prompt
model:
  id: gpt-4o
  provider: openai
  connection: {kind: key, apiKey: "${env:KEY}"}
  options: {temperature: 0.5}
inputs:
  question: {kind: string, default: Why?}
  context: {kind: array}
tools: [{name: t}]
---
system:
You are kind to {{firstName}}.

# context
{% for each in context %}- {{ each }}
{% endfor %}
user:
{{ question }} ![image]({{picture}})
assistant:
Well.
"""


def test_a_file_of_prompty_becomes_a_prompt():
    prompt, notes = imported("prompty", PROMPTY)
    assert (prompt.model, prompt.config, prompt.description) == ("gpt-4o", {"temperature": 0.5}, "A basic prompt")
    assert prompt.input_default == {"question": "Why?"}
    system, user, model = prompt.render({"firstName": "Ada", "context": ["c"], "picture": "http://x/y.png"}).messages
    assert (system.role, user.role, model.role) == ("system", "user", "model")
    assert [part.plain() for part in user.content][:2] == [{"text": "\nWhy? "}, {"media": {"url": "http://x/y.png"}}]
    assert [line for line, _ in notes] == [4, 12]


def test_a_file_that_is_none_of_prompty_is_told():
    for source in ("no front matter", "---\n- a list\n---\nx", "---\na: {\n---\nx"):
        with pytest.raises(BadTemplate):
            import_prompt("prompty", "t", source)


def test_an_export_of_langfuse_becomes_prompts():
    chat = {
        "name": "support/chat 1", "version": 3, "type": "chat", "labels": ["production"],
        "config": {"model": "gpt-4o", "temperature": 0},
        "prompt": [
            {"role": "system", "content": "Be {{tone}}. {{#if}} {{history}} @@@langfusePrompt:name=rules|label=production@@@"},
            {"type": "placeholder", "name": "said"},
            {"role": "user", "content": "{{ question }}"},
        ],
    }  # fmt: skip
    text = {"name": "plain", "type": "text", "prompt": "Hello {{name}}"}
    made = import_prompt("langfuse", "t", json.dumps([chat, text]))
    assert [each.name for each in made] == ["support/chat-1", "plain"]
    library = load_sources({**{f"{each.name}.prompt": each.text for each in made}, "_rules.prompt": "R"})
    prompt = library.get("support/chat-1")
    said = prompt.render(
        {"tone": "kind", "question": "Q", "history": "then"}, messages=[{"role": "user", "content": [{"text": "H"}]}]
    )
    assert [each.role for each in said.messages] == ["system", "user", "user"]
    assert said.messages[0].plain()["content"] == [{"text": "\nBe kind. {{#if}} then R\n"}]
    assert prompt.ext["langfuse"] == {"version": 3, "labels": ["production"]}
    assert (prompt.model, prompt.config) == ("gpt-4o", {"temperature": 0})
    for bad in ("{", '{"a": 1}', "[1]"):
        with pytest.raises(BadTemplate):
            import_prompt("langfuse", "t", bad)


PROMPTFOO = """description: d
prompts:
  - "Translate {{ text }} to {{ language }}"
  - '[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "{{ text | upper }}"}]'
  - file://other.txt
providers: [openai:chat:gpt-4o-mini, {id: anthropic:messages:claude-sonnet-4-5}]
defaultTest:
  vars: {language: French}
  assert:
    - {type: latency, threshold: 2000}
tests:
  - description: hello
    vars: {text: Hello}
    threshold: 0.5
    assert:
      - {type: icontains-any, value: "Bonjour, Salut", weight: 2, metric: word}
      - {type: not-contains, value: Hello}
      - {type: javascript, value: output.length > 3}
      - {type: assert-set, assert: [{type: llm-rubric, value: Is it polite?, provider: x}], threshold: 0.5}
  - vars: {text: [a, b]}
    options: {}
"""


def test_tests_of_promptfoo_become_a_test_file():
    first, second, tests = import_prompt("promptfoo", "t", PROMPTFOO)
    assert [each.name + each.ending for each in (first, second, tests)] == ["t.prompt", "t.v2.prompt", "t.test.yaml"]
    library = load_sources({"t.prompt": first.text, "t.v2.prompt": second.text})
    assert [each.role for each in library.get("t", "v2").render({}).messages] == ["system"]
    assert yaml.safe_load(tests.text) == {
        "description": "d",
        "variants": ["default", "v2"],
        "models": ["openai/gpt-4o-mini", "anthropic/claude-sonnet-4-5"],
        "inputs": {"language": "French"},
        "assert": [{"latency": 2000}],
        "tests": [
            {
                "description": "hello",
                "inputs": {"text": "Hello"},
                "threshold": 0.5,
                "assert": [
                    {"icontains-any": ["Bonjour", "Salut"], "weight": 2, "metric": "word"},
                    {"not-contains": "Hello"},
                    {"assert-set": [{"llm-rubric": "Is it polite?"}], "threshold": 0.5},
                ],
            },
            {"inputs": {"text": ["a", "b"]}},
        ],
    }
    assert [note.line for note in second.notes] == [4]
    assert sorted(note.line for note in tests.notes) == [5, 6, 18, 19, 20, 21]
    with pytest.raises(BadTemplate):
        import_prompt("promptfoo", "t", "a: b")


def test_files_are_imported_from_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "basic.prompty").write_text(PROMPTY)
    (tmp_path / "rules.j2").write_text("{{ a | upper }}b")
    assert run(["prompts", "import", "basic.prompty"]) == 0
    file, *notes = capsys.readouterr().out.splitlines()
    assert file == "prompts/basic.prompt"
    assert [note.split(": ")[0] for note in notes] == ["basic.prompty:4", "basic.prompty:12"]
    assert run(["prompts", "import", "rules.j2", "--partial", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["file"], len(told["notes"])) == ("prompts/_rules.prompt", 1)
    assert run(["prompts", "list"]) == 0
    assert run(["prompts", "import", "basic.prompty"]) == 3
    assert run(["prompts", "import", "rules.j2", "--kind", "langfuse"]) == 3
    assert run(["prompts", "import", "rules.j2", "--kind", "other"]) == 2
    assert run(["prompts", "import"]) == 2
