"""Cutting AWS event streams into frames."""

from __future__ import annotations

import json
import struct
import zlib

import pytest

import aws_eventstream
from headgate.dialects import eventstream
from headgate.dialects.eventstream import EventStreamFramer
from headgate.errors import MalformedOutput


def test_an_event_is_a_frame_with_its_name_and_payload() -> None:
    (frame,) = EventStreamFramer().feed(aws_eventstream.event("messageStart", b'{"a":1}'))
    assert (frame.event, frame.data) == ("messageStart", b'{"a":1}')


def test_events_that_arrive_together_come_out_together() -> None:
    data = aws_eventstream.event("a", b"1") + aws_eventstream.event("b", b"") + aws_eventstream.event("a", b"3")
    assert [(frame.event, frame.data) for frame in EventStreamFramer().feed(data)] == [
        ("a", b"1"),
        ("b", b""),
        ("a", b"3"),
    ]


def test_an_event_may_arrive_byte_by_byte() -> None:
    framer = EventStreamFramer()
    data = aws_eventstream.event("a", b"payload")
    got = [framer.feed(data[place : place + 1]) for place in range(len(data))]
    assert got[:-1] == [[]] * (len(data) - 1)
    assert got[-1][0].data == b"payload"


def test_an_exception_and_an_error_are_named_as_such() -> None:
    exception = aws_eventstream.exception("throttlingException", b'{"message":"slow"}')
    error = aws_eventstream.message(
        {":message-type": "error", ":error-code": "InternalError", ":error-message": 'a "b"'}, b""
    )
    frames = EventStreamFramer().feed(exception + error)
    assert [frame.event for frame in frames] == [":exception:throttlingException", ":exception:InternalError"]
    assert json.loads(frames[1].data) == {"message": 'a "b"'}


def test_headers_of_every_type_are_stepped_over() -> None:
    def header(name: str, kind: int, value: bytes) -> bytes:
        return bytes([len(name)]) + name.encode() + bytes([kind]) + value

    headers = b"".join(
        [
            header("t", 0, b""),
            header("f", 1, b""),
            header("b", 2, b"\x01"),
            header("s", 3, b"\x00\x01"),
            header("i", 4, b"\x00" * 4),
            header("l", 5, b"\x00" * 8),
            header("y", 6, b"\x00\x02ab"),
            aws_eventstream.string_header(":event-type", "x"),
            header("d", 8, b"\x00" * 8),
            header("u", 9, b"\x00" * 16),
        ]
    )
    assert EventStreamFramer().feed(aws_eventstream.raw_message(headers, b"p"))[0].event == "x"


def test_an_event_without_headers_has_no_name() -> None:
    assert EventStreamFramer().feed(aws_eventstream.raw_message(b"", b"p"))[0].event is None


@pytest.mark.parametrize("place", [0, 3, 7, 9, 11, 20, -5, -1])
def test_a_changed_byte_is_noticed(place: int) -> None:
    data = bytearray(aws_eventstream.event("messageStart", b'{"a":1}'))
    data[place] ^= 0x20
    with pytest.raises(MalformedOutput):
        EventStreamFramer().feed(bytes(data))


@pytest.mark.parametrize(
    "headers",
    [
        b"\x05ab",  # ends within a name
        b"\x01a",  # no type
        b"\x01a\x0b",  # a type nobody knows
        b"\x01a\x07\x00",  # ends within a length
        b"\x01a\x07\x00\x09ab",  # ends within a value
        b"\x01a\x04\x00",  # ends within a number
        b"\x01\xff\x07\x00\x00",  # a name that is not UTF-8
        b"\x01a\x07\x00\x01\xff",  # a value that is not UTF-8
    ],
)
def test_malformed_headers_are_malformed_output(headers: bytes) -> None:
    with pytest.raises(MalformedOutput):
        EventStreamFramer().feed(aws_eventstream.raw_message(headers, b"p"))


@pytest.mark.parametrize(("total", "headers"), [(0, 0), (15, 0), (16, 1), (2**32 - 1, 0), (2**32 - 1, 2**32 - 1)])
def test_impossible_lengths_are_refused_before_anything_is_stored(total: int, headers: int) -> None:
    prelude = struct.pack(">II", total, headers)
    with pytest.raises(MalformedOutput):
        EventStreamFramer().feed(prelude + struct.pack(">I", zlib.crc32(prelude)) + b"\x00" * 4)


def test_an_event_over_the_bound_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eventstream, "MAX_FRAME_BYTES", 100)
    EventStreamFramer().feed(aws_eventstream.raw_message(b"", b"x" * 84))
    with pytest.raises(MalformedOutput, match="longer than 100"):
        EventStreamFramer().feed(aws_eventstream.raw_message(b"", b"x" * 85))


def test_an_html_page_instead_of_a_stream_is_malformed_output() -> None:
    with pytest.raises(MalformedOutput):
        EventStreamFramer().feed(b"<html><body>Service unavailable</body></html>")


def test_what_was_cut_off_at_the_end_is_dropped() -> None:
    framer = EventStreamFramer()
    assert framer.feed(aws_eventstream.event("a", b"1")[:-1]) == []
    assert framer.close() == []


def test_many_kinds_of_headers_are_not_remembered_without_bound() -> None:
    framer = EventStreamFramer()
    for number in range(200):
        assert framer.feed(aws_eventstream.event(f"e{number}", b""))[0].event == f"e{number}"
    assert len(framer._known) <= 64
