"""However a response is cut on its way, its body is the same."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from headgate.errors import MalformedOutput
from headgate.providers.http1.messages import ChunkedBody, SizedBody


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


@given(st.lists(st.binary(min_size=1, max_size=40)), st.lists(st.integers(0, 1000)), st.booleans())
def test_a_chunked_body_cut_anywhere_is_its_chunks_joined(chunks: list[bytes], cuts: list[int], trailers: bool) -> None:
    wire = b"".join(b"%X\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    wire += b"0\r\n" + (b"x-checksum: 1\r\n" if trailers else b"") + b"\r\n"
    body = ChunkedBody()
    assert b"".join(body.feed(piece) for piece in pieces(wire, cuts)) == b"".join(chunks)
    assert body.done and body.reusable and body.end()


@given(st.binary(max_size=200), st.lists(st.integers(0, 1000)), st.binary(max_size=5))
def test_a_sized_body_cut_anywhere_is_its_first_bytes(data: bytes, cuts: list[int], more: bytes) -> None:
    body = SizedBody(len(data))
    read = b"".join(body.feed(piece) for piece in pieces(data + more, cuts) if not body.done)
    assert read == data
    assert body.done


@given(st.binary(max_size=200), st.lists(st.integers(0, 1000)))
def test_garbage_for_chunks_is_malformed_or_unfinished_and_nothing_else(data: bytes, cuts: list[int]) -> None:
    body = ChunkedBody()
    try:
        for piece in pieces(data, cuts):
            body.feed(piece)
    except MalformedOutput:
        return
    assert body.end() == body.done
