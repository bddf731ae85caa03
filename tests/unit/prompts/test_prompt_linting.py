"""What a reviewer is told of prompts that can be used."""

from __future__ import annotations

from datetime import date

import pytest

from headgate.config import loads
from headgate.config.retirements import Retiring
from headgate.prompts.dotprompt import load_sources
from headgate.prompts.linting import RULES, failing, lint

TODAY = date(2027, 1, 1)

FRONT = """---
model: chat
input:
  schema:
    name: string
    order(object):
      id: string
    lines(array):
      text: string
    tags(array): string
---
"""

CONFIG = """
providers: {oa: {kind: openai}}
models: {chat: {targets: [oa/gone, oa/going]}, later: {targets: [oa/later]}, sim: {targets: [oa/x]}}
retirements: {gone: 2026-12-31, openai/going: 2027-03-02, later: 2027-03-03}
"""

ALL = "{{name}}{{order.id}}{{#each lines}}{{text}}{{/each}}{{tags}}"


def found(template: str, front: str = FRONT, **sources: str) -> list[tuple[str, int, int]]:
    """Rule, line and column of everything said, lines counted from the template's first."""
    files = {"t.prompt": front + template, **{f"_{name}.prompt": text for name, text in sources.items()}}
    shift = front.count("\n")
    return [
        (each.rule, each.line - (shift if each.file == "t.prompt" else 0), each.column)
        for each in lint(load_sources(files), today=TODAY)
        if each.rule != "no-owner" or "owner" in front
    ]


def rules(template: str, front: str = FRONT, **sources: str) -> list[str]:
    return [each[0] for each in found(template, front, **sources)]


def test_of_a_good_prompt_nothing_is_said():
    assert found('{{role "system"}}Be kind.{{role "user"}}' + ALL) == []


@pytest.mark.parametrize(
    "used",
    [
        "{{json this}}",
        "{{#each this}}{{@key}}{{/each}}",
        "{{json @root.name}}{{@root.order.id}}{{#lines}}{{text}}{{/lines}}{{lookup tags 0}}",
        "{{#with order}}{{id}}{{../name}}{{/with}}{{#each lines as |l|}}{{l.text}}{{/each}}{{#if tags}}x{{/if}}",
        "{{> p n=name}}{{> p n=order.id}}{{#each lines}}{{> q}}{{/each}}{{> p n=(lookup tags 0)}}",
        "{{#each tags}}{{@root.name}}{{../order.id}}{{#each ../lines}}{{text}}{{/each}}{{/each}}",
    ],
)
def test_an_input_is_used_in_many_ways(used: str):
    assert found(used, p="{{n}}", q="{{text}}") == []


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (ALL + "\n {{nam}}", [("undefined-input", 2, 4)]),
        ('{{role "system"}}{{nam}}{{role "user"}}' + ALL, [("undefined-input", 1, 20)]),
        (ALL + "{{order.idd}}", [("undefined-input", 1, len(ALL) + 3)]),
        (ALL + "{{#each lines}}{{txt}}{{/each}}", [("undefined-input", 1, len(ALL) + 18)]),
        (ALL + "{{#if nam}}{{/if}}", [("undefined-input", 1, len(ALL) + 7)]),
        ("{{order.id}}{{#each lines}}{{text}}{{/each}}{{tags}}", [("unused-input", -6, 5)]),
        ('{{role "system"}}{{name}}{{role "user"}}' + ALL, [("input-in-system", 1, 20)]),
        ('{{#if name}}{{role "system"}}{{/if}}' + ALL, [("input-in-system", 1, 39)] * 1),
        ('{{#each lines}}{{text}}{{role "system"}}S{{/each}}{{role "user"}}' + ALL, [("input-in-system", 1, 18)]),
        ('{{role "system"}}{{#if name}}kind{{/if}}{{role "user"}}' + ALL, []),
        ('{{role "system"}}S{{history}}' + ALL, []),
        (ALL + "{{lines.text}}", [("undefined-input", 1, len(ALL) + 3)]),
        (ALL + "{{lines.[0].txt}}", [("undefined-input", 1, len(ALL) + 3)]),
        (ALL + "{{name.first}}", [("undefined-input", 1, len(ALL) + 3)]),
        (ALL + "{{lines.[0].text}}{{lines.length}}{{name.length}}{{tags.[1]}}", []),
        (ALL + "{{this}}", [("written-as-object", 1, len(ALL) + 3)]),
        (ALL + "{{order}}", [("written-as-object", 1, len(ALL) + 3)]),
        (ALL + "{{media url=order}}", [("written-as-object", 1, len(ALL) + 13)]),
        (ALL + "{{lines}}", [("written-as-object", 1, len(ALL) + 3)]),
        (ALL + "{{json order}}", []),
        (ALL + " key sk-" + "abcdefgh12345678", [("secret", 1, len(ALL) + 6)]),
        (ALL + "\nsk-" + "abcdefgh12345678\nsk-" + "ijklmnop12345678", [("secret", 2, 1), ("secret", 3, 1)]),
    ],
)
def test_a_place_is_told(template: str, expected: list[tuple[str, int, int]]):
    said = found(template)
    assert said[: len(expected)] == expected if expected else said == []


