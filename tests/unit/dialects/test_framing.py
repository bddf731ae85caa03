"""What the SSE framer makes of each peculiarity of a stream."""

from __future__ import annotations

import pytest

from headgate.dialects import framing
from headgate.dialects.framing import SseFramer
from headgate.errors import MalformedOutput


def frames(*pieces: bytes) -> list[tuple[bytes, str | None]]:
    framer = SseFramer()
    found = [frame for piece in pieces for frame in framer.feed(piece)] + framer.close()
    return [(frame.data, frame.event) for frame in found]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_lines_may_end_in_lf_crlf_or_cr(end: bytes) -> None:
    stream = end.join([b"event: ping", b"data: {}", b"", b"data: 1", b"", b""])
    assert frames(stream) == [(b"{}", "ping"), (b"1", None)]


def test_line_ends_may_be_mixed_in_one_stream() -> None:
    assert frames(b"data: 1\r\n\ndata: 2\n\r\ndata: 3\r\rdata: 4\r\r\n") == [
        (b"1", None),
        (b"2", None),
        (b"3", None),
        (b"4", None),
    ]


def test_a_crlf_cut_in_two_is_one_line_end() -> None:
    assert frames(b"event: a\r", b"\ndata: 1\r", b"\n\r", b"\n") == [(b"1", "a")]


def test_an_event_that_ends_in_cr_is_given_at_once() -> None:
    framer = SseFramer()
    assert [frame.data for frame in framer.feed(b"data: 1\r\n\r")] == [b"1"]
    assert framer.feed(b"\n") == []
    assert [frame.data for frame in framer.feed(b"data: 2\n\n")] == [b"2"]


def test_an_empty_read_between_cr_and_lf_changes_nothing() -> None:
    assert frames(b"event: a\r", b"", b"\ndata: 1\n\n") == [(b"1", "a")]


def test_comments_are_left_out_alone_and_inside_events() -> None:
    assert frames(b": keep-alive\n\n: a\ndata: 1\n: b\n\n") == [(b"1", None)]


def test_an_event_that_held_a_comment_is_written_without_it() -> None:
    (frame,) = SseFramer().feed(b": secret\nevent: x\ndata: 1\n\n")
    assert frame.encode() == b"event: x\ndata: 1\n\n"


def test_a_clean_event_keeps_the_bytes_it_came_in() -> None:
    for raw in (b"data: 1\n\n", b"data:1\n\n", b"event:x\ndata:1\nid: 7\n\n"):
        (frame,) = SseFramer().feed(raw)
        assert frame.encode() == raw


@pytest.mark.parametrize(
    ("line", "data"), [(b"data:1", b"1"), (b"data: 1", b"1"), (b"data:  1", b" 1"), (b"data:a:b", b"a:b")]
)
def test_one_space_after_the_colon_belongs_to_the_framing(line: bytes, data: bytes) -> None:
    assert frames(line + b"\n\n") == [(data, None)]


def test_several_data_lines_are_joined_with_line_feeds() -> None:
    assert frames(b"data: {\ndata: }\ndata\n\n") == [(b"{\n}\n", None)]


@pytest.mark.parametrize("empty", [b"data:\n\n", b"data: \n\n", b"data\n\n", b"data:   \n\n", b"event: ping\n\n"])
def test_events_without_data_are_none(empty: bytes) -> None:
    assert frames(empty + b"data: 1\n\n" + empty) == [(b"1", None)]


def test_unknown_fields_and_the_order_of_fields_do_not_matter() -> None:
    assert frames(b"id: 1\nretry: 5\ndata: 1\nfoo: bar\nbaz\nevent: x\n\n") == [(b"1", "x")]


def test_blank_lines_beyond_one_are_ignored() -> None:
    assert frames(b"\n\n\ndata: 1\n\n\n\ndata: 2\n\n\n\n\n") == [(b"1", None), (b"2", None)]


def test_a_byte_order_mark_is_removed_at_the_start_only() -> None:
    assert frames(b"\xef\xbb\xbfdata: 1\n\n") == [(b"1", None)]
    assert frames(b"\xef", b"\xbb", b"", b"\xbf", b"data: 1\n\n") == [(b"1", None)]
    assert frames(b"data: 1\n\n\xef\xbb\xbfdata: 2\n\ndata: 3\n\n") == [(b"1", None), (b"3", None)]


def test_a_stream_of_a_byte_order_mark_alone_is_empty() -> None:
    assert frames(b"\xef\xbb\xbf") == []
    assert frames(b"\xef\xbb") == []


def test_an_event_that_is_no_utf8_in_its_name_does_not_break_the_stream() -> None:
    assert frames(b"event: \xff\ndata: 1\n\n") == [(b"1", "\ufffd")]


@pytest.mark.parametrize("last", [b"data: [DONE]", b"data: [DONE]\n", b'data: {"a": 1}', b"data:[1]\r", b"data: {\n"])
def test_a_last_event_without_its_blank_line_is_kept(last: bytes) -> None:
    assert [data for data, _ in frames(b"data: 1\n\n", last)] == [b"1", last.strip()[5:].strip()]


@pytest.mark.parametrize("cut", [b'data: {"a": ', b"data: [DON", b"dat", b"data:", b"event: x", b'data: {"a": "\xc3'])
def test_a_last_event_that_was_cut_inside_a_line_is_dropped(cut: bytes) -> None:
    assert frames(b"data: 1\n\n", cut) == [(b"1", None)]


def test_an_event_longer_than_the_limit_is_refused_and_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(framing, "MAX_FRAME_BYTES", 100)
    framer = SseFramer()
    framer.feed(b"data: 1\n\ndata: " + b"x" * 60)
    with pytest.raises(MalformedOutput, match="longer than 100 bytes"):
        framer.feed(b"x" * 60)
    assert framer.close() == []


def test_an_event_of_many_reads_is_whole() -> None:
    text = b"x" * 10_000
    assert frames(b"data: ", *(text[i : i + 7] for i in range(0, len(text), 7)), b"\n", b"\n") == [(text, None)]
