"""Test files of whatever form: they are read, or everything wrong with them is told; nothing else."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluated_answers import problems_in, suite_of
from headgate.evals.kinds import ALIASES, ELSEWHERE, KINDS
from headgate.evals.problems import BadTests
from headgate.evals.promptfoo import promptfoo
from headgate.evals.reading import read
from headgate.evals.reading.mini import expected

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 10**19), st.floats(), st.text(max_size=8),
    st.sampled_from(["{{q}}", "{{inputs.q}}", "contains:a", "chat", "decided", "is-json", "file://a.csv", "a.csv"]),
)  # fmt: skip
NAMES = st.sampled_from([
    "model", "models", "prompt", "variants", "messages", "inputs", "context", "config", "repeat", "threshold", "assert",
    "judge", "judges", "embeddings", "dataset", "tests", "id", "of", "at_least", "stop", "weight", "metric", "type",
    "value", "min", "max", "name", "times", "arguments", "labels", "kappa", "role", "content", "user", "q",
    "not-contains", "assert-set", "prompts", "providers", "defaultTest", "vars", "options", "description", *KINDS,
    *ALIASES, *ELSEWHERE,
])  # fmt: skip
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(NAMES, inner, max_size=5)),
    max_leaves=25,
)
ASSERTIONS = st.lists(
    st.one_of(TREES, st.dictionaries(st.sampled_from([*KINDS]), TREES, min_size=1, max_size=1)), max_size=4
)
SUITES = st.dictionaries(NAMES, TREES, max_size=6).flatmap(
    lambda tree: st.builds(
        lambda tests, asserted: {"model": "chat", **tree, "tests": tests, "assert": asserted},
        st.lists(st.dictionaries(NAMES, TREES, max_size=5), max_size=3),
        ASSERTIONS,
    )
)


@given(SUITES)
@settings(max_examples=40, deadline=None)
def test_whatever_a_file_says_its_mistakes_are_told(tree: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as name:
        file = Path(name, "x.test.yaml")
        file.write_text(yaml.safe_dump(tree, allow_unicode=True), "utf-8")
        try:
            (suite,) = read([file])
        except BadTests as error:
            told = error.problems
        else:
            assert all(case.assertions for case in suite.cases)
            return
    assert told
    assert all(each.message and each.place.line >= 1 for each in told)


@given(SUITES)
@settings(max_examples=30, deadline=None)
def test_whatever_a_configuration_of_promptfoos_says_it_is_taken_over_or_refused(tree: dict[str, Any]) -> None:
    try:
        made = promptfoo("promptfooconfig.yaml", yaml.safe_dump({**tree, "prompts": ["{{q}}"]}, allow_unicode=True))
    except BadTests:
        return
    assert isinstance(yaml.safe_load(made.text), dict)


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.text(), st.sampled_from([*KINDS, *ALIASES, *ELSEWHERE]).flatmap(lambda kind: st.builds(
    lambda before, after: f"{before}{kind}{after}", st.sampled_from(["", "not-"]), st.sampled_from(["", ":", ":a", "(1)", "(0.5):a,b"])
))))  # fmt: skip
def test_a_cell_asserts_something_or_is_empty(cell: str) -> None:
    made = expected(cell)
    assert (made is None) == (not cell.strip())


def test_what_others_call_otherwise_or_have_alone_is_told(tmp_path: Path) -> None:
    text = "model: c\ntests:\n- messages: a\n  assert:\n  - {type: javascript, value: x}\n  - not-perplexity\n  - webhook: y\n"
    told = problems_in(tmp_path, text + "  - {python: 'file://a.py:f'}\n")
    for what in (
        "5:6: tests[0].assert[0].type: javascript is no kind of assertion here: it runs a language this does not; write it",
        "6:5: tests[0].assert[1].not-perplexity: is no kind of assertion here: it needs the probabilities of tokens",
        "7:5: tests[0].assert[2].webhook: is no kind of assertion here: it would send answers to an address",
        "write it without 'file://'",
    ):
        assert any(what in each for each in told), (what, told)


@pytest.mark.parametrize(
    "cell", ["javascript:output.length < 5", "not-javascript:x", "fn:x", "is-xml", "perplexity(3)"]
)
def test_a_cell_of_a_kind_there_is_not_is_no_text_to_equal(cell: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"q,__expected\n1,{cell}\n")
    (told,) = problems_in(tmp_path, "model: c\nmessages: hi\ndataset: a.csv\n")
    assert told.startswith("a.csv:2:1: ")
    assert "is no kind of assertion here" in told


def test_cells_with_bounds_in_brackets(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        'q,__expected,__expected2\n1,latency(1000),not-cost(0.5)\n2,"contains-any:""a, b"",c",\n'
    )
    one, two = suite_of(tmp_path, "model: c\nmessages: hi\ndataset: a.csv\n").cases
    assert [(each.kind, each.value, each.negated) for each in one.assertions] == [
        ("latency", 1000, False),
        ("cost", 0.5, True),
    ]
    assert two.assertions[0].value == ["a, b", "c"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("vars: {a: 1}", "vars: is called 'inputs' here"),
        ("defaultTest: {}", "what holds for all tests stands beside 'tests:'"),
        ("judge: {model: j, config: {messages: []}}", "are not of a request's settings"),
        ("repeat: {at_least: 2}", "repeat: says not how often; write 'of: 5'"),
        ("config: {model: other}", "config.model: is not of a request's settings"),
        ("config: {stream: true}", "tests wait for whole ones"),
        ("config: {n: 3}", "write 'repeat:'"),
        ("assert: [{word-count: {min: 5, max: 2}}]", "nothing is within"),
        ("assert: [{latency: .inf}]", "takes a number above 0"),
        ("assert: [{finish-reason: stopp}]", "takes how an answer ends: end, length"),
        ("assert: [{contains: ' '}]", "takes a text"),
        ("assert: [{contains: '{{inputs.none}}'}]", "has no input none"),
        ("assert: [{contains: '{{inputs.empty}}'}]", "makes 'contains' '', and it takes a text"),
        ("assert: [{equals: {a: ['{{inputs.none}}']}}]", "has no input none"),
        ("assert: [{language: '{{inputs.empty}}'}]", "takes a language"),
        ("assert: [{contains: a, transform: output.trim()}]", "write a function, 'python: file.py:function'"),
        ("assert: [{rubric: a, provider: openai:chat:x}]", "a judge is named by 'judge:'"),
        ("models: [b, b]\nmodel:", "has 'b' twice"),
        ("assert: [{python: 'own.py:NUMBER'}]", "'own.py:NUMBER' is no function"),
        ("assert: [{python: 'own.py:single'}]", "'own.py:single' does not take (answer, case): too many positional"),
        ("assert: [{is-json: {$ref: 'https://example.com/schema.json'}}]", "no place in itself"),
    ],
)
def test_what_could_never_hold_or_always_would_is_told(text: str, what: str, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("NUMBER = 5\n\ndef single(answer):\n    return True\n")
    rest = "" if text.startswith("assert") else "assert: [is-json]\n"
    model = "" if "model:" in text else "model: c\n"
    told = problems_in(tmp_path, f"{model}{text}\n{rest}tests: [{{messages: hi, inputs: {{empty: ''}}}}]\n")
    assert any(what in each for each in told), told


def test_inputs_stand_wherever_a_value_has_texts(tmp_path: Path) -> None:
    inputs = "{city: Oslo, tags: [a, b], most: 50, lang: de}"
    asserted = (
        "[{equals: {city: '{{inputs.city}}', in: ['{{inputs.city}}!']}}, {contains-all: '{{inputs.tags}}'}, "
        "{word-count: '{{inputs.most}}'}, {contains: '{{inputs.most}}'}, {language: '{{inputs.lang}}'}]"
    )
    case = suite_of(tmp_path, f"model: c\ntests: [{{messages: hi, inputs: {inputs}, assert: {asserted}}}]\n").cases[0]
    assert [each.value for each in case.assertions] == [
        {"city": "Oslo", "in": ["Oslo!"]}, ["a", "b"], 50, 50, "de",
    ]  # fmt: skip


def test_a_mistake_of_the_file_is_told_where_it_stands(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"messages": "a"}\n{"messages": "b"}\n')
    told = problems_in(tmp_path, "model: c\nassert: [is-json]\ninputs: 5\ncontext: x\ndataset: a.jsonl\n")
    assert [each.partition(": ")[0] for each in told] == ["x.test.yaml:3:1", "x.test.yaml:4:1"]


def test_files_may_begin_with_a_mark_of_their_encoding(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"messages": "a"}\n', "utf-8-sig")
    (tmp_path / "b.csv").write_text("messages,__id\nb,b\n", "utf-8-sig")
    file = tmp_path / "x.test.yaml"
    file.write_text("model: c\nmessages: hi\nassert: [is-json]\ndataset: [a.jsonl, b.csv]\n", "utf-8-sig")
    assert [each.inputs for each in read([file])[0].cases] == [{}, {"messages": "b"}]


def test_a_context_that_is_a_text_is_an_input(tmp_path: Path) -> None:
    (tmp_path / "rag.jsonl").write_text('{"question": "Who?", "context": "Ada did.", "expected": "contains:Ada"}\n')
    case = suite_of(tmp_path, "model: c\nmessages: '{{question}} {{context}}'\ndataset: rag.jsonl\n").cases[0]
    assert (case.messages[0]["content"], case.context) == ("Who? Ada did.", None)


def test_in_python_tuples_are_lists_and_leaving_is_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "own.test.py"
    file.write_text("suite = {'model': 'c', 'tests': ({'messages': 'hi', 'assert': ('is-json',)},)}\n")
    assert [each.kind for each in read([file])[0].cases[0].assertions] == ["is-json"]
    for text, what in (
        ("import sys\ndef suite(): sys.exit(3)\n", "raised SystemExit: 3"),
        ("suite = {'model': 'c', 'tests': (x for x in [])}\n", "is a generator; write a list"),
        ("suite = {'model': 'c', 5: 1, 'tests': [{'messages': 'hi', 'assert': ['is-json']}]}\n", "is not known here"),
    ):
        file.write_text(text)
        with pytest.raises(BadTests, match=what):
            read([file])
