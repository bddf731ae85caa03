"""What is encoded by hand reads back with protobuf's own library."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector import told
from headgate.telemetry.otel import protobuf as pb
from headgate.telemetry.otel.grpc import retry_s
from headgate.telemetry.otel.http import rejected

SIMPLE = st.text(max_size=200)


def span_of(attribute: bytes) -> Span:
    return Span.FromString(pb.attributes(b"\x4a", [attribute]))


@given(st.integers(0, 2**64 - 1))
def test_whole_numbers(value: int):
    assert Span.FromString(pb.fixed64(7, value)).start_time_unix_nano == value
    assert pb.read(pb.number(1, value)) == {1: value}


@given(SIMPLE, SIMPLE)
def test_texts(key: str, value: str):
    assert told(span_of(pb.text(key, value))) == {key: value}
    assert told(span_of(pb.known(key, value))) == {key: value}


@given(st.integers(-(2**80), 2**80), st.floats(allow_nan=False), st.booleans())
def test_other_values(whole: int, real: float, truth: bool):
    assert told(span_of(pb.integer("k", whole))) == {"k": max(-(2**63) + 1, min(whole, 2**63 - 1))}
    assert told(span_of(pb.real("k", real))) == {"k": real}
    assert told(span_of(pb.truth("k", truth))) == {"k": truth}


@given(st.lists(SIMPLE, max_size=5))
def test_lists_of_texts(values: list[str]):
    assert told(span_of(pb.texts("k", tuple(values)))) == {"k": values}


def test_what_is_long_is_cut_and_what_is_no_text_is_told():
    assert len(told(span_of(pb.text("k", "x" * 5_000)))["k"]) == pb.MAX_TEXT_CHARACTERS
    assert told(span_of(pb.text("k", "a\ud800b"))) == {"k": "a?b"}


@given(st.binary(max_size=60))
def test_an_answer_of_any_bytes_is_survived(answer: bytes):
    assert 0 <= rejected(answer) < 2**31


@pytest.mark.parametrize("count", [0, 1, 300])
def test_what_a_collector_did_not_take_is_read(count: int):
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = count
    answer.partial_success.error_message = "too old"
    assert rejected(answer.SerializeToString()) == count


def test_when_a_collector_wants_to_be_asked_again():
    info = pb.field(1, pb.number(1, 7))
    status = pb.number(1, 8) + pb.field(3, pb.field(1, b"type.googleapis.com/google.rpc.RetryInfo") + pb.field(2, info))
    assert retry_s(status) == 7.0
    assert retry_s(pb.field(3, pb.field(1, b"type.googleapis.com/google.rpc.Help") + pb.field(2, info))) is None


@given(st.one_of(st.binary(max_size=60), st.text(max_size=20)))
def test_details_of_any_bytes_are_survived(details: bytes | str):
    assert retry_s(details) is None or retry_s(details) >= 0
