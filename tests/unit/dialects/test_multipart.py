"""Forms: their text fields are read and set, their files are left as they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.dialects.multipart import fields, with_field
from headgate.errors import BadRequest

TYPE = "multipart/form-data; boundary=XX"


def form(*parts: tuple[str, bytes]) -> bytes:
    body = b"".join(
        b"--XX\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n" % (head.encode(), data) for head, data in parts
    )
    return body + b"--XX--\r\n"


AUDIO = ('name="file"; filename="a.mp3"\r\nContent-Type: audio/mpeg', b"\x00\xff--XX no boundary\r\n\r\n")


def test_text_fields_are_read_and_files_are_not():
    body = form(AUDIO, ('name="model"', b"whisper"), ('name="include[]"', b"a"), ('name="include[]"', b"b"))
    assert fields(body, TYPE) == {"model": "whisper", "include[]": ["a", "b"]}


def test_setting_a_field_leaves_every_other_byte_alone():
    body = form(AUDIO, ('name="model"', b"whisper"), ('name="language"', b"de"))
    changed = with_field(body, TYPE, "model", "whisper-large-v3")
    assert changed == form(AUDIO, ('name="model"', b"whisper-large-v3"), ('name="language"', b"de"))


def test_a_quoted_boundary_is_understood():
    assert fields(form(('name="a"', b"1")), 'multipart/form-data; boundary="XX"') == {"a": "1"}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", TYPE),
        (b"--XX", TYPE),
        (b"--XX\r\n", TYPE),
        (form(('name="a"', b"1"))[:-20], TYPE),
        (form(('filename="a"', b"1")), TYPE),
        (form(('name="a"', b"\xff")), TYPE),
        (form(('name="a"', b"1")), "multipart/form-data"),
        (form(('name="a"', b"1")), "multipart/form-data; boundary="),
        (form(('name="a"', b"1")), "multipart/form-data; boundary=" + "x" * 71),
        (form(*[('name="a"', b"1")] * 101), TYPE),
        (form(('name="a"', b"x" * (1024 * 1024 + 1))), TYPE),
    ],
)
def test_a_broken_form_is_refused(body: bytes, content_type: str):
    with pytest.raises(BadRequest):
        fields(body, content_type)


def test_a_field_that_is_not_there_cannot_be_set():
    with pytest.raises(BadRequest, match="model"):
        with_field(form(AUDIO), TYPE, "model", "x")


@given(st.binary(max_size=300))
def test_hostile_bytes_never_cause_another_error(data: bytes):
    for body in (data, b"--XX\r\n" + data, b"--XX" + data + b"\r\n--XX--"):
        try:
            fields(body, TYPE)
        except BadRequest:
            pass
