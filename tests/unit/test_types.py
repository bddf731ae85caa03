"""Payloads keep the bytes they came with, and refuse what two parsers could read in two ways."""

from __future__ import annotations

import pytest

from headgate.errors import BadRequest, MalformedOutput
from headgate.types import Account, Attempt, Frame, Payload, Usage


def test_untouched_bytes_go_out_as_they_came():
    raw = b'{ "model" : "a", "x": 1.10 }'
    payload = Payload("openai_chat", raw)
    assert payload.tree == {"model": "a", "x": 1.1}
    assert payload.encode() is raw


def test_a_changed_member_leaves_the_others_and_the_original_alone():
    payload = Payload("openai_chat", b'{"model":"a","unknown":{"deep":[1,null]}}')
    changed = payload.with_members(model="b")
    assert changed.encode() == b'{"model":"b","unknown":{"deep":[1,null]}}'
    assert payload.encode() == b'{"model":"a","unknown":{"deep":[1,null]}}'


def test_without_members_is_the_same_payload_when_there_is_nothing_to_remove():
    payload = Payload("openai_chat", b'{"a":1,"b":2}')
    assert payload.without_members("c") is payload
    assert payload.without_members("a", "c").tree == {"b": 2}


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"[]", "an array"),
        (b"null", "null"),
        (b'"x"', "a string"),
        (b"3", "a number"),
        (b'{"a":1,"a":2}', "duplicate key"),
        (b'{"a":{"b":1,"b":1}}', "duplicate key"),
        (b'{"a":"\xff"}', "unicode"),
        (b'{"a":"\\ud800"}', "not valid JSON"),
        (b'{"a":NaN}', "not valid JSON"),
        (b'{"a":' + b"9" * 5000 + b"}", "out of range"),
        (b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}", "recursion"),
        (b'\xef\xbb\xbf{"a":1}', "not valid JSON"),
    ],
)
def test_what_is_not_one_plain_object_is_refused_by_reason(raw: bytes, says: str):
    with pytest.raises(BadRequest, match=says):
        _ = Payload("openai_chat", raw).tree


def test_a_vendors_garbage_is_the_vendors_fault():
    for raw in (b"<html>", b"[1]", b""):
        with pytest.raises(MalformedOutput):
            _ = Payload("openai_chat", raw).answer_tree


def test_a_frame_is_written_as_server_sent_events_are():
    assert Frame(b'{"a":1}').encode() == b'data: {"a":1}\n\n'
    assert Frame(b"x", "ping").encode() == b"event: ping\ndata: x\n\n"
    assert Frame(b"one\ntwo").encode() == b"data: one\ndata: two\n\n"
    assert Frame(b"x", None, b"data:x\n\n").encode() == b"data:x\n\n"


def test_categories_are_disjoint_and_add_up():
    usage = Usage(
        input_tokens=1, cached_tokens=2, cache_write_5m_tokens=4, cache_write_1h_tokens=8, audio_input_tokens=16,
        audio_cached_tokens=32, image_input_tokens=64, output_tokens=5, reasoning_tokens=3, audio_output_tokens=7,
        image_output_tokens=11,
    )  # fmt: skip
    assert usage.total_input_tokens == 127
    assert usage.total_output_tokens == 23


def _attempt(cost: int | None, settled: bool = True) -> Attempt:
    return Attempt(id="a", target="t", started_us=0, started=0.0, cost_picodollars=cost, settled=settled)


def test_the_cost_of_a_call_is_that_of_all_its_attempts_or_unknown():
    account = Account()
    assert account.cost_picodollars is None
    account.attempts += [_attempt(3), _attempt(4), _attempt(None, settled=False)]
    assert account.cost_picodollars == 7
    account.attempts.append(_attempt(None))
    assert account.cost_picodollars is None
