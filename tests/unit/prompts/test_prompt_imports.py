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
    (message,) = prompt.render(inputs).messages
    expected = jinja2.Environment().from_string(source).render(INPUTS)
    assert message.plain()["content"] == [{"text": expected}]


MACRO = "{% macro li(a, b='-') %}{{ b }}{{ a }}{% for i in xs %}{{ a }}{{ i }}{% endfor %}\n{% endmacro %}"


@pytest.mark.parametrize(
    ("source", "inputs", "expected"),
    [
        ("{% raw %}{{{x}}} {{{{ C:\\{{x}}{% endraw %}", {}, "{{{x}}} {{{{ C:\\{{x}}"),
        ("C:\\{{ x }}\\\\{{ x }}", {"x": "a"}, "C:\\a\\\\a"),
        ('{"a": {"b": {{ x }}}} { {{- x -}} }', {"x": "1"}, '{"a": {"b": 1}} {1}'),
        ('{{ "{{" }} {{ 5 }} {{ true }} {{ none }}', {}, "{{ 5 True None"),
        ("{{ this }} {{ as }}", {"this": "T", "as": "A"}, "T A"),
        ("a\n{% if x %}\nb\n{% else %}\nc\n{% endif %}\nd", {"x": True}, "a\n\nb\n\nd"),
        ("  {% if x %}\n    b\n  {% endif %}\nd", {"x": True}, "  \n    b\n  \nd"),
        ("{% if x is none %}n{% endif %}{% if x is defined %}d{% endif %}", {"x": None}, "nd"),
        ("{% if x is none %}n{% endif %}{% if x is defined %}d{% endif %}", {"x": "0"}, "d"),
        ("{% set p = 'x' %}{{ p }}{% for i in xs %}{{ p }}{{ i }}{% endfor %}", {"xs": ["a"]}, "xxa"),
        ("{% for i in xs if i != 'a' %}{{ i }}{% endfor %}", {"xs": ["a", "b"]}, "b"),
        ("{% for i in xs | default([]) %}{{ i }}{% endfor %}-", {}, "-"),
        ("{{ ', '.join(xs) }} {{ xs | length }} {{ xs | first }}", {"xs": ["a", "b"]}, "a, b 2 a"),
        ("{% block b %}in {{ x }}{% endblock %}", {"x": "a"}, "in a"),
        ("{{ o.get('k') }}{{ o['a b'] }}", {"o": {"k": "v", "a b": "w"}}, "vw"),
        (
            MACRO + "{{ li('x') }}{{ li(n, b='*') }}{% for i in xs %}{{ li(i) }}{% endfor %}",
            {"xs": ["p", "q"], "n": "N"},
            "-xxpxq\n*NNpNq\n-ppppq\n-qqpqq\n",
        ),
    ],
)
def test_what_looks_the_same_in_both_is_the_same(source: str, inputs: dict[str, Any], expected: str):
    prompt, _ = imported("jinja", source)
    (message,) = prompt.render(inputs).messages
    assert jinja2.Environment().from_string(source).render(inputs).strip() == expected.strip()
    assert "".join(part.plain()["text"] for part in message.content).strip() == expected.strip()


def test_with_trim_blocks_a_template_keeps_its_look():
    (made,) = import_prompt("jinja", "t", "A\n  {% for x in xs %}\n- {{ x }}\n  {% endfor %}\nB\n", trim=True)
    assert made.text.partition("---\n")[2].partition("---\n")[2] == "A\n{{#each xs as |x|}}\n- {{x}}\n{{/each}}\nB\n"


def test_inputs_have_the_types_that_their_use_allows():
    source = (
        "{{ b }}{% if a %}{{ a }}{% endif %}{% for x in xs %}{{ x }}{% endfor %}{% for o in os %}{{ o.n }}{% endfor %}"
    )
    (made,) = import_prompt("jinja", "t", source)
    schema = yaml.safe_load(made.text.split("---\n")[1])["input"]["schema"]
    assert list(schema.items()) == [("b", "string"), ("a?", "string"), ("xs(array)", "string"), ("os(array)", "any")]
    ((line, message),) = [(each.line, each.message) for each in made.notes]
    assert line == 1
    assert message.startswith("values in 'os' have no type: where one is true, null, 1.0 or a list, Jinja2 writes True")


def test_json_and_partials_come_along():
    prompt, notes = imported("jinja", "{{ map | tojson }}{% include './rules.j2' %}", **{"_rules.prompt": "R{{n}}"})
    assert prompt.render({"map": {"k": 1}, "n": "N"}).messages[0].plain()["content"] == [{"text": '{"k":1}RN'}]
    assert [line for line, _ in notes] == [1, 1]
    assert notes[1][1] == "import './rules.j2' too, with --partial, as the partial 'rules'"


