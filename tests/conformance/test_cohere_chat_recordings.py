"""The recorded chats with Cohere: every one decodes, nothing is lost, every text is seen."""

from __future__ import annotations

import json

import pytest

from headgate import dialects
from headgate.dialects.hub import Reasoning, Text, ToolCall
from recordings import Recording, generations, params
from vendor_laws import held, leaves, missing_canaries

DIALECT = dialects.get("cohere_chat")
ROWS = generations("cohere_chat")


@pytest.mark.skipif(not ROWS, reason="recordings are absent: set HEADGATE_DATA")
def test_the_recordings_are_all_of_a_kind_that_is_tested_here() -> None:
    assert len(ROWS) == 7
    assert all(row.status == 200 and not row.streamed for row in ROWS)


@pytest.mark.parametrize("row", params(ROWS))
def test_every_leaf_of_a_recorded_answer_is_found_in_the_decoded_one(row: Recording) -> None:
    tree = json.loads(row.body)
    found = held(DIALECT.decode_answer(tree))
    for path, value in leaves(tree):
        if path[-1] in ("role", "type"):
            assert value in ("assistant", "text", "function")  # said by the kind of part
        elif path[-1] == "arguments":
            assert {json.dumps(each) for _, each in leaves(json.loads(value))} <= found
        else:
            assert json.dumps(value) in found, path


@pytest.mark.parametrize("row", params(ROWS))
def test_usage_is_what_a_recorded_answer_bills(row: Recording) -> None:
    billed = json.loads(row.body)["usage"]["billed_units"]
    peek = DIALECT.peek(row.body)
    answer = DIALECT.decode_answer(json.loads(row.body))
    assert peek.usage is not None
    assert (peek.usage.input_tokens, peek.usage.output_tokens) == (billed["input_tokens"], billed["output_tokens"])
    assert (peek.usage, peek.stop, peek.id) == (answer.usage, answer.choices[0].stop, answer.id)


@pytest.mark.parametrize("row", params(ROWS))
def test_every_string_of_a_recorded_request_is_text_or_listed_as_not_text(row: Recording) -> None:
    assert missing_canaries(DIALECT, row.request) == []


@pytest.mark.parametrize("row", params(ROWS))
def test_the_texts_of_a_recorded_answer_are_those_of_its_parts(row: Recording) -> None:
    tree = json.loads(row.body)
    seen = {node.text for node in DIALECT.answer_texts(tree)}
    said = set()
    for part in DIALECT.decode_answer(tree).choices[0].parts:
        if isinstance(part, Text | Reasoning):
            said.add(part.text)
        elif isinstance(part, ToolCall):
            said.add(part.arguments)
    assert seen == said
