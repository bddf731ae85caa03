"""The bytes of HTTP/1.1 messages, without a network."""

from __future__ import annotations

import pytest

from headgate.errors import BadRequest, MalformedOutput
from headgate.providers.http1.messages import (
    MAX_HEAD_BYTES,
    Body,
    ChunkedBody,
    Head,
    OpenBody,
    SizedBody,
    body_of,
    request_head,
)


def head(*lines: str, status: str = "HTTP/1.1 200 OK") -> Head:
    return Head("\r\n".join([status, *lines]).encode("latin-1"))


def read(body: Body, data: bytes) -> bytes:
    return body.feed(data)


# ── requests ──


def test_a_request_head_is_written_line_by_line() -> None:
    written = request_head("POST", "/v1/x?y=1", "api.test", (("accept", "*/*"), ("x-key", "é")), 12)
    assert written == (
        b"POST /v1/x?y=1 HTTP/1.1\r\nhost: api.test\r\ncontent-length: 12\r\naccept: */*\r\nx-key: \xe9\r\n\r\n"
    )


@pytest.mark.parametrize(("method", "announced"), [("POST", True), ("PUT", True), ("GET", False), ("DELETE", False)])
def test_an_empty_body_is_announced_where_one_is_expected(method: str, announced: bool) -> None:
    assert (b"content-length: 0\r\n" in request_head(method, "/", "h", (), 0)) == announced


@pytest.mark.parametrize("value", ["a\r\nb", "a\n", "\ra", "a\0", "中", "a\x7f"])
def test_a_header_value_that_is_none_is_refused_by_name(value: str) -> None:
    with pytest.raises(BadRequest) as caught:
        request_head("POST", "/", "h", (("x-good", "1"), ("x-bad", value)), 0)
    assert caught.value.param == "x-bad"


# ── response heads ──


@pytest.mark.parametrize("status", ["HTTP/1.1 200 OK", "HTTP/1.1 200 ", "HTTP/1.1 200", "HTTP/1.0 404 Not Found"])
def test_status_lines_with_and_without_a_reason_are_read(status: str) -> None:
    assert head(status=status).status == int(status[9:12])


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"HTTP/2 200",
        b"HTTP/1.1  200 OK",
        b"HTTP/1.1 20 OK",
        b"HTTP/1.1 2000 OK",
        b"http/1.1 200 OK",
        b"HTTP/1.1 200 OK\r\nx: 1\ny: 2",
        b"HTTP/1.1 200 OK\r\nx: 1\r\n folded",
        b"HTTP/1.1 200 OK\r\nx: \0",
    ],
)
def test_what_is_not_a_response_head_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedOutput):
        Head(raw)


def test_headers_are_found_by_whole_names_only() -> None:
    headers = head("Content-Type:text/plain", "X-Content-Type: a", "x-b:  c \t").headers
    assert dict(headers) == {"content-type": "text/plain", "x-content-type": "a", "x-b": "c"}
    assert headers.get("type") is None and "200 ok" not in headers
    with pytest.raises(KeyError):
        headers["content"]


@pytest.mark.parametrize(
    ("status", "lines", "keeps"),
    [
        ("HTTP/1.1 200 OK", [], True),
        ("HTTP/1.1 200 OK", ["Connection: Close"], False),
        ("HTTP/1.0 200 OK", [], False),
        ("HTTP/1.0 200 OK", ["Connection: keep-alive"], True),
    ],
)
def test_whether_the_connection_stays_open(status: str, lines: list[str], keeps: bool) -> None:
    assert head(*lines, status=status).keeps_open == keeps


# ── how a body is framed ──


def test_bodies_are_framed_as_the_headers_say() -> None:
    assert isinstance(body_of(head("content-length: 5"), "POST"), SizedBody)
    assert isinstance(body_of(head("Transfer-Encoding: Chunked"), "POST"), ChunkedBody)
    assert isinstance(body_of(head(), "POST"), OpenBody)


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("POST", 204), ("GET", 304)])
def test_some_responses_have_no_body_whatever_they_announce(method: str, status: int) -> None:
    body = body_of(head("content-length: 5", status=f"HTTP/1.1 {status} x"), method)
    assert body.done


@pytest.mark.parametrize(
    "lines",
    [
        ["content-length: -1"],
        ["content-length: 0x10"],
        ["content-length: 1 2"],
        ["content-length:"],
        ["content-length: ١"],
        ["content-length: 99999999999999999999"],
        ["content-length: 5", "content-length: 6"],
        ["transfer-encoding: gzip, chunked"],
        ["transfer-encoding: chunked", "transfer-encoding: chunked"],
        ["transfer-encoding: identity"],
    ],
)
def test_framing_that_contradicts_itself_is_malformed(lines: list[str]) -> None:
    with pytest.raises(MalformedOutput):
        body_of(Head("\r\n".join(["HTTP/1.1 200 OK", *lines]).encode()), "POST")


def test_equal_lengths_are_one_and_both_framings_end_the_connection() -> None:
    assert isinstance(body_of(head("content-length: 5", "content-length: 5"), "POST"), SizedBody)
    both = body_of(head("content-length: 5", "transfer-encoding: chunked"), "POST")
    assert isinstance(both, ChunkedBody) and not both.reusable


# ── bodies ──


def test_more_than_the_announced_length_is_cut_off_and_ends_the_connection() -> None:
    body = SizedBody(3)
    assert (body.feed(b"ab"), body.done) == (b"ab", False)
    assert (body.feed(b"cdef"), body.done, body.reusable) == (b"c", True, False)


def test_a_sized_body_is_whole_only_at_its_length() -> None:
    body = SizedBody(3)
    body.feed(b"ab")
    assert not body.end()
    assert OpenBody().end()


def test_chunks_are_joined_and_extensions_and_trailers_left_out() -> None:
    body = ChunkedBody()
    assert body.feed(b"3;a=b\r\nabc\r\n00A \r\n0123456789\r\n0\r\nx: 1\r\n\r\n") == b"abc0123456789"
    assert body.done and body.reusable


def test_bytes_behind_the_last_chunk_end_the_connection() -> None:
    body = ChunkedBody()
    assert body.feed(b"1\r\na\r\n0\r\n\r\nHTTP/1.1 200 OK") == b"a"
    assert body.done and not body.reusable


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n",
        b"+5\r\nhello\r\n",
        b"0x5\r\nhello\r\n",
        b"1_0\r\nhello\r\n",
        b"5\r\nhelloo\r\n",
        b"5\r\nhello0\r\n",
        b"FFFFFFFFFFFFFFFF\r\n",
        b"5" + b" " * 20_000,
        b"0\r\n" + (b"x: " + b"y" * 1000 + b"\r\n") * (MAX_HEAD_BYTES // 1000 + 1),
    ],
)
def test_broken_chunks_are_malformed(data: bytes) -> None:
    with pytest.raises(MalformedOutput):
        ChunkedBody().feed(data)


@pytest.mark.parametrize("data", [b"", b"5\r\nhel", b"5\r\nhello\r\n", b"5\r\nhello\r\n0\r\n"])
def test_a_chunked_body_without_its_last_chunk_is_not_whole(data: bytes) -> None:
    body = ChunkedBody()
    body.feed(data)
    assert not body.end()