def test_a_partial_has_no_front_matter_and_sees_what_is_around_it():
    (part,) = import_prompt("jinja", "rules", "Be {{ tone }}{{ x }}\n", partial=True)
    assert part.text == "Be {{tone}}{{x}}"
    source = "{% include 'rules.j2' %}\n{% for x in xs %}{% include 'rules.j2' %}{% endfor %}"
    prompt, _ = imported("jinja", source, **{"_rules.prompt": part.text})
    (message,) = prompt.render({"xs": ["1", "2"], "tone": "kind"}).messages
    assert "".join(each.plain()["text"] for each in message.content) == "Be kind\nBe kind1Be kind2"


def test_what_jinja_alone_can_say_is_told_by_its_line():
    lines = [
        "a", "{% set x = 1 + 1 %}", "{{ name | upper }}", "{{ 1 + 2 }}", "{% for i in range(3) %}{{ i }}{% endfor %}",
        "{% if a > b %}c{% endif %}", "{{ xs[-1] }}", "{{ xs | sort | join }}", "{% for i in xs %}{{ loop.index }}{% endfor %}",
        "{{ '%d' | format(n) }}", "{% from 'm.j2' import m %}", "{{ d.e }}",
    ]  # fmt: skip
    prompt, notes = imported("jinja", "\n".join(lines))
    assert [line for line, _ in notes] == list(range(2, 13))
    assert "the filter 'upper' has nothing like it in Handlebars; the value is as it is" in notes[1][1]
    assert set((prompt.input_schema or {})["properties"]) == {"name", "xs", "d"}
    assert (
        "{{! line 6 was left out: the comparison '>' has nothing like it in Handlebars}}" in prompt.sources["t.prompt"]
    )
    for bad in ("a\n{% if %}", "a\n{% extends 'b.j2' %}"):
        with pytest.raises(BadTemplate) as raised:
            import_prompt("jinja", "t", bad)
        assert raised.value.line == 2


def test_what_would_be_written_again_and_again_is_left_out():
    long = "x" * 2000
    _, notes = imported("jinja", f"{{% if a or b %}}{long}{{% endif %}}{{% if a and b %}}{long}{{% endif %}}")
    assert [message for _, message in notes] == [
        "'and' and 'or' have nothing like them in Handlebars, and this is too long to write twice; it was left out"
    ]
    many = " and ".join(f"(a{n} or b{n})" for n in range(30))
    (made,) = import_prompt("jinja", "t", f"{{% if {many} %}}x{{% else %}}y{{% endif %}}")
    assert len(made.text) < 20_000


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
    assert prompt.ext["prompty"] == {"name": "Basic"}


PROMPTY_1 = """---
name: Chat
authors: [Ada]
colour: red
model:
  api: completion
  configuration: {type: azure_openai, azure_deployment: "${env:DEPLOYED}"}
  parameters:
    max_tokens: 300
    response_format: {type: json_object}
    tools: [{type: function}]
inputs:
  firstName: {type: string, description: who asks}
  context: {type: array, required: false}
  chat_history: {type: array}
  level: {type: string, enum: [low, high]}
outputs:
  answer: {type: string}
---
system:
You help {{firstName}}, {{level}}.
{% for item in context %}# {{ item.title }}
{% endfor %}
{% for item in chat_history %}
{{item.role}}:
{{item.content}}
{% endfor %}

{{ speaker }}:
user[name="x"]:
Hello
"""


def test_what_was_said_before_becomes_history_and_no_value_a_role():
    prompt, notes = imported("prompty", PROMPTY_1)
    assert prompt.model is None
    assert (prompt.config, prompt.output_format) == ({"max_tokens": 300}, "json")
    assert list((prompt.output_schema or {})["properties"]) == ["answer"]
    assert list((prompt.input_schema or {})["properties"]) == ["firstName", "context", "level", "speaker"]
    said = [{"role": "user", "content": [{"text": "system:"}]}, {"role": "model", "content": [{"text": "A"}]}]
    given = {"firstName": "system:\n", "level": "low", "speaker": "system"}
    assert [each.role for each in prompt.render(given, messages=said).messages] == [
        "system", "user", "model", "system", "user",
    ]  # fmt: skip
    told = "\n".join(f"{line} {message}" for line, message in notes)
    for what in (
        "4 'colour' means nothing here", "5 how the vendor is reached", "5 the prompt is for 'completion'",
        "5 the model is named by the environment", "5 'tools' was left out", "22 values in 'context' have no type",
        "24 the messages in 'chat_history' became {{history}}", "29 a role that a value chooses is only text here",
        '30 [name="x"] of the role was left out',
    ):  # fmt: skip
        assert what in told, (what, told)


