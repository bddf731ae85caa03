"""What is stored of bodies: without binaries, cleaned, and cut to size, in that order."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from headgate import dialects
from headgate.checks.personal import Personal
from headgate.checks.redaction import Redactor
from headgate.dialects.accumulate import exploded
from headgate.dialects.base import Context
from headgate.dialects.hub import Answer, Choice, Reasoning, Text, ToolCall
from headgate.ids import end_user_id
from headgate.observing.kept import Room
from headgate.storage.records import Content
from headgate.telemetry.capture.binaries import MARK, Binaries
from headgate.telemetry.capture.cutting import CUT, fitted
from headgate.telemetry.capture.job import Job, WholeKept, written
from headgate.telemetry.capture.reading import output_of
from headgate.telemetry.capture.redacting import Redacting
from headgate.types import JSON, OPAQUE, Payload, Usage

SECRET = "hg-" + "k" * 30
PNG = base64.b64encode(bytes(range(90)) * 2).decode()
DIGEST = hashlib.sha256(bytes(range(90)) * 2).hexdigest()
LINE = f"{MARK};type=image/png;bytes=180;sha256={DIGEST}"
REDACTING = Redacting(Redactor(["known-secret-of-ours"]), Personal(["email"]))

IMAGES: dict[str, tuple[JSON, str]] = {
    "openai_chat": (
        {"model": "m", "messages": [{"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}]}]},
        "url",
    ),
    "openai_responses": (
        {"model": "m", "input": [{"role": "user", "content": [
            {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"}]}]},
        "image_url",
    ),
    "anthropic_messages": (
        {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": [
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}]}]},
        "data",
    ),
}  # fmt: skip


def content(dialect: str, **fields: Any) -> Content:
    row = Content(
        "req_1", "default", 10, 5, 5, "chat", "sim/a", "chat", dialect, 0, "sample", None, "key_1", None, None,
        fields.pop("end_user", None), "", None, "", 0, 0, "{}", 0,
    )  # fmt: skip
    assert not fields
    return row


def stored(
    dialect: str, request: JSON | bytes, answer: Any = None, *, max_bytes: int = 1 << 20, end_user: str | None = None,
    content_type: str = "application/json", answer_type: str = "application/json",
) -> Content:  # fmt: skip
    """What is stored of a call: `answer` is a body, a hub answer that was streamed, or nothing."""
    raw = request if isinstance(request, bytes) else json.dumps(request).encode()
    kept = WholeKept(Room())
    match answer:
        case None:
            pass
        case Answer():
            asked = {"model": "m", "stream": True}
            encoder = dialects.get(dialect).encode_stream(Context(asked=asked, id="a", created=1))
            for event in exploded(answer):
                if frames := encoder.feed(event):
                    kept.piece(frames)
        case _:
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            kept.whole(Payload(dialect, body, content_type=answer_type))
    job = Job(Payload(dialect, raw, content_type=content_type), kept, content(dialect, end_user=end_user), len(raw))
    return written(job, REDACTING, max_bytes)


# ── binaries ──


@pytest.mark.parametrize("dialect", IMAGES)
def test_an_image_is_told_of_with_size_and_digest_in_every_dialect(dialect: str):
    request, member = IMAGES[dialect]
    row = stored(dialect, request)
    assert row.left_out == 1
    assert PNG not in row.request
    assert f'"{member}":"{LINE}"' in row.request


def test_what_is_no_binary_stays():
    for value in ("a" * 5000, "word " * 500, "x" * 63, PNG[:40]):
        assert Binaries().without({"content": value}) == {"content": value}
    assert (
        Binaries().without({"data": "not base64 at all, but a text of more than sixty-four characters."})["data"][0]
        == "n"
    )
    assert Binaries().without({"other": [0.5] * 31}) == {"other": [0.5] * 31}


def test_images_within_texts_and_vectors_are_told_of():
    found = Binaries()
    text = found.without({"content": f"see ![it](data:image/png;base64,{PNG}) above"})["content"]
    assert text == f"see ![it]({LINE}) above"
    assert found.without({"embedding": [0.25] * 64}) == {"embedding": f"{MARK};type=vector;numbers=64"}
    assert found.left_out == 2


def test_forms_and_answers_of_bytes_are_told_of():
    boundary = "b0undary"
    form = (
        f'--{boundary}\r\ncontent-disposition: form-data; name="model"\r\n\r\nwhisper\r\n'
        f'--{boundary}\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\nRIFFdata\r\n--{boundary}--\r\n'
    ).encode()
    row = written(
        Job(
            Payload(OPAQUE, form, {"model": "whisper"}, f"multipart/form-data; boundary={boundary}"),
            kept(b"1\n00:00 --> 00:01\nHello a@b.example\n", "text/vtt"), content(OPAQUE), 1,
        ),
        REDACTING, 1 << 20,
    )  # fmt: skip
    asked = json.loads(row.request)
    assert asked["model"] == "whisper"
    assert (
        asked["file"]
        == f"{MARK};type=application/octet-stream;bytes=8;sha256={hashlib.sha256(b'RIFFdata').hexdigest()}"
    )
    assert json.loads(row.answer or "") == "1\n00:00 --> 00:01\nHello [email]\n"
    speech = stored(OPAQUE, {"model": "tts", "input": "Hello"}, b"\xff\xf3sound", answer_type="audio/mpeg")
    assert json.loads(speech.answer or "").startswith(f"{MARK};type=audio/mpeg;bytes=7;sha256=")


def kept(body: bytes, content_type: str) -> WholeKept:
    made = WholeKept(Room())
    made.whole(Payload(OPAQUE, body, content_type=content_type))
    return made


# ── redaction ──


def test_credentials_and_what_is_personal_are_taken_out_wherever_they_stand():
    request = {
        "model": "m",
        "metadata": {SECRET: "known-secret-of-ours"},
        "messages": [{"role": "user", "content": f"my key is {SECRET}, I am ann@mail.example"}],
        "tools": [{"function": {"arguments": json.dumps({"to": "bob@mail.example", "password": "hunter22hunter"})}}],
    }
    answer = {"choices": [{"message": {"role": "assistant", "content": f"Hello ann@mail.example {SECRET}"}}]}
    row = stored("openai_chat", request, answer)
    whole = row.request + (row.answer or "")
    for each in (SECRET, "known-secret", "ann@", "bob@", "hunter22", "k" * 10):
        assert each not in whole
    assert json.loads(row.redactions) == {"secret": 5, "email": 3}


def test_a_secret_that_would_be_cut_in_two_is_found_before():
    text = "x" * 700 + f" {SECRET} "
    row = stored("openai_chat", {"model": "m", "messages": [{"role": "user", "content": text * 5}]}, max_bytes=900)
    assert (row.truncated, "k" * 5 in row.request) == (1, False)


def test_a_secret_in_pieces_of_a_stream_is_found_in_the_whole():
    answer = Answer(id="a", model="m", choices=(Choice(parts=(Text(text=f"It is {SECRET}."),), stop="end"),))
    for dialect in IMAGES:
        row = stored(dialect, IMAGES[dialect][0], answer)
        assert "k" * 10 not in (row.answer or "")
        output = output_of(row)
        assert output is not None
        assert output.text == "It is hg-***."


def test_end_users_are_called_as_they_are_everywhere_here():
    digest = end_user_id("default", "Ann")
    row = stored("anthropic_messages", {"model": "m", "metadata": {"user_id": "Ann"}, "messages": []}, end_user=digest)
    assert json.loads(row.request)["metadata"] == {"user_id": digest}
    assert json.loads(row.redactions) == {"end_user": 1}


# ── streams, and what there is of answers ──


@pytest.mark.parametrize("dialect", [*IMAGES, "openai_completions"])
def test_a_stream_is_stored_as_the_whole_answer_it_comes_to(dialect: str):
    tools = () if dialect == "openai_completions" else (
        Reasoning(text="Hm."), ToolCall(id="c1", name="look", arguments='{"at":"it"}'),
    )  # fmt: skip
    parts = (*tools[:1], Text(text="Good morning, " * 9), *tools[1:])
    answer = Answer(
        id="a", model="m", choices=(Choice(parts=parts, stop="tool_calls" if tools else "end"),), created=1,
        usage=Usage(input_tokens=3, output_tokens=5),
    )  # fmt: skip
    request = {"model": "m", "prompt": "Hi"} if dialect == "openai_completions" else IMAGES[dialect][0]
    row = stored(dialect, request, answer)
    if dialect == "openai_completions":
        row = replace(row, operation="complete")
    output = output_of(row)
    assert output is not None, row.answer
    assert output.text == "Good morning, " * 9
    assert output.finish_reason == ("tool_calls" if tools else "end")
    assert [(each.name, each.arguments) for each in output.tool_calls] == ([("look", '{"at":"it"}')] if tools else [])
    assert row.missing == ""


@pytest.mark.parametrize("dialect", IMAGES)
def test_of_a_stream_that_broke_off_there_is_what_had_come(dialect: str):
    answer = Answer(id="a", model="m", choices=(Choice(parts=(Text(text="Good morning, " * 9),), stop="end"),))
    encoder = dialects.get(dialect).encode_stream(Context(asked={"model": "m", "stream": True}, id="a", created=1))
    cut = WholeKept(Room())
    for event in list(exploded(answer))[:6]:
        if frames := encoder.feed(event):
            cut.piece(frames)
    raw = json.dumps(IMAGES[dialect][0]).encode()
    row = written(Job(Payload(dialect, raw), cut, content(dialect), len(raw)), REDACTING, 1 << 20)
    assert "Good morning, " in (row.answer or "")
    assert row.missing == ""


def test_it_is_said_why_there_is_no_answer():
    request = {"model": "m", "messages": []}
    assert stored("openai_chat", request).missing == "no_answer"
    assert stored("openai_chat", request, b"[1]").missing == "unreadable"
    full = WholeKept(Room(10))
    full.whole(Payload("openai_chat", b"{" + b" " * 20 + b"}"))
    job = Job(Payload("openai_chat", b"{}"), full, content("openai_chat"), 2)
    assert written(job, REDACTING, 1 << 20).missing == "memory"
    assert stored("openai_chat", b'{"a": "\\ud800"}').missing == "unreadable"


# ── cutting ──


def test_the_longest_texts_are_cut_and_say_so():
    request = {
        "model": "m",
        "messages": [{"role": "system", "content": "short"}, {"role": "user", "content": "é" * 9000}],
    }
    row = stored("openai_chat", request, {"choices": [{"message": {"content": "fine"}}]}, max_bytes=2000)
    asked = json.loads(row.request)
    assert (row.truncated, row.bytes <= 2000, asked["messages"][0]["content"]) == (1, True, "short")
    cut = asked["messages"][1]["content"]
    kept_of = cut.partition(" [")[0]
    assert cut.endswith(f"[{CUT}; {9000 - len(kept_of)} of 9000 characters missing]")
    assert set(kept_of) == {"é"}
    assert len(kept_of) > 700
    assert "fine" in (row.answer or "")


def test_the_answer_has_half_of_the_room_for_itself():
    request = {"model": "m", "messages": [{"role": "user", "content": "a" * 50_000}]}
    row = stored("openai_chat", request, {"choices": [{"message": {"content": "b" * 50_000}}]}, max_bytes=8000)
    assert row.bytes <= 8000
    assert len(row.answer or "") > 3000
    assert len(row.request) > 3000


def test_what_cannot_be_made_to_fit_is_its_beginning():
    raw, cut = fitted({"messages": [{"role": "user", "content": "hi"}] * 5000}, 1000)
    assert (cut, len(raw) <= 1000) == (True, True)
    assert json.loads(raw)[CUT].startswith('{"messages":[{"role"')


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=400),
        lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=9), inner, max_size=5),
        max_leaves=20,
    ),
    st.integers(200, 3000),
)
def test_whatever_it_is_it_fits_and_is_json(value: Any, most: int):
    raw, cut = fitted(value, most)
    assert len(raw) <= most
    if not cut:
        assert json.loads(raw) == value
    json.loads(raw)
