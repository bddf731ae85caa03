"""What is refused on headers alone."""

from __future__ import annotations

import pytest

from headgate.errors import BadRequest, Forbidden, PayloadTooLarge, UnsupportedMediaType
from headgate.server.guard import Guard

MB = 1024 * 1024
JSON = {b"content-type": b"application/json"}


@pytest.fixture
def guard() -> Guard:
    return Guard(["llm.example.com"], 2 * MB)


@pytest.mark.parametrize(
    "host",
    [b"localhost", b"localhost:8080", b"127.0.0.1:1", b"[::1]:8080", b"[::1]", b"LLM.example.com:443", b"LOCALHOST"],
)
def test_listed_and_loopback_hosts_pass(guard: Guard, host: bytes):
    guard.check_origin({b"host": host})
    guard.check_origin({b"host": host})


@pytest.mark.parametrize(
    "host",
    [
        b"", b"evil.example", b"127.0.0.1.evil.example", b"localhost.evil.example:8080", b"evil.example:localhost",
        b"localhost/#@evil.example", b"[::1", b"[::1]evil", b"xllm.example.com", b"127.0.0.2",
    ],
)  # fmt: skip
def test_a_foreign_host_is_refused_however_it_is_written(guard: Guard, host: bytes):
    with pytest.raises(Forbidden, match="Host"):
        guard.check_origin({b"host": host})


def test_a_page_from_elsewhere_cannot_send_requests(guard: Guard):
    guard.check_origin({b"host": b"localhost", b"origin": b"http://localhost:3000"})
    for origin in (
        b"https://evil.example",
        b"null",
        b"http://localhost.evil.example",
        b"http://[",
        b"//localhost@evil",
    ):
        with pytest.raises(Forbidden, match="Origin"):
            guard.check_origin({b"host": b"localhost", b"origin": origin})


@pytest.mark.parametrize(
    "content_type", [b"", b"text/plain", b"application/x-www-form-urlencoded", b"application/jsonx"]
)
def test_only_json_is_taken(guard: Guard, content_type: bytes):
    with pytest.raises(UnsupportedMediaType):
        guard.check_body({b"content-type": content_type}, multipart=False)


def test_json_may_have_parameters_and_forms_only_where_they_are_taken(guard: Guard):
    guard.check_body({b"content-type": b"Application/JSON; charset=utf-8"}, multipart=False)
    form = {b"content-type": b"multipart/form-data; boundary=x"}
    guard.check_body(form, multipart=True)
    with pytest.raises(UnsupportedMediaType):
        guard.check_body(form, multipart=False)


def test_a_compressed_body_is_refused(guard: Guard):
    with pytest.raises(UnsupportedMediaType, match="identity"):
        guard.check_body({**JSON, b"content-encoding": b"gzip"}, multipart=False)


def test_a_length_over_the_limit_is_refused_before_a_byte_is_read(guard: Guard):
    guard.check_body({**JSON, b"content-length": b"%d" % (2 * MB)}, multipart=False)
    with pytest.raises(PayloadTooLarge, match="2 MB"):
        guard.check_body({**JSON, b"content-length": b"%d" % (2 * MB + 1)}, multipart=False)


@pytest.mark.parametrize("length", [b"-1", b"+5", b"1e3", b"", "٣".encode()])
def test_a_length_that_is_no_number_is_refused(guard: Guard, length: bytes):
    with pytest.raises(BadRequest):
        guard.check_body({**JSON, b"content-length": length}, multipart=False)
