"""Recorded calls are read as they are written down, and what is none is said with its line."""

from __future__ import annotations

import pytest

from headgate.shadow.recorded import Unreadable, recorded


def test_a_batch_file_of_openai_is_recorded_calls():
    line = (
        b'{"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "m", "messages": []}}'
    )
    [found] = recorded([line])
    assert (found.line, found.operation, found.dialect, found.model) == (1, "chat", "openai_chat", "m")


def test_each_dialect_has_its_url_and_empty_lines_are_none():
    lines = [
        b"\n",
        b'{"body": {}}',
        b"  ",
        b'{"url": "/v1/responses", "body": {}}',
        b'{"url": "/v1/messages", "body": {}}',
    ]
    lines.append(b'{"url": "/v1/completions", "body": {"model": 3}}')
    found = list(recorded(lines))
    assert [each.line for each in found] == [2, 4, 5, 6]
    assert [each.dialect for each in found] == [
        "openai_chat",
        "openai_responses",
        "anthropic_messages",
        "openai_completions",
    ]
    assert found[-1].model == ""


def test_a_call_is_made_of_the_model_that_is_asked_for_and_kept_nowhere():
    [found] = recorded(
        [b'{"url": "/v1/responses", "body": {"model": "x", "input": "Hi", "store": true, "stream": true}}']
    )
    call = found.call("chat")
    assert call.request.tree == {"model": "chat", "input": "Hi", "store": False, "stream": True}
    assert (call.model, call.stream) == ("chat", True)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"{", "not valid JSON"),
        (b"[]", "must be a JSON object"),
        (b'{"url": "/v1/moderations", "body": {}}', "'url' is none of /v1/chat/completions,"),
        (b'{"url": 1, "body": {}}', "'url' is none of"),
        (b'{"model": "m"}', "'body' is no object"),
        (b'{"body": {}, "body": {}}', "duplicate|Detected duplicate"),
    ],
)
def test_a_line_that_is_none_is_told(line: bytes, why: str):
    with pytest.raises(Unreadable, match=f"line 2: .*({why})"):
        list(recorded([b'{"body": {}}', line]))