def test_what_no_call_can_be_made_of_is_told_before_it_is_published():
    front = "---\nmodel: chat\nconfig: {temperature: hot, topP: 1, stop: 5, bogus: 1, seed: null}\nheadgate.owner: me\n---\nHi"
    said = lint(load_sources({"bad name.prompt": front}), today=TODAY)
    assert [(each.line, each.column, each.rule, each.message) for each in said] == [
        (
            1,
            1,
            "unservable",
            "the file's name is no name of a prompt; write folder/name, of letters, digits, '-' and '_'",
        ),
        (3, 10, "unservable", "config.temperature must be a number"),
        (3, 37, "unservable", "config.stop must be a text, or a list of texts"),
        (3, 46, "no-effect", "'config.bogus' is sent to no model; take it out"),
    ]


def test_a_model_that_retires_is_told_where_it_is_named():
    known = Retiring(loads(CONFIG, "headgate.yaml", {}))
    files = {
        f"{name}.prompt": f"---\ninput: {{schema: {{}}}}\nmodel: {name}\n---\nHi" for name in ("chat", "later", "sim")
    }
    said = [each for each in lint(load_sources(files), today=TODAY, retiring=known) if each.rule == "retiring-model"]
    assert [(each.file, each.line, each.column) for each in said] == [("chat.prompt", 3, 1), ("chat.prompt", 3, 1)]
    assert {each.message for each in said} == {
        "oa/gone retired on 2026-12-31, as far as is known; write another model, and run its tests",
        "oa/going retires on 2027-03-02, as far as is known; write another model, and run its tests",
    }


def test_an_input_is_followed_into_partials():
    said = lint(
        load_sources({"t.prompt": FRONT + '{{role "system"}}{{> tone who=name}}{{role "user"}}' + ALL, "_tone.prompt": "For {{who}}."}),
        today=TODAY,
    )  # fmt: skip
    said = [each for each in said if each.rule != "no-owner"]
    assert [(each.file, each.rule, each.line, each.column) for each in said] == [
        ("_tone.prompt", "input-in-system", 1, 7)
    ]


@pytest.mark.parametrize(
    ("front", "expected"),
    [
        ("---\ninput: {schema: {name: string}}\n---\n", ["no-model"]),
        ("---\nmodel: openai/gpt-4o\ninput: {schema: {name: string}}\n---\n", ["unpinned-model"]),
        ("---\nmodel: openai/gpt-4o-2024-08-06\ninput: {schema: {name: string}}\n---\n", []),
        ("---\nmodel: claude/claude-sonnet-4-5-20250929\ninput: {schema: {name: string}}\n---\n", []),
        ("---\nmodel: gemini-flash-latest\ninput: {schema: {name: string}}\n---\n", ["unpinned-model"]),
        ("---\nmodel: chat\n---\n", ["no-schema"]),
        ("---\nmodel: chat\ninput: {schema: {name: string}}\nheadgate.review_by: 2026-12-31\n---\n", ["review-due"]),
        ("---\nmodel: chat\ninput: {schema: {name: string}}\nheadgate.expires: 2026-12-31\n---\n", ["expired"]),
        ("---\nmodel: chat\ninput: {schema: {name: string}}\ncustom: 1\n---\n", ["no-effect"]),
        ("---\nmodel: chat\ninput: {schema: {name: string}}\ntools: [gone]\n---\n", ["no-effect"]),
        ("---\nmodel: chat\ninput: {schema: {name: string}}\nheadgate.max_tokens: 10\n---\n", ["too-long"]),
    ],
)
def test_what_stands_above_the_template_is_looked_at_too(front: str, expected: list[str]):
    assert rules("{{name}}", front) == expected


