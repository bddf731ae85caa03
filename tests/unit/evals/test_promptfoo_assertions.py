"""Assertions of promptfoo's, as test files write them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.evals.kinds import ALIASES, ELSEWHERE, KINDS
from headgate.evals.problems import BadTests
from headgate.evals.promptfoo import promptfoo
from headgate.evals.reading import read


def taken(text: str) -> tuple[Any, list[str]]:
    made = promptfoo("promptfooconfig.yaml", f"prompts: ['{{{{q}}}}']\nproviders: [openai:chat:m]\n{text}")
    return yaml.safe_load(made.text), [note.message for note in made.notes]


def one(assertion: str, variables: str = "{q: 1}") -> tuple[Any, str]:
    """What an assertion comes to, and what is said of it."""
    tree, notes = taken(f"tests: [{{vars: {variables}, assert: [{assertion}]}}]")
    tests = tree["tests"][0]
    told = [each for each in notes if not each.startswith(("models are those", "asserts nothing", "a judge is"))]
    return (tests.get("assert") or [None])[0], " ".join(told)


def test_assertions_mean_what_they_meant() -> None:
    for assertion, wanted in (
        ("{type: word-count, value: 5}", {"word-count": {"min": 5, "max": 5}}),
        ("{type: contains-any, value: '\"a, b\", c'}", {"contains-any": ["a, b", "c"]}),
        ("{type: g-eval, value: [kind, brief], threshold: 0.7}", {"rubric": "kind\nbrief", "threshold": 0.7}),
        ('{type: is-json, value: \'{"type": "object"}\'}', {"is-json": {"type": "object"}}),
        ("{type: not-latency, threshold: 50}", {"not-latency": 50}),
        ("{type: equals, value: {a: ['{{q}}']}}", {"equals": {"a": ["1"]}}),
        ("{type: finish-reason, value: stop}", {"finish-reason": "stop"}),
    ):
        assert one(assertion) == (wanted, ""), assertion
    made, _ = one("{type: context-faithfulness, threshold: 0.8}", "{q: 1, context: long}")
    assert made == {"faithfulness": "context", "threshold": 0.8}


def test_what_would_mean_something_else_is_left_out() -> None:
    for assertion, what in (
        ("{type: javascript, value: x}", "nothing like javascript here: it runs a language this does not"),
        ("{type: levenshtein, value: x, threshold: 5}", "it counts edits there"),
        ("{type: python, value: len(output) > 5}", "functions take (answer, case) here"),
        ("{type: contains, value: x, transform: output.trim()}", "what 'transform' makes of an answer"),
        ("{type: not-contains, value: '{{ env.NAME or q }}'}", "a template that cannot be filled in"),
        ("{type: contains, value: '{{ q | upper }}'}", "a template that cannot be filled in"),
        ("{type: contains, value: '{% if q %}a{% endif %}'}", "a template that cannot be filled in"),
        ("{type: contains, value: file://a.txt}", "is in a file"),
        ("{type: assert-set, assert: [{type: webhook, value: x}]}", "a set of which nothing was taken over"),
        ("{type: is-json, value: '{{ a | b }}'}", "a template that cannot be filled in"),
        ("{type: perplexity, threshold: 2}", "needs the probabilities of tokens"),
        ("7", "no assertion that can be read"),
    ):
        made, told = one(assertion)
        assert made is None, assertion
        assert what in told, (assertion, told)


def test_settings_that_could_not_stand_here_are_told() -> None:
    assert one("{type: similar, value: a, threshold: 7}")[0] == {"similar": "a"}
    assert one("{type: contains, value: a, weight: heavy}")[0] == {"contains": "a"}
    _, told = one("{type: contains, value: a, threshold: 0.5, provider: x}")
    assert "holds or does not" in told
    assert "'provider' was left out" in told


def test_what_the_environment_says_is_not_filled_in() -> None:
    made, told = one("{type: contains, value: '{{ env.NAME }}'}")
    assert made == {"contains": "{{ env.NAME }}"}
    assert told == "'env.NAME' is of the environment, and is not filled in; write what it stands for"


def test_what_is_asserted_of_all_tests(tmp_path: Path) -> None:
    tree, _ = taken("""
assertionTemplates: {brief: {type: word-count, value: {max: 50}}}
defaultTest:
  assert: [{type: icontains, value: "{{language}}"}, {$ref: "#/assertionTemplates/brief", weight: 2}]
tests:
  - {vars: {q: a, language: [en, fr]}}
""")
    assert tree["assert"] == [{"icontains": "{{inputs.language}}"}, {"word-count": {"max": 50}, "weight": 2}]
    file = tmp_path / "x.test.yaml"
    file.write_text(yaml.safe_dump(tree))
    assert [case.assertions[0].value for case in read([file])[0].cases] == ["en", "fr"]


VALUES = st.one_of(
    st.text("ab{}q ", min_size=1), st.integers(0, 9), st.lists(st.text("ab", min_size=1), min_size=1), st.none()
)
ASSERTION = st.fixed_dictionaries(
    {"type": st.builds(lambda no, kind: f"{no}{kind}", st.sampled_from(["", "not-"]), st.sampled_from([*KINDS, *ALIASES, *ELSEWHERE]))},
    optional={"value": VALUES, "threshold": st.sampled_from([0, 0.5, 1, 5, -1, "a"]), "weight": st.sampled_from([0, 2, -1, "b"]),
              "metric": st.sampled_from(["m", 5])},
)  # fmt: skip


@given(st.lists(ASSERTION, min_size=1, max_size=4), st.lists(ASSERTION, max_size=2))
@settings(max_examples=25, deadline=None)
def test_what_was_taken_over_can_be_read(asserted: list[Any], shared: list[Any]) -> None:
    tree = {
        "prompts": ["{{q}}"],
        "providers": ["openai:chat:m"],
        "defaultTest": {"assert": shared},
        "tests": [{"vars": {"q": "a", "ab": "b"}, "assert": [*asserted, {"type": "contains", "value": "a"}]}],
    }
    told: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        file = Path(name, "x.test.yaml")
        file.write_text(promptfoo("c.yaml", yaml.safe_dump(tree)).text)
        try:
            read([file])
        except BadTests as error:
            told = [each.message for each in error.problems]
    assert [each for each in told if "has no input" not in each] == []  # what all tests name may be no variable
