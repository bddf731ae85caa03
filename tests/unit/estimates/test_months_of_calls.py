"""Estimates: prompts, samples, answers, places, and what they add up to."""

from __future__ import annotations

from typing import Any

import pytest

from headgate.catalog import Catalog
from headgate.config import loads
from headgate.estimates import (
    AnswerLengths,
    Asked,
    BadEstimate,
    Estimate,
    Prompt,
    Sample,
    estimate,
    places_of,
    read_samples,
)
from headgate.stats.traffic import DAYS_PER_MONTH, Curve

CONFIG = """
providers:
  openai: {kind: openai, api_key: k}
  claude: {kind: anthropic, api_key: k}
  house: {kind: vllm}
models:
  chat: {targets: [openai/gpt-4o-mini]}
  both: {targets: [{target: openai/gpt-4o, weight: 3}, {target: claude/claude-haiku-4-5, weight: 1}, {target: openai/gpt-4o-mini, priority: 2}]}
  own: {targets: [house/qwen]}
  tight: {targets: [{target: openai/gpt-4o-mini, rpm: 10, tpm: 1000}]}
  eager: {targets: [openai/gpt-4o-mini], fallback: [claude/claude-haiku-4-5], retry: {attempts: 3, budget: 0.2}, hedge: {budget: 0.05}, validate: {reask: 2}, shadow: {to: claude/claude-haiku-4-5, share: 0.1}}
  once: {targets: [openai/gpt-4o-mini], retry: {attempts: 1}, validate: {json: false}}
"""


def estimated(model: str, prompt: Prompt, samples: list[Sample], **asked: Any) -> list[Estimate]:
    config = loads(CONFIG)
    given: dict[str, Any] = {"lengths": AnswerLengths.read("100"), "curve": Curve(1000), **asked}
    return estimate(Asked(prompt=prompt, samples=samples, **given), places_of(config, Catalog(), model))


# ── prompts and samples ──


def test_places_are_filled_in_and_other_braces_left_alone() -> None:
    prompt = Prompt.of('Say {what} as {"json": 1} to {{what}} {what}', system="You are {who}.")
    assert prompt.places == ("who", "what")
    body = prompt.filled({"what": "hello", "who": ["a", 1]})
    assert body["messages"] == [
        {"role": "system", "content": 'You are ["a",1].'},
        {"role": "user", "content": 'Say hello as {"json": 1} to {what} hello'},
    ]


def test_what_is_filled_in_is_not_filled_in_again() -> None:
    assert Prompt.of("{a} {b}").filled({"a": "{b}", "b": "x"})["messages"][0]["content"] == "{b} x"


def test_a_sample_without_a_value_is_told_by_its_line() -> None:
    with pytest.raises(BadEstimate, match=r"line 2 lacks 'b'"):
        estimated("chat", Prompt.of("{a} {b}"), read_samples('{"a": 1, "b": 2}\n{"a": 1}\n'))


@pytest.mark.parametrize("text", ["", "\n\n", "[1]", "{", "[" * 5_000, '{"a": 1}\nnothing'])
def test_samples_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(BadEstimate):
        read_samples(text)


def test_an_answer_can_be_under_another_name_and_an_object() -> None:
    (sample,) = read_samples('{"q": "x", "reply": {"a": 1}}', "reply")
    assert sample.answer == '{"a":1}'


@pytest.mark.parametrize(
    "text",
    [
        "[]", "{", "{}", '{"messages": 1}', '{"messages": [], "max_tokens": -5}', '{"messages": [], "max_tokens": true}',
        '{"messages": ' + "[" * 5_000,
    ],
)  # fmt: skip
def test_a_json_prompt_that_is_no_request_is_refused(text: str) -> None:
    with pytest.raises(BadEstimate):
        Prompt.read(text)


def test_the_beginning_goes_up_to_the_first_place() -> None:
    prompt = Prompt.of("Fixed. {question} Then more.", system="Always this.")
    assert prompt.beginning()["messages"] == [
        {"role": "system", "content": "Always this."},
        {"role": "user", "content": "Fixed. "},
    ]


# ── answers ──