def test_a_trusted_input_may_stand_in_the_systems_message():
    trusted = FRONT.replace("model: chat\n", "model: chat\nheadgate.trusted: [name]\n")
    assert rules('{{role "system"}}{{name}}{{role "user"}}' + ALL, trusted) == []
    assert rules('{{role "system"}}{{tags}}{{role "user"}}' + ALL, trusted) == ["input-in-system"]


def test_all_inputs_may_be_trusted_and_none_that_is_not_there():
    trusted = "headgate.trusted: [name, order, lines, tags]\n"
    assert rules('{{role "system"}}{{json this}}', FRONT.replace("model: chat\n", f"model: chat\n{trusted}")) == []
    trusted = "headgate.trusted: [nam]\n"
    assert found(ALL, FRONT.replace("model: chat\n", f"model: chat\n{trusted}")) == [("no-effect", -9, 20)]


def test_a_setting_is_found_where_it_stands():
    front = "---\nname: t\nconfig: {model: x}\nmodel: openai/gpt-4o\ninput:\n  schema:\n    name?(array, all): string\n---\n"
    assert found("x", front) == [("no-effect", -5, 10), ("unpinned-model", -4, 1), ("unused-input", -1, 5)]
    front = "---\nmodel: m\ninput: {schema: {properties: {name: {type: string}}}}\n---\n"
    assert found("x", front) == [("unused-input", -1, 31)]


def test_what_was_meant_is_looked_for_where_it_would_be():
    (said,) = [
        each.message
        for each in lint(load_sources({"t.prompt": FRONT + ALL + "{{order.idd}}"}), today=TODAY)
        if each.rule == "undefined-input"
    ]
    assert said == "the schema has no 'order.idd'; did you mean 'id'?"


def test_inputs_of_a_single_scalar_are_told_to_be_unchecked():
    assert rules("{{a}}", "---\nmodel: m\ninput: {schema: string}\n---\n") == ["no-effect"]


def test_tests_are_missing_unless_they_are_beside_or_named():
    front = "---\nmodel: m\nheadgate.owner: ann\n"
    library = load_sources({"a.prompt": f"{front}---\nx", "b.prompt": f"{front}headgate.tests: b.yaml\n---\nx"})
    said = lint(library, today=TODAY, tested=lambda prompt: False)
    assert [(each.file, each.rule) for each in said] == [("a.prompt", "no-tests")]
    assert not lint(library, today=TODAY, tested=lambda prompt: True)
    assert not failing(said, strict=False)
    assert failing(said, strict=True)


def test_a_prompt_nobody_answers_for_is_told():
    assert rules("x", "---\nmodel: m\nheadgate.owner: ''\n---\n") == ["no-owner"]
    assert rules("x", "---\nmodel: m\nheadgate.owner: ann\n---\n") == []


def test_partials_that_multiply_do_not_take_forever():
    doubled = {f"p{at}": f"{{{{> p{at + 1}}}}}" * 2 for at in range(30)}
    assert rules("{{> p0}}" + ALL, p30="{{name}}", **doubled) == []
    twice = {f"p{at}": f"{{{{> p{at + 1} x=name}}}}{{{{> p{at + 1} x=order.id}}}}" for at in range(30)}
    assert rules("{{> p0}}" + ALL, p30="{{x}}", **twice) == []


def test_a_partial_is_looked_at_for_each_role_and_each_input_it_is_for():
    said = '{{> say it=name}}{{> say it=order.id}}{{role "system"}}{{> say it="x"}}{{> say it=tags}}{{role "user"}}'
    assert found(said + ALL, say="[{{it}}]") == [("input-in-system", 1, 4)]


def test_every_rule_says_what_it_looks_for():
    assert all(RULES.values())


def test_numbers_and_words_of_an_enum_may_stand_in_the_systems_message():
    schema = "{n: integer, on?: boolean, lang(enum): [de, en], any: any, q: string}"
    front = f"---\nmodel: chat\ninput: {{schema: {schema}}}\n---\n"
    shown = '{{role "system"}}{{n}}{{on}}{{lang}}{{role "user"}}{{q}}{{any}}'
    assert rules(shown, front) == []
    assert rules('{{role "system"}}{{any}}' + shown, front) == ["input-in-system"]


def test_what_stands_in_place_of_a_credential_is_none():
    said = "{{role 'system'}}Flag keys: Authorization: Bearer <token>, password = '...', sk-proj-... and AKIA…\n"
    assert rules(said + "{{role 'user'}}" + ALL) == []
