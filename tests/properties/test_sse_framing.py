"""However a stream is written and cut, the framer gives the same events."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from headgate.dialects.framing import SseFramer

ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])
FRAGMENTS = st.lists(
    st.one_of(
        st.sampled_from(
            [b"data", b"event", b":", b" ", b"\r", b"\n", b"\r\n", b"\n\n", b"{}", b"\xef\xbb\xbf", b"\xff"]
        ),
        st.binary(max_size=4),
    ),
    max_size=40,
).map(b"".join)
DATA = st.binary(min_size=1, max_size=12).filter(
    lambda data: not data.isspace() and b"\r" not in data and b"\n " not in b"\n" + data
)
NAMES = st.none() | st.sampled_from(["ping", "message_start", "e"])


@st.composite
def events(draw: st.DrawFn) -> tuple[list[tuple[bytes, str | None]], bytes]:
    """Events, and one way to write them."""
    told = draw(st.lists(st.tuples(DATA, NAMES), max_size=6))
    written = draw(st.sampled_from([b"", b"\xef\xbb\xbf"]))
    for data, name in told:
        space = draw(st.sampled_from([b"", b" "]))
        lines = [b"event:" + space + name.encode()] if name else []
        lines += [b"data:" + space + line for line in data.split(b"\n")]
        for extra in draw(st.lists(st.sampled_from([b": comment", b"id: 1", b"retry: 1"]), max_size=2)):
            lines.insert(draw(st.integers(0, len(lines))), extra)
        for line in (*lines, b"", *draw(st.lists(st.just(b""), max_size=2))):
            end = draw(ENDS)
            if not line and written.endswith(b"\r") and end == b"\n":
                end = b"\r\n"  # a lone LF would be the second half of the end before it
            written += line + end
    return told, written


def pieces(stream: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({min(cut, len(stream)) for cut in cuts})
    return [stream[start:end] for start, end in zip([0, *places], [*places, len(stream)], strict=True)]


def framed(parts: list[bytes]) -> list[tuple[bytes, str | None]]:
    framer = SseFramer()
    found = [frame for part in parts for frame in framer.feed(part)] + framer.close()
    return [(frame.data, frame.event) for frame in found]


def reference(stream: bytes) -> list[tuple[bytes, str | None]]:
    """The standard's algorithm, line by line, on a whole stream, with our treatment of blank data."""
    found: list[tuple[bytes, str | None]] = []
    data: list[bytes] = []
    event: str | None = None
    lines = re.split(rb"\r\n|\r|\n", stream.removeprefix(b"\xef\xbb\xbf"))
    for line in lines[:-1]:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if not line:
            if b"\n".join(data).strip():
                found.append((b"\n".join(data), event))
            data, event = [], None
        elif name == b"data":
            data.append(value)
        elif name == b"event":
            event = value.decode("utf-8", "replace")
    return found


@given(events(), st.lists(st.integers(0, 300), max_size=20))
def test_what_was_written_is_read_however_it_is_cut(
    told: tuple[list[tuple[bytes, str | None]], bytes], cuts: list[int]
) -> None:
    expected, stream = told
    assert framed(pieces(stream, cuts)) == expected


@given(FRAGMENTS, st.lists(st.integers(0, 120), max_size=20))
def test_any_bytes_give_the_same_events_however_they_are_cut(stream: bytes, cuts: list[int]) -> None:
    assert framed(pieces(stream, cuts)) == framed([stream])


@given(FRAGMENTS)
def test_any_bytes_are_read_as_the_standard_reads_them(stream: bytes) -> None:
    framer = SseFramer()
    found = [frame for piece in pieces(stream, list(range(len(stream)))) for frame in framer.feed(piece)]
    assert [(frame.data, frame.event) for frame in found] == reference(stream)


@given(events())
def test_frames_written_out_are_read_back(told: tuple[list[tuple[bytes, str | None]], bytes]) -> None:
    framer = SseFramer()
    frames = framer.feed(told[1]) + framer.close()
    assert framed([b"".join(frame.encode() for frame in frames)]) == told[0]