def test_lengths_have_the_mean_they_say() -> None:
    def mean(text: str) -> float:
        tokens = AnswerLengths.read(text).tokens
        return sum(tokens) / len(tokens)

    assert mean("250") == 250
    assert mean("100..400") == pytest.approx(250)
    # a log-normal of median 200 and 95th percentile 900 has the mean 200 exp(s²/2), s = ln(4.5)/1.6449
    assert mean("median=200,p95=900") == pytest.approx(200 * 2.71828 ** (0.9144**2 / 2), rel=0.001)


@pytest.mark.parametrize("text", ["", "-1", "9999999999", "400..100", "median=0,p95=9", "median=9,p95=1", "many"])
def test_lengths_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(BadEstimate, match="is no length"):
        AnswerLengths.read(text)


def test_a_sample_without_an_answer_needs_a_length() -> None:
    with pytest.raises(BadEstimate, match=r"line 1 has no answer.*--answer-tokens"):
        estimated("chat", Prompt.of("Hello"), [Sample({})], lengths=None)


def test_an_output_limit_cuts_answers() -> None:
    (found,) = estimated("chat", Prompt.of("Hello"), [Sample({})], max_tokens=40)
    assert found.output_tokens == 40
    (found,) = estimated("chat", Prompt.read('{"messages": [], "max_tokens": 30}'), [Sample({})])
    assert found.output_tokens == 30


# ── what it adds up to ──


def test_a_call_costs_what_its_tokens_do() -> None:
    """gpt-4o-mini: $0.15 and $0.60 per million."""
    (found,) = estimated("chat", Prompt.of("Hello"), [Sample({})])
    assert found.input_tokens == 1 + 4 + 3  # a word, a message, what the answer is primed with
    assert found.cost_usd == pytest.approx((8 * 0.15 + 100 * 0.60) / 1e6)
    (month,) = found.months
    assert month.calls.expected == pytest.approx(1000 * DAYS_PER_MONTH)
    assert found.cost_usd is not None
    assert month.cost_usd is not None
    assert month.cost_usd.expected == pytest.approx(found.cost_usd * 1000 * DAYS_PER_MONTH)
    assert month.cost_usd.low < month.cost_usd.expected < month.cost_usd.high
    assert found.price_version is not None
    assert found.price_version.endswith("openai/gpt-4o-mini")


def test_more_samples_make_a_narrower_interval() -> None:
    def width(samples: int) -> float:
        given = [Sample({}, answer="word " * (10 + 40 * (number % 10))) for number in range(samples)]
        cost = estimated("chat", Prompt.of("Hello"), given)[0].months[0].cost_usd
        assert cost is not None
        return (cost.high - cost.low) / cost.expected

    assert width(10) > 1.7 * width(40) > 1.7 * 1.7 * width(160)


def test_the_same_seed_gives_the_same_interval() -> None:
    given = [Sample({}, answer="word " * number) for number in range(1, 30)]
    assert estimated("chat", Prompt.of("Hi"), given) == estimated("chat", Prompt.of("Hi"), given)
    assert estimated("chat", Prompt.of("Hi"), given) != estimated("chat", Prompt.of("Hi"), given, seed=1)


def test_targets_stand_side_by_side_and_together_by_their_weights() -> None:
    first, second, whole = estimated("both", Prompt.of("Hello"), [Sample({})])
    assert [each.target for each in (first, second, whole)] == ["openai/gpt-4o", "claude/claude-haiku-4-5", "(all)"]
    assert (first.share, second.share) == (0.75, 0.25)
    assert first.cost_usd
    assert second.cost_usd
    assert whole.cost_usd == pytest.approx(0.75 * first.cost_usd + 0.25 * second.cost_usd)


def test_a_target_that_is_no_model_can_be_named() -> None:
    (found,) = estimated("openai/gpt-4o", Prompt.of("Hello"), [Sample({})])
    assert found.cost_usd == pytest.approx((8 * 2.5 + 100 * 10) / 1e6)


@pytest.mark.parametrize("name", ["cat", "nobody/x", "openai/", "openai/*"])
def test_what_is_no_place_is_refused(name: str) -> None:
    with pytest.raises(BadEstimate, match="there is no model"):
        places_of(loads(CONFIG), Catalog(), name)