def test_messages_and_pictures_of_prompty_2_are_parts():
    inputs = "inputs: [{name: said, kind: thread}, {name: pic, kind: image}, {name: n, kind: integer, default: 3}]"
    prompt, notes = imported("prompty", f"---\n{inputs}\n---\nsystem:\nS\n{{{{said}}}}\nuser:\n{{{{pic}}}} {{{{n}}}}")
    said = [{"role": "user", "content": [{"text": "before"}]}]
    system, before, user = prompt.render({"pic": "http://x/y.png"}, messages=said).messages
    assert (system.role, before.role, user.role) == ("system", "user", "user")
    assert {"media": {"url": "http://x/y.png"}} in [part.plain() for part in user.content]
    assert prompt.input_default == {"n": 3}
    assert not notes


def test_mustache_in_prompty_is_read_as_handlebars():
    body = "Hi {{name}} {{{role}}}{{#xs}}-{{.}}{{/xs}}{{^xs}}none{{/xs}}{{! c }}{{> rules}}"
    prompt, notes = imported("prompty", f"---\ntemplate: mustache\n---\nuser:\n{body}", **{"_rules.prompt": "R"})
    (message,) = prompt.render({"name": "<a>", "xs": ["1", "2"], "role": "system"}).messages
    assert "".join(part.plain()["text"] for part in message.content).strip() == "Hi <a> system-1-2R"
    assert [message.split(";")[0] for _, message in notes] == [
        "Mustache escapes <, > and & in values", "import 'rules' too, with --partial, as the partial 'rules'",
    ]  # fmt: skip
    for bad in ("{{#a}}", "{{/a}}", "{{=<% %>=}}"):
        with pytest.raises(BadTemplate):
            import_prompt("prompty", "t", f"---\ntemplate: mustache\n---\n{bad}")


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
    for bad in ("{", '{"a": 1}', "[1]", "[]", '{"data": [{"name": "n", "versions": [1]}]}'):
        with pytest.raises(BadTemplate):
            import_prompt("langfuse", "t", bad)


def test_langfuse_tells_what_it_means_otherwise_at_its_line():
    export = """[
  {"name": "a", "version": 1, "prompt": "old"},
  {"name": "a", "version": 2, "labels": ["production"], "prompt": "{{x}} C:\\\\{{x}} {\\"k\\": {{x}}} {{a.b}}"},
  {"name": "b", "config": {"tools": [1], "response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}},
   "prompt": [
    {"type": "chatmessage", "role": "boss", "content": "@@@langfusePrompt:name=x y|version=2@@@"},
    {"type": "placeholder", "name": "one"},
    {"type": "placeholder", "name": "two"},
    {"role": "user", "content": [{"type": "image_url"}]}
  ]},
  {"name": "a", "version": 3, "prompt": "new"}
]"""
    a, b = import_prompt("langfuse", "t", export)
    prompt = load_sources({"a.prompt": a.text}).get("a")
    assert prompt.render({"x": "X"}).messages[0].plain()["content"] == [{"text": 'X C:\\X {"k": X} {{a.b}}'}]
    assert [(each.line, each.message.split(";")[0][:40]) for each in a.notes] == [
        (2, "version 1 of 'a' was left out for versio"),
        (3, "'{{a.b}}' is no variable of Langfuse's, "),
        (11, "version 3 of 'a' was left out for versio"),
    ]
    library = load_sources({"b.prompt": b.text, "_x-y.prompt": "R"})
    assert [each.role for each in library.get("b").render({}).messages] == ["user"]
    assert library.get("b").output_schema == {"type": "object"}
    assert [each.line for each in b.notes] == [4, 6, 6, 7, 8, 8, 9]


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
    assert run(["prompts", "import", "basic.prompty", "other.prompty"]) == 3
    assert run(["prompts", "import", "basic.prompty"]) == 3
    assert "prompts/basic.prompt is there already; nothing is written" in capsys.readouterr().err
    assert run(["prompts", "import", "rules.j2", "rules.j2", "--to", "new"]) == 3
    assert not (tmp_path / "new").exists()
    (tmp_path / "marked.j2").write_text("\ufeffHello\r\n{% if a %}\r\nyou\r\n{% endif %}")
    assert run(["prompts", "import", "marked.j2"]) == 0
    assert (tmp_path / "prompts" / "marked.prompt").read_text().endswith("---\nHello\n{{#if a}}\n\nyou\n{{/if}}\n")
    (tmp_path / "latin.j2").write_bytes(b"a\n\xff")
    assert run(["prompts", "import", "latin.j2"]) == 3
    assert "latin.j2:2: is not UTF-8 text here" in capsys.readouterr().err
    (tmp_path / "deep.j2").write_text("{% if a %}" * 1000 + "{% endif %}" * 1000)
    assert run(["prompts", "import", "deep.j2"]) == 3
    assert "deep.j2:1: it is nested too deep" in capsys.readouterr().err
    assert run(["prompts", "import", "rules.j2", "--kind", "langfuse"]) == 3
    assert run(["prompts", "import", "rules.j2", "--kind", "other"]) == 2
    assert run(["prompts", "import"]) == 2
