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


MODEL = b'Content-Disposition: form-data; name="model"\r\n\r\n'


@pytest.mark.parametrize(
    "body",
    [
        form(('name="model"', b"a\r\n--XXY\r\n" + MODEL + b"b")),
        form(('name="x"', b"a\r\n--XX-\r\n" + MODEL + b"b")),
        form(('name="x"\r\n--XX\r\n' + MODEL.decode().strip(), b"b")),
        form(('name="x"', b"a\r\n--XX--Y\r\n--XX\r\n" + MODEL + b"b")),
        form(('name="x"', b"a")) + b"--XX\r\n" + MODEL + b"b\r\n--XX--",
        b"\r\n" + form(('name="x"', b"a")),
        form(('name="x"; name="model"', b"a")),
        form(("name=\"x\"; name*=utf-8''model", b"a")),
        form(('name*0="mo"; name*1="del"', b"a")),
        form(('x="\\"; name="model"; y=""', b"a")),
        form(('name="x"\r\nContent-Disposition: form-data; name="model"', b"a")),
        form(('name="x"\nContent-Disposition: form-data; name="model"', b"a")),
        form(('name="x"\r\n ; name="model"', b"a")),
        form(('name="x"\r; name="model"', b"a")),
        form(('name="model\x00"', b"a")),
        form(('name="model', b"a")),
        form(('name="model"', b"a"), ('name="model"; filename="m"', b"b")),
    ],
)
def test_what_two_could_read_in_two_ways_is_refused(body: bytes):
    """The vendor reads the same bytes with a parser of its own."""
    with pytest.raises(BadRequest):
        fields(body, TYPE)


@pytest.mark.parametrize(
    "content_type",
    [f"{TYPE}; boundary=YY", f"multipart/form-data; boundary*=utf-8''XX; {TYPE.partition('; ')[2]}",
     "multipart/form-data; boundary*0=X; boundary*1=X"],
)  # fmt: skip
def test_a_boundary_is_told_once(content_type: str):
    with pytest.raises(BadRequest):
        fields(form(('name="a"', b"1")), content_type)


@pytest.mark.parametrize("name", ["my name=1; name=2.mp3", "a;b.mp3", "C:\\tmp\\a.mp3", "ü\u202f.png", "a%22b.mp3"])
def test_names_of_files_are_theirs_to_choose(name: str):
    assert fields(form((f'name="file"; filename="{name}"', b"x"), ('name="a"', b"1")), TYPE) == {"a": "1"}


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