def test_an_unknown_price_is_unknown_and_said() -> None:
    (found,) = estimated("own", Prompt.of("Hello"), [Sample({})])
    assert found.cost_usd is None
    assert found.months[0].cost_usd is None
    assert any("price is not known" in note for note in found.notes)


LONG = "A rule of the house. " * 400


def test_a_cached_beginning_costs_what_cached_tokens_do() -> None:
    prompt = Prompt.of("{q}", system=LONG)
    (plain,) = estimated("chat", prompt, [Sample({"q": "Why?"})])
    (found,) = estimated("chat", prompt, [Sample({"q": "Why?"})], cached=0.5)
    assert found.input_tokens == plain.input_tokens
    assert 0.45 * found.input_tokens < found.cached_tokens < 0.5 * found.input_tokens
    assert found.cost_usd
    assert plain.cost_usd
    assert found.cost_usd == pytest.approx(plain.cost_usd - found.cached_tokens * (0.15 - 0.075) / 1e6)


def test_claude_charges_for_what_is_not_yet_in_its_cache() -> None:
    """$1 per million, 1.25 for what is written, 0.10 for what is read."""
    prompt = Prompt.of("{q}", system=LONG)
    (plain,) = estimated("claude/claude-haiku-4-5", prompt, [Sample({"q": "Why?"})])
    (found,) = estimated("claude/claude-haiku-4-5", prompt, [Sample({"q": "Why?"})], cached=0.5)
    kept = found.cached_tokens * 2
    assert found.cost_usd
    assert plain.cost_usd
    assert found.cost_usd == pytest.approx(plain.cost_usd + kept * (0.5 * 0.25 - 0.5 * 0.9) / 1e6)


def test_a_short_beginning_is_not_cached_and_that_is_said() -> None:
    (found,) = estimated("chat", Prompt.of("{q}", system="Short."), [Sample({"q": "Why?"})], cached=0.9)
    assert found.cached_tokens == 0
    assert any("no vendor caches" in note for note in found.notes)


def test_a_peak_beyond_what_the_vendor_allows_is_said() -> None:
    (found,) = estimated("tight", Prompt.of("Hello"), [Sample({})], curve=Curve(14_400, peak=3))
    assert any("30 calls a minute at the peak, 10 are allowed (rpm)" in note for note in found.notes)
    assert any("(tpm)" in note for note in found.notes)


def test_months_grow() -> None:
    (found,) = estimated("chat", Prompt.of("Hello"), [Sample({})], curve=Curve(1000, growth=0.5), months=3)
    calls = [month.calls.expected for month in found.months]
    assert calls[2] == pytest.approx(2.25 * calls[0])


# ── what is left out ──


def test_what_a_model_can_cost_beside_its_calls_is_said() -> None:
    (found,) = estimated("eager", Prompt.of("Hello"), [Sample({})] * 60)
    (note,) = found.notes
    for part in (
        "retries, at 20%",
        "slow ones, at 5%",
        "up to 2 more each",
        "its shadow, with 10%",
        "while these fail",
    ):
        assert part in note
    (found,) = estimated("once", Prompt.of("Hello"), [Sample({})] * 60)
    assert found.notes == []


def test_attempts_that_are_paid_for_count_as_calls_do() -> None:
    (one,) = estimated("eager", Prompt.of("Hello"), [Sample({})] * 60)
    (more,) = estimated("eager", Prompt.of("Hello"), [Sample({})] * 60, attempts=1.25)
    assert one.cost_usd
    assert one.months[0].cost_usd
    assert more.months[0].cost_usd
    assert more.cost_usd == pytest.approx(1.25 * one.cost_usd)
    assert more.months[0].cost_usd.expected == pytest.approx(1.25 * one.months[0].cost_usd.expected)
    assert more.months[0].calls.expected == one.months[0].calls.expected
    (note,) = more.notes
    assert "retries" not in note
    assert "shadow" in note


def test_a_beginning_that_could_be_cached_is_said() -> None:
    (found,) = estimated("once", Prompt.of("{q}", system=LONG), [Sample({"q": "Why?"})] * 60)
    assert found.notes == [
        "not counted: what its calls begin with is long enough for the vendor's cache; --cached says how often"
    ]
