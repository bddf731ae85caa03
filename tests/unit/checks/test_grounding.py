"""How much of an answer its context has."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from headgate.checks.grounding import support

CONTEXT = "The pump of the second basin is switched off by the red lever. Below two bar it may be opened again."


def test_what_is_said_in_the_context_is_supported_and_what_is_not_is_not():
    said = support("Switch the pump off by the red lever; open it again below two bar.", CONTEXT)
    invented = support("Call the service in Ulm, who replace broken gauges for forty euros.", CONTEXT)
    assert said is not None
    assert invented is not None
    assert said > 0.7 > 0.35 > invented
    assert support(CONTEXT, CONTEXT) == 1


def test_words_collected_from_all_over_a_long_context_support_little():
    filler = " ".join(f"stretch{number} alpha{number} beta{number} gamma{number}" for number in range(200))
    scattered = "stretch3 alpha60 beta120 gamma180 alpha20 beta90"
    assert (support(scattered, filler) or 0) < 0.4
    assert support("stretch60 alpha60 beta60 gamma60", filler) == 1


def test_code_and_an_answer_without_words_say_nothing():
    assert support("```python\nimport os\n```", CONTEXT) is None
    assert support("…", CONTEXT) is None
    assert support("A word.", "") == 0


def test_a_script_without_blanks_is_held_against_its_characters():
    assert (support("東京は日本の首都です", "日本の首都は東京です。") or 0) > 0.8
    assert (support("東京は日本の首都です", "猫が好きだ。") or 0) < 0.3


def test_a_long_answer_to_a_long_context_is_quick():
    context = "All work and no play makes Jack a dull boy. " * 8_000
    began = time.process_time()
    assert support(context, context) == 1
    assert time.process_time() - began < 5


@given(st.text(), st.text())
def test_a_share_is_one_whatever_the_texts_are(answer: str, context: str):
    found = support(answer, context)
    assert found is None or 0 <= found <= 1
