"""Which of several targets a call goes to."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from calls import call
from headgate import dialects
from headgate.routing.balance import (
    PREFIX_CHARACTERS,
    by_cost,
    by_latency,
    by_weight,
    chooser,
    prefix_of,
    session_of,
)
from headgate.routing.config import BalanceConfig
from headgate.routing.option import Option
from headgate.types import OPAQUE, Call, Identity, Payload
from targets import Vendor, option

NOW = 100.0
CALLS = 2000


def choices(*seconds: float | None, **worth: Any) -> list[Option]:
    """Targets that have lately answered in so many seconds; None for one that was never asked."""
    made = [option(Vendor(f"sim/{number}"), **worth) for number in range(len(seconds))]
    for each, taken in zip(made, seconds, strict=True):
        if taken is not None:
            each.target.whole.observe(NOW, taken)
    return made


def shares(choose: Any, options: Sequence[Option], made: Call | None = None) -> list[float]:
    """Of many calls, the share each target gets."""
    counts = Counter(choose(options, made or call(), NOW).name for _ in range(CALLS))
    return [counts[each.name] / CALLS for each in options]


# ── latency ──


def test_the_faster_of_two_is_taken() -> None:
    assert shares(by_latency, choices(0.5, 0.1)) == [0, 1]


def test_of_many_the_slowest_is_never_taken() -> None:
    slow, *others = shares(by_latency, choices(0.5, 0.1, 0.1, 0.1))
    assert slow == 0
    assert min(others) > 0.2


def test_calls_under_way_count() -> None:
    options = choices(0.1, 0.1)
    options[0].target.limiter.in_flight = 1
    assert shares(by_latency, options) == [0, 1]
    options[1].target.limiter.in_flight = 2
    assert shares(by_latency, options) == [1, 0]


def test_one_that_was_never_asked_is_tried() -> None:
    assert shares(by_latency, choices(0.1, None)) == [0, 1]


def test_one_that_was_never_asked_is_not_flooded_before_it_has_answered() -> None:
    options = choices(0.1, None)
    for _ in range(1000):
        by_latency(options, call(), NOW).target.limiter.enter()
    assert options[1].target.limiter.in_flight < 1000


def test_one_that_was_slow_long_ago_is_tried_again() -> None:
    options = choices(5.0, 0.1)
    options[1].target.whole.observe(NOW + 60, 0.1)
    assert by_latency(options, call(), NOW + 60) is options[0]


def test_failing_fast_attracts_nothing() -> None:
    options = choices(0.2, 0.2)
    for _ in range(3):
        options[0].target.whole.fail(NOW, 0.001)
    options[1].target.limiter.in_flight = 10
    assert shares(by_latency, options) == [0, 1]


def test_whole_answers_and_streams_are_judged_apart() -> None:
    options = choices(0.5, 0.1)
    options[0].target.first_token.observe(NOW, 0.1)
    options[1].target.first_token.observe(NOW, 0.5)
    assert shares(by_latency, options, call(stream=True)) == [1, 0]


def test_weights_draw_the_two_that_are_compared() -> None:
    options = choices(0.1, 0.1, 0.1)
    options[0].weight = 100
    assert shares(by_latency, options)[0] > 0.99


# ── weight and cost ──


def test_weights_are_shares() -> None:
    options = choices(None, None, None)
    for each, weight in zip(options, (1, 2, 7), strict=True):
        each.weight = weight
    assert shares(by_weight, options) == pytest.approx([0.1, 0.2, 0.7], abs=0.04)


def test_a_draw_at_the_very_end_is_the_last_target(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "random", lambda: 1.0)
    options = choices(None, None)
    assert by_weight(options, call(), NOW) is options[1]


def test_the_cheapest_is_taken_and_an_unknown_price_is_last() -> None:
    options = choices(None, None, None)
    for each, cost in zip(options, (None, 7, 5), strict=True):
        each.cost = cost
    assert shares(by_cost, options) == [0, 0, 1]
    assert shares(by_cost, options[:2]) == [0, 1]


@pytest.mark.parametrize("cost", [None, 5])
def test_of_two_that_cost_the_same_the_less_busy_is_taken(cost: int | None) -> None:
    options = choices(None, None, cost=cost)
    options[0].target.limiter.enter()
    assert shares(by_cost, options) == [0, 1]


@pytest.mark.parametrize(("weights", "spread"), [((1, 1), by_latency), ((1, 3), by_weight)])
def test_by_default_weights_are_shares_where_they_differ(weights: tuple[float, float], spread: Any) -> None:
    options = choices(None, None)
    for each, weight in zip(options, weights, strict=True):
        each.weight = weight
    assert chooser(BalanceConfig(), options) is spread


# ── affinity ──


def chat(**members: Any) -> Payload:
    return Payload("openai_chat", tree={"model": "chat", "messages": [{"role": "user", "content": "Hi"}], **members})


def session(name: str, organisation: str = "default") -> Call:
    return call(headers={"x-headgate-session": name}, identity=Identity(organisation=organisation))


STICKY = chooser(BalanceConfig(affinity="session"), [])


def test_a_session_stays_where_it_is() -> None:
    options = choices(0.1, 9.0, 0.1)
    for name in map(str, range(50)):
        assert sorted(shares(STICKY, options, session(name))) == [0, 0, 1]


def test_sessions_are_spread() -> None:
    options = choices(None, None, None, None)
    counts = Counter(STICKY(options, session(str(number)), NOW).name for number in range(CALLS))
    assert all(CALLS / 4 * 0.8 < counts[each.name] < CALLS / 4 * 1.2 for each in options)


def test_only_the_sessions_of_a_target_that_is_away_move() -> None:
    options = choices(None, None, None, None)
    for name in map(str, range(200)):
        before = STICKY(options, session(name), NOW)
        after = STICKY(options[1:], session(name), NOW)
        assert after is before or before is options[0]


def test_calls_of_no_session_stay_together_by_key() -> None:
    options = choices(None, None, None, None)
    for name in map(str, range(20)):
        one = call(identity=Identity(key_id=name))
        assert sorted(shares(STICKY, options, one)) == [0, 0, 0, 1]


def test_a_session_is_told_in_a_header_or_in_the_request() -> None:
    told = [
        session_of(session("s")),
        session_of(call(request=chat(prompt_cache_key="s"))),
        session_of(call(request=chat(user="s"))),
        session_of(call(request=chat(metadata={"user_id": "s"}))),
        session_of(call(request=chat(conversation="s"))),
        session_of(call(request=chat(safety_identifier="s"))),
    ]
    assert set(told) == {b"default\0s"}


@pytest.mark.parametrize(
    "members", [{}, {"user": ""}, {"user": 5}, {"metadata": "s"}, {"metadata": {"user_id": ["s"]}}]
)
def test_what_names_no_session_is_its_keys(members: dict[str, Any]) -> None:
    assert session_of(call(request=chat(**members), identity=Identity(key_id="k"))) == b"default\0k"


def test_organisations_share_no_sessions() -> None:
    assert session_of(session("s", "one")) != session_of(session("s", "two"))


def test_a_body_that_is_not_read_has_no_prompt() -> None:
    sound = call(request=Payload(OPAQUE, b"sound"))
    assert prefix_of(sound) is None


PROMPTS: dict[str, Any] = {
    "openai_chat": lambda system, user: {
        "messages": [{"role": "system", "content": system}, {"role": "user", "content": user}],
    },
    "openai_responses": lambda system, user: {"instructions": system, "input": user},
    "anthropic_messages": lambda system, user: {"system": system, "messages": [{"role": "user", "content": user}]},
}
LONG = "You are terse. " * 300
assert len(LONG) > PREFIX_CHARACTERS


@pytest.mark.parametrize("dialect", PROMPTS)
def test_a_prompt_is_known_by_its_beginning(dialect: str) -> None:
    assert dialects.get(dialect).name == dialect

    def prefix(system: str, user: str) -> bytes | None:
        return prefix_of(call(request=Payload(dialect, tree={"model": "m", **PROMPTS[dialect](system, user)})))

    assert prefix(LONG, "Hello") == prefix(LONG, "Goodbye") is not None
    assert prefix("Be brief." + LONG, "Hello") != prefix(LONG, "Hello")
    assert prefix("", "Hello") != prefix("", "Goodbye")


def test_the_same_prompt_goes_to_the_same_target() -> None:
    sticky = chooser(BalanceConfig(affinity="prompt"), [])
    options = choices(0.1, 9.0, 0.1)
    for number in range(50):
        made = call(request=chat(messages=[{"role": "user", "content": f"{number} {LONG}"}]))
        assert sorted(shares(sticky, options, made)) == [0, 0, 1]
