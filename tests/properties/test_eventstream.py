"""AWS event streams give the same frames wherever the network cuts them, and garbage gives a typed error."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

import aws_eventstream
from headgate.dialects.eventstream import EventStreamFramer
from headgate.errors import MalformedOutput
from headgate.types import Frame

EVENTS = st.lists(st.tuples(st.text(max_size=20), st.binary(max_size=60)), max_size=8)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in itertools.pairwise(places)]


def seen(frames: list[Frame]) -> list[tuple[str | None, bytes]]:
    return [(frame.event, frame.data) for frame in frames]


@given(EVENTS, st.lists(st.integers(min_value=0), max_size=12))
def test_cutting_anywhere_changes_nothing(events: list[tuple[str, bytes]], cuts: list[int]) -> None:
    data = b"".join(aws_eventstream.event(name, payload) for name, payload in events)
    framer = EventStreamFramer()
    frames = [frame for piece in pieces(data, cuts) for frame in framer.feed(piece)] + framer.close()
    assert seen(frames) == events


@given(st.binary(max_size=200))
def test_garbage_is_frames_nothing_or_a_typed_error(data: bytes) -> None:
    framer = EventStreamFramer()
    try:
        framer.feed(data)
        framer.close()
    except MalformedOutput:
        pass


@given(st.binary(max_size=60), st.binary(max_size=40))
def test_garbage_under_the_right_check_sums_is_frames_or_a_typed_error(headers: bytes, payload: bytes) -> None:
    try:
        (frame,) = EventStreamFramer().feed(aws_eventstream.raw_message(headers, payload))
    except MalformedOutput:
        return
    assert frame.data == payload or frame.event is not None
