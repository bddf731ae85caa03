"""W3C Trace Context: what is well-formed is followed, anything else begins a new trace."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.trace import Trace, begin, drawn, passed_on, read_parent, read_state

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
CAME = f"00-{TRACE}-{SPAN}-01"


def test_a_caller_is_followed_and_its_decision_too():
    trace = begin({"traceparent": CAME, "tracestate": "a=1, b@x=2"}, 0.0, follow=True)
    assert (trace.trace_id, trace.parent, trace.sampled, trace.state) == (TRACE, SPAN, True, "a=1,b@x=2")
    assert begin({"traceparent": CAME[:-1] + "0"}, 1.0, follow=True).sampled is False


def test_strangers_do_not_decide():
    assert begin({"traceparent": CAME}, 0.0, follow=False).sampled is False
    assert begin({"traceparent": CAME[:-1] + "0"}, 1.0, follow=False).sampled is True


@pytest.mark.parametrize(
    "header",
    [
        "", "00", CAME.upper(), CAME + "-x", "ff" + CAME[2:], f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{SPAN}-1", CAME.replace("-", "_"), f"00-{TRACE}-{SPAN}-01\x00",
    ],
)  # fmt: skip
def test_what_is_not_well_formed_begins_a_new_trace(header: str):
    trace = begin({"traceparent": header, "tracestate": "a=1"}, 1.0, follow=True)
    assert trace.parent is None
    assert trace.trace_id != TRACE
    assert trace.state == ""
    assert passed_on({"traceparent": header}) == ()


def test_later_versions_are_read_as_far_as_they_are_known():
    assert read_parent(f"01-{TRACE}-{SPAN}-01-more") == (TRACE, SPAN, True)
    assert read_parent(f"01-{TRACE}-{SPAN}-03") == (TRACE, SPAN, True)


@pytest.mark.parametrize(
    ("header", "state"),
    [
        ("a=1", "a=1"),
        (" a=1 ,\tb=2, ", "a=1,b=2"),
        ("tenant@vendor=x y", "tenant@vendor=x y"),
        ("A=1", ""),
        ("a", ""),
        ("a=1\r\nx: y", ""),
        (",".join(f"k{n}=v" for n in range(33)), ""),
        ("a=" + "x" * 600, ""),
    ],
)
def test_a_state_goes_on_as_it_came_or_not_at_all(header: str, state: str):
    assert read_state(header) == state


def test_a_vendor_is_told_of_the_attempt_and_not_of_the_caller():
    trace = begin({"traceparent": CAME, "tracestate": "a=1"}, 1.0, follow=True)
    assert trace.headers(2) == (("traceparent", f"00-{TRACE}-{trace.attempt(2):016x}-01"), ("tracestate", "a=1"))
    assert SPAN not in trace.headers(0)[0][1]
    assert len({trace.span_id, *(trace.attempt(number) for number in range(50))}) == 51


def test_no_span_is_called_nothing():
    assert Trace(TRACE, 2**64 - 1, None, True).attempt(0) == 1


def test_where_nobody_traces_here_a_caller_reaches_the_vendor_unchanged():
    assert passed_on({"traceparent": CAME, "tracestate": "a=1"}) == (("traceparent", CAME), ("tracestate", "a=1"))
    assert passed_on({}) == ()


def test_a_share_is_drawn_by_the_trace_alone():
    traces = [begin({}, 0.25, follow=True) for _ in range(4_000)]
    assert 850 < sum(trace.sampled for trace in traces) < 1_150
    assert all(drawn(int(trace.trace_id, 16), 0.25) == trace.sampled for trace in traces)
    assert all(drawn(int(trace.trace_id, 16), 0.5) for trace in traces if trace.sampled)


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_headers_at_all_are_survived(parent: str, state: str):
    trace = begin({"traceparent": parent, "tracestate": state}, 0.5, follow=True)
    for _, value in (*trace.headers(0), *passed_on({"traceparent": parent, "tracestate": state})):
        assert value.isascii() and value.isprintable()
