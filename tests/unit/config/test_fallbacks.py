"""Where models fall back to: the short forms, and every mistake with its line."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from headgate.config import loads
from headgate.config.fallbacks import MAX_CYCLES, MAX_DEPTH
from headgate.errors import ConfigError
from headgate.routing.config import FallbackConfig

HEAD = "providers: {sim: {kind: simulator}}\nmodels:\n"


def models(**fallbacks: str) -> str:
    """Models that fall back to what is said, one a line from the third on."""
    return HEAD + "".join(
        f"  {name}: {{targets: [sim/x]{f', fallback: {to}' if to else ''}}}\n" for name, to in fallbacks.items()
    )


def problems(text: str, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loads(text, "h.yaml", environ or {})
    return caught.value.problems


def fallback(written: str) -> dict[Any, list[FallbackConfig]]:
    return loads(models(chat=written, other=""), environ={}).models["chat"].fallback


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("[other]", {"any": [FallbackConfig(use="other")]}),
        ("[sim/y, other]", {"any": [FallbackConfig(use="sim/y"), FallbackConfig(use="other")]}),
        ("[{use: other}]", {"any": [FallbackConfig(use="other")]}),
        ("{timeout: [other]}", {"timeout": [FallbackConfig(use="other")]}),
        ("{any: [other], content_filtered: [sim/y]}",
         {"any": [FallbackConfig(use="other")], "content_filtered": [FallbackConfig(use="sim/y")]}),
        ("{context_too_long: [{use: other, system: Be brief., set: {temperature: 0}}]}",
         {"context_too_long": [FallbackConfig(use="other", system="Be brief.", set={"temperature": 0})]}),
        ("[]", {"any": []}),
        ("{}", {}),
    ],
)  # fmt: skip
def test_short_forms_are_written_out(written: str, read: dict[Any, list[FallbackConfig]]) -> None:
    assert fallback(written) == read


@pytest.mark.parametrize(
    ("written", "path", "words"),
    [
        ("[nowhere]", "fallback.any[0].use", "is neither a model nor a target: 'nowhere'"),
        ("[othr]", "fallback.any[0].use", "did you mean 'other'?"),
        ("{timeout: [other, othr]}", "fallback.timeout[1].use", "did you mean 'other'?"),
        ("[nobody/x]", "fallback.any[0].use", "names the provider 'nobody', which is not there"),
        ("[{use: nobody/x}]", "fallback.any[0].use", "names the provider 'nobody'"),
        ("[sim/]", "fallback.any[0].use", "is no target: 'sim/'"),
        ("['sim/*']", "fallback.any[0].use", "has a '*', but the model 'chat' has none it could stand for"),
        ("['sim/*-*']", "fallback.any[0].use", "has more than one '*'"),
        ("other", "fallback", "must be a mapping"),
        ("{timeout: other}", "fallback.timeout", "must be a list"),
        ("[5]", "fallback.any[0]", "must be a mapping"),
        ("[{use: 5}]", "fallback.any[0].use", "must be a string"),
        ("[{}]", "fallback.any[0]", "lacks 'use'"),
        ("[{use: other, sytem: x}]", "fallback.any[0].sytem", "did you mean 'system'?"),
        ("{timeouts: [other]}", "fallback.timeouts", "is not a setting here; did you mean 'timeout'?"),
        ("[chat]", "fallback", "comes back to itself: chat > chat"),
    ],
)
def test_a_mistake_is_told_with_its_line(written: str, path: str, words: str) -> None:
    [problem] = problems(models(other="", chat=written))
    assert problem.startswith(f"h.yaml:4: models.chat.{path}")
    assert words in problem


def test_each_entry_of_a_list_has_its_own_line() -> None:
    text = (
        HEAD + "  chat:\n    targets: [sim/x]\n    fallback:\n      - sim/y\n      - nowhere\n      - use: nobody/x\n"
    )
    assert [problem.split(": ")[:2] for problem in problems(text)] == [
        ["h.yaml:7", "models.chat.fallback.any[1].use"],
        ["h.yaml:8", "models.chat.fallback.any[2].use"],
    ]


def test_a_wildcard_may_fall_back_to_a_wildcard() -> None:
    loads(HEAD + "  'gpt-*': {targets: ['sim/*'], fallback: ['sim/other-*']}\n", environ={})


def test_what_a_reference_resolved_to_is_not_told() -> None:
    for written in ("['${S}']", "[{use: '${S}'}]", "{timeout: ['${S}/x']}"):
        told = "\n".join(problems(models(chat=written), {"S": "sk-very-secret"}))
        assert "sk-very-secret" not in told
        assert "${S}" in told


# ── ways without an end ──


def cycles(text: str) -> list[tuple[int, str]]:
    """The lines and ways of the cycles that are told."""
    found = [problem for problem in problems(text) if "comes back to itself" in problem]
    return [(int(problem.split(":")[1]), problem.partition("itself: ")[2].partition(";")[0]) for problem in found]


def test_a_cycle_is_told_once_however_many_lead_into_it() -> None:
    assert cycles(models(a="[b]", b="[c]", c="[b]", d="[a]", e="[c]")) == [(4, "b > c > b")]


def test_a_cycle_is_told_once_though_it_has_several_causes() -> None:
    text = models(a="{timeout: [b], any: [b]}", b="{timeout: [a], rate_limited: [a], any: [a]}")
    assert cycles(text) == [(3, "a > b > a")]


def test_each_cycle_is_told() -> None:
    assert cycles(models(a="[b, c]", b="[a]", c="[a]", d="[d]")) == [(3, "a > b > a"), (3, "a > c > a"), (6, "d > d")]


def test_of_very_many_cycles_some_are_told() -> None:
    names = [f"m{number}" for number in range(60)]
    assert len(cycles(models(**dict.fromkeys(names, f"[{', '.join(names)}]")))) == MAX_CYCLES


def test_ways_that_meet_again_are_no_cycle() -> None:
    loads(models(a="[b, c]", b="[d]", c="[d]", d=""), environ={})


def chain(length: int) -> str:
    return models(**{f"m{number}": f"[m{number + 1}]" for number in range(1, length)}, **{f"m{length}": ""})


def test_a_way_may_be_of_some_length_and_no_longer() -> None:
    loads(chain(MAX_DEPTH), environ={})
    [problem] = problems(chain(MAX_DEPTH + 3))
    assert problem.startswith("h.yaml:3: models.m1.fallback: goes through more than 8 models: m1 > m2 > ")


def test_a_way_of_any_length_is_a_mistake_and_no_more() -> None:
    [problem] = problems(chain(3000))
    assert len(problem) < 500


def test_many_ways_cost_little() -> None:
    """Each model of a layer leads to all of the next: as many ways as atoms."""
    layers = [[f"m{layer}_{number}" for number in range(20)] for layer in range(MAX_DEPTH)]
    led = {name: f"[{', '.join(to)}]" for here, to in pairwise(layers) for name in here}
    loads(models(**led, **dict.fromkeys(layers[-1], "")), environ={})


# ── waits that could never be over in time ──


@pytest.mark.parametrize(
    ("settings", "path", "words"),
    [
        ("hedge: {after_s: 600}", "hedge.after_s", "is over, at timeout.total_s (600)"),
        ("hedge: {after_s: 5}, timeout: {total_s: 5}", "hedge.after_s", "at timeout.total_s (5)"),
        ("hedge: {after_s: 120}", "hedge.after_s", "at timeout.first_token_s (120)"),
        ("hedge: {after_s: 30}, timeout: {attempt_s: 5}", "hedge.after_s", "at timeout.attempt_s (5)"),
        ("validate: {validators: [not_emty]}", "validate.validators[0]", "did you mean 'not_empty'"),
        ("retry: {base_s: 9}", "retry.base_s", "begin at 9 s and grow to 8 s"),
        ("retry: {max_s: 0.2}", "retry.max_s", "begin at 0.25 s and grow to 0.2 s"),
        ("retry: {base_s: 2, max_s: 1}", "retry.base_s", "begin at 2 s and grow to 1 s"),
    ],
)
def test_waits_that_make_no_sense_are_told_with_their_line(settings: str, path: str, words: str) -> None:
    [problem] = problems(HEAD + f"  other: {{targets: [sim/x]}}\n  chat: {{targets: [sim/x], {settings}}}\n")
    assert problem.startswith(f"h.yaml:4: models.chat.{path}: ")
    assert words in problem


@pytest.mark.parametrize(
    "settings",
    [
        "hedge: {after_s: 119}",
        "validate: {validators: [not_empty, 'my.checks:polite']}",
        "hedge: {}",
        "hedge: null",
        "hedge: {after_s: 5}, timeout: {total_s: 5.1}",
        "retry: {base_s: 8}",
        "retry: {base_s: 1, max_s: 1}",
        "retry: {rules: {timeout: 1, rate_limited: 10}}",
    ],
)
def test_waits_that_do_are_taken(settings: str) -> None:
    loads(HEAD + f"  chat: {{targets: [sim/x], {settings}}}\n", environ={})


@pytest.mark.parametrize(
    "settings",
    [
        "hedge: {after_s: soon}, timeout: {total_s: 5}",
        "hedge: {after_s: true}",
        "hedge: 5",
        "retry: {base_s: [], max_s: {}}",
        "retry: {rules: {any: 3}}",
        "retry: {rules: {timeout: 0}}",
        "retry: {attempts: 0}",
        "retry: {budget: -1}",
        "breaker: {error_rate: 0}",
        "balance: {by: luck}",
        "queue: {length: -1}",
        "fallback: {any: {use: x}}",
        "timeout: [], hedge: {after_s: 700}",
    ],
)
def test_what_is_of_the_wrong_kind_is_one_mistake_and_no_defect(settings: str) -> None:
    found = problems(HEAD + f"  chat: {{targets: [sim/x], {settings}}}\n")
    assert all(problem.startswith("h.yaml:3: models.chat.") for problem in found)


def test_a_missing_variable_is_one_mistake_in_every_form() -> None:
    for written in ("['${S}']", "[{use: '${S}'}]", "{timeout: ['${S}']}"):
        [problem] = problems(models(chat=written))
        assert "needs the environment variable S" in problem
