"""Rendering ends, whatever the inputs are."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import pytest

from headgate.prompts.dotprompt import Bounds, RenderRefused, RenderTooDeep, RenderTooLarge, RenderTooLong, load_sources


def nested(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = [value]
    return value


PARTIALS = {
    "_p.prompt": "",
    "_me.prompt": "{{> (lookup this 'n')}}",
    "_speaks.prompt": "{{role 'system'}}x",
    "_calls.prompt": "{{> speaks}}",
}

LOOP = "{{#each l}}{{#each ../l}}{{#each ../../l}}{{/each}}{{/each}}{{/each}}"


@pytest.mark.parametrize(
    ("template", "inputs", "error", "told"),
    [
        ("{{a}}", {"a": "x" * 5_000_000}, RenderTooLarge, "more than 4000000 characters"),
        ("{{#each l}}{{json ../l}}{{/each}}", {"l": ["x" * 100] * 2_000}, RenderTooLarge, "characters"),
        ("{{#each l}}{{#if (json ../l)}}{{/if}}{{/each}}", {"l": ["x" * 100] * 2_000}, RenderTooLarge, "characters"),
        ("{{#each l}}" + "text" * 1000 + "{{/each}}", {"l": [1] * 20_000}, RenderTooLarge, "characters"),
        (LOOP, {"l": [1] * 1_000}, RenderTooLong, "more than 200000 steps"),
        ("{{#each l}}{{> p ../big a=1}}{{/each}}", {"l": [1] * 9_000, "big": dict.fromkeys(map(str, range(9_000)))}, RenderTooLong, "steps"),
        ("{{json a}}", {"a": nested(5_000)}, RenderTooDeep, "nested too deep"),
        ("{{a}}", {"a": nested(5_000)}, RenderTooDeep, "nested too deep"),
        ("{{> (lookup this 'n')}}", {"n": "me"}, RenderTooDeep, "partials are nested more than 64 deep"),
        ("{{> (lookup this 'n')}}", {"n": "calls"}, RenderRefused, "which only templates may"),
        ("{{> (lookup this 'n')}}", {"n": "speaks"}, RenderRefused, "which only templates may"),
        ("{{> (lookup this 'n')}}", {"n": "gone"}, RenderRefused, "a partial that does not exist"),
    ],
)  # fmt: skip
def test_what_would_not_end_is_refused(template: str, inputs: dict[str, Any], error: type[Exception], told: str):
    prompt = load_sources({"t.prompt": template, **PARTIALS}).get("t")
    began = perf_counter()
    with pytest.raises(error, match=told):
        prompt.render(inputs)
    assert perf_counter() - began < 5


def test_partials_that_multiply_are_refused():
    doubled = {f"_p{at}.prompt": f"{{{{> p{at + 1}}}}}" * 2 for at in range(30)}
    prompt = load_sources({"t.prompt": "{{> p0}}", "_p30.prompt": "", **doubled}).get("t")
    with pytest.raises(RenderTooLong):
        prompt.render({})


def test_time_is_bounded_too():
    prompt = load_sources({"t.prompt": "{{#each l}}{{#each ../l}}{{this}}{{/each}}{{/each}}"}).get("t")
    with pytest.raises(RenderTooLong, match=r"more than 0\.001 s"):
        prompt.render({"l": ["x"] * 440}, bounds=Bounds(max_s=0.001))


def test_templates_are_bounded_too():
    deep = "{{#if a}}" * 60 + "{{/if}}" * 60
    parentheses = "{{json " + "(lookup a " * 60 + "a" + ")" * 60 + "}}"
    many = "{{a}}" * 20_001
    chain = {f"_p{at}.prompt": f"{{{{> p{at + 1}}}}}" for at in range(50)} | {"_p50.prompt": ""}
    for sources, told in (
        ({"t.prompt": deep}, "blocks are nested more than 50 deep"),
        ({"t.prompt": parentheses}, "parentheses are nested more than 50 deep"),
        ({"t.prompt": "{{json" + " a" * 201 + "}}"}, "more than 200 values in the tag"),
        ({"t.prompt": many}, "more than 20000 tags"),
        (chain, "partials are nested more than 40 deep"),
        ({"t.prompt": "---\na.b: " + "[" * 60 + "]" * 60 + "\n---\n"}, "is nested more than 40 deep"),
    ):
        assert any(told in each.message for each in load_sources(sources, strict=False).problems), told


@pytest.mark.parametrize(
    "template",
    [
        ("\n" * 100_000 + "{{#if a}}" + " \n" * 100_000 + "{{/if}}") * 2,
        "{{[}}" * 2_000 + "x" * 900_000,
        "{{a [}}{{a '}}" * 1_000 + "x" * 900_000,
        "{{{{raw}}}}" + "{{{{" * 200_000,
        "{{json" + " a" * 400_000 + "}}",
        "{{" + "a." * 100_000 + "b}}",
        "{{> unknown}}" * 2_000,
        "{{#if a}}" + "{{else if b}}x" * 9_000 + "{{/if}}",
    ],
    ids=lambda template: template[:8] + template[-8:],
)
def test_a_template_is_read_in_no_time_whatever_it_is(template: str):
    beside = {f"_p{at}.prompt": "" for at in range(300)}
    began = perf_counter()
    load_sources({"t.prompt": template, **beside}, strict=False)
    assert perf_counter() - began < 5


def test_as_many_blocks_and_elses_as_there_may_be_are_rendered():
    chain = "{{#if a}}{{else}}" * 49 + "{{#if a}}" + "{{else if a}}" * 50 + "{{^}}x" + "{{/if}}" * 50
    prompt = load_sources({"t.prompt": chain}).get("t")
    assert prompt.render({}).messages[0].plain()["content"] == [{"text": "x"}]
    (problem,) = load_sources({"t.prompt": chain.replace("{{^}}", "{{else if a}}{{^}}")}, strict=False).problems
    assert "more than 100 'else' in a row" in problem.message
